"""Shipped content below, the site's on top, as one immutable set.

- The same relative path overrides one file.
- The same `id` in a rule overrides the shipped rule and its tests, wherever it is kept.
- The same `id` in a `source.yaml` overrides the shipped source as a whole.
- Nothing outside the site's known folders is read, and no link leads out of them.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

from tocsin.errors import ContentError
from tocsin.model.content import ContentFile, ContentSet

FOLDERS = (
    "attack",
    "correlation",
    "exceptions",
    "intelligence",
    "readiness",
    "retention",
    "rules",
    "sources",
)
"""Every kind of content has one folder; others come with the parts that read them."""

MAX_FILE = 16 * 1024 * 1024
MAX_FILES = 50_000
MAX_TOTAL = 512 * 1024 * 1024
"""All of SigmaHQ is 3,754 files of 5 MB; a folder beyond these bounds is a mistake."""

_ID = re.compile(rb"^id:[ \t]*['\"]?([^\s'\"#]+)", re.MULTILINE)


def load(site: Path | None, folders: Sequence[str] = FOLDERS) -> ContentSet:
    """The content of the site in folder `site`, or only what ships; some of its folders, or all.

    Raises ContentError when the site's folder holds a link that leads out, or too much.
    """
    shipped = list(_shipped(files("tocsin").joinpath("shipped"), folders))
    own = [] if site is None else list(_site(site, folders))
    return ContentSet.of(overlay(shipped, own))


def overlay(shipped: Iterable[ContentFile], own: Iterable[ContentFile]) -> list[ContentFile]:
    """`own` on top of `shipped`."""
    own = list(own)
    paths = {file.path for file in own}
    rules = {_rule_id(file) for file in own} - {None}
    sources = {_source_id(file) for file in own} - {None}
    shipped = list(shipped)
    hidden: set[str] = set()
    for file in shipped:
        if file.path not in paths and _rule_id(file) in rules:
            hidden |= {file.path, _tests_of(file.path)}
    gone = {
        str(PurePosixPath(file.path).parent) + "/"
        for file in shipped
        if file.path not in paths and _source_id(file) in sources
    }
    kept = [
        file
        for file in shipped
        if file.path not in paths | hidden and not file.path.startswith(tuple(gone))
    ]
    return kept + own


def _rule_id(file: ContentFile) -> bytes | None:
    if not file.path.startswith("rules/") or not file.path.endswith((".yml", ".yaml")):
        return None
    return _id(file) if ".tests." not in file.path else None


def _source_id(file: ContentFile) -> bytes | None:
    is_source = file.path.startswith("sources/") and file.path.endswith("/source.yaml")
    return _id(file) if is_source else None


def _id(file: ContentFile) -> bytes | None:
    found = _ID.search(file.data)
    return found[1] if found else None


def _tests_of(path: str) -> str:
    """A rule's tests stand beside it: `name.yaml` and `name.tests.yaml`."""
    return re.sub(r"\.ya?ml$", ".tests.yaml", path)


def _shipped(root: Traversable, folders: Sequence[str]) -> Iterator[ContentFile]:
    for name in folders:
        if root.joinpath(name).is_dir():
            yield from _resources(root.joinpath(name), name)


def _resources(folder: Traversable, path: str) -> Iterator[ContentFile]:
    for item in folder.iterdir():
        below = f"{path}/{item.name}"
        if _ignored(item.name):
            continue
        if item.is_dir():
            yield from _resources(item, below)
        else:
            yield ContentFile(below, item.read_bytes(), "shipped")


def _ignored(name: str) -> bool:
    return name.startswith((".", "__")) or name.endswith("~")


def _site(root: Path, folders: Sequence[str]) -> Iterator[ContentFile]:
    root = root.resolve()
    count = total = 0
    for path in _walk(root, folders):
        where = path.relative_to(root).as_posix()
        size = path.stat().st_size
        count, total = count + 1, total + size
        if size > MAX_FILE:
            raise ContentError(f"site/{where}", f"{size:,} bytes; the limit is {MAX_FILE:,}")
        if count > MAX_FILES or total > MAX_TOTAL:
            limits = f"{MAX_FILES:,} files or {MAX_TOTAL:,} bytes"
            raise ContentError(f"site/{where}", f"the site's content is more than {limits}")
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ContentError(f"site/{where}", f"cannot be read: {error.strerror}") from None
        yield ContentFile(where, data, "site")


def _walk(root: Path, folders: Sequence[str]) -> Iterator[Path]:
    """Regular files below the known folders of `root`, without following a link to a folder."""
    waiting = [root / name for name in folders if (root / name).exists()]
    while waiting:
        folder = waiting.pop()
        _refuse_link_out(root, folder)
        for path in sorted(folder.iterdir()):
            if _ignored(path.name):
                continue
            _refuse_link_out(root, path)
            if path.is_dir():
                waiting.append(path)
            elif path.is_file():
                yield path


def _refuse_link_out(root: Path, path: Path) -> None:
    if not path.is_symlink():
        return
    where = f"site/{path.relative_to(root).as_posix()}"
    if path.is_dir():
        raise ContentError(where, "a link to a folder; copy the folder here instead")
    if not path.resolve().is_relative_to(root):
        raise ContentError(where, "a link that leads out of the site's folder; copy the file here")
