"""One finding as a correlation sees it, and what is kept of it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, product

import msgspec

from tocsin.detect.sigma.semantics import scalar_text
from tocsin.detect.sigma.windows.correlation import Correlation
from tocsin.model.findings import MAX_EVENT_COPIES, Entity, EventCopy, Finding

MAX_UIDS = 64
"""Events that a correlation finding names, and findings of a slot that are kept with entities."""

MAX_ENTITIES = 64
"""Entities that a correlation finding has."""

MAX_COPY_CHARS = 4_096
"""Characters of an event's text that a window keeps; the finding of the part has all of it."""

MAX_COMBINATIONS = 16
"""Groups (or counted values) that one finding with list-valued fields belongs to."""


class Hit(msgspec.Struct, frozen=True, array_like=True):
    """A finding of a part in one group. `time` is microseconds UTC.

    `parts` are the places of its rule among the correlation's parts, `finding` the finding that it
    counts as, `event` the event that completed it, `values` the texts of `Correlation.columns`.
    """

    time: int
    id: str
    parts: tuple[int, ...]
    finding: str
    event: str
    values: tuple[tuple[str, ...], ...]
    source_id: str
    received_at: int
    uids: tuple[str, ...] = ()
    entities: tuple[Entity, ...] = ()
    copies: tuple[EventCopy, ...] = ()

    @property
    def place(self) -> tuple[int, str]:
        """What hits are ordered by."""
        return (self.time, self.id)


def hit_of(correlation: Correlation, finding: Finding) -> Hit:
    """A finding of one of the correlation's parts, before it has a group."""
    places = places_of(correlation, finding.rule_id)
    found: dict[str, list[str]] = {}
    for name, value in finding.values:
        if value is not None:
            found.setdefault(name, []).append(scalar_text(value))
    field = correlation.parts[places[0]].field
    return Hit(
        time=finding.time,
        id=finding.finding_id,
        parts=places,
        finding=finding.finding_id,
        event=finding.event_uids[0] if finding.event_uids else finding.finding_id,
        values=tuple(tuple(found.get(field(name), ())) for name in correlation.columns),
        source_id=finding.source_id,
        received_at=finding.received_at,
        uids=finding.event_uids[:MAX_UIDS],
        entities=finding.entities[:MAX_ENTITIES],
        copies=tuple(map(shortened, finding.events[:MAX_EVENT_COPIES])),
    )


def raised(
    outer: Correlation, inner: Correlation, finding_id: str, last: Hit, window: Sequence[Hit]
) -> Hit:
    """The moment `last` at which `inner` holds, as a hit of the correlation over it.

    Fields come from the event that completed it; events and entities from the whole window.
    """
    places = places_of(outer, inner.rule.rule_id)
    known = dict(zip(inner.columns, last.values, strict=True))
    field = outer.parts[places[0]].field
    return Hit(
        time=last.time,
        id=f"{finding_id}:{last.id}",
        parts=places,
        finding=finding_id,
        event=last.event,
        values=tuple(known.get(field(name), ()) for name in outer.columns),
        source_id=last.source_id,
        received_at=last.received_at,
        uids=events_of(window),
        entities=entities_in(window),
        copies=copies_in(window),
    )


def places_of(correlation: Correlation, rule_id: str) -> tuple[int, ...]:
    """Where a rule stands among the parts; a rule may be named more than once."""
    return tuple(n for n, part in enumerate(correlation.parts) if part.rule_id == rule_id)


def shortened(copy: EventCopy) -> EventCopy:
    """A copy as it is kept in a window."""
    if len(copy.raw) <= MAX_COPY_CHARS:
        return copy
    return msgspec.structs.replace(copy, raw=copy.raw[:MAX_COPY_CHARS])


def groups_of(correlation: Correlation, hit: Hit) -> list[tuple[str, ...]]:
    """The groups (texts by `group_by`, folded) that a hit belongs to; none when a field is missing.

    Every element of a list-valued field is a group of its own.
    """
    columns = dict(zip(correlation.columns, hit.values, strict=True))
    texts = [
        sorted({text.lower() for text in columns[name]})[:MAX_COMBINATIONS]
        for name in correlation.group_by
    ]
    return list(islice(product(*texts), MAX_COMBINATIONS))


def group_key(group: tuple[str, ...]) -> str:
    """A group as one text that no value can imitate."""
    return "".join(f"{len(text)}:{text}" for text in group)


def counted(correlation: Correlation, hit: Hit) -> list[tuple[str, ...]]:
    """The values (folded, by `fields`) that a hit adds to a count of distinct values."""
    columns = dict(zip(correlation.columns, hit.values, strict=True))
    texts = [{text.lower() for text in columns[name]} for name in correlation.fields]
    return list(islice(product(*map(sorted, texts)), MAX_COMBINATIONS))


def thinned(hits: Iterable[Hit], timespan: int) -> Iterator[Hit]:
    """Sorted hits with less to keep: in each slot only the first ones bring all that they have."""
    slot, place = None, 0
    for hit in hits:
        if hit.time // timespan != slot:
            slot, place = hit.time // timespan, 0
        place += 1
        if place > MAX_UIDS and (hit.uids or hit.entities or hit.copies):
            yield msgspec.structs.replace(hit, uids=(), entities=(), copies=())
        elif place > MAX_EVENT_COPIES and hit.copies:
            yield msgspec.structs.replace(hit, copies=())
        else:
            yield hit


def events_of(hits: Iterable[Hit]) -> tuple[str, ...]:
    """The first events of sorted hits."""
    found = (uid for hit in hits for uid in (hit.uids or (hit.event,)))
    return tuple(dict.fromkeys(islice(found, MAX_UIDS * 4)))[:MAX_UIDS]


def entities_in(hits: Iterable[Hit]) -> tuple[Entity, ...]:
    """The entities of hits, the smallest in order when there are too many."""
    return tuple(sorted({entity for hit in hits for entity in hit.entities})[:MAX_ENTITIES])


def copies_in(hits: Iterable[Hit]) -> tuple[EventCopy, ...]:
    """The first copies of sorted hits, one of each event."""
    found: dict[str, EventCopy] = {}
    for hit in hits:
        for copy in hit.copies:
            found.setdefault(copy.event_uid, copy)
        if len(found) >= MAX_EVENT_COPIES:
            break
    return tuple(found.values())[:MAX_EVENT_COPIES]


def named(correlation: Correlation, hit: Hit, group: Mapping[str, str]) -> dict[str, str]:
    """The group's texts as this hit writes them; `group` has them folded."""
    columns = dict(zip(correlation.columns, hit.values, strict=True))
    return {
        name: next((text for text in columns[name] if text.lower() == folded), folded)
        for name, folded in group.items()
    }
