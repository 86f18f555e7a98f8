"""A compiled correlation rule."""

import operator
from collections.abc import Callable, Sequence
from enum import IntEnum, StrEnum
from fractions import Fraction

import msgspec

from tocsin.detect.sigma.ir import Rule

Number = int | float | Fraction


class Kind(StrEnum):
    """What a correlation measures over the events of a window."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"


NUMERIC = frozenset({Kind.VALUE_SUM, Kind.VALUE_AVG, Kind.VALUE_PERCENTILE, Kind.VALUE_MEDIAN})
"""Kinds that compute with numbers of a field."""

BY_RULE = frozenset({Kind.TEMPORAL, Kind.TEMPORAL_ORDERED})
"""Kinds that ask which of their rules occurred."""

GROWING = frozenset({Kind.EVENT_COUNT, Kind.VALUE_COUNT, Kind.VALUE_SUM, *BY_RULE})
"""Kinds whose measure can only grow when an event joins a window."""

_COMPARE: dict[str, Callable[[Number, Number], bool]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "eq": operator.eq,
    "neq": operator.ne,
}


class Threshold(msgspec.Struct, frozen=True, array_like=True):
    """One bound of a condition: `op` is gt, gte, lt, lte, eq or neq."""

    op: str
    number: int | float

    def allows(self, measure: Number) -> bool:
        """True when the measure satisfies this bound."""
        return _COMPARE[self.op](measure, self.number)

    def __str__(self) -> str:
        return f"{self.op} {self.number}"


class How(IntEnum):
    """What a node of an extended condition is."""

    PART = 0
    AND = 1
    OR = 2
    NOT = 3


class Expression(msgspec.Struct, frozen=True, array_like=True):
    """An extended condition: which rules must (not) occur. `part` is a number for PART only."""

    how: How
    part: int = 0
    nodes: tuple["Expression", ...] = ()

    def holds(self, chosen: int, seen: int) -> bool:
        """The truth when exactly the parts in the bit mask `chosen` count as occurred.

        Under a NOT, `seen` counts instead: all that occurred, in whatever order.
        """
        match self.how:
            case How.PART:
                return bool(chosen >> self.part & 1)
            case How.AND:
                return all(node.holds(chosen, seen) for node in self.nodes)
            case How.OR:
                return any(node.holds(chosen, seen) for node in self.nodes)
            case How.NOT:
                return not self.nodes[0].holds(seen, chosen)

    def negates(self) -> bool:
        """True when something must not occur."""
        return self.how is How.NOT or any(node.negates() for node in self.nodes)


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A rule that a correlation refers to; `aliases`: name in the correlation -> its own field."""

    rule_id: str
    title: str
    aliases: dict[str, str] = {}

    def field(self, name: str) -> str:
        """What a field of the correlation is called in events of this part."""
        return self.aliases.get(name, name)


class Correlation(msgspec.Struct, frozen=True):
    """A correlation rule, its references resolved.

    `timespan` is in microseconds. `fields` are what value kinds look at, `carried` the fields that
    correlations over this one look at. `component` names the correlations that share rules with
    this one: they share a state. `delay` says how far (us) its input may trail the watermark.
    """

    rule: Rule
    kind: Kind
    parts: tuple[Part, ...]
    group_by: tuple[str, ...]
    timespan: int
    thresholds: tuple[Threshold, ...]
    fields: tuple[str, ...] = ()
    percentile: int = 50
    expression: Expression | None = None
    generate: bool = False
    carried: tuple[str, ...] = ()
    component: str = ""
    delay: int = 0

    @property
    def columns(self) -> tuple[str, ...]:
        """The fields of which an event's values are kept, without repeats."""
        return tuple(dict.fromkeys((*self.group_by, *self.fields, *self.carried)))

    @property
    def immediate(self) -> bool:
        """True when a window that fires still fires whatever event joins it."""
        if self.expression is not None:
            return not self.expression.negates()
        every = Threshold("eq", len(self.parts))
        return self.kind in GROWING and all(
            one.op in ("gt", "gte") or (self.kind in BY_RULE and one == every)
            for one in self.thresholds
        )

    def allows(self, measure: Number | None) -> bool:
        """True when the measure satisfies every bound; there is none without a value."""
        return measure is not None and all(one.allows(measure) for one in self.thresholds)


def delays(correlations: Sequence[Correlation]) -> tuple[Correlation, ...]:
    """The same correlations (parts before wholes) with their delay filled in.

    One that waits for its window to end speaks of events up to a timespan ago.
    """
    late: dict[str, int] = {}
    filled: list[Correlation] = []
    for one in correlations:
        delay = max((late.get(part.rule_id, 0) for part in one.parts), default=0)
        late[one.rule.rule_id] = delay + (0 if one.immediate else one.timespan)
        filled.append(msgspec.structs.replace(one, delay=delay))
    return tuple(filled)
