"""T1: what an observed batch leads to becomes true in one state transaction, or not at all.

INVARIANT  findings, incidents, counts, dead letters, the journal's record and cursor.think of a
           batch become durable together.
INVARIANT  a batch that was judged before is observed again only for the lake.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin import flow
from tocsin.app import metrics
from tocsin.app.arrow import from_bytes
from tocsin.app.telling import Teller
from tocsin.app.workers import Reply
from tocsin.correlate.incidents import IncidentFold
from tocsin.model.findings import findings_from_arrow
from tocsin.model.incidents import Incident, incident_from_bytes
from tocsin.model.ports import Clock
from tocsin.model.stages import HostClock
from tocsin.store import State
from tocsin.store.think import SourceCount, Think

QUIET = 30_000_000
"""Microseconds without any batch after which time itself moves the watermark."""

QUIET_FOR = 30 * 60 * 1_000_000
"""Microseconds after the last batch for which it does: then nothing waits for company any more."""

MOST_CLOCKS = 50_000
"""Hosts whose clock is remembered; the names come from logs, so there must be an end."""

CLOCKS = "host-clock"
"""The fold that remembers each host's clock."""


class _Changes(NamedTuple):
    incidents: list[Incident]
    joined: list[tuple[str, str]]


class Judge:
    """Turns observed batches into state."""

    def __init__(self, state: State, site: str, clock: Clock) -> None:
        self.content_id = ""
        self._state = state
        self._site = site
        self._clock = clock
        self._fold = IncidentFold()
        self._teller = Teller(state.casebook.incidents(1_000))
        self._watermark = 0
        self._judged_at = self._stepped_at = clock.now()
        self.clocks = {
            host: msgspec.msgpack.decode(data, type=HostClock)
            for host, data in state.fold_states(CLOCKS).items()
        }
        self.clocks_version = 1 if self.clocks else 0

    def repeats(self, partition: str, reply: Reply) -> list[int]:
        """Offsets of the repeats in a batch that was judged before."""
        with self._state.think(partition) as tx:
            return _first_seen(tx, from_bytes(reply.parts["identities"]))

    def judge(self, partition: str, reply: Reply) -> list[int]:
        """Make a batch true; returns the offsets of its repeats."""
        now, began = self._clock.now(), self._clock.monotonic()
        self._judged_at = now
        args = reply.args
        identities = from_bytes(reply.parts["identities"])
        rejects = from_bytes(reply.parts["rejects"])
        with self._state.think(partition) as tx:
            repeats = _first_seen(tx, identities)
            findings = _without(from_bytes(reply.parts["findings"]), repeats)
            fresh = tx.add_findings(findings_from_arrow(findings))
            changes = self._correlate(tx, findings, args["received_at"], now)
            tx.add_rejects(rejects)
            tx.count({**args["counts"], "duplicates": len(repeats)})
            tx.see_sources(_sources(_without(identities, repeats), args["received_at"]))
            tx.put_fold_states(CLOCKS, self._merge(args["clocks"]))
            body = {
                "first": args["first"],
                "last": args["last"],
                "events": args["rows"],
                "findings": findings.num_rows,
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

    def let_time_pass(self) -> None:
        """While nothing comes in, decide what waited for company."""
        now = self._clock.now()
        quiet = now - self._judged_at
        if quiet < QUIET or quiet > QUIET_FOR or now - self._stepped_at < QUIET:
            return
        self._stepped_at = now
        self._watermark = max(self._watermark, now - flow.LATENESS)
        with self._state.think(self._fold.name) as tx:
            states = tx.fold_states(self._fold.name, [self._site])
            changed: dict[str, bytes | None] = {}
            outputs: list[pa.RecordBatch] = []
            for key, state in states.items():
                changed[key], output = self._fold.step(
                    state, flow.NO_FINDINGS, watermark=self._watermark, now=now
                )
                outputs.append(output)
            tx.put_fold_states(self._fold.name, changed)
            changes = _store(tx, outputs)
        self._teller.tell(changes.incidents, changes.joined)

    def take_dead_letters(self, partition: str, rejects: pa.RecordBatch) -> int:
        """Move what the edge refused from the spool into the state; the last offset taken."""
        last: int = rejects.column("offset")[-1].as_py()
        with self._state.think(partition) as tx:
            tx.add_rejects(rejects)
            first = rejects.column("offset")[0].as_py()
            body = {"first": first, "last": last, "dead_letters": rejects.num_rows}
            tx.journal(self._clock.now(), "core", "dead-letters", subject=partition, body=body)
            tx.set_cursor("think", last)
        metrics.rejects.inc(rejects.num_rows)
        return last

    def _correlate(
        self, tx: Think, findings: pa.RecordBatch, received_at: int, now: int
    ) -> _Changes:
        """Fold findings into incidents."""
        if not findings.num_rows:
            return _Changes([], [])
        newest = pc.max(findings.column("time")).as_py()
        self._watermark = max(self._watermark, min(newest, received_at) - flow.LATENESS)
        states = tx.fold_states(self._fold.name, self._fold.key(findings).to_pylist())
        changed, outputs = flow.judge(
            states, findings, self._fold, watermark=self._watermark, now=now
        )
        tx.put_fold_states(self._fold.name, changed)
        tx.count({"late-findings": self._fold.late})
        return _store(tx, outputs)

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


def _store(tx: Think, outputs: Sequence[pa.RecordBatch]) -> _Changes:
    """Store what correlation changed; what it left, as it now stands."""
    changes = _Changes([], [])
    for output in outputs:
        tx.apply_incident_changes(output)
        for change in output.to_pylist():
            if change["alias_of"] is not None:
                changes.joined.append((change["incident_id"], change["alias_of"]))
            elif change["body"] is not None:
                changes.incidents.append(incident_from_bytes(change["body"]))
    return changes


def _first_seen(tx: Think, identities: pa.RecordBatch) -> list[int]:
    columns = identities.to_pydict()
    return tx.first_seen(
        columns["event_uid"], columns["offset"], columns["source_id"], columns["time"]
    )


def _without(rows: pa.RecordBatch, offsets: list[int]) -> pa.RecordBatch:
    """Rows whose event is not a repeat."""
    if not offsets or not rows.num_rows:
        return rows
    repeated = pc.is_in(rows.column("offset"), pa.array(offsets, pa.int64()))
    return rows.filter(pc.invert(repeated))


def _sources(identities: pa.RecordBatch, received_at: int) -> list[SourceCount]:
    table = pa.Table.from_batches([identities]).group_by("source_id")
    rows = table.aggregate([("time", "max"), ("offset", "count")]).to_pylist()
    return [
        SourceCount(
            row["source_id"], row["offset_count"], received_at, received_at, row["time_max"]
        )
        for row in rows
    ]
