"""The process that judges: every observed batch becomes true in one state transaction (T1).

INVARIANT  cursor.lake <= cursor.think: an event is judged before it is in the lake.
INVARIANT  what a batch says (findings, incidents, counts, dead letters, journal record) and that
           it was judged (cursor.think) become durable together or not at all.
INVARIANT  a batch that was judged before a restart is observed again only for the lake.

A worker that dies, or a store that refuses, ends this process; the supervisor starts it again and
it goes on from the cursors.
"""

import signal
import sys
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import wait
from multiprocessing.synchronize import Event
from types import FrameType
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import structlog

from tocsin import crash, flow
from tocsin.app import metrics, parts
from tocsin.app.arrow import from_bytes
from tocsin.app.clock import SystemClock
from tocsin.app.content import (
    applied_content,
    apply,
    disk_content,
    is_applied,
    plan_apply,
    put_in_force,
    read_content,
)
from tocsin.app.logs import speak
from tocsin.app.observer import Task, run_observer
from tocsin.app.site import DEAD, Site
from tocsin.app.workers import Reply, Request, Worker
from tocsin.collect.folder import release
from tocsin.collect.reader import SpoolReader
from tocsin.correlate.incidents import IncidentFold
from tocsin.errors import TocsinError
from tocsin.model.content import ContentSet
from tocsin.model.findings import Level, findings_from_arrow
from tocsin.model.incidents import Incident, incident_from_bytes
from tocsin.model.ports import Clock
from tocsin.model.stages import HostClock
from tocsin.model.text import visible
from tocsin.store import State
from tocsin.store.think import SourceCount, Think

LAKE_RETRY = 5.0
"""Seconds before a lake that refused (disk full) is tried again."""

TOLD_FROM = Level.MEDIUM
"""The level from which a new incident is told on the terminal."""

LOOK_EVERY = 0.5
"""Seconds between two looks at dead letters and at which content is in force."""

STORY = 600
"""Characters of an incident's story on the terminal; `tocsin incidents ID` has all of it."""

QUIET = 30_000_000
"""Microseconds without any batch after which time itself moves the watermark."""

CONTENT = "content"
"""The fold that remembers which content core works with."""

MOST_CLOCKS = 50_000
"""Hosts whose clock is remembered; the names come from logs, so there must be an end."""

CLOCKS = "host-clock"
"""The fold that remembers each host's clock."""

log = structlog.get_logger()


@dataclass(slots=True)
class Lane:
    """One spool partition, the worker that observes it, and how far each part is."""

    partition: str
    worker: Worker
    judged: int
    upto: int
    """The last offset whose batch the worker was told to settle."""
    last_flush: float
    next_task: int = 0
    open: dict[int, str] = field(default_factory=dict)
    waiting: int = 0
    flushing: bool = False
    retry_at: float = 0.0

    def ask(self, kind: str, args: dict[str, object] | None = None) -> None:
        """Send one request."""
        self.worker.send(Request(kind, self.next_task, args or {}))
        self.open[self.next_task] = kind
        self.next_task += 1

    @property
    def observing(self) -> int:
        """Observe requests under way."""
        return sum(kind == "observe" for kind in self.open.values())


