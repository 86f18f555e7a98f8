"""Rules into a site: what is different, what they would have fired, on trial or not.

A rule's own file is never edited: which rules are on trial stands in `rules/staged.txt`.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from tocsin.app import parts
from tocsin.app.content import disk_content
from tocsin.app.selecting import NO_TRIAL, TESTS, Document, critical_shipped, documents, needed
from tocsin.app.site import Site
from tocsin.detect.exceptions import STAGED, staged_rules
from tocsin.errors import UsageError
from tocsin.formats.read import read_members
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.rules import RuleState, RuleStatus

LOGIC = ("logsource", "detection", "correlation", "filter", "fields")
"""Keys of a rule that decide what it fires on; all others tell people about it."""

HEAD = "# Rules on trial: they detect and count, and open no incident until they are promoted.\n"


class Change(msgspec.Struct, frozen=True):
    """How one rule differs from what is there.

    `kind` is added, changed, same or removed; `logic` and `told` are the keys that differ, of what
    it fires on and of what it tells.
    """

    kind: str
    rule_id: str
    title: str
    path: str
    logic: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


Known = tuple[ContentFile, Document]
"""A rule that is there, and the file in which it stands."""


class Coming(msgspec.Struct, frozen=True):
    """Rules that are to come into a site: files by their path in it, and how they differ."""

    files: dict[str, bytes]
    gone: tuple[str, ...]
    changes: tuple[Change, ...]
    statuses: tuple[RuleStatus, ...]

    @property
    def fresh(self) -> list[str]:
        """Ids of the rules that are new, or fire on something else than before."""
        return [c.rule_id for c in self.changes if c.kind == "added" or c.logic]


def compare(site: Site, source: Path, *, whole: bool) -> Coming:
    """How the rules of `source` (file, folder or archive) differ from those on disk.

    With `whole`, rules that an earlier call took from there and that are gone from it are to be
    removed. Raises UsageError when there is no rule in it, InputError when it cannot be read.
    """
    content = disk_content(site)
    known = {
        one.rule_id: (file, one)
        for file in _rule_files(content)
        for one in documents(file.path, file.data)
    }
    files: dict[str, bytes] = {}
    changes: list[Change] = []
    folder = _folder_of(source)
    for name, data in _members(source):
        found = documents(name, data)
        if name.endswith(TESTS) or not found:
            files[f"rules/{folder}/{name}"] = data
            continue
        path = _place(f"rules/{folder}/{name}", found, known)
        files[path] = data
        changes += [_change(one, path, known.get(one.rule_id)) for one in found]
    if not changes:
        raise UsageError(f"{source} holds no rule")
    gone = _gone(content, f"rules/{folder}/", files) if whole else ()
    coming = {change.rule_id for change in changes}
    changes += [
        Change("removed", rule_id, one.title, file.path)
        for rule_id, (file, one) in known.items()
        if file.path in gone and rule_id not in coming
    ]
    return Coming(files, gone, tuple(changes), _statuses(content, files))


def put(site: Site, coming: Coming, *, staged: bool) -> list[str]:
    """Write the rules into the site and take away what is gone; the paths that were touched.

    With `staged`, those that are fresh go on trial.
    """
    root = _root(site)
    if staged:
        _refuse_critical(site, coming.fresh)
    touched = []
    for path, data in coming.files.items():
        target = root / path
        if target.exists() and target.read_bytes() == data:
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        touched.append(path)
    for path in coming.gone:
        (root / path).unlink()
        touched.append(path)
    if staged and coming.fresh:
        titles = {change.rule_id: change.title for change in coming.changes}
        touched += stage(site, {rule_id: titles[rule_id] for rule_id in coming.fresh})
    return touched


def stage(site: Site, titles: Mapping[str, str]) -> list[str]:
    """Put rules (title by id) on trial; the path of the list when it changed.

    Raises UsageError, and puts none there, when one is a critical rule that ships.
    """
    path = _root(site) / STAGED
    _refuse_critical(site, titles)
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    known = staged_rules(disk_content(site).files)
    new = {rule_id: title for rule_id, title in titles.items() if rule_id not in known}
    if not new:
        return []
    lines = (f"{rule_id}  # {' '.join(title.split())}\n" for rule_id, title in new.items())
    path.parent.mkdir(exist_ok=True)
    path.write_text(text.rstrip("\n") + "\n" + "".join(lines), encoding="utf-8")
    return [STAGED]


def _refuse_critical(site: Site, rule_ids: Iterable[str]) -> None:
    serious = critical_shipped(disk_content(site))
    for rule_id in rule_ids:
        if rule_id in serious:
            raise UsageError(f"'{serious[rule_id]}' {NO_TRIAL}")


def promote(site: Site, beginnings: Collection[str]) -> list[str]:
    """End the trial of rules whose ids begin so; returns the lines that went from the list.

    Raises UsageError when none, or several, of the rules on trial begin so.
    """
    path = _root(site) / STAGED
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True) if path.exists() else []
    ids = {line: line.partition("#")[0].strip() for line in lines}
    gone = []
    for beginning in beginnings:
        found = [line for line in lines if beginning and ids[line].startswith(beginning)]
        if len({ids[line] for line in found}) != 1:
            what = "several rules on trial begin" if found else "no rule on trial begins"
            raise UsageError(f"{what} with {beginning!r}: `tocsin rules --state staged` lists them")
        gone += found
    kept = "".join(line for line in lines if line not in gone)
    path.write_text(kept, encoding="utf-8")
    return [line.strip() for line in gone]


def _root(site: Site) -> Path:
    if site.folder is None:
        raise UsageError("there is no site here: `tocsin init soc` makes one")
    return site.folder


def _rule_files(content: ContentSet) -> Iterator[ContentFile]:
    for file in content.under("rules/"):
        if file.path.endswith((".yml", ".yaml")) and not file.path.endswith(TESTS):
            yield file


def _folder_of(source: Path) -> str:
    """The folder of `rules/` that rules from there go to."""
    name = source.resolve()
    stem = re.sub(
        r"\.(tar|zip|tgz|gz|xz|bz2|zst|yml|yaml)\b.*$", "", name.name, flags=re.IGNORECASE
    )
    if name.is_dir() or not name.name.lower().endswith((".yml", ".yaml")):
        return re.sub(r"[^A-Za-z0-9_.-]+", "_", stem).strip(".") or "added"
    return "added"


def _members(source: Path) -> Iterator[tuple[str, bytes]]:
    """(relative path, bytes) of every YAML file; none leads out of the folder it goes to."""
    root = source.resolve()
    for name, data in read_members(source):
        inner = name.partition("!")[2]
        place = Path(name).resolve()
        if not inner:
            inner = place.relative_to(root).as_posix() if root.is_dir() else place.name
        clean = [part for part in PurePosixPath(inner.replace("\\", "/")).parts if part != "/"]
        if ".." not in clean and not any(part.startswith((".", "__")) for part in clean):
            yield "/".join(clean), data


def _place(path: str, found: Sequence[Document], known: Mapping[str, Known]) -> str:
    """Where a file goes: over the site's own file of the same rules, else where it belongs."""
    ids = {one.rule_id for one in found}
    own = {known[one][0].path for one in ids if one in known and known[one][0].layer == "site"}
    if not own or path in own:
        return path
    others = {rule_id for rule_id, (file, _) in known.items() if file.path in own} - ids
    if len(own) > 1 or others:
        where = ", ".join(sorted(own))
        raise UsageError(f"{path}: the site has these rules, with others, in {where}")
    return own.pop()


