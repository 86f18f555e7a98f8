"""The proposal of a whole source: how its records are read, told apart, timed, identified, mapped.

`Proposal` is plain data; `write` makes the two files of it. Which lines the compiler refuses is
found out by whoever writes them, and comes back as `refused`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from tocsin.normalize.propose.knowledge import Knowledge
from tocsin.normalize.propose.names import likeness, plain, words
from tocsin.normalize.propose.suggest import (
    BASE,
    CLASS_THRESHOLD,
    THRESHOLD,
    Candidate,
    Kind,
    candidates,
    kinds,
)
from tocsin.normalize.propose.values import TIMES, Statistics, common_values, statistics

MAX_EVENTS = 24
"""Values of the choosing field for which an event is proposed."""
MAX_KEYS, MAX_CONSTANTS = 6, 3
"""Keys and constant values by which a record is told from those of other sources."""
IDENTITY_THRESHOLD = 0.6
_SELECT_WORDS = frozenset(
    {"event", "type", "action", "activity", "operation", "category", "code", "method", "name"}
)
_ID_WORDS = frozenset({"id", "sequence", "serial", "record", "number", "seq", "offset", "key"})
_TIME_WORDS = frozenset(
    {"time", "date", "created", "published", "at", "when", "generated", "start"}
)


class Scored(NamedTuple):
    """A field in a role, how sure that is (0 to 1), and why."""

    field: str
    score: float
    reason: str


class TimeField(NamedTuple):
    """A field that may say when the record happened."""

    field: str
    form: str
    score: float


class FieldLine(NamedTuple):
    """A field and where it may go, the surest first; none for what stays in `unmapped`."""

    field: Statistics
    candidates: tuple[Candidate, ...]


class Event(NamedTuple):
    """A value of the choosing field, the samples that have it, and what they may be."""

    value: str
    samples: int
    kinds: tuple[Kind, ...]


class Reading(NamedTuple):
    """How a record becomes fields: a reader, and for rows an expression with the columns' names."""

    reader: str
    columns: tuple[str, ...] = ()
    delimiter: str = ","
    has: tuple[str, ...] = ()


