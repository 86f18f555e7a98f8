"""Content of a site: checked, planned, put into force, read back."""

import os
import pwd
from collections.abc import Collection, Mapping
from pathlib import Path

import msgspec

from tocsin.app import parts
from tocsin.app.clock import SystemClock
from tocsin.app.site import Site
from tocsin.collect.folder import make_folder, sync_folder, write_durably
from tocsin.content import load, strays
from tocsin.errors import ContentError, StorageError
from tocsin.model.content import ContentSet, Problem
from tocsin.model.rules import RuleState
from tocsin.normalize import compile_sources
from tocsin.settings import FILE, FilesInput, Input
from tocsin.store import State

UNUSABLE = f"{RuleState.UNSUPPORTED.value}: "
"""How a problem begins that is one rule's alone: the rule is left out when it is compiled."""


def disk_content(site: Site) -> ContentSet:
    """The content as it lies on disk, shipped and own; it may not be in force yet."""
    return load(site.folder)


def problems_of(site: Site) -> list[Problem]:
    """Everything that is wrong with the content on disk, found with its own tests."""
    from tocsin.app.check import check_content  # noqa: PLC0415  # compiles everything: only here

    own = strays(site.folder) if site.folder is not None else []
    content = disk_content(site)
    normalizer, _ = compile_sources(content)
    known = [spec.id for spec in normalizer.sources] if normalizer is not None else None
    return own + input_problems(site, known) + check_content(content, SystemClock().now())


def input_problems(site: Site, source_ids: Collection[str] | None) -> list[Problem]:
    """What is wrong with the `[[input]]` sections of a site.

    An error where one names a source that is not in `source_ids` (None: they are not known), a
    warning where nothing is at its path yet.
    """
    place = str((site.folder or Path()) / FILE)
    problems = []
    for one in site.settings.input:
        name = one.path if isinstance(one, FilesInput) else one.name
        for source in _sources_named(one):
            if source_ids is not None and source not in source_ids:
                known = ", ".join(sorted(source_ids))
                problems.append(
                    Problem(place, f"input {name}: no source {source}; there are: {known}")
                )
        if not isinstance(one, FilesInput):
            continue
        path = (site.folder or Path.cwd()) / one.path
        there = path.parent if "*" in path.name else path
        if not there.exists():
            message = f"input {one.path}: {there} does not exist (yet)"
            problems.append(Problem(place, message, "warning"))
    return problems


def _sources_named(one: Input) -> list[str]:
    """The sources that an input declares for what comes in."""
    senders = [one, *getattr(one, "tokens", ()), *getattr(one, "hooks", ())]
    return sorted({sender.source for sender in senders if getattr(sender, "source", None)})


class Change(msgspec.Struct, frozen=True):
    """One line of the plan of an apply: `added`, `changed` or `removed` and the file.

    `ships`: the file is none of the site's own, before or after.
    """

    kind: str
    path: str
    ships: bool = False


def plan_apply(site: Site) -> tuple[ContentSet, list[Change]]:
    """The content on disk and how it differs from what is in force."""
    content = disk_content(site)
    now = {file.path: file for file in content.files}
    then = {file.path: file for file in applied_content(site).files} if _applied(site) else {}
    changes = []
    for path in sorted(now.keys() | then.keys()):
        both = [files[path] for files in (then, now) if path in files]
        if len({file.data for file in both}) == len(both):
            kind = "changed" if len(both) > 1 else "added" if path in now else "removed"
            ships = all(file.layer == "shipped" for file in both)
            changes.append(Change(kind, path, ships))
    return content, changes


def waiting(site: Site) -> list[Change]:
    """The site's own files that differ from what is in force; none before a first apply."""
    if site.folder is None or not is_applied(site):
        return []
    return [change for change in plan_apply(site)[1] if not change.ships]


def apply(site: Site, content: ContentSet, by: str) -> None:
    """Check content with its own tests and put it into force.

    Raises ContentError with the first problem when it does not pass; then nothing changes.
    """
    from tocsin.app.check import check_content  # noqa: PLC0415  # compiles everything: only here

    errors = [p for p in check_content(content, SystemClock().now()) if p.severity == "error"]
    if errors:
        raise ContentError(errors[0].where, f"{errors[0].message} (the old content stays in force)")
    put_in_force(site, content, by)


def put_first(site: Site, content: ContentSet, by: str) -> list[Problem]:
    """Put the first content of a site into force without the rules that cannot be used.

    Nothing older could stay in force, and one bad rule is no reason to detect nothing: rules that
    are `unsupported` end so, and are returned for telling. Raises ContentError with the first
    problem of any other kind.
    """
    from tocsin.app.check import check_content  # noqa: PLC0415  # compiles everything: only here

    errors = [p for p in check_content(content, SystemClock().now()) if p.severity == "error"]
    unusable = [problem for problem in errors if problem.message.startswith(UNUSABLE)]
    for problem in errors:
        if problem not in unusable:
            raise ContentError(problem.where, problem.message)
    put_in_force(site, content, by)
    return unusable


def put_in_force(site: Site, content: ContentSet, by: str) -> None:
    """Put checked content into force; a running `tocsin up` takes it over between two batches."""
    parts.prepare(content, parts.rule_files(content, None), site.plans)
    make_folder(site.contents)
    path = _file_of(site, content.content_id)
    fresh = path.with_suffix(f".{os.getpid()}")
    write_durably(fresh, msgspec.msgpack.encode(content))
    fresh.replace(path)
    sync_folder(site.contents)
    State(site.state).apply_content(content, by, SystemClock().now())


def applied_content(site: Site) -> ContentSet:
    """The content in force; raises StorageError when it cannot be read."""
    return read_content(site, _applied(site) or "")


def read_content(site: Site, content_id: str) -> ContentSet:
    """A content set that was applied once; raises StorageError when it cannot be read."""
    try:
        data = _file_of(site, content_id).read_bytes()
        content = msgspec.msgpack.decode(data, type=ContentSet)
    except (OSError, msgspec.DecodeError) as error:
        raise StorageError(
            f"the applied content {content_id} cannot be read ({error}); `tocsin apply` mends it"
        ) from error
    if ContentSet.of(content.files).content_id != content_id:
        raise StorageError(f"the applied content {content_id} was changed on disk; apply again")
    return content


def is_applied(site: Site) -> bool:
    """Whether any content was put into force here."""
    return _applied(site) is not None


def _applied(site: Site) -> str | None:
    if not site.state.exists():
        return None
    applied = State(site.state, read_only=True).applied_content()
    return applied.content_id if applied else None


def _file_of(site: Site, content_id: str) -> Path:
    return site.contents / f"{content_id}.content"


def person(environment: Mapping[str, str] = os.environ) -> str:
    """Who is at this terminal, for the journal: the account that the kernel knows.

    The environment is anyone's to write and believed only from root, who could write anything here.
    """
    uid = os.getuid()
    sudo = environment.get("SUDO_UID", "")
    via = f" (via sudo by uid {sudo})" if uid == 0 and sudo.isascii() and sudo.isdigit() else ""
    return _account(uid) + via


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid:{uid}"
