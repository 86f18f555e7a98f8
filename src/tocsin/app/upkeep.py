"""Upkeep of what is kept: small files are joined, what expired goes, replaced files are swept.

An expired event is counted exactly once. What is about to go is noted in state first, then the
lake's commit makes it so, then the note becomes the count. After a crash the note tells whether
the commit happened: the files it names are in the table, or they are not.
"""

import signal
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from multiprocessing.process import BaseProcess

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from tocsin.app import accounts
from tocsin.app.clock import SystemClock
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.context import index_of
from tocsin.app.logs import speak
from tocsin.app.site import Site
from tocsin.app.workers import SPAWN
from tocsin.enrich.context import ContextIndex
from tocsin.errors import StorageError
from tocsin.model.context import Asset, Resolved
from tocsin.model.holds import Hold
from tocsin.model.ports import Clock
from tocsin.store import State
from tocsin.store.covered import column_at, held
from tocsin.store.retention import Policy, policy_of
from tocsin.store.scan import SOURCE, TIME
from tocsin.store.upkeep import Done, Part, is_untidy, parts, rewrite, sweep

DAY_US = 86_400_000_000
EVERY = 24 * 3_600.0
"""Seconds between two rounds of upkeep in the service."""
LOOK = 60.0
"""Seconds between two looks at whether a round is due."""

FOLD, LAST, GOING = "upkeep", "last", "going"
"""Where state remembers when the last round was, and what was about to go."""

HOSTS, USERS = ("device.hostname",), ("actor.user.name", "user.name")
ADDRESSES = ("device.ip", "src_endpoint.ip")
"""Columns that say where an event belongs, the first that is not null."""

Places = Callable[[pa.Table], list[tuple[str, frozenset[str]]]]
"""Business unit and compliance scopes of each row of a lake table."""

log = structlog.get_logger()


class Report(msgspec.Struct, frozen=True):
    """What a round did. `rewritten` has the parts of the lake that changed."""

    rewritten: tuple[Done, ...]
    findings: int
    dead_letters: int
    swept: int

    @property
    def expired(self) -> int:
        """Events that left the lake."""
        return sum(sum(done.expired.values()) for done in self.rewritten)


class _Going(msgspec.Struct, frozen=True):
    """A commit that is about to remove events: the files it replaces, and the events by source."""

    class_name: str
    files: tuple[str, ...]
    expired: dict[str, int]


class Upkeep:
    """One round over a site."""

    def __init__(
        self, site: Site, state: State, policy: Policy, clock: Clock, places: Places | None = None
    ) -> None:
        """`places` is asked only where the policy has rules for units or scopes."""
        self._site = site
        self._state = state
        self._policy = policy
        self._places = places
        self._now = clock.now()
        self._cited: frozenset[str] = frozenset()
        self._holds: Sequence[Hold] = ()

    def run(self) -> Report:
        """Join, expire, sweep. Raises StorageError; what was done before stays done."""
        self._settle_last()
        self._cited = self._state.holds.cited()
        self._holds = self._state.holds.in_force()
        done = [self._do(part) for part in parts(self._site.lake) if self._is_due(part)]
        report = Report(
            tuple(one for one in done if one.expired or one.after != one.before),
            self._state.prune_findings(self._before(self._policy.findings), self._cited),
            self._state.prune_dead_letters(self._before(self._policy.dead_letters)),
            sweep(self._site.lake),
        )
        with self._state.think(FOLD) as tx:
            tx.put_fold_states(FOLD, {LAST: b"%d" % self._now})
            body = {
                "rewritten": len(report.rewritten),
                "expired": report.expired,
                "findings": report.findings,
                "dead_letters": report.dead_letters,
            }
            tx.journal(self._now, "upkeep", "upkeep", subject="retention", body=body)
        return report

    def _before(self, days: int) -> int:
        return self._now - days * DAY_US

    def _age(self, part: Part) -> int:
        """Whole days since the day of ingest was over."""
        day = datetime.fromisoformat(part.day).replace(tzinfo=UTC) + timedelta(days=1)
        now = datetime.fromtimestamp(self._now / 1_000_000, UTC)
        return (now - day).days

    def _is_due(self, part: Part) -> bool:
        age = self._age(part)
        over = age >= self._policy.shortest(part.class_name)
        return age >= 0 and (over or is_untidy(part))

    def _do(self, part: Part) -> Done:
        """Rewrite a part, its expired events counted once."""
        age = self._age(part)
        if age < self._policy.shortest(part.class_name):
            return rewrite(self._site.lake, part, lambda _name, _rows: None, self._now)
        done = rewrite(
            self._site.lake,
            part,
            lambda name, rows: self._stay(name, rows, age),
            self._now,
            lambda expired: self._note(_Going(part.class_name, part.files, expired)),
        )
        if done.expired:
            self._count(done.expired)
        return done

    def _stay(self, class_name: str, rows: pa.Table, age: int) -> pa.ChunkedArray | None:
        """Which rows stay, or None when all do."""
        days = self._days(class_name, rows)
        stay = pa.chunked_array([pa.array([one > age for one in days], pa.bool_())])
        if pc.all(stay).as_py():
            return None
        uids = pc.struct_field(rows.column("metadata"), "uid")
        stay = pc.or_(stay, pc.is_in(uids, pa.array(sorted(self._cited), pa.string())))
        for hold in self._holds:
            stay = pc.or_(stay, held(hold, class_name, rows))
        return None if pc.all(stay).as_py() else stay

    def _days(self, class_name: str, rows: pa.Table) -> list[int]:
        sources = rows.column(SOURCE).to_pylist()
        if not self._policy.by_place or self._places is None:
            each = {one: self._policy.days(class_name, one, "", ()) for one in set(sources)}
            return [each[one] for one in sources]
        keys = [(s, *place) for s, place in zip(sources, self._places(rows), strict=True)]
        found = {key: self._policy.days(class_name, *key) for key in set(keys)}
        return [found[key] for key in keys]

    def _note(self, going: _Going) -> None:
        with self._state.think(FOLD) as tx:
            tx.put_fold_states(FOLD, {GOING: msgspec.json.encode(going)})

    def _count(self, expired: dict[str, int]) -> None:
        with self._state.think(FOLD) as tx:
            tx.count(accounts.settled(accounts.EXPIRED, expired))
            tx.put_fold_states(FOLD, {GOING: None})

    def _settle_last(self) -> None:
        """After a crash: count what went, or forget what did not."""
        noted = self._state.fold_states(FOLD).get(GOING)
        if noted is None:
            return
        going = msgspec.json.decode(noted, type=_Going)
        there = {
            path
            for part in parts(self._site.lake)
            if part.class_name == going.class_name
            for path in part.files
        }
        self._count({} if there.intersection(going.files) else going.expired)


