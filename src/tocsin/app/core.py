"""The process that judges: it drives the observers, the state transactions and the lake.

INVARIANT  cursor.lake <= cursor.think: an event is judged before it is in the lake.

A worker that dies, or a state that refuses, ends this process; the supervisor starts it again and
it goes on from the cursors. A lake that refuses does not: see `lane`.
"""

import signal
from collections.abc import Sequence
from multiprocessing.connection import wait
from types import FrameType
from typing import NamedTuple

import msgspec
import structlog

from tocsin import crash
from tocsin.app import metrics, parts
from tocsin.app.accounts import accounts
from tocsin.app.clock import SystemClock
from tocsin.app.content import (
    applied_content,
    disk_content,
    input_problems,
    is_applied,
    plan_apply,
    put_first,
    put_in_force,
    read_content,
)
from tocsin.app.context import index_in_force
from tocsin.app.flag import Flag
from tocsin.app.judging import Judge
from tocsin.app.lane import Lane
from tocsin.app.logs import speak
from tocsin.app.observer import Task, run_observer
from tocsin.app.site import DEAD, Site
from tocsin.app.surroundings import open_index
from tocsin.app.workers import Reply, Worker
from tocsin.collect.folder import release
from tocsin.collect.reader import SpoolReader
from tocsin.correlate.hubs import grouping_of
from tocsin.errors import TocsinError
from tocsin.model.content import ContentSet
from tocsin.model.context import Fact
from tocsin.model.ports import Clock
from tocsin.normalize.folders import declared_sources, source_files
from tocsin.store import State

LOOK_EVERY = 0.5
"""Seconds between two looks at dead letters and at which content is in force."""

TELL_EVERY = 5.0
"""Seconds between two times at which the accounts of the sources are told."""

CONTENT = "content"
"""The fold that remembers which content core works with."""

log = structlog.get_logger()


class News(NamedTuple):
    """What observers work with beside content, and are told of when it changes."""

    clocks: int = 0
    context: str = ""
    """Path of the index of context."""
    windows: tuple[Fact, ...] = ()
    """Windows that the stream opened since the index was made."""
    indicators: str = ""
    """Id of the table of indicators."""


