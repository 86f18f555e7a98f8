"""READ FIRST: the loop, stage by stage, in the order in which telemetry passes through it.

    observe()   raw records  -> what they say: OCSF events, findings, dead letters, counts
    judge()     findings     -> incidents, as they now stand

`observe` is stateless and runs in a pool of workers; `judge` is a fold over its own state, run by
one process inside one transaction. Neither does input or output: `app` brings the rows and keeps
the results. Acting and learning join here when they exist.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from tocsin.correlate.entities import entities_of
from tocsin.correlate.incidents import IncidentFold
from tocsin.detect.sigma import Matcher, Plan, explain
from tocsin.model.envelope import REJECTS
from tocsin.model.findings import (
    MAX_COPY_BYTES,
    EventCopy,
    Finding,
    finding_id,
    findings_to_arrow,
)
from tocsin.model.records import NativeRecord, Position
from tocsin.model.stages import IDENTITIES, ContextSnapshot, Observed, run_fold
from tocsin.normalize import Normalizer

NO_IDENTITIES = pa.RecordBatch.from_pylist([], schema=IDENTITIES)

LATENESS = 5 * 60 * 1_000_000
"""How far (us) an event may trail the newest one of its partition and still be in time."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a worker has built once: the mappings, the rules and their caches."""

    normalizer: Normalizer
    plan: Plan
    matcher: Matcher


@dataclass(frozen=True, slots=True)
class Decoded:
    """The readable rows of a batch, column by column, and the unreadable ones."""

    records: list[NativeRecord]
    positions: list[Position]
    raws: list[bytes]
    rejects: pa.RecordBatch


def observe(raw: pa.RecordBatch, compiled: Compiled, context: ContextSnapshot) -> Observed:
    """Decode, detect and normalize one batch of `envelope.RAW`; keeps the Observe contract."""
    decoded = decode(raw, compiled.normalizer)
    hits = detect(decoded, compiled, context)
    events, identities = compiled.normalizer.batches(
        decoded.records, decoded.positions, decoded.raws, context
    )
    counts = quality_counts(decoded, compiled)
    clocks = compiled.normalizer.host_clocks(decoded.records)
    return Observed(events, hits, identities, decoded.rejects, counts, clocks)


def look(raw: pa.RecordBatch, compiled: Compiled, context: ContextSnapshot) -> Observed:
    """Decode and detect only: what a hunt needs that keeps no events."""
    decoded = decode(raw, compiled.normalizer)
    hits = detect(decoded, compiled, context)
    return Observed({}, hits, NO_IDENTITIES, decoded.rejects, quality_counts(decoded, compiled))


def decode(raw: pa.RecordBatch, normalizer: Normalizer) -> Decoded:
    """Read every row in its source's shape; what no source recognizes is rejected with a reason."""
    columns = raw.to_pydict()
    raws: list[bytes] = columns["raw"]
    results = list(map(normalizer.decode, raws, columns["source_id"]))
    places = list(
        map(
            Position,
            columns["site"],
            columns["partition"],
            columns["offset"],
            columns["received_at"],
            columns["origin"],
            columns["position"],
        )
    )
    if all(type(result) is NativeRecord for result in results):
        return Decoded(results, places, raws, pa.RecordBatch.from_pylist([], schema=REJECTS))
    good = [i for i, result in enumerate(results) if type(result) is NativeRecord]
    bad = [i for i, result in enumerate(results) if type(result) is not NativeRecord]
    rejects = pa.RecordBatch.from_pylist(
        [
            {
                "partition": places[i].partition,
                "offset": places[i].offset,
                "origin": places[i].origin,
                "position": places[i].position,
                "received_at": places[i].received_at,
                "reason": results[i].reason,
                "detail": results[i].detail,
                "raw": raws[i],
            }
            for i in bad
        ],
        schema=REJECTS,
    )
    return Decoded(
        [results[i] for i in good], [places[i] for i in good], [raws[i] for i in good], rejects
    )


def detect(decoded: Decoded, compiled: Compiled, context: ContextSnapshot) -> pa.RecordBatch:
    """Findings (`findings.FINDINGS`) of every rule on every record, on native fields."""
    hits = compiled.matcher.match(decoded.records, decoded.raws)
    return findings_of(hits, decoded, compiled, context)


def findings_of(
    hits: Sequence[tuple[int, int]], decoded: Decoded, compiled: Compiled, context: ContextSnapshot
) -> pa.RecordBatch:
    """(row, rule) hits with all that a person needs to judge them."""
    return findings_to_arrow(
        [
            (decoded.positions[row].offset, _finding(decoded, row, rule, compiled, context))
            for row, rule in hits
        ]
    )


def _finding(
    decoded: Decoded, row: int, rule_index: int, compiled: Compiled, context: ContextSnapshot
) -> Finding:
    record, position, raw = decoded.records[row], decoded.positions[row], decoded.raws[row]
    rule = compiled.plan.rules[rule_index]
    class_name, event = compiled.normalizer.event(record, position, raw, context)
    uid = event["metadata"]["uid"]
    copy = EventCopy(
        event_uid=uid,
        time=event["tocsin_time"],
        class_name=class_name,
        raw=raw[:MAX_COPY_BYTES].decode("utf-8", "replace"),
        origin=position.origin,
        position=position.position,
    )
    return Finding(
        finding_id=finding_id(rule.rule_id, rule.digest, (uid,)),
        rule_id=rule.rule_id,
        rule_digest=rule.digest,
        title=rule.title,
        level=rule.level,
        techniques=rule.techniques,
        tactics=rule.tactics,
        time=copy.time,
        event_uids=(uid,),
        matched=explain(compiled.plan, rule_index, record),
        entities=entities_of(class_name, event),
        events=(copy,),
        site=position.site,
        source_id=record.source_id,
        content_id=context.content_id,
        received_at=position.received_at,
    )


def quality_counts(decoded: Decoded, compiled: Compiled) -> dict[str, int]:
    """How many records came from which source and go to which class, or were rejected and why."""
    class_of = compiled.normalizer.class_of
    classes = Counter((record.source_id, class_of(record)) for record in decoded.records)
    counts = {f"classified|{source}|{name}": n for (source, name), n in classes.items()}
    for reason, n in Counter(decoded.rejects.column("reason").to_pylist()).items():
        counts[f"rejected||{reason}"] = n
    return counts


def judge(
    states: Mapping[str, bytes], findings: pa.RecordBatch, fold: IncidentFold, *, watermark: int, now: int
) -> tuple[dict[str, bytes | None], Sequence[pa.RecordBatch]]:
    """Group findings into incidents; returns changed fold states and `INCIDENT_CHANGES` batches."""
    return run_fold(fold, states, findings, watermark=watermark, now=now)
