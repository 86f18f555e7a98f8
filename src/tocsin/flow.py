"""READ FIRST: the loop, stage by stage, in the order in which telemetry passes through it.

    observe()   raw records  -> what they say: OCSF events, findings, dead letters, counts
    conclude()  findings     -> what correlation rules say about findings in a window of time
    judge()     all of them  -> incidents, as they now stand

`observe` is stateless and runs in a pool of workers; `conclude` and `judge` are folds over their
own state, run by one process inside one transaction. None does input or output: `app` brings the
rows and keeps the results. Acting and learning join here when they exist.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.correlate.entities import entities_of
from tocsin.correlate.incidents import IncidentFold
from tocsin.detect.exceptions import Standings
from tocsin.detect.indicators import Indicators
from tocsin.detect.sigma.carried import values_of
from tocsin.detect.sigma.explanation import explain
from tocsin.detect.sigma.matcher import Matcher
from tocsin.detect.sigma.plan import Plan
from tocsin.detect.sigma.windows.fold import NO_OFFSET, WindowsFold
from tocsin.detect.vendor import alert_of, finding_of
from tocsin.enrich.context import ContextIndex, describe, placed
from tocsin.enrich.context.checkouts import window_of_event
from tocsin.model.envelope import REJECTS
from tocsin.model.findings import (
    MAX_COPY_BYTES,
    EventCopy,
    Finding,
    Standing,
    finding_id,
    findings_from_arrow,
    findings_to_arrow,
)
from tocsin.model.records import NativeRecord, Position, Undecodable
from tocsin.model.stages import IDENTITIES, ContextSnapshot, Observed, Opened, run_fold
from tocsin.normalize import Normalizer, validate
from tocsin.normalize.normalizer import identities_of
from tocsin.normalize.quality import Meter
from tocsin.normalize.quality.measure import Batch

PART = 256
"""Rows that are decoded and matched at a time: their fields then stay in the processor's cache.
On otrf-100k, 8,192 at once cost twice as much per event."""

SAMPLE_EVERY = 1_000
"""One event in so many (by its spool offset, so that a re-run samples the same) is validated."""

NO_FINDINGS = findings_to_arrow([])
NO_REJECTS = pa.RecordBatch.from_pylist([], schema=REJECTS)
NO_IDENTITIES = pa.RecordBatch.from_pylist([], schema=IDENTITIES)

LATENESS = 5 * 60 * 1_000_000
"""How far (us) an event may trail the newest one and still be grouped as if it came in order."""

WINDOW_LATENESS = 15 * 60 * 1_000_000
"""The same for correlation rules, unless a source declares that it delivers later (`delay`)."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What a worker has built once: the mappings, the rules and their caches.

    `standings` is what the site has decided about findings: exceptions, and rules on trial.
    `alerts` are the sources whose records are other tools' alerts. `surroundings` is what the site
    knows of itself, `indicators` the intelligence in force, if any.
    """

    normalizer: Normalizer
    plan: Plan
    matcher: Matcher
    standings: Standings
    meter: Meter
    alerts: frozenset[str] = frozenset()
    checkouts: frozenset[str] = frozenset()
    """Sources that say who was given privileged access."""
    surroundings: ContextIndex = field(default_factory=ContextIndex.empty)
    indicators: Indicators | None = None


@dataclass(frozen=True, slots=True)
class Decoded:
    """The readable rows of a batch, column by column, and the unreadable ones.

    `places` are the columns of `Position` of the readable rows: few rows ever need theirs as one.
    """

    records: list[NativeRecord]
    places: pa.RecordBatch
    raws: list[bytes]
    rejects: pa.RecordBatch

    @property
    def positions(self) -> list[Position]:
        """Where each readable row stands."""
        columns = self.places.to_pydict()
        return list(map(Position, *(columns[name] for name in Position._fields)))

    def position(self, row: int) -> Position:
        """Where one readable row stands."""
        return Position(*(column[row].as_py() for column in self.places.columns))


class Hit(NamedTuple):
    """A record that is an `alert`, or on which rules hold: their numbers in the plan."""

    record: NativeRecord
    position: Position
    raw: bytes
    rules: list[int]
    stored: tuple[str, int] | None = None
    """Identity and time (us) of an event that is in the lake: its findings keep them."""
    alert: bool = False


def observe(raw: pa.RecordBatch, compiled: Compiled, context: ContextSnapshot) -> Observed:
    """Decode, detect and normalize one batch of `envelope.RAW`; keeps the Observe contract."""
    decoded, hits = [], []
    for part in _parts(raw):
        decoded.append(decode(part, compiled.normalizer))
        hits += detect(decoded[-1], compiled)
        hits += alerts(decoded[-1], compiled)
    whole = Decoded(
        [record for part in decoded for record in part.records],
        pa.concat_batches([part.places for part in decoded] or [raw.select(Position._fields)]),
        [original for part in decoded for original in part.raws],
        pa.concat_batches([NO_REJECTS, *(part.rejects for part in decoded)]),
    )
    positions = whole.positions
    mapped = compiled.normalizer.mapped(whole.records, positions, whole.raws, context)
    events = compiled.normalizer.assemble(mapped.groups)
    counts = quality_counts(whole, compiled)
    counts |= invalid_counts(whole, positions, compiled, context)
    findings = findings_of(hits, compiled, context)
    if compiled.indicators is not None:
        looked = compiled.indicators.look(events, context, entities_of)
        findings = pa.concat_batches([findings, _decided(looked.findings, compiled)])
        counts |= looked.counts
    if context.history:
        findings = as_history(findings)
    return Observed(
        events,
        findings,
        identities_of(mapped, whole.records, positions),
        whole.rejects,
        counts,
        compiled.normalizer.host_clocks(whole.records),
        compiled.meter.measure(
            Batch(raw, whole.records, positions, mapped, whole.rejects),
            compiled.surroundings,
            history=context.history,
        ),
        () if context.history else tuple(windows(whole, positions, compiled, context)),
    )


def look(raw: pa.RecordBatch, compiled: Compiled, context: ContextSnapshot) -> Observed:
    """Decode and detect only: what a hunt needs that keeps no events."""
    hits: list[Hit] = []
    rejects = [NO_REJECTS]
    counts: Counter[str] = Counter()
    for part in _parts(raw):
        decoded = decode(part, compiled.normalizer)
        hits += detect(decoded, compiled)
        hits += alerts(decoded, compiled)
        rejects.append(decoded.rejects)
        counts.update(quality_counts(decoded, compiled))
    findings = findings_of(hits, compiled, context)
    return Observed({}, findings, NO_IDENTITIES, pa.concat_batches(rejects), dict(counts))


def look_again(
    stored: pa.RecordBatch, compiled: Compiled, context: ContextSnapshot
) -> pa.RecordBatch:
    """`findings.FINDINGS` on events of the lake (`store.scan.STORED`), under their identity."""
    hits: list[Hit] = []
    for part in _parts(stored):
        offsets, uids, times = (part.column(n).to_pylist() for n in ("offset", "uid", "time"))
        known = dict(zip(offsets, zip(uids, times, strict=True), strict=True))
        found = detect(decode(part, compiled.normalizer), compiled)
        hits += [hit._replace(stored=known[hit.position.offset]) for hit in found]
    return findings_of(hits, compiled, context)


def _parts(raw: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (raw.slice(start, PART) for start in range(0, raw.num_rows, PART))


def decode(raw: pa.RecordBatch, normalizer: Normalizer) -> Decoded:
    """Read every row in its source's shape; what no source recognizes is rejected with a reason."""
    raws: list[bytes] = raw.column("raw").to_pylist()
    declared = raw.column("source_id").to_pylist()
    places = raw.select(Position._fields)
    records: list[NativeRecord] = []
    good: list[int] = []
    bad: list[tuple[int, Undecodable]] = []
    for row, result in enumerate(map(normalizer.decode, raws, declared)):
        if isinstance(result, NativeRecord):
            records.append(result)
            good.append(row)
        else:
            bad.append((row, result))
    if not bad:
        return Decoded(records, places, raws, NO_REJECTS)
    rejects = raw.take(pa.array([row for row, _ in bad], pa.int64())).drop_columns(["site"])
    for name in ("reason", "detail"):
        rejects = rejects.append_column(name, pa.array([getattr(why, name) for _, why in bad]))
    return Decoded(
        records,
        places.take(pa.array(good, pa.int64())),
        [raws[row] for row in good],
        rejects.select(REJECTS.names).cast(REJECTS),
    )


