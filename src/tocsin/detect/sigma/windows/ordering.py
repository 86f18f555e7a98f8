"""Events in the order in which a correlation lists its rules."""

from collections.abc import Iterable, Iterator, Sequence

from tocsin.detect.sigma.windows.correlation import Correlation, Threshold
from tocsin.detect.sigma.windows.hits import Hit

MOST_ORDERED = 10
"""Rules of an ordered correlation of which not all must occur: any selection is a case."""


class InOrder:
    """The chains of different events that follow the order of the rules.

    For each set of parts that a chain may consist of, the latest possible start is enough to know:
    a chain that starts later leaves the window later. Events of one moment count in the order of
    the rules; one event never counts twice in a chain.
    """

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._all = needs_all(correlation)
        self._starts: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self._now = 0

    def add(self, hits: Sequence[Hit]) -> None:
        """Hits of one moment."""
        self._now = hits[0].time
        oldest = self._now - self._correlation.timespan
        self._starts = {mask: at for mask, at in self._starts.items() if at >= oldest}
        for parts in events(hits):
            longer = dict(self._longer(parts))
            for mask, start in longer.items():
                self._starts[mask] = max(start, self._starts.get(mask, start))
            self._seen.update(dict.fromkeys(parts, self._now))

    def _longer(self, parts: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Chains that end with one event which is a hit of these parts."""
        for part in parts:
            if not self._all or part == 0:
                yield 1 << part, self._now
            for mask, start in self._starts.items():
                if follows(mask, part, every=self._all):
                    yield mask | 1 << part, start

    def drop(self, hit: Hit) -> None:
        """Chains that started too long ago go when events come in."""

    def measure(self) -> int | None:
        """The length of the longest chain, or of the longest that an expression accepts."""
        expression = self._correlation.expression
        oldest = self._now - self._correlation.timespan
        seen = sum(1 << part for part, at in self._seen.items() if at >= oldest)
        lengths = (
            mask.bit_count()
            for mask in self._starts
            if expression is None or expression.holds(mask, seen)
        )
        return max(lengths, default=None)


def needs_all(correlation: Correlation) -> bool:
    """True when nothing less than a chain of all rules fires."""
    if correlation.expression is not None:
        return False
    every = len(correlation.parts)
    return any(
        one in (Threshold("gte", every), Threshold("eq", every), Threshold("gt", every - 1))
        for one in correlation.thresholds
    )


def follows(mask: int, part: int, *, every: bool) -> bool:
    """True when a part may come after the chain in `mask` (`every`: with none left out)."""
    return mask.bit_length() == part if every else mask.bit_length() <= part


def events(hits: Iterable[Hit]) -> list[tuple[int, ...]]:
    """Parts by event, for events of one moment: those of earlier rules first."""
    parts: dict[str, set[int]] = {}
    for hit in hits:
        parts.setdefault(hit.event, set()).update(hit.parts)
    return sorted((tuple(sorted(found)) for found in parts.values()), key=lambda p: (p[-1], p))
