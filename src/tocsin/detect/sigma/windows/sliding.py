"""Measures that follow a sliding window: events come in at its end and leave at its start."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Protocol, TypeVar

from tocsin.detect.sigma.windows.correlation import Correlation, Kind, Number
from tocsin.detect.sigma.windows.hits import Hit, counted
from tocsin.detect.sigma.windows.numbers import amounts
from tocsin.detect.sigma.windows.ordering import InOrder

T = TypeVar("T")


class Sliding(Protocol):
    """A measure of the hits that were added and not dropped again."""

    def add(self, hits: Sequence[Hit]) -> None:
        """Hits of one moment, later than all before."""

    def drop(self, hit: Hit) -> None:
        """The oldest hit leaves."""

    def measure(self) -> Number | None:
        """What the window measures now, None when the condition cannot hold."""


class EventCount:
    """How many findings of the parts."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def add(self, hits: Sequence[Hit]) -> None:
        """See `Sliding`."""
        self._seen.update(hit.finding for hit in hits)

    def drop(self, hit: Hit) -> None:
        """See `Sliding`."""
        _take(self._seen, hit.finding)

    def measure(self) -> int:
        """See `Sliding`."""
        return len(self._seen)


class ValueCount:
    """How many different values."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._seen: Counter[tuple[str, ...]] = Counter()

    def add(self, hits: Sequence[Hit]) -> None:
        """See `Sliding`."""
        for hit in hits:
            self._seen.update(counted(self._correlation, hit))

    def drop(self, hit: Hit) -> None:
        """See `Sliding`."""
        for value in counted(self._correlation, hit):
            _take(self._seen, value)

    def measure(self) -> int:
        """See `Sliding`."""
        return len(self._seen)


class ValueSum:
    """The sum of the amounts, exact whatever the order."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._sum = Fraction(0)
        self._count = 0

    def add(self, hits: Sequence[Hit]) -> None:
        """See `Sliding`."""
        for hit in hits:
            found = amounts(self._correlation, hit)
            self._sum += sum(found)
            self._count += len(found)

    def drop(self, hit: Hit) -> None:
        """See `Sliding`."""
        found = amounts(self._correlation, hit)
        self._sum -= sum(found)
        self._count -= len(found)

    def measure(self) -> Fraction | None:
        """See `Sliding`."""
        return self._sum if self._count else None


class Temporal:
    """Which of the parts occurred."""

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._seen: Counter[int] = Counter()

    def add(self, hits: Sequence[Hit]) -> None:
        """See `Sliding`."""
        for hit in hits:
            self._seen.update(hit.parts)

    def drop(self, hit: Hit) -> None:
        """See `Sliding`."""
        for part in hit.parts:
            _take(self._seen, part)

    def measure(self) -> int | None:
        """See `Sliding`."""
        expression = self._correlation.expression
        seen = sum(1 << part for part in self._seen)
        if expression is not None and not expression.holds(seen, seen):
            return None
        return len(self._seen)


def _take(counter: Counter[T], key: T) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]


def measure_of(correlation: Correlation) -> Sliding:
    """A fresh measure for a correlation that fires at once."""
    match correlation.kind:
        case Kind.EVENT_COUNT:
            return EventCount()
        case Kind.VALUE_COUNT:
            return ValueCount(correlation)
        case Kind.VALUE_SUM:
            return ValueSum(correlation)
        case Kind.TEMPORAL:
            return Temporal(correlation)
        case Kind.TEMPORAL_ORDERED:
            return InOrder(correlation)
        case _:
            raise ValueError(f"{correlation.kind} is decided when its window ends")


def moments(correlation: Correlation, hits: Sequence[Hit]) -> Iterator[tuple[int, Number]]:
    """(time, measure) of each moment at which the condition holds over the timespan before it.

    `hits` are sorted and reach back a timespan before the first moment that matters.
    """
    measure = measure_of(correlation)
    first = 0
    for time, now in groupby(hits, key=lambda hit: hit.time):
        measure.add(list(now))
        while hits[first].time < time - correlation.timespan:
            measure.drop(hits[first])
            first += 1
        found = measure.measure()
        if found is not None and (correlation.expression or correlation.allows(found)):
            yield time, found