def detect(decoded: Decoded, compiled: Compiled) -> list[Hit]:
    """The records on which a rule holds, with the numbers of these rules in the plan."""
    rules: dict[int, list[int]] = {}
    for row, rule in compiled.matcher.match(decoded.records, decoded.raws):
        rules.setdefault(row, []).append(rule)
    return [
        Hit(decoded.records[row], decoded.position(row), decoded.raws[row], held)
        for row, held in rules.items()
    ]


def alerts(decoded: Decoded, compiled: Compiled) -> list[Hit]:
    """The records that are alerts of other tools."""
    if not compiled.alerts:
        return []
    return [
        Hit(record, decoded.position(row), decoded.raws[row], [], alert=True)
        for row, record in enumerate(decoded.records)
        if record.source_id in compiled.alerts
    ]


def windows(
    decoded: Decoded, positions: Sequence[Position], compiled: Compiled, context: ContextSnapshot
) -> Iterator[Opened]:
    """The windows of privileged access that records open, with the spool offset of each."""
    names = compiled.checkouts
    rows = [row for row, one in enumerate(decoded.records) if one.source_id in names]
    if not rows:
        return
    records, places = [decoded.records[row] for row in rows], [positions[row] for row in rows]
    raws = [decoded.raws[row] for row in rows]
    events = compiled.normalizer.events(records, places, raws, context)
    for place, (_, event) in zip(places, events, strict=True):
        found = window_of_event(event, event["tocsin_time"])
        if found is not None:
            yield Opened(place.offset, found)