def _change(new: Document, path: str, there: Known | None) -> Change:
    if there is None:
        return Change("added", new.rule_id, new.title, path)
    old = there[1]
    keys = [k for k in {**old.says, **new.says} if old.says.get(k) != new.says.get(k)]
    logic = tuple(key for key in keys if key in LOGIC)
    told = tuple(key for key in keys if key not in LOGIC)
    return Change("changed" if keys else "same", new.rule_id, new.title, path, logic, told)


def _gone(content: ContentSet, folder: str, files: Collection[str]) -> tuple[str, ...]:
    return tuple(
        file.path
        for file in content.under(folder)
        if file.layer == "site" and file.path not in files and file.path != STAGED
    )


def _statuses(content: ContentSet, files: Mapping[str, bytes]) -> tuple[RuleStatus, ...]:
    """What becomes of the rules in `files` when they are compiled."""
    from tocsin.detect.sigma import compile_plan, parse_rules  # noqa: PLC0415  # slow to load

    mine = {one.rule_id for path, data in files.items() for one in documents(path, data)}
    odd = {path: data for path, data in files.items() if not documents(path, data)}
    rules = needed(content, mine, files)
    rules += [one for one in odd.items() if not one[0].endswith(TESTS) and one not in rules]
    statuses = compile_plan(parse_rules(rules), parts.logsources(content)).statuses
    return tuple(one for one in statuses if one.rule_id in mine or _file_of(one) in files)


def _file_of(status: RuleStatus) -> str:
    """The file of a status; what is no YAML has the line behind it."""
    name, _, line = status.where.rpartition(":")
    return name if line.isdecimal() else status.where


def refuse_unsupported(coming: Coming) -> None:
    """Raise UsageError when some of the rules could never run: `apply` would refuse them."""
    found = [status for status in coming.statuses if status.state is RuleState.UNSUPPORTED]
    if not found:
        return
    listed = "; ".join(f"{one.where}: {one.title or 'no rule'}: {one.reason}" for one in found[:5])
    more = f"; and {len(found) - 5} more" if len(found) > 5 else ""  # noqa: PLR2004 - as above
    raise UsageError(f"nothing was written, since `tocsin apply` would refuse {listed}{more}")


def unusable(statuses: Iterable[RuleStatus]) -> list[RuleStatus]:
    """The rules that cannot fire here, with the reason."""
    return [status for status in statuses if status.state is not RuleState.ACTIVE]
