"""Read-only views for people: sources, rules, incidents, journal, and SQL over the lake."""

from pathlib import Path
from typing import Any

import msgspec

from tocsin.app import parts
from tocsin.app.accounts import Account, accounts
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.site import Site
from tocsin.correlate.incidents import rank
from tocsin.detect.exceptions import staged_rules
from tocsin.errors import UsageError
from tocsin.model.incidents import Incident
from tocsin.model.rules import RuleState
from tocsin.normalize.folders import declared_sources
from tocsin.store import State
from tocsin.store.casebook import Casebook
from tocsin.store.findings import RuleActivity
from tocsin.store.journal import Journal
from tocsin.store.outbox import Queued
from tocsin.store.query import Answer
from tocsin.store.query import query as run_query
from tocsin.store.query_child import Limits
from tocsin.store.scan import count_by_source

DEAD_LETTERS = "dead_letters"
"""The table of dead letters; it is only made for a query that names it."""

LETTERS_IN_SQL = 10_000
"""How many of the newest dead letters a query sees."""


class SourceLine(msgspec.Struct, frozen=True):
    """A source and what came in from it. Times are microseconds UTC, 0 when nothing came.

    Records that nobody recognized have a line of their own, whose `source_id` is empty.
    """

    source_id: str
    product: str
    shapes: tuple[str, ...]
    account: Account
    last_received: int
    last_event: int


def sources(site: Site) -> list[SourceLine]:
    """Every source of the content, with its counts where there is state."""
    seen, kept = {}, {}
    if site.state.exists():
        intake = _reading(site).intake
        seen = {s.source_id: s for s in intake.sources()}
        kept = {one.source_id: one for one in accounts(intake.counters())}
    known = {spec.id: spec for spec in declared_sources(disk_content(site))}
    lines = []
    for source_id in sorted(known.keys() | kept.keys(), key=lambda name: (name == "", name)):
        spec, count = known.get(source_id), seen.get(source_id)
        lines.append(
            SourceLine(
                source_id,
                spec.product.name if spec else "",
                tuple(shape.id for shape in spec.shapes) if spec else (),
                kept.get(source_id, Account(source_id)),
                count.last_received if count else 0,
                count.last_event if count else 0,
            )
        )
    return lines


def refused(site: Site) -> dict[str, int]:
    """How many records could not be used, by reason, the commonest first."""
    return _reading(site).intake.dead_letter_counts() if site.state.exists() else {}


def in_lake(site: Site) -> dict[str, int]:
    """How many events of each source the lake holds, counted there."""
    return count_by_source(site.lake)


LATE = {
    "correlation-late": "came too late for correlation rules",
    "correlation-ungrouped": "lacked a field that a correlation groups by",
    "correlation-given-up": "were forgotten by a correlation for want of room",
    "late-findings": "came late to their incident",
}
"""Counters of what could not be used as it should, in words."""


def befell(site: Site) -> dict[str, int]:
    """What could not be used as it should, in words, and how often."""
    if not site.state.exists():
        return {}
    counted = _reading(site).intake.counters()
    return {words: counted[name] for name, words in LATE.items() if counted.get(name)}


class Refused(msgspec.Struct, frozen=True):
    """A record that could not be used; `received_at` is microseconds UTC, `raw` may be cut."""

    received_at: int
    reason: str
    detail: str
    origin: str
    position: int
    raw: bytes


def dead_letters(site: Site, limit: int, reason: str | None) -> list[Refused]:
    """The newest records that could not be used, newest first."""
    if not site.state.exists():
        return []
    return [
        Refused(one.received_at, one.reason, one.detail, one.origin, one.position, one.raw)
        for one in _reading(site).intake.dead_letters(limit, reason=reason)
    ]


class RuleLine(msgspec.Struct, frozen=True):
    """A rule and what became of it here.

    `state` is active, building, staged, inactive or unsupported. `findings`, `hidden` and
    `staged` count those of the time asked for, `last` is when it last fired at all (us UTC, 0 for
    never).
    """

    rule_id: str
    title: str
    state: str
    reason: str
    where: str
    findings: int = 0
    last: int = 0
    hidden: int = 0
    staged: int = 0


