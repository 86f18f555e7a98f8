"""One record, looked at as the service would: tests of content and previews need it."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from tocsin import flow
from tocsin.correlate.entities import entities_of
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.model.findings import Entity, Finding, Level, findings_from_arrow
from tocsin.model.records import NativeRecord
from tocsin.model.stages import ContextSnapshot


class Seen(NamedTuple):
    """What one record is: its native fields, its time (us UTC), what it is about, what fires."""

    record: NativeRecord
    time: int
    entities: tuple[Entity, ...]
    findings: list[Finding]


def look_at(
    raw: bytes, compiled: flow.Compiled, received_at: int, *, source_ids: Iterable[str | None]
) -> Seen | None:
    """The record as the first of `source_ids` reads it (None: whichever recognizes it).

    One under which a rule fires goes before the others. None when no source can read it.
    """
    first = None
    context = ContextSnapshot("sample", "")
    for source_id in source_ids:
        stamp = Stamp("sample", "sample", 0, source_id, received_at)
        rows = to_envelope(RawBatch(["sample"], [0], [raw], size=len(raw)), stamp)
        decoded = flow.decode(rows, compiled.normalizer)
        if not decoded.records:
            continue
        [(class_name, event)] = compiled.normalizer.events(
            decoded.records, decoded.positions, decoded.raws, context
        )
        hits = flow.detect(decoded, compiled)
        findings = findings_from_arrow(flow.findings_of(hits, compiled, context))
        entities = entities_of(class_name, event)
        seen = Seen(decoded.records[0], event["tocsin_time"], entities, findings)
        if findings:
            return seen
        first = first or seen
    return first


def as_fields(fields: Mapping[str, Any], compiled: flow.Compiled, time: int) -> Seen:
    """A record that is given by its native fields alone, in the first shape in which a rule fires.

    It has no source that reads it, and so it is about nothing.
    """
    seen = Seen(NativeRecord("test", "flat", dict(fields)), time, (), [])
    places = {((*scope.sources, "test")[0], scope.shape) for scope in compiled.plan.scopes}
    for source_id, shape in sorted(places):
        record = NativeRecord(source_id, shape, dict(fields))
        found = [compiled.plan.rules[rule] for _, rule in compiled.matcher.match([record], [None])]
        if found:
            findings = [stand_in(source_id, time, (), rule.rule_id, rule.level) for rule in found]
            return Seen(record, time, (), findings)
    return seen


def stand_in(
    source_id: str,
    time: int,
    entities: tuple[Entity, ...],
    rule_id: str = "",
    level: Level = Level.INFORMATIONAL,
) -> Finding:
    """A finding that has only what conditions look at."""
    return Finding(
        finding_id="",
        rule_id=rule_id,
        rule_digest="",
        title="",
        level=level,
        techniques=(),
        time=time,
        event_uids=(),
        matched=(),
        entities=entities,
        events=(),
        site="",
        source_id=source_id,
        content_id="",
    )
