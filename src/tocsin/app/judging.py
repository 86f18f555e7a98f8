"""T1: what an observed batch leads to becomes true in one state transaction, or not at all.

INVARIANT  findings, incidents, counts, dead letters, the journal's record and cursor.think of a
           batch become durable together.
INVARIANT  a batch that was judged before is observed again only for the lake.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin import flow
from tocsin.app import accounts, metrics
from tocsin.app.arrow import from_bytes
from tocsin.app.keeping import Keeper
from tocsin.app.readiness import MEMORY, Readiness
from tocsin.app.readiness import PAST as PAST_QUALITY
from tocsin.app.telling import Teller
from tocsin.app.watermark import Watermark
from tocsin.app.workers import Reply
from tocsin.correlate.grouping import Grouping
from tocsin.correlate.incidents import IncidentFold
from tocsin.correlate.sides import cell_of
from tocsin.detect.exceptions import Standings
from tocsin.detect.sigma.plan import Plan
from tocsin.detect.sigma.windows.fold import NO_OFFSET, WindowsFold
from tocsin.enrich.context import ContextIndex
from tocsin.model.content import ContentSet
from tocsin.model.context import Fact
from tocsin.model.decisions import Constraints
from tocsin.model.envelope import BATCH_ROWS
from tocsin.model.findings import findings_from_arrow, findings_to_arrow
from tocsin.model.incidents import Incident, incident_from_bytes
from tocsin.model.ports import Clock
from tocsin.model.sources import SourceSpec
from tocsin.model.stages import Fold, HostClock, Opened
from tocsin.store import State
from tocsin.store.casebook import DECISIONS
from tocsin.store.think import SourceCount, Think

QUIET = 30_000_000
"""Microseconds without any batch after which time itself moves the watermark."""

QUIET_FOR = 60 * 60 * 1_000_000
"""Microseconds after the last batch, and the longest window, for which it does."""

STEP = 10_000_000
"""Microseconds that time must have come further before what waits for it is looked at again."""

PAST = 1_000
"""Findings in stored events that are taken up in one transaction."""

HISTORY_PARTS = 16
"""Batches of a backfill whose quality is added in one transaction."""

STREAM = "stream"
"""The feed of windows that events open."""
KEPT_WINDOWS = 24 * 60 * 60 * 1_000_000
"""Microseconds for which a window that is over is still known: events may come late."""
MOST_WINDOWS = 1_000
"""Windows that are known beside the index; the next load of context takes all of them in."""

MOST_CLOCKS = 50_000
"""Hosts whose clock is remembered; the names come from logs, so there must be an end."""

CLOCKS = "host-clock"
"""The fold that remembers each host's clock."""


class _Changes(NamedTuple):
    incidents: list[Incident]
    joined: list[tuple[str, str]]
    concluded: int
    """Findings of correlation rules, new or amended."""