class Proposal(NamedTuple):
    """All that is proposed for a source of this id.

    `fields` are all fields with where they may go in any class, `parts` with where in one class.
    """

    source_id: str
    reading: Reading
    samples: int
    fields: tuple[FieldLine, ...]
    parts: dict[str, tuple[FieldLine, ...]]
    constants: dict[str, str]
    keys: tuple[str, ...]
    times: tuple[TimeField, ...]
    identities: tuple[Scored, ...]
    selects: tuple[Scored, ...]
    events: tuple[Event, ...]

    @property
    def select(self) -> str:
        """The field that chooses the event; the first key where none seems to."""
        sure = [one.field for one in self.selects if one.score >= THRESHOLD]
        return sure[0] if sure else (self.keys or ("message",))[0]

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes that are sure of some event."""
        sure = (one.kinds[0].class_name for one in self.events if is_sure(one))
        return tuple(dict.fromkeys(sure))


def is_sure(event: Event) -> bool:
    """Whether its first class is proposed, and not only named as a comment."""
    return bool(event.kinds) and event.kinds[0].score >= CLASS_THRESHOLD


def propose(
    source_id: str,
    reading: Reading,
    records: Sequence[Mapping[str, Any]],
    knowledge: Knowledge,
    without: frozenset[str] = frozenset(),
) -> Proposal:
    """What these records (native fields) may be, without asking the sources `without`."""
    found = statistics(records)
    times = tuple(_times(found, knowledge, without))
    selects = tuple(_selects(found, knowledge, without))
    proposal = Proposal(
        source_id=source_id,
        reading=reading,
        samples=len(records),
        fields=(),
        parts={},
        constants=common_values((one for one in found if _names_product(one)), MAX_CONSTANTS),
        keys=reading.has or _keys(found),
        times=times,
        identities=tuple(_identities(found, knowledge, without)),
        selects=selects,
        events=(),
    )
    events = _events(proposal.select, records, found, knowledge, without)
    proposal = proposal._replace(events=tuple(events))
    own = {time.field for time in times if time.score >= THRESHOLD}
    mapped = [one for one in found if one.name not in own]

    def lines(classes: frozenset[str]) -> tuple[FieldLine, ...]:
        return tuple(
            FieldLine(one, tuple(candidates(one, knowledge, classes, without))) for one in mapped
        )

    parts = {name: lines(frozenset({name})) for name in proposal.classes}
    parts[BASE] = lines(frozenset({BASE, *proposal.classes}))
    return proposal._replace(fields=lines(frozenset()), parts=parts)


def _keys(fields: Sequence[Statistics]) -> tuple[str, ...]:
    """Keys that every sample has, those first whose names are longest: they say most."""
    every = [one.name for one in fields if one.present == one.total]
    return tuple(sorted(sorted(every, key=lambda name: (-len(name), name))[:MAX_KEYS]))


_PRODUCT_WORDS = frozenset({"vendor", "product", "program", "device", "application", "provider"})


def _names_product(field: Statistics) -> bool:
    """Whether a field that never changes may be the name of what writes the records."""
    is_name = bool(_PRODUCT_WORDS & {word for word, _ in words(field.name)})
    return is_name and field.kind in ("text", "enum") and field.name != "message"


def _times(
    fields: Sequence[Statistics], knowledge: Knowledge, without: frozenset[str]
) -> list[TimeField]:
    """Fields that hold times, the best first."""
    known = {
        plain(name)
        for source, names in knowledge.times.items()
        if source not in without
        for name in names[:1]
    }
    found = []
    for one in fields:
        if one.kind in TIMES and one.examples:
            said = {word for word, _ in words(one.name)}
            score = 0.45 + 0.25 * one.share
            score += 0.2 if plain(one.name) in known else 0.0
            score += 0.1 if said & _TIME_WORDS else 0.0
            number = one.kind.startswith("epoch")
            if number and not said & _TIME_WORDS and plain(one.name) not in known:
                score = 0.3
            found.append(TimeField(one.name, one.kind, round(min(score, 0.99), 2)))
    return sorted(found, key=lambda time: -time.score)[:4]


def _identities(
    fields: Sequence[Statistics], knowledge: Knowledge, without: frozenset[str]
) -> list[Scored]:
    """Fields that may make a record itself, the best first."""
    known = {
        plain(name)
        for source, names in knowledge.identities.items()
        if source not in without
        for name in names
    }
    found = []
    for one in fields:
        if not one.unique or one.kind not in ("guid", "integer", "text", "hash"):
            continue
        said = {word for word, _ in words(one.name)}
        score = 0.25 + 0.25 * bool(said & _ID_WORDS) + 0.25 * (one.kind in ("guid", "hash"))
        score += 0.15 * (plain(one.name) in known) + 0.1 * min(one.total, 20) / 20
        found.append(Scored(one.name, round(score, 2), f"{one.distinct} of {one.total} differ"))
    return sorted(found, key=lambda one: (-one.score, one.field))[:3]


def _selects(
    fields: Sequence[Statistics], knowledge: Knowledge, without: frozenset[str]
) -> list[Scored]:
    """Fields that may tell kinds of records apart, the best first."""
    known = [name for source, name in knowledge.selects.items() if source not in without]
    found = []
    for one in fields:
        plain_value = one.kind in ("enum", "text", "integer", "domain")
        if not plain_value or one.distinct > MAX_EVENTS or one.share < 0.9:  # noqa: PLR2004 - nearly all
            continue
        said = {word for word, _ in words(one.name)}
        near = max((likeness(one.name, name, knowledge.rarity) for name in known), default=0.0)
        score = 0.5 * near + 0.15 * min(2, len(said & _SELECT_WORDS))
        score += 0.1 if one.distinct > 1 else 0.0
        score += 0.1 if one.kind != "integer" else 0.0
        reason = f"{one.distinct} values in {one.present} samples"
        found.append(Scored(one.name, round(min(score, 0.99), 2), reason))
    return sorted(found, key=lambda one: (-one.score, one.field))[:3]


def _events(
    select: str,
    records: Sequence[Mapping[str, Any]],
    fields: Sequence[Statistics],
    knowledge: Knowledge,
    without: frozenset[str],
) -> list[Event]:
    """An event for each value of the choosing field, the commonest first."""
    values: dict[str, list[Mapping[str, Any]]] = {}
    for record in records:
        value = record.get(select)
        if isinstance(value, str | int) and not isinstance(value, bool):
            values.setdefault(str(value), []).append(record)
    ordered = sorted(values, key=lambda value: (-len(values[value]), value))[:MAX_EVENTS]
    by_name = {one.name: one for one in fields}
    found = []
    for value in ordered:
        there = {name for record in values[value] for name in record}
        mine = [by_name[name] for name in sorted(there) if name in by_name]
        found.append(
            Event(value, len(values[value]), tuple(kinds(value, mine, knowledge, without)))
        )
    return found