ON_TRIAL = "staged"
"""The state of an active rule whose findings open no incident yet."""

MATERIAL = "building"
"""The state of an active rule whose findings are only seen through a correlation."""


def rules(site: Site, folder: Path | None, since: int = 0) -> list[RuleLine]:
    """Every rule: of `folder`, or of the content in force, or of what ships; counted since then."""
    content = applied_content(site) if is_applied(site) else disk_content(site)
    cache = site.plans if site.folder is not None else parts.cache_folder()
    setup = parts.prepare(content, parts.rule_files(content, folder), cache)
    activity = _reading(site).findings.activity(since) if site.state.exists() else {}
    trial = staged_rules(content.files)
    plan = parts.load_plan(setup)
    lines = []
    for status in plan.statuses:
        seen = activity.get(status.rule_id, RuleActivity())
        state = status.state.value
        if status.state is RuleState.ACTIVE and status.rule_id in trial:
            state = ON_TRIAL
        elif status.state is RuleState.ACTIVE and status.rule_id in plan.building:
            state = MATERIAL
        counts = (seen.findings, seen.last, seen.hidden, seen.staged)
        lines.append(
            RuleLine(status.rule_id, status.title, state, status.reason, status.where, *counts)
        )
    return lines


def casebook(site: Site, *, writing: bool = False) -> Casebook:
    """Incidents, findings and verdicts."""
    return (State(site.state) if writing else _reading(site)).casebook


def listed(book: Casebook, limit: int, *, newest: bool, closed: bool) -> list[Incident]:
    """Incidents to look at: open ones, worst first, then (if asked for) closed ones.

    With `newest` by time alone.
    """
    if newest:
        return book.incidents(limit, status=None if closed else "open", newest=True)
    page = sorted(book.incidents(limit, status="open"), key=rank, reverse=True)
    if closed and len(page) < limit:
        done = book.incidents(limit - len(page), status="closed")
        page += sorted(done, key=rank, reverse=True)
    return page


def journal(site: Site) -> Journal:
    """The journal, for reading."""
    return _reading(site).journal


def find_incident(book: Casebook, beginning: str) -> Incident:
    """The one incident whose id begins so; raises UsageError when there is none or more."""
    exact = book.incident(beginning)
    if exact is not None:
        return exact
    found = [
        one
        for one in book.incidents(100_000)
        if any(known.startswith(beginning) for known in (one.incident_id, *one.aliases))
    ]
    if len(found) == 1:
        return found[0]
    what = "several incidents begin" if found else "no incident begins"
    raise UsageError(f"{what} with {beginning}: `tocsin incidents` lists them")


def last_grade(book: Casebook, incident_id: str) -> str:
    """The newest verdict's grade, or nothing."""
    verdicts = book.verdicts(incident_id)
    return verdicts[-1].grade.value if verdicts else ""


def writable(site: Site) -> frozenset[str]:
    """The sources whose alerts are written back to the SIEM that they came from."""
    return frozenset(one.source for one in site.settings.siem)


def orders(site: Site, limit: int) -> tuple[dict[tuple[str, str], int], list[Queued]]:
    """How many orders to SIEMs there are by source and state, and the newest of them."""
    if not site.state.exists():
        return {}, []
    outbox = _reading(site).outbox
    return outbox.counts(), outbox.last(limit)


def query(lake: Path, state: Path | None, sql: str, limit: int) -> Answer:
    """Run a person's SELECT over the lake, incidents and findings in a limited child process."""
    known = state is not None and state.exists()
    if not known and not lake.is_dir():
        raise UsageError(f"nothing is stored in {lake} yet")
    tables = {}
    if state is not None and known:
        reading = State(state, read_only=True)
        tables = reading.casebook.tables()
        if DEAD_LETTERS in sql.lower():
            tables[DEAD_LETTERS] = reading.intake.table(LETTERS_IN_SQL)
    return run_query(sql, lake, tables=tables, limits=Limits(rows=limit))


def plain(value: Any) -> Any:
    """Frozen values as plain JSON types."""
    return msgspec.to_builtins(value)


def _reading(site: Site) -> State:
    return State(site.state, read_only=True)
