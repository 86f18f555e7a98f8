"""Read crosswalk files: what a release of ATT&CK renamed.

- release: "19"
  moved:
    defense-evasion: [stealth, defense-impairment]
"""

import re
from collections.abc import Iterable, Iterator

from tocsin.enrich.attack.bundle import TECHNIQUE_ID
from tocsin.enrich.attack.components import is_components
from tocsin.errors import ContentError
from tocsin.formats.located_yaml import LocatedDocument, Path, load_located
from tocsin.model.attack import Crosswalk, Move
from tocsin.model.content import ContentFile

SUFFIXES = (".yaml", ".yml")
_LABEL = re.compile(rf"({TECHNIQUE_ID.pattern}|[a-z]+(-[a-z]+)*)")
_RELEASE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3})?")


def read_crosswalk(files: Iterable[ContentFile]) -> Crosswalk:
    """One crosswalk of all these files; raises ContentError with `file:line`."""
    kept = (file for file in files if _is_crosswalk(file))
    return Crosswalk.of(tuple(move for file in kept for move in read_moves(file)))


def _is_crosswalk(file: ContentFile) -> bool:
    return file.path.endswith(SUFFIXES) and not is_components(file)


def read_moves(file: ContentFile) -> Iterator[Move]:
    """The moves of one file in its order; raises ContentError with `file:line`."""
    document = load_located(file.data, file.where)
    if not isinstance(document.value, list):
        raise document.error((), "a crosswalk is a list of entries with `release` and `moved`")
    for number, entry in enumerate(document.value):
        yield from _entry(document, (number,), entry)


def _entry(document: LocatedDocument, path: Path, entry: object) -> Iterator[Move]:
    if not isinstance(entry, dict) or set(entry) != {"release", "moved"}:
        raise document.error(path, "an entry has exactly `release` and `moved`")
    release = entry["release"]
    if not isinstance(release, str) or not _RELEASE.fullmatch(release):
        raise document.error((*path, "release"), 'a release is written as text, like "19"')
    if not isinstance(entry["moved"], dict):
        raise document.error((*path, "moved"), "`moved` maps an old label to a list of new ones")
    for old, new in entry["moved"].items():
        yield _move(document, (*path, "moved", old), release, new)


def _move(document: LocatedDocument, path: Path, release: str, new: object) -> Move:
    old = path[-1]
    names = new if isinstance(new, list) else []
    for name in (old, *names):
        if not isinstance(name, str) or not _LABEL.fullmatch(name):
            raise document.error(path, f"{name!r} is no technique id (T1003.001) or short name")
    if not names or old in names:
        raise document.error(path, "the new labels are a list of at least one, without the old")
    return Move(release, str(old), tuple(names))


def crosswalk_errors(files: Iterable[ContentFile]) -> list[ContentError]:
    """What is wrong with these files, the first of each; only `*.yaml` and `*.yml` count."""
    found = []
    for file in files:
        if not _is_crosswalk(file):
            continue
        try:
            list(read_moves(file))
        except ContentError as error:
            found.append(error)
    return found
