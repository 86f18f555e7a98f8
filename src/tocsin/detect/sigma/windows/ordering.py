"""Events in the order in which a correlation lists its rules."""

from collections.abc import Iterable, Iterator, Sequence

from tocsin.detect.sigma.windows.correlation import Correlation
from tocsin.detect.sigma.windows.hits import Hit

MOST_ORDERED = 10
"""Rules of an ordered correlation: every selection of them is a case."""


class InOrder:
    """The chains of different events that follow the order of the rules.

    For each set of parts that a chain may consist of, the latest possible start is enough to know:
    a chain that starts later leaves the window later. Events of one moment count in whatever order
    helps; one event never counts twice in a chain.
    """

    def __init__(self, correlation: Correlation) -> None:
        self._correlation = correlation
        self._starts: dict[int, int] = {}
        self._seen: dict[int, int] = {}
        self._now = 0

    def add(self, hits: Sequence[Hit]) -> None:
        """Hits of one moment."""
        self._now = hits[0].time
        oldest = self._now - self._correlation.timespan
        self._starts = {mask: at for mask, at in self._starts.items() if at >= oldest}
        self._seen.update((part, self._now) for hit in hits for part in hit.parts)
        for mask, start in list(self._longer(selections(hits))):
            self._starts[mask] = max(start, self._starts.get(mask, start))

    def _longer(self, now: Iterable[int]) -> Iterator[tuple[int, int]]:
        """Chains that end with a selection of parts which occur at this moment."""
        for chosen in now:
            first = (chosen & -chosen).bit_length() - 1
            yield chosen, self._now
            for mask, start in self._starts.items():
                if mask.bit_length() <= first:
                    yield mask | chosen, start

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


def selections(hits: Iterable[Hit]) -> set[int]:
    """The sets of parts (as bit masks) that different events among some hits can be."""
    parts: dict[str, set[int]] = {}
    for hit in hits:
        parts.setdefault(hit.event, set()).update(hit.parts)
    masks = {0}
    for found in parts.values():
        masks |= {mask | 1 << part for mask in masks for part in found}
    return masks - {0}