class Core:
    """Judges what the workers observe."""

    def __init__(self, site: Site, partitions: Sequence[str], clock: Clock) -> None:
        self._site = site
        self._state = State(site.state)
        self._clock = clock
        self._fold = IncidentFold()
        self._clocks = {
            host: msgspec.msgpack.decode(data, type=HostClock)
            for host, data in self._state.fold_states(CLOCKS).items()
        }
        self._clocks_sent: dict[str, int] = {}
        self._clocks_version = 1 if self._clocks else 0
        self._stopping = False
        self._watermark = 0
        self._judged_at, self._unsettled = clock.now(), True
        self._told: dict[str, Level] = {}
        self._looked = clock.monotonic()
        self._spool = SpoolReader(site.spool)
        self._begin(partitions)

    def _begin(self, partitions: Sequence[str]) -> None:
        """Start a worker per partition with the content in force."""
        content = self._content_to_use(partitions)
        self._content_id = content.content_id
        self._clocks_sent = {}
        setup = parts.prepare(content, parts.rule_files(content, None), self._site.plans)
        self._lanes = {name: self._lane(name, setup) for name in partitions}

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

    def _lane(self, partition: str, setup: parts.Setup) -> Lane:
        judged, stored = (self._state.cursor(partition, kind) for kind in ("think", "lake"))
        task = Task(
            setup=setup,
            site=self._site.settings.site,
            spool=str(self._site.spool),
            lake=str(self._site.lake),
            partition=partition,
            start=stored,
            settled=judged,
        )
        worker = Worker(run_observer, task)
        log.info("started", part="observer", partition=partition, pid=worker.pid)
        return Lane(partition, worker, judged, stored, self._clock.monotonic())

    def stop(self, _number: int, _frame: FrameType | None) -> None:
        """Ask the loop to end after what is under way (a signal handler)."""
        self._stopping = True

    def run(self, ready: Event) -> None:
        """Judge until stopped; `ready` is set once every worker has answered."""
        while not self._stopping:
            self._rounds(ready)
            if not self._stopping:
                self._begin(list(self._lanes))

    def _rounds(self, ready: Event) -> None:
        """Judge until stopped or other content is in force; then drain and end the workers."""
        answered: set[str] = set()
        draining = False
        while not draining or any(lane.open or lane.waiting for lane in self._lanes.values()):
            draining = draining or self._stopping
            if self._clock.monotonic() - self._looked > LOOK_EVERY:
                self._looked = self._clock.monotonic()
                self._take_dead_letters()
                self._settle_quiet()
                draining = draining or self._content_changed()
            for lane in self._lanes.values():
                self._feed(lane, draining=draining)
            by_connection = {lane.worker.connection: lane for lane in self._lanes.values()}
            for connection in wait(list(by_connection), timeout=0.5):
                lane = by_connection[connection]  # type: ignore[index]  # returns what it was given
                self._take(lane, lane.worker.receive())
                answered.add(lane.partition)
            if len(answered) == len(self._lanes):
                ready.set()
        for lane in self._lanes.values():
            lane.worker.close()

    def _content_changed(self) -> bool:
        applied = self._state.applied_content()
        return applied is not None and applied.content_id != self._content_id

    def _feed(self, lane: Lane, *, draining: bool) -> None:
        now, lake = self._clock.monotonic(), self._site.settings.lake
        due = draining or now - lane.last_flush >= lake.commit_seconds
        full = lane.waiting >= lake.commit_rows
        if lane.waiting and not lane.flushing and now >= lane.retry_at and (due or full):
            lane.flushing = True
            lane.ask("flush", {"upto": lane.upto})
        while not draining and lane.observing < 2:  # noqa: PLR2004  # one ahead of the other
            lane.ask("observe", self._news_for(lane))

    def _news_for(self, lane: Lane) -> dict[str, object]:
        if self._clocks_sent.get(lane.partition, 0) == self._clocks_version:
            return {}
        self._clocks_sent[lane.partition] = self._clocks_version
        return {"clocks": msgspec.to_builtins(self._clocks)}

    def _take(self, lane: Lane, reply: Reply) -> None:
        kind = lane.open.pop(reply.task)
        if kind == "flush":
            self._flushed(lane, reply)
        elif reply.error:
            raise TocsinError(reply.error)
        elif kind == "settle":
            lane.waiting = reply.args["waiting"]
            metrics.waiting_for_lake.labels(lane.partition).set(lane.waiting)
        elif reply.args["rows"]:
            self._judge(lane, reply)

    def _judge(self, lane: Lane, reply: Reply) -> None:
        identities = from_bytes(reply.parts["identities"])
        if reply.args["last"] <= lane.judged:
            with self._state.think(lane.partition) as tx:
                duplicates = _first_seen(tx, identities)
        else:
            duplicates = self._transact(lane, reply, identities)
            lane.judged = reply.args["last"]
            metrics.events.labels(lane.partition).inc(reply.args["rows"])
        lane.upto = reply.args["last"]
        lane.ask("settle", {"batch": reply.task, "duplicates": duplicates})

    def _transact(self, lane: Lane, reply: Reply, identities: pa.RecordBatch) -> list[int]:
        now, began = self._clock.now(), self._clock.monotonic()
        self._judged_at, self._unsettled = now, True
        args = reply.args
        rejects = from_bytes(reply.parts["rejects"])
        with self._state.think(lane.partition) as tx:
            duplicates = _first_seen(tx, identities)
            findings = _without(from_bytes(reply.parts["findings"]), duplicates)
            fresh = tx.add_findings(findings_from_arrow(findings))
            changes = self._correlate(tx, findings, args["received_at"], now)
            tx.add_rejects(rejects)
            tx.count({**args["counts"], "duplicates": len(duplicates)})
            tx.see_sources(_sources(identities, args["received_at"]))
            clocks = self._merge(args["clocks"])
            tx.put_fold_states(CLOCKS, clocks)
            body = {
                "first": args["first"],
                "last": args["last"],
                "events": args["rows"],
                "findings": findings.num_rows,
                "duplicates": len(duplicates),
                "dead_letters": rejects.num_rows,
                "content": self._content_id,
            }
            tx.journal(now, "core", "batch", subject=lane.partition, body=body)
            tx.set_cursor("think", args["last"])
        metrics.findings.inc(fresh)
        metrics.rejects.inc(rejects.num_rows)
        metrics.duplicates.inc(len(duplicates))
        metrics.judge_seconds.inc(self._clock.monotonic() - began)
        self._tell(changes)
        return duplicates

    def _correlate(
        self, tx: Think, findings: pa.RecordBatch, received_at: int, now: int
    ) -> list[Incident]:
        """Fold findings into incidents; the ones that changed, as they now stand."""
        if not findings.num_rows:
            return []
        newest = max(findings.column("time").to_pylist())
        self._watermark = max(self._watermark, min(newest, received_at) - flow.LATENESS)
        states = tx.fold_states(self._fold.name, self._fold.key(findings).to_pylist())
        changed, outputs = flow.judge(
            states, findings, self._fold, watermark=self._watermark, now=now
        )
        tx.put_fold_states(self._fold.name, changed)
        return self._store_changes(tx, outputs)

    def _settle_quiet(self) -> None:
        """Let time pass for incidents while nothing comes in: decide what waited for company."""
        now = self._clock.now()
        if now - self._judged_at < QUIET or not self._unsettled:
            return
        self._unsettled = False
        self._watermark = max(self._watermark, now - flow.LATENESS)
        with self._state.think(self._fold.name) as tx:
            states = tx.fold_states(self._fold.name, [self._site.settings.site])
            changed, outputs = {}, []
            for key, state in states.items():
                changed[key], output = self._fold.step(
                    state, flow.NO_FINDINGS, watermark=self._watermark, now=now
                )
                outputs.append(output)
            tx.put_fold_states(self._fold.name, changed)
            incidents = self._store_changes(tx, outputs)
        self._tell(incidents)

    def _store_changes(self, tx: Think, outputs: Sequence[pa.RecordBatch]) -> list[Incident]:
        """Store what correlation changed; the incidents that it left, as they now stand."""
        for output in outputs:
            tx.apply_incident_changes(output)
            for change in output.to_pylist():
                if change["alias_of"] in self._told:
                    self._joined(change["incident_id"], change["alias_of"])
        bodies = [body for output in outputs for body in output.column("body").to_pylist()]
        return [incident_from_bytes(body) for body in bodies if body is not None]

    def _merge(self, clocks: dict[str, Any]) -> dict[str, bytes | None]:
        """Take over estimates from more records than what is known; the ones that changed."""
        changed: dict[str, bytes | None] = {}
        for host, estimate in msgspec.convert(clocks, dict[str, HostClock]).items():
            known = self._clocks.get(host)
            if known is None or (
                known.offset != estimate.offset and known.samples <= estimate.samples
            ):
                if host not in self._clocks and len(self._clocks) >= MOST_CLOCKS:
                    continue
                self._clocks[host] = estimate
                changed[host] = msgspec.msgpack.encode(estimate)
        self._clocks_version += bool(changed)
        return changed

    def _tell(self, incidents: list[Incident]) -> None:
        for incident in incidents:
            known = self._told.get(incident.incident_id)
            if incident.level.rank < TOLD_FROM.rank or known == incident.level:
                continue
            self._told[incident.incident_id] = incident.level
            metrics.incidents.inc(known is None)
            self._say(incident, "new" if known is None else "worse")

    def _joined(self, incident_id: str, older: str) -> None:
        if self._told.pop(incident_id, None) is not None:
            sys.stdout.write(f"incident {incident_id[:12]} is part of {older[:12]}\n\n")
            sys.stdout.flush()

    def _say(self, incident: Incident, what: str) -> None:
        """Tell an incident to whoever watches the terminal: what, and its story once it is new."""
        at = datetime.fromtimestamp(incident.first / 1_000_000, UTC).strftime("%H:%M:%SZ")
        head = f"{what} incident {incident.incident_id[:12]}  {incident.level.value}"
        tactics = ", ".join(incident.tactics) or "none named"
        lines = [f"{head}  {visible(incident.title)}"]
        lines += [f"  since {at}, findings: {incident.finding_count}, tactics: {tactics}"]
        lines += textwrap.wrap(
            visible(incident.story, STORY), 96, initial_indent="  ", subsequent_indent="  "
        )
        sys.stdout.write("\n".join(lines) + "\n\n")
        sys.stdout.flush()

    def _flushed(self, lane: Lane, reply: Reply) -> None:
        lane.flushing = False
        lane.last_flush = self._clock.monotonic()
        if reply.error:
            lane.retry_at = lane.last_flush + LAKE_RETRY
            log.error("the lake refused; it is tried again", reason=reply.error)
            return
        crash.point("core.lake-flushed")
        lane.waiting = reply.args["waiting"]
        self._state.set_cursor(lane.partition, "lake", reply.args["upto"])
        release(self._site.spool, lane.partition, reply.args["upto"])
        metrics.waiting_for_lake.labels(lane.partition).set(lane.waiting)

    def _take_dead_letters(self) -> None:
        """Move what the edge refused from its partition of the spool into the state."""
        judged = self._state.cursor(DEAD, "think")
        rejects = self._spool.read(DEAD, judged)
        if rejects is None:
            return
        last = rejects.column("offset")[-1].as_py()
        with self._state.think(DEAD) as tx:
            tx.add_rejects(rejects)
            body = {"first": judged + 1, "last": last, "dead_letters": rejects.num_rows}
            tx.journal(self._clock.now(), "core", "dead-letters", subject=DEAD, body=body)
            tx.set_cursor("think", last)
        metrics.rejects.inc(rejects.num_rows)
        release(self._site.spool, DEAD, last)