def findings_of(
    hits: Sequence[Hit], compiled: Compiled, context: ContextSnapshot
) -> pa.RecordBatch:
    """Hits as `findings.FINDINGS`, with all that a person needs to judge them."""
    if not hits:
        return NO_FINDINGS
    records, positions, raws, *_ = zip(*hits, strict=True)
    events = compiled.normalizer.events(records, positions, raws, context)
    return findings_to_arrow(
        [
            (hit.position.offset, situate(finding, compiled.surroundings))
            for hit, (class_name, event) in zip(hits, events, strict=True)
            for finding in _findings(hit, class_name, event, compiled, context.content_id)
        ]
    )


def situate(finding: Finding, surroundings: ContextIndex) -> Finding:
    """A finding with what the site knew, on that day, of what it is about."""
    if surroundings.is_empty:
        return finding
    about, at = finding.entities, finding.time
    place = placed(about, at, surroundings)
    notes = describe(about, at, surroundings, cves=finding.cves, techniques=finding.techniques)
    return msgspec.structs.replace(finding, unit=place.unit, segment=place.segment, context=notes)


def as_history(findings: pa.RecordBatch) -> pa.RecordBatch:
    """Findings of the past: those that would open incidents only count."""
    offsets = findings.column("offset").to_pylist()
    found = []
    for offset, one in zip(offsets, findings_from_arrow(findings), strict=True):
        past = one.standing is Standing.OPEN
        standing = Standing.HISTORY if past else one.standing
        found.append((offset, msgspec.structs.replace(one, standing=standing)))
    return findings_to_arrow(found)


def _decided(findings: pa.RecordBatch, compiled: Compiled) -> pa.RecordBatch:
    """Findings of indicators with what the site decided and knows about them."""
    if not findings.num_rows:
        return findings
    offsets = findings.column("offset").to_pylist()
    found = (
        situate(compiled.standings.of(one, {}), compiled.surroundings)
        for one in findings_from_arrow(findings)
    )
    return findings_to_arrow(list(zip(offsets, found, strict=True)))