class Core:
    """Drives one lane per partition."""

    def __init__(self, site: Site, partitions: Sequence[str], clock: Clock) -> None:
        self._site = site
        self._state = State(site.state)
        self._clock = clock
        self._judge = Judge(self._state, site.settings.site, clock)
        self._stopping = False
        self._looked = clock.monotonic()
        self._told = -TELL_EVERY
        self._applied = ""
        self._news = News()
        self._tables: dict[str, str] = {}
        """With which indicators each partition was observed last."""
        self._spool = SpoolReader(site.spool)
        self._look_for_news()
        self._begin(partitions)

    def _begin(self, partitions: Sequence[str]) -> None:
        """Start a worker per partition with the content in force."""
        content = self._content_to_use(partitions)
        self._applied = content.content_id
        self._sent: dict[str, News] = {}
        self._setup = parts.prepare(content, parts.rule_files(content, None), self._site.plans)
        self._judge.work_with(
            content,
            parts.load_plan(self._setup),
            parts.standings(content),
            grouping_of(content.files),
            declared_sources(content),
        )
        self._lanes = {name: self._lane(name) for name in partitions}

    def _content_to_use(self, partitions: Sequence[str]) -> ContentSet:
        """What is in force, unless events judged under older content are not all in the lake yet.

        An event must go to the same class when it is observed again (see `store.lake`).
        """
        used = self._state.fold_states(CONTENT).get("core")
        behind = any(
            self._state.cursor(name, "lake") < self._state.cursor(name, "think")
            for name in partitions
        )
        if used is not None and behind:
            return read_content(self._site, used.decode())
        content = applied_content(self._site)
        with self._state.think(CONTENT) as tx:
            tx.put_fold_states(CONTENT, {"core": content.content_id.encode()})
        return content

    def _lane(self, partition: str) -> Lane:
        judged, stored = (self._state.cursor(partition, kind) for kind in ("think", "lake"))
        task = Task(
            setup=self._setup,
            site=self._site.settings.site,
            data=str(self._site.data),
            spool=str(self._site.spool),
            lake=str(self._site.lake),
            partition=partition,
            start=stored,
            settled=judged,
        )
        worker = Worker(run_observer, task)
        log.info("started", part="observer", partition=partition, pid=worker.pid)
        self._sent.pop(partition, None)
        return Lane(partition, worker, judged, stored, self._clock.monotonic())

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ask the loop to end after what is under way (a signal handler)."""
        self._stopping = True

    def run(self, ready: Flag) -> None:
        """Judge until stopped; `ready` is set once every worker has answered."""
        answered: set[str] = set()
        draining = False
        while not (draining and self._drained()):
            self._look()
            draining = self._stopping or self._other_content()
            for lane in list(self._lanes.values()):
                self._feed(lane, draining=draining)
            answered.update(self._answers())
            if answered >= self._lanes.keys():
                ready.set()
            if draining and not self._stopping and self._drained():
                self._end()
                self._begin(list(self._lanes))
        self._end()

    def _drained(self) -> bool:
        """Nothing under way, and nothing waits for the lake but what it refuses."""
        return all(
            not lane.open and (not lane.waiting or (self._stopping and lane.refused_at is not None))
            for lane in self._lanes.values()
        )

    def _end(self) -> None:
        for lane in self._lanes.values():
            lane.worker.close()

    def _look(self) -> None:
        """Now and then: dead letters of the edge, and time passing."""
        if self._clock.monotonic() - self._looked < LOOK_EVERY:
            return
        self._looked = self._clock.monotonic()
        self._look_for_news()
        self._judge.let_time_pass()
        self._judge.take_past()
        self._judge.take_history()
        self._tell_accounts()
        rejects = self._spool.read(DEAD, self._state.cursor(DEAD, "think"))
        if rejects is not None:
            release(self._site.spool, DEAD, self._judge.take_dead_letters(DEAD, rejects))
        applied = self._state.applied_content()
        if applied is not None:
            self._applied = applied.content_id

    def _tell_accounts(self) -> None:
        """Where the records of every source are, for Prometheus."""
        if self._clock.monotonic() - self._told < TELL_EVERY:
            return
        self._told = self._clock.monotonic()
        for account in accounts(self._state.intake.counters()):
            for place, number in account.places():
                metrics.records.labels(account.source_id, place).set(number)

    def _other_content(self) -> bool:
        """Whether other content is in force, and the lake takes what was judged under the old."""
        if self._applied == self._judge.content_id:
            return False
        lanes = self._lanes.values()
        return all(lane.refused_at is None and lane.behind_since is None for lane in lanes)

    def _feed(self, lane: Lane, *, draining: bool) -> None:
        now = self._clock.monotonic()
        lane.flush_if_due(now, self._site.settings.lake, at_once=draining)
        if lane.is_due(now) and not lane.open:
            lane.worker.close()
            self._lanes[lane.partition] = self._lane(lane.partition)
        while not draining and lane.may_observe(now):
            lane.ask("observe", self._news_for(lane))

    def _news_for(self, lane: Lane) -> dict[str, object]:
        """What changed of what an observer works with, since it was last told."""
        sent = self._sent.get(lane.partition, News())
        news = self._sent[lane.partition] = self._news._replace(clocks=self._judge.clocks_version)
        told: dict[str, object] = {}
        if news.clocks != sent.clocks:
            told["clocks"] = msgspec.to_builtins(self._judge.clocks)
        if (news.context, news.windows) != (sent.context, sent.windows):
            told["context"] = news.context
            told["windows"] = msgspec.to_builtins(news.windows)
        if news.indicators != sent.indicators:
            told["indicators"] = news.indicators
        return told

    def _look_for_news(self) -> None:
        """Whether other context or other indicators are in force."""
        index = index_in_force(self._site, self._state)
        context = "" if index is None else str(index)
        windows = self._judge.windows
        if (context, windows) != (self._news.context, self._news.windows):
            self._judge.know(open_index(index, windows))
        table = self._state.intelligence.current_table()
        self._news = News(context=context, windows=windows, indicators=table)

    def _note_table(self, lane: Lane, reply: Reply) -> None:
        """Note from where on a partition is observed with a table: its past is searched apart."""
        table = reply.args["indicators"]
        if self._tables.get(lane.partition, "") != table:
            self._tables[lane.partition] = table
            # What was judged and is only observed again for the lake is searched with the past.
            first = max(reply.args.get("first", 0), lane.judged + 1)
            self._state.intelligence.took(lane.partition, table, first)

    def _answers(self) -> set[str]:
        """Take the answers that are there; the partitions they came from."""
        by_connection = {lane.worker.connection: lane for lane in self._lanes.values()}
        answered = set()
        for connection in wait(list(by_connection), timeout=0.5):
            lane = by_connection[connection]  # type: ignore[index]  # returns what it was given
            self._take(lane, lane.worker.receive())
            answered.add(lane.partition)
        return answered

    def _take(self, lane: Lane, reply: Reply) -> None:
        kind = lane.open.pop(reply.task)
        if kind == "flush":
            if lane.flushed(reply, self._clock.monotonic(), self._site.settings.lake):
                crash.point("core.lake-flushed")
                self._judge.stored(lane.partition, reply)
                release(self._site.spool, lane.partition, reply.args["upto"])
        elif reply.error:
            raise TocsinError(reply.error)
        elif kind in ("settle", "forget"):
            lane.settled(reply)
        else:
            self._note_table(lane, reply)
            if reply.args["rows"]:
                self._judge_batch(lane, reply)

    def _judge_batch(self, lane: Lane, reply: Reply) -> None:
        last = reply.args["last"]
        if last <= lane.judged:
            repeats = self._judge.repeats(lane.partition, reply)
        else:
            repeats = self._judge.judge(lane.partition, reply)
            lane.judged = last
        if lane.behind_since is None:
            lane.upto = last
            lane.ask("settle", {"batch": reply.task, "duplicates": repeats})
        else:
            lane.ask("forget", {"batch": reply.task})


def _put_content_in_force(site: Site) -> None:
    """The first start applies what lies on disk; later ones only say that it differs.

    What ships was checked when it was built; what the site has of its own is checked here. A rule
    that cannot be used is told of and left out: the others detect without it.
    """
    if is_applied(site):
        if plan_apply(site)[1]:
            log.warning("content on disk differs from what is in force; `tocsin apply` shows how")
        return
    content = disk_content(site)
    own = any(file.layer != "shipped" for file in content.files)
    if not own:
        put_in_force(site, content, "tocsin up")
        return
    for problem in put_first(site, content, "tocsin up"):
        log.error("rule left out", where=problem.where, problem=problem.message)


def _warn_of_inputs(site: Site) -> None:
    """Say what of the inputs cannot work, once; `tocsin check` says the same."""
    known = list(source_files(applied_content(site)))
    for problem in input_problems(site, known):
        log.warning("input", problem=problem.message, where=problem.where)


def run_core(site: Site, partitions: Sequence[str], ready: Flag) -> None:
    """Body of the process."""
    speak(site.settings.log.level)
    metrics.restarts.labels("core").inc()
    _put_content_in_force(site)
    core = Core(site, partitions, SystemClock())
    signal.signal(signal.SIGTERM, core.stop)
    _warn_of_inputs(site)
    try:
        core.run(ready)
    finally:
        ready.clear()
