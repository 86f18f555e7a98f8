"""Why a rule does or does not hold for an event."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
import pyarrow.compute as pc

from tocsin import flow
from tocsin.app import parts
from tocsin.app.clock import SystemClock
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.site import Site
from tocsin.detect.sigma.plan import Plan
from tocsin.detect.sigma.why_not import WhyNot, why_not
from tocsin.errors import InputError, UsageError
from tocsin.formats.read import read_path
from tocsin.formats.records import RawBatch, RawRecord, Stamp, to_envelope
from tocsin.model.records import NativeRecord, Undecodable
from tocsin.model.rules import RuleState, RuleStatus
from tocsin.normalize import Normalizer, compile_sources
from tocsin.store import State
from tocsin.store.scan import scan

LISTED = 5
"""Rules that are named where several fit."""


class Explained(msgspec.Struct, frozen=True):
    """One event under one rule: where it was found, the source that read it, and why (not)."""

    event: str
    source_id: str
    why: WhyNot


class _Raw(msgspec.Struct, frozen=True):
    """A record as it was written; `source_id` is None when its content must tell."""

    name: str
    raw: bytes
    source_id: str | None
    received_at: int


def explain_rule(site: Site, rule: str, event: str, rules: Path | None = None) -> Explained:
    """A rule (id, or title) on an event, explained.

    `event` is a file of records (`FILE` or `FILE:NUMBER`, counted from 1), the identity of a stored
    event, or the beginning of a finding's id. Raises UsageError when there is no such rule or
    event, InputError when no source can read it.
    """
    content = applied_content(site) if is_applied(site) else disk_content(site)
    cache = site.plans if site.folder is not None else parts.cache_folder()
    plan = parts.load_plan(parts.prepare(content, parts.rule_files(content, rules), cache))
    number = rule_number(plan, rule)
    normalizer, problems = compile_sources(content)
    if normalizer is None:
        raise parts.first_error(problems)
    found = _event(site, event)
    record = _decoded(normalizer, found)
    return Explained(found.name, record.source_id, why_not(plan, number, record))


def rule_number(plan: Plan, name: str) -> int:
    """The number of the rule with this id or title, or the only one whose id or title begins so.

    Raises UsageError with what is known of it when it is not active.
    """
    status = status_named(plan, name)
    for number, rule in enumerate(plan.rules):
        if rule.rule_id == status.rule_id:
            return number
    if status.state is RuleState.ACTIVE:
        what = "a correlation or a filter: explain the rules that it refers to"
    else:
        what = f"{status.state.value}: {status.reason}"
    raise UsageError(f"the rule {name} is {what}")


def status_named(plan: Plan, name: str) -> RuleStatus:
    """The rule, correlation or filter that is meant: by id or title, whole or its beginning.

    `tocsin rules` prints both cut off. What is active goes before what another file overrides.
    Raises UsageError when nothing, or more than one rule, is called so.
    """
    said = name.lower().removesuffix("…").strip()
    ways: tuple[Callable[[RuleStatus], bool], ...] = (
        lambda one: one.rule_id.lower() == said,
        lambda one: one.title.lower() == said,
        lambda one: one.rule_id.lower().startswith(said),
        lambda one: one.title.lower().startswith(said),
    )
    for way in ways if said else ():
        found = [status for status in plan.statuses if way(status)]
        active = [status for status in found if status.state is RuleState.ACTIVE]
        if len({status.rule_id for status in found}) == 1:
            return (active or found)[0]
        if found:
            ids = ", ".join(f"{one.rule_id} ({one.title})" for one in found[:LISTED])
            raise UsageError(f"several rules are called {name}: {ids}")
    raise UsageError(f"there is no rule {name}; `tocsin rules` lists them")


def _event(site: Site, name: str) -> _Raw:
    path, _, number = name.rpartition(":")
    if Path(name).is_file():
        return _from_file(Path(name), 1)
    if number.isascii() and number.isdigit() and Path(path).is_file():
        return _from_file(Path(path), max(int(number), 1))
    found = _stored(site, name) or _from_finding(site, name)
    if found is None:
        raise UsageError(f"no file, stored event or finding is called {name}")
    return found


def _from_file(path: Path, number: int) -> _Raw:
    records: Iterator[RawRecord] = (r for r in read_path(path) if isinstance(r, RawRecord))
    found = next(islice(records, number - 1, None), None)
    if found is None:
        raise UsageError(f"{path} has no record {number}")
    return _Raw(f"{path}:{number}", found.raw, None, SystemClock().now())


def _stored(site: Site, uid: str) -> _Raw | None:
    """An event of the lake by its identity."""
    if not site.lake.is_dir():
        return None
    for batch in scan(site.lake, site=site.settings.site):
        rows = batch.filter(pc.equal(batch.column("uid"), uid))
        for row in rows.to_pylist():
            return _Raw(uid, row["raw"], row["source_id"], row["received_at"])
    return None


def _from_finding(site: Site, beginning: str) -> _Raw | None:
    """The event that completed a finding, from the copy that the finding carries."""
    if not site.state.exists():
        return None
    finding = State(site.state, read_only=True).findings.one(beginning)
    if not finding.events:
        return None
    copy = finding.events[-1]
    return _Raw(copy.event_uid, copy.raw.encode(), finding.source_id, finding.received_at)


def _decoded(normalizer: Normalizer, found: _Raw) -> NativeRecord:
    stamp = Stamp("explain", "explain", 0, found.source_id, found.received_at)
    batch = RawBatch([found.name], [0], [found.raw], size=len(found.raw))
    decoded = flow.decode(to_envelope(batch, stamp), normalizer)
    if decoded.records:
        return decoded.records[0]
    why = Undecodable(*(decoded.rejects.column(name)[0].as_py() for name in ("reason", "detail")))
    raise InputError(why.reason, f"{found.name}: {why.detail}")
