"""What became of intelligence: what is looked for, how old it is, what it matched, who saw it."""

from pathlib import Path
from typing import Any

import msgspec

from tocsin.app.indicators import open_table
from tocsin.app.intelligence import OWN, Keeper, declared_here
from tocsin.app.looking_back import search_lake
from tocsin.app.publications import stale
from tocsin.app.site import Site
from tocsin.errors import UsageError
from tocsin.model.intelligence import DAY
from tocsin.store import State
from tocsin.store.intelligence import Delivery, FeedState, Job
from tocsin.store.intelligence_objects import FILE, FOLDER, Objects

JOBS = 5
"""Match-backs that are told of."""


class FeedLine(msgspec.Struct, frozen=True):
    """A feed as people see it; `trouble` says why it is stale or what failed. Times are us UTC."""

    feed: str
    title: str
    kind: str
    tried: int
    succeeded: int
    newest: int
    indicators: int
    unsupported: int
    trouble: str
    note: str


class Status(msgspec.Struct, frozen=True):
    """Intelligence as it stands."""

    table_id: str
    indicators: int
    benign: int
    ended: int
    unsupported: int
    jobs: tuple[Job, ...]
    feeds: tuple[FeedLine, ...]

    @property
    def wrong(self) -> bool:
        """Whether any feed is stale or failed."""
        return any(feed.trouble for feed in self.feeds)


class Delivered(msgspec.Struct, frozen=True):
    """How far intelligence got: indicators that matched, reached an incident, were seen."""

    matched: int
    reached: int
    seen: int
    deliveries: tuple[Delivery, ...]


def status(site: Site, now: int) -> Status:
    """Intelligence of a site at `now` (us UTC)."""
    state = _state(site)
    known = state.intelligence.feeds()
    lines = []
    for feed in declared_here(site).feeds:
        one = known.get(feed.id, FeedState(feed.id))
        trouble = one.error or stale(feed, known.get(feed.id), now)
        lines.append(
            FeedLine(
                feed.id, feed.title, feed.kind, one.tried, one.succeeded, one.newest,
                one.indicators, one.unsupported, trouble, one.note,
            )
        )  # fmt: skip
    objects = _objects(site)
    benign, ended = (objects.number(name) if objects else 0 for name in ("benign", "ended"))
    table_id = state.intelligence.current_table()
    return Status(
        table_id,
        len(open_table(site.data, table_id)) if table_id else 0,
        benign,
        ended,
        sum(line.unsupported for line in lines),
        tuple(state.intelligence.jobs(limit=JOBS)),
        tuple(lines),
    )


def unsupported(site: Site, feed: str, limit: int) -> list[tuple[str, str, str]]:
    """(feed, indicator, reason) of what is not, or not wholly, looked for."""
    objects = _objects(site)
    return objects.noted(feed or None, limit) if objects else []


def delivery(site: Site, now: int, days: int, limit: int) -> Delivered:
    """What became of the matches of the last days."""
    every = _state(site).intelligence.deliveries(now - days * DAY, 1_000_000)
    return Delivered(
        len(every),
        sum(bool(one.incidents) for one in every),
        sum(bool(one.seen_by) for one in every),
        tuple(every[:limit]),
    )


def search_all(keeper: Keeper, days: int) -> tuple[int, int]:
    """Search the lake for everything in force; goes on with the last one that was not finished."""
    now = keeper.clock.now()
    table_id = keeper.make_table()
    base = keeper.objects.position(OWN, "base")
    if not table_id or not base:
        raise UsageError("there is nothing to look for: `tocsin intelligence load` or `poll` first")
    mine = [job for job in keeper.state.intelligence.jobs(open_only=True) if job.segment == base]
    if not mine:
        keeper.state.intelligence.add_job(table_id, base, now - days * DAY, now)
    events = found = 0
    for job in keeper.state.intelligence.jobs(open_only=True):
        for searched, new in search_lake(keeper.site, keeper.state, job, now):
            events, found = events + searched, found + new
    return events, found


def saw_incident(site: Site, incident_id: str, person: str, at: int) -> None:
    """Note that a person looked at an incident (us UTC)."""
    State(site.state).intelligence.saw(incident_id, person, at)


def plain(tree: Any) -> Any:
    """As other programs read it."""
    return msgspec.to_builtins(tree)


def _state(site: Site) -> State:
    if not site.state.exists():
        return State(site.state)
    return State(site.state, read_only=True)


def _objects(site: Site) -> Objects | None:
    path: Path = site.data / FOLDER / FILE
    return Objects(site.data) if path.exists() else None