def places_by(index: ContextIndex) -> Places:
    """Where each row belongs, by what the site knew of its host, user and address on its day."""

    def places(rows: pa.Table) -> list[tuple[str, frozenset[str]]]:
        columns = [_texts(rows, paths) for paths in (HOSTS, USERS, ADDRESSES)]
        times = rows.column(TIME).to_pylist()
        return [_place(index, *asked) for asked in zip(*columns, times, strict=True)]

    return places


def _place(
    index: ContextIndex, host: str, user: str, address: str, at: int
) -> tuple[str, frozenset[str]]:
    found = index.asset(host or address, at) if host or address else None
    asset = found.body if isinstance(found, Resolved) else None
    segment = index.segment(address, at) if address else None
    scopes = (
        *(asset.scopes if isinstance(asset, Asset) else ()),
        *(segment.zone.scopes if segment else ()),
    )
    return index.place(host, user, address, at).unit, frozenset(scopes)


def _texts(rows: pa.Table, paths: Sequence[str]) -> list[str]:
    """The first of some columns that is not null, row by row; empty where none is."""
    found = [column for path in paths if (column := column_at(rows, path)) is not None]
    if not found:
        return [""] * rows.num_rows
    texts: list[str] = pc.fill_null(pc.coalesce(*found), "").to_pylist()
    return texts


def plain(report: Report) -> dict[str, object]:
    """A report as plain JSON types."""
    return dict(msgspec.to_builtins(report)) | {"expired": report.expired}


def run_round(site: Site) -> Report:
    """One round with the content in force, now."""
    state = State(site.state)
    try:
        content = applied_content(site) if is_applied(site) else disk_content(site)
        policy = policy_of(content.files)
        return Upkeep(site, state, policy, SystemClock(), places_by(index_of(site))).run()
    finally:
        state.close()


def _round_in_child(site: Site) -> None:
    """A round in a process of its own: what it needs of memory is given back."""
    speak(site.settings.log.level)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    try:
        report = run_round(site)
    except StorageError as error:
        log.warning("upkeep stopped", reason=str(error))
        return
    log.info("upkeep", joined=len(report.rewritten), expired=report.expired, swept=report.swept)


def run_upkeep(site: Site) -> None:
    """Body of the process: a round a day, the first one a day after the site was made."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stop.set())
    state, clock = State(site.state), SystemClock()
    if LAST not in state.fold_states(FOLD):
        with state.think(FOLD) as tx:
            tx.put_fold_states(FOLD, {LAST: b"%d" % clock.now()})
    while not stop.wait(LOOK):
        last = int(state.fold_states(FOLD)[LAST])
        if clock.now() - last >= EVERY * 1_000_000:
            child: BaseProcess = SPAWN.Process(target=_round_in_child, args=(site,))
            child.start()
            child.join()
            if int(state.fold_states(FOLD)[LAST]) == last:
                stop.wait(3_600)
    state.close()