def _first_seen(tx: Think, identities: pa.RecordBatch) -> list[int]:
    columns = identities.to_pydict()
    return tx.first_seen(
        columns["event_uid"], columns["offset"], columns["source_id"], columns["time"]
    )


def _without(findings: pa.RecordBatch, duplicates: list[int]) -> pa.RecordBatch:
    """Findings whose event is not a repeat."""
    if not duplicates or not findings.num_rows:
        return findings
    repeated = pc.is_in(findings.column("offset"), pa.array(duplicates, pa.int64()))
    return findings.filter(pc.invert(repeated))


def _sources(identities: pa.RecordBatch, received_at: int) -> list[SourceCount]:
    table = pa.Table.from_batches([identities]).group_by("source_id")
    rows = table.aggregate([("time", "max"), ("offset", "count")]).to_pylist()
    return [
        SourceCount(
            row["source_id"], row["offset_count"], received_at, received_at, row["time_max"]
        )
        for row in rows
    ]


def _put_content_in_force(site: Site) -> None:
    """The first start applies what lies on disk; later ones only say that it differs.

    What ships was checked when it was built; what the site has of its own is checked here.
    """
    if is_applied(site):
        if plan_apply(site)[1]:
            log.warning("content on disk differs from what is in force; `tocsin apply` shows how")
        return
    content = disk_content(site)
    own = any(file.layer != "shipped" for file in content.files)
    (apply if own else put_in_force)(site, content, "tocsin up")


def run_core(site: Site, partitions: Sequence[str], ready: Event) -> None:
    """Body of the process."""
    speak(site.settings.log.level)
    _put_content_in_force(site)
    core = Core(site, partitions, SystemClock())
    signal.signal(signal.SIGTERM, core.stop)
    metrics.restarts.labels("core").inc()
    try:
        core.run(ready)
    finally:
        ready.clear()
