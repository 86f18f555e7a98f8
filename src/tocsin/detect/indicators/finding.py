"""Sightings of indicators as findings."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from tocsin.detect.indicators.known import SUPPRESS, KnownValues
from tocsin.detect.indicators.matching import Matching, Sighting, counted
from tocsin.detect.indicators.probing import Probe, Prober
from tocsin.detect.indicators.table import Table
from tocsin.model.findings import (
    MAX_COPY_BYTES,
    Entity,
    EventCopy,
    Finding,
    IndicatorMatch,
    Level,
    Match,
    Standing,
    finding_id,
    findings_to_arrow,
)
from tocsin.model.intelligence import Term, WarningList, level_of
from tocsin.model.observables import NETWORK
from tocsin.model.stages import ContextSnapshot

EntitiesOf = Callable[[str, dict[str, Any]], tuple[Entity, ...]]
WARNED = "warninglist/"
"""How `Finding.exception` begins where a warning list hid or lowered a finding."""
MAX_SHOWN = 200
"""Characters of a value in a title."""


class Looked(NamedTuple):
    """What indicators say of a batch: `findings.FINDINGS`, and counts as `Observed` has them."""

    findings: pa.RecordBatch
    counts: dict[str, int]


class Indicators:
    """The tables in force, newest first, and the values that are known to be mostly harmless."""

    def __init__(self, table_id: str, tables: Sequence[Table], known: KnownValues) -> None:
        self.table_id = table_id
        self._tables = tuple(tables)
        self._matching = Matching(Prober(tables))
        self._known = known

    def __len__(self) -> int:
        """How many indicators there are; one that a newer table changed counts twice."""
        return sum(map(len, self._tables))

    def sightings(self, class_name: str, rows: pa.RecordBatch) -> list[Sighting]:
        """What indicators say of rows of one class."""
        return self._matching.sightings(class_name, rows)

    def look(
        self,
        events: Mapping[str, pa.RecordBatch],
        context: ContextSnapshot,
        entities_of: EntitiesOf,
    ) -> Looked:
        """Findings on a batch of events by class; `entities_of` says what an event is about."""
        found: list[tuple[int, Finding]] = []
        counts: Counter[str] = Counter()
        for class_name, rows in events.items():
            sightings = self.sightings(class_name, rows)
            counts.update(counted(sightings))
            for one in sightings:
                event = rows.slice(one.row, 1).to_pylist()[0]
                finding = self.finding(one, class_name, event, context, entities_of)
                if finding.exception:
                    named = finding.exception.removeprefix(WARNED)
                    counts[f"indicator-benign|{one.indicator.feed}|{named}"] += one.hits
                found.append((event["tocsin_offset"], finding))
        return Looked(findings_to_arrow(found), dict(counts))

    def finding(
        self,
        one: Sighting,
        class_name: str,
        event: dict[str, Any],
        context: ContextSnapshot,
        entities_of: EntitiesOf,
    ) -> Finding:
        """The finding of a sighting, with its event as OCSF."""
        indicator = one.indicator
        metadata = event.get("metadata") or {}
        uid = metadata.get("uid") or ""
        term = _term(one)
        lists = self._lists(one.probe, term)
        about = ", ".join(indicator.threats[:3]) or indicator.name or indicator.feed
        finding = Finding(
            finding_id=finding_id(indicator.rule_id, indicator.digest, (one.group.text,)),
            rule_id=indicator.rule_id,
            rule_digest=indicator.digest,
            title=f"Indicator of {about}: {one.probe.kind} {term.value}"[:MAX_SHOWN],
            level=level_of(one.worth),
            techniques=indicator.techniques,
            tactics=indicator.tactics,
            time=event["tocsin_time"],
            event_uids=(uid,),
            matched=(
                Match(one.place.name, f"{term.kind} {_WORDS[term.test]} {term.value}", one.seen),
            ),
            entities=entities_of(class_name, event),
            events=(_copy(class_name, event, uid),),
            site=context.site,
            source_id=event.get("tocsin_source") or "",
            content_id=context.content_id,
            received_at=(metadata.get("logged_time") or 0) * 1_000,
            indicator=IndicatorMatch(
                feed=indicator.feed,
                indicator_id=indicator.indicator_id,
                name=indicator.name,
                kind=one.probe.kind,
                value=term.value,
                seen=one.seen[:MAX_SHOWN],
                confidence=one.worth,
                source=indicator.source,
                tlp=indicator.tlp,
                listed=tuple(found.name for found in lists),
                threats=indicator.threats,
            ),
        )
        return _warned(finding, lists)

    def _lists(self, probe: Probe, term: Term) -> tuple[WarningList, ...]:
        """Warning lists that know what was seen, or what the indicator names."""
        named = NETWORK if term.test == "net" else term.kind
        return tuple(dict.fromkeys((*self._known.of(*probe), *self._known.of(named, term.value))))


_WORDS = {"is": "is", "net": "in", "re": "matches"}


def _match(one: Sighting, term: Term) -> Match:
    return Match(one.place.name, f"{term.kind} {_WORDS[term.test]} {term.value}", one.seen)


def _term(one: Sighting) -> Term:
    """The term that a person is told of: one of the kind that was found."""
    positive = [term for term in one.alternative if not term.negated]
    return next((term for term in positive if term.kind == one.probe.kind), positive[0])


def _copy(class_name: str, event: dict[str, Any], uid: str) -> EventCopy:
    raw = event.get("raw_data") or ""
    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    return EventCopy(
        event_uid=uid,
        time=event["tocsin_time"],
        class_name=class_name,
        raw=text.encode("utf-8", "replace")[:MAX_COPY_BYTES].decode("utf-8", "ignore"),
        origin=f"lake/{class_name}",
        position=event["tocsin_offset"],
    )


def _warned(finding: Finding, lists: Sequence[WarningList]) -> Finding:
    """A finding as warning lists leave it: hidden, or at most low."""
    hiding = [one.name for one in lists if one.effect == SUPPRESS]
    if hiding:
        return msgspec.structs.replace(
            finding, standing=Standing.HIDDEN, exception=f"{WARNED}{hiding[0]}"
        )
    if lists and finding.level.rank > Level.LOW.rank:
        return msgspec.structs.replace(
            finding,
            level=Level.LOW,
            rule_level=finding.level,
            exception=f"{WARNED}{lists[0].name}",
        )
    return finding