class Judge:
    """Turns observed batches into state."""

    def __init__(self, state: State, site: str, clock: Clock) -> None:
        self.content_id = ""
        self._windows = WindowsFold(())
        self._known = flow.Known()
        self.windows: tuple[Fact, ...] = tuple(
            fact
            for fact in state.context.of_feed(STREAM)
            if fact.until + KEPT_WINDOWS > clock.now()
        )[-MOST_WINDOWS:]
        """Windows of privileged access that the stream opened lately."""
        self._readiness = Readiness(state.fold_states(MEMORY))
        self._state = state
        self._site = site
        self._clock = clock
        taken = int(state.fold_states(DECISIONS).get("taken", b"0"))
        made = (one for one in state.casebook.decisions() if one.number <= taken)
        self._fold = IncidentFold(constraints=Constraints(made))
        self._kept = Keeper(state, self._fold, site)
        self._teller = Teller(state.casebook.incidents(1_000))
        self._watermark = Watermark(2 * QUIET)
        self._delays: Mapping[str, int] = {}
        self._longest = self._stepped_to = 0
        self._judged_at = self._stepped_at = clock.now()
        self.clocks = {
            host: msgspec.msgpack.decode(data, type=HostClock)
            for host, data in state.fold_states(CLOCKS).items()
        }
        self.clocks_version = 1 if self.clocks else 0

    def work_with(
        self,
        content: ContentSet,
        plan: Plan,
        standings: Standings,
        grouping: Grouping,
        sources: Sequence[SourceSpec],
    ) -> None:
        """Judge by this content from now on; `sources` are those that it declares.

        A correlation rule that changed starts anew: its state has another name.
        """
        self.content_id = content_id = content.content_id
        self._delays = {one.id: one.delay * 1_000_000 for one in sources if one.delay}
        self._readiness.work_with(content, sources)
        self._longest = max((one.timespan for one in plan.correlations), default=0)
        self._known = self._known._replace(standings=standings)
        self._fold.grouping = grouping
        self._windows = WindowsFold(
            plan.correlations, content_id=content_id, standing_of=plan.standing_of
        )

    def know(self, surroundings: ContextIndex) -> None:
        """Judge with this context from now on."""
        self._known = self._known._replace(surroundings=surroundings)

    def repeats(self, partition: str, reply: Reply) -> list[int]:
        """Offsets of the repeats in a batch that was judged before."""
        with self._state.think(partition) as tx:
            return _known(tx, from_bytes(reply.parts["identities"])).offsets

    def judge(self, partition: str, reply: Reply) -> list[int]:
        """Make a batch true; returns the offsets of its repeats."""
        now, began = self._clock.now(), self._clock.monotonic()
        self._judged_at = now
        args = reply.args
        identities = from_bytes(reply.parts["identities"])
        rejects = from_bytes(reply.parts["rejects"])
        with self._state.think(partition) as tx:
            known = _known(tx, identities)
            repeats = known.offsets
            findings = _without(from_bytes(reply.parts["findings"]), known.live)
            shown = flow.shown(findings)
            fresh = tx.add_findings(findings_from_arrow(_without(shown, known.past)))
            # What a backfill found is history until the event comes in live.
            tx.amend_findings(findings_from_arrow(_only(shown, known.past)))
            newest = _newest(identities)
            more = args["rows"] >= BATCH_ROWS
            self._watermark.see(partition, newest, args["received_at"], now, more=more)
            changes = self._correlate(tx, findings, now)
            repeated = _only(identities, repeats)
            self._readiness.take(
                tx,
                from_bytes(reply.parts["quality"]),
                Counter(repeated.column("source_id").to_pylist()),
                watermark=self._watermark.time,
                now=now,
            )
            tx.add_rejects(rejects)
            tx.count(args["counts"])
            tx.count(accounts.judged(args["counts"], repeated, rejects))
            tx.see_sources(_sources(_without(identities, repeats), args["received_at"]))
            tx.put_fold_states(CLOCKS, self._merge(args["clocks"]))
            self._open_windows(args.get("windows", ()), repeats, now)
            body = {
                "first": args["first"],
                "last": args["last"],
                "events": args["rows"],
                "findings": shown.num_rows,
                "concluded": changes.concluded,
                "duplicates": len(repeats),
                "dead_letters": rejects.num_rows,
                "content": self.content_id,
            }
            tx.journal(now, "core", "batch", subject=partition, body=body)
            tx.set_cursor("think", args["last"])
        metrics.events.labels(partition).inc(args["rows"])
        metrics.findings.inc(fresh)
        metrics.rejects.inc(rejects.num_rows)
        metrics.duplicates.inc(len(repeats))
        metrics.judge_seconds.inc(self._clock.monotonic() - began)
        self._teller.tell(changes.incidents, changes.joined)
        return repeats

    def _open_windows(self, opened: Sequence[Any], repeats: Sequence[int], now: int) -> None:
        """Keep windows of privileged access, and know of them from here on."""
        found = [
            Fact(STREAM, STREAM, w.key, w.since or now, w.until or now, now, w.body)
            for offset, w in ((o.offset, o.window) for o in msgspec.convert(opened, list[Opened]))
            if offset not in repeats
        ]
        if found:
            self._state.context.add(found)
            live = (fact for fact in self.windows if fact.until + KEPT_WINDOWS > now)
            self.windows = (*live, *found)[-MOST_WINDOWS:]

    def take_decisions(self) -> None:
        """Do what people decided about incidents since the last look."""
        book, fold = self._state.casebook, self._fold
        if book.last_decision() <= fold.constraints.count:
            return
        with self._state.think(fold.name) as tx:
            made = book.decisions()
            new = [one for one in made if one.number > fold.constraints.count and one.blocks]
            named = {one for decision in new for one in decision.incident_ids}
            found = [one for one in map(book.incident, sorted(named)) if one is not None]
            bodies = {one.incident_id: list(book.findings(one.incident_id)) for one in found}
            data, output = fold.decide(fold.snapshot(), Constraints(made), bodies)
            self._kept.keep(tx, data)
            tx.put_fold_states(DECISIONS, {"taken": b"%d" % made[-1].number})
            changes = self._store(tx, [output])
        self._teller.tell(changes.incidents, changes.joined)

    def take_past(self) -> None:
        """Take up findings that newer intelligence made in stored events."""
        found = self._state.intelligence.pending(PAST)
        if not found:
            return
        now = self._clock.now()
        rows = flow.shown(findings_to_arrow([(NO_OFFSET, finding) for _, finding in found]))
        with self._state.think("intelligence") as tx:
            fresh = tx.add_findings(findings_from_arrow(rows))
            changes = self._correlate(tx, rows, now)
            body = {"findings": fresh, "content": self.content_id}
            tx.journal(now, "core", "match-back", subject="intelligence", body=body)
            self._state.intelligence.settled(number for number, _ in found)
        metrics.findings.inc(fresh)
        self._teller.tell(changes.incidents, changes.joined)

    def take_history(self) -> None:
        """Add up quality that backfills counted: core alone judges sources."""
        waiting = self._state.fold_states(PAST_QUALITY, limit=HISTORY_PARTS)
        if not waiting:
            return
        with self._state.think(PAST_QUALITY) as tx:
            for body in waiting.values():
                rows, mark = from_bytes(body), self._watermark.time
                self._readiness.take(tx, rows, {}, watermark=mark, now=self._clock.now())
            tx.put_fold_states(PAST_QUALITY, dict.fromkeys(waiting))

    def let_time_pass(self) -> None:
        """Take up decisions; while nothing comes in, decide what waited for company."""
        self.take_decisions()
        now = self._clock.now()
        if self._readiness.is_due(now):
            with self._state.think(MEMORY) as tx:
                self._readiness.let_time_pass(tx, watermark=self._watermark.time, now=now)
        if now - self._stepped_at < STEP:
            return
        self._stepped_at = now
        quiet = now - self._judged_at
        if QUIET <= quiet <= QUIET_FOR + self._longest:
            self._watermark.advance(now)
        if self._watermark.time - self._stepped_to < STEP:
            return
        self._stepped_to = self._watermark.time
        with self._state.think(self._fold.name) as tx:
            said = self._step_all(tx, self._windows, self._window_mark(), now)
            concluded = flow.stand(said, self._known)
            tx.amend_findings(findings_from_arrow(flow.shown(concluded)))
            outputs = self._group(tx, concluded)
            outputs.append(self._kept.step(tx, flow.NO_FINDINGS, self._incident_mark()))
            changes = self._store(tx, outputs, concluded.num_rows)
        self._teller.tell(changes.incidents, changes.joined)

    def _incident_mark(self) -> int:
        return max(0, self._watermark.time - flow.LATENESS)

    def _window_mark(self) -> int:
        """The watermark of correlation rules: the source that delivers latest decides."""
        delays = [self._delays.get(source, 0) for source in self._watermark.sources()]
        return max(0, self._watermark.time - max(flow.WINDOW_LATENESS, *delays, 0))

    def _step_all(self, tx: Think, fold: Fold, watermark: int, now: int) -> list[pa.RecordBatch]:
        """Tell every key of a fold that time has passed; what it says."""
        changed: dict[str, bytes | None] = {}
        outputs: list[pa.RecordBatch] = []
        for key, state in tx.all_fold_states(fold.name).items():
            changed[key], output = fold.step(state, flow.NO_FINDINGS, watermark=watermark, now=now)
            outputs.append(output)
            if changed[key] == state:
                del changed[key]
        tx.put_fold_states(fold.name, changed)
        return outputs

    def stored(self, partition: str, reply: Reply) -> None:
        """What a flush made durable: the lake's cursor and the accounts move together."""
        with self._state.think(partition) as tx:
            tx.count(accounts.settled(accounts.STORED, reply.args["sources"]))
            tx.count(accounts.settled(accounts.DROPPED, reply.args["dropped"]))
            tx.set_cursor("lake", reply.args["upto"])

    def take_dead_letters(self, partition: str, rejects: pa.RecordBatch) -> int:
        """Move what the edge refused from the spool into the state; the last offset taken."""
        last: int = rejects.column("offset")[-1].as_py()
        with self._state.think(partition) as tx:
            tx.add_rejects(rejects)
            tx.count(accounts.unread(rejects))
            first = rejects.column("offset")[0].as_py()
            body = {"first": first, "last": last, "dead_letters": rejects.num_rows}
            tx.journal(self._clock.now(), "core", "dead-letters", subject=partition, body=body)
            tx.set_cursor("think", last)
        metrics.rejects.inc(rejects.num_rows)
        return last

    def _correlate(self, tx: Think, findings: pa.RecordBatch, now: int) -> _Changes:
        """Fold findings into what correlation rules say, and all of them into incidents."""
        if not findings.num_rows:
            return _Changes([], [], 0)
        keys = self._windows.key(self._windows.feeds(findings)).to_pylist()
        states = tx.fold_states(self._windows.name, keys)
        changed, concluded = flow.conclude(
            states, findings, self._windows, self._known, watermark=self._window_mark(), now=now
        )
        tx.put_fold_states(self._windows.name, changed)
        self._count(tx, self._windows.counts)
        tx.amend_findings(findings_from_arrow(flow.shown(concluded)))
        both = pa.concat_batches([findings, concluded])
        grouped = self._group(tx, both)
        return self._store(tx, grouped, concluded.num_rows)

    def _count(self, tx: Think, counts: Mapping[str, int]) -> None:
        """What could not be used as it should, where people and Prometheus see it."""
        tx.count({name: n for name, n in counts.items() if n})
        for name, n in counts.items():
            metrics.late.labels(name).inc(n)

    def _group(self, tx: Think, findings: pa.RecordBatch) -> list[pa.RecordBatch]:
        """Incidents that findings made or changed."""
        findings = flow.open_ones(findings)
        if not findings.num_rows:
            return []
        output = self._kept.step(tx, findings, self._incident_mark())
        self._count(tx, {"late-findings": self._fold.late})
        return [output]

    def _store(self, tx: Think, outputs: Sequence[pa.RecordBatch], concluded: int = 0) -> _Changes:
        """Store what correlation changed; what it left, as it now stands."""
        changes = _Changes([], [], concluded)
        for output in outputs:
            ends = pc.is_valid(output.column("alias_of"))
            tx.apply_incident_changes(output.filter(pc.invert(ends)))
            for change in output.to_pylist():
                if change["moved_from"] is not None:
                    self._move(change)
                elif change["alias_of"] is not None:
                    changes.joined.append((change["incident_id"], change["alias_of"]))
                elif change["body"] is not None:
                    changes.incidents.append(incident_from_bytes(change["body"]))
            tx.apply_incident_changes(output.filter(ends))
        return changes

    def _move(self, change: dict[str, Any]) -> None:
        """Findings that a decision keeps apart follow their cell into another incident."""
        cells, constraints = set(change["moved_cells"]), self._fold.constraints
        self._state.casebook.move(
            change["incident_id"],
            change["moved_from"],
            lambda finding: cell_of(finding, constraints) in cells,
        )

    def _merge(self, clocks: dict[str, Any]) -> dict[str, bytes | None]:
        """Take over estimates from more records than what is known; the ones that changed."""
        changed: dict[str, bytes | None] = {}
        for host, estimate in msgspec.convert(clocks, dict[str, HostClock]).items():
            known = self.clocks.get(host)
            if known is None and len(self.clocks) >= MOST_CLOCKS:
                continue
            if known is None or (
                known.offset != estimate.offset and known.samples <= estimate.samples
            ):
                self.clocks[host] = estimate
                changed[host] = msgspec.msgpack.encode(estimate)
        self.clocks_version += bool(changed)
        return changed