def _findings(
    hit: Hit, class_name: str, event: dict[str, Any], compiled: Compiled, content_id: str
) -> Iterator[Finding]:
    uid, time = hit.stored or (event["metadata"]["uid"], event["tocsin_time"])
    entities = entities_of(class_name, event)
    copy = EventCopy(
        event_uid=uid,
        time=time,
        class_name=class_name,
        raw=hit.raw[:MAX_COPY_BYTES].decode("utf-8", "replace"),
        origin=hit.position.origin,
        position=hit.position.position,
    )
    for number in hit.rules:
        rule = compiled.plan.rules[number]
        finding = Finding(
            finding_id=finding_id(rule.rule_id, rule.digest, (uid,)),
            rule_id=rule.rule_id,
            rule_digest=rule.digest,
            title=rule.title,
            level=rule.level,
            techniques=rule.techniques,
            tactics=rule.tactics,
            time=copy.time,
            event_uids=(uid,),
            matched=explain(compiled.plan, number, hit.record),
            entities=entities,
            events=(copy,),
            site=hit.position.site,
            source_id=hit.record.source_id,
            content_id=content_id,
            received_at=hit.position.received_at,
            standing=compiled.plan.standing_of(rule.rule_id),
            values=values_of(compiled.plan, number, hit.record),
            cves=rule.cves,
        )
        yield compiled.standings.of(finding, hit.record.fields)
    parts = alert_of(class_name, event, hit.record.source_id) if hit.alert else None
    if parts is not None:
        place = hit.position
        repeated = finding_of(
            parts,
            copy,
            entities,
            site=place.site,
            content_id=content_id,
            received_at=place.received_at,
        )
        yield compiled.standings.of(repeated, hit.record.fields)


def quality_counts(decoded: Decoded, compiled: Compiled) -> dict[str, int]:
    """How many records came from which source and go to which class, or were rejected and why."""
    classes = compiled.normalizer.class_counts(decoded.records)
    counts = {f"classified|{source}|{name}": n for (source, name), n in classes.items()}
    rejects = (decoded.rejects.column(name).to_pylist() for name in ("source_id", "reason"))
    for (source, reason), n in Counter(zip(*rejects, strict=True)).items():
        counts[f"rejected|{source or ''}|{reason}"] = n
    return counts


def invalid_counts(
    decoded: Decoded, positions: Sequence[Position], compiled: Compiled, context: ContextSnapshot
) -> dict[str, int]:
    """How many of the sampled events are not valid OCSF: mappings promise that none is."""
    rows = [n for n, place in enumerate(positions) if place.offset % SAMPLE_EVERY == 0]
    records = [decoded.records[n] for n in rows]
    sampled = [positions[n] for n in rows]
    raws = [decoded.raws[n] for n in rows]
    events = compiled.normalizer.events(records, sampled, raws, context)
    counts: Counter[str] = Counter()
    for record, (class_name, event) in zip(records, events, strict=True):
        if validate(class_name, event):
            counts[f"invalid|{record.source_id}|{class_name}"] += 1
    return dict(counts)


class Known(NamedTuple):
    """What a site has decided about findings, and what it knows of itself."""

    standings: Standings = Standings()
    surroundings: ContextIndex = ContextIndex.empty()


def conclude(
    states: Mapping[str, bytes],
    findings: pa.RecordBatch,
    fold: WindowsFold,
    known: Known,
    *,
    watermark: int,
    now: int,
) -> tuple[dict[str, bytes | None], pa.RecordBatch]:
    """What correlation rules say about these findings and those before, new or amended.

    Hidden findings and those of rules on trial count here as well: what a person does not want to
    see must not blind a rule that looks at the whole.
    """
    changed, outputs = run_fold(fold, states, fold.feeds(findings), watermark=watermark, now=now)
    return changed, stand(outputs, known)


def stand(concluded: Sequence[pa.RecordBatch], known: Known) -> pa.RecordBatch:
    """Findings of correlation rules with what the site decided and knows about them."""
    found = [
        situate(known.standings.of(finding, dict(finding.values)), known.surroundings)
        for rows in concluded
        for finding in findings_from_arrow(rows)
    ]
    return findings_to_arrow([(NO_OFFSET, finding) for finding in found]) if found else NO_FINDINGS


def shown(findings: pa.RecordBatch) -> pa.RecordBatch:
    """The findings that somebody may want to see: not those that only feed correlations."""
    return findings.filter(pc.not_equal(findings.column("standing"), Standing.BUILDING.value))


def open_ones(findings: pa.RecordBatch) -> pa.RecordBatch:
    """The findings that may open an incident."""
    return findings.filter(pc.equal(findings.column("standing"), Standing.OPEN.value))


def judge(
    states: Mapping[str, bytes],
    findings: pa.RecordBatch,
    fold: IncidentFold,
    *,
    watermark: int,
    now: int,
) -> tuple[dict[str, bytes | None], Sequence[pa.RecordBatch]]:
    """Group open findings into incidents; changed fold states and `INCIDENT_CHANGES` batches."""
    return run_fold(fold, states, open_ones(findings), watermark=watermark, now=now)
