"""Read-only views for people: sources, rules, incidents, journal, and SQL over the lake."""

from pathlib import Path
from typing import Any

import msgspec

from tocsin.app import parts
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.site import Site
from tocsin.errors import UsageError
from tocsin.model.incidents import Incident
from tocsin.model.rules import RuleStatus
from tocsin.normalize import compile_sources
from tocsin.store import State
from tocsin.store.casebook import Casebook
from tocsin.store.journal import Journal
from tocsin.store.query import Answer
from tocsin.store.query import query as run_query
from tocsin.store.query_child import Limits


class SourceLine(msgspec.Struct, frozen=True):
    """A source and what came in from it. Times are microseconds UTC, 0 when nothing came."""

    source_id: str
    product: str
    shapes: tuple[str, ...]
    events: int
    last_received: int
    last_event: int


def sources(site: Site) -> list[SourceLine]:
    """Every source of the content, with its counts where there is state."""
    normalizer, problems = compile_sources(disk_content(site))
    if normalizer is None:
        raise parts.first_error(problems)
    seen = {}
    if site.state.exists():
        seen = {s.source_id: s for s in _reading(site).intake.sources()}
    lines = []
    for spec in normalizer.sources:
        count = seen.get(spec.id)
        lines.append(
            SourceLine(
                spec.id,
                spec.product.name,
                tuple(shape.id for shape in spec.shapes),
                count.events if count else 0,
                count.last_received if count else 0,
                count.last_event if count else 0,
            )
        )
    return lines


def rules(site: Site, folder: Path | None) -> list[RuleStatus]:
    """What became of every rule: of `folder`, or of the content in force, or of what ships."""
    content = applied_content(site) if is_applied(site) else disk_content(site)
    cache = site.plans if site.folder is not None else parts.cache_folder()
    setup = parts.prepare(content, parts.rule_files(content, folder), cache)
    return list(parts.load_plan(setup).statuses)


def casebook(site: Site, *, writing: bool = False) -> Casebook:
    """Incidents, findings and verdicts."""
    return (State(site.state) if writing else _reading(site)).casebook


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


def query(lake: Path, state: Path | None, sql: str, limit: int) -> Answer:
    """Run a person's SELECT over the lake, incidents and findings in a limited child process."""
    known = state is not None and state.exists()
    if not known and not lake.is_dir():
        raise UsageError(f"nothing is stored in {lake} yet")
    tables = State(state, read_only=True).casebook.tables() if state and known else {}
    return run_query(sql, lake, tables=tables, limits=Limits(rows=limit))


def plain(value: Any) -> Any:
    """Frozen values as plain JSON types."""
    return msgspec.to_builtins(value)


def _reading(site: Site) -> State:
    return State(site.state, read_only=True)