class _Known(NamedTuple):
    """Offsets of events that came before: `live`, or with a backfill (`past`)."""

    live: list[int]
    past: list[int]

    @property
    def offsets(self) -> list[int]:
        """All of them: the lake has these events."""
        return sorted({*self.live, *self.past})


def _known(tx: Think, identities: pa.RecordBatch) -> _Known:
    columns = identities.to_pydict()
    uids, offsets = columns["event_uid"], columns["offset"]
    past = tx.seen_in_history(uids)
    live = tx.first_seen(uids, offsets, columns["source_id"], columns["time"])
    return _Known(live, [n for n, uid in zip(offsets, uids, strict=True) if uid in past])


def _without(rows: pa.RecordBatch, offsets: list[int]) -> pa.RecordBatch:
    """Rows whose event is not a repeat."""
    if not offsets or not rows.num_rows:
        return rows
    repeated = pc.is_in(rows.column("offset"), pa.array(offsets, pa.int64()))
    return rows.filter(pc.invert(repeated))


def _only(rows: pa.RecordBatch, offsets: list[int]) -> pa.RecordBatch:
    """Rows whose event is a repeat."""
    return rows.filter(pc.is_in(rows.column("offset"), pa.array(offsets, pa.int64())))


def _newest(identities: pa.RecordBatch) -> dict[str, int]:
    """The newest event time (us UTC) of each source in a batch."""
    table = pa.Table.from_batches([identities]).group_by("source_id")
    rows = table.aggregate([("time", "max")]).to_pylist()
    return {row["source_id"]: row["time_max"] for row in rows}


def _sources(identities: pa.RecordBatch, received_at: int) -> list[SourceCount]:
    table = pa.Table.from_batches([identities]).group_by("source_id")
    rows = table.aggregate([("time", "max"), ("offset", "count")]).to_pylist()
    return [
        SourceCount(
            row["source_id"], row["offset_count"], received_at, received_at, row["time_max"]
        )
        for row in rows
    ]
