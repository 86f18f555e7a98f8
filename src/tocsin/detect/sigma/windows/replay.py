"""Correlations over findings that are all there: the lake, a hunt, a rule that changed.

It computes straight from the definition in docs/explanation/correlations.md, window by window, and
shares no evaluation with the fold: the two are tests of each other.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations, groupby
from typing import NamedTuple

from tocsin.detect.sigma.windows.compose import Fired, finding_of, id_of
from tocsin.detect.sigma.windows.correlation import NUMERIC, Correlation, Kind, Number
from tocsin.detect.sigma.windows.hits import (
    MAX_UIDS,
    Hit,
    counted,
    groups_of,
    hit_of,
    raised,
    thinned,
)
from tocsin.detect.sigma.windows.numbers import computed
from tocsin.model.findings import Finding, Standing


def replay(
    correlations: Sequence[Correlation],
    findings: Iterable[Finding],
    *,
    content_id: str = "",
    standing_of: Callable[[str], Standing] = lambda _: Standing.OPEN,
) -> list[Finding]:
    """All correlation findings over `findings` of one site, in no order that matters.

    `correlations` list parts before wholes. Nothing is late and nothing is given up.
    """
    known = {finding.finding_id: finding for finding in findings}
    by_rule: dict[str, list[Finding]] = {}
    for finding in known.values():
        by_rule.setdefault(finding.rule_id, []).append(finding)
    held: dict[str, list[_Held]] = {}
    said: list[Finding] = []
    for one in correlations:
        groups: dict[tuple[str, ...], list[Hit]] = {}
        for hit in _hits(one, by_rule, held):
            for group in groups_of(one, hit):
                groups.setdefault(group, []).append(hit)
        standing = standing_of(one.rule.rule_id)
        for group, hits in groups.items():
            ordered = list(thinned(sorted(hits, key=lambda hit: hit.place), one.timespan))
            whole = _Group(one, group, ordered)
            for fired in whole.fired():
                held.setdefault(one.rule.rule_id, []).extend(whole.held(fired))
                said.append(finding_of(one, fired, _site(by_rule), content_id, standing))
    return said


class _Held(NamedTuple):
    """A moment at which a correlation held: the event that completed it and its window."""

    inner: Correlation
    finding_id: str
    last: Hit
    window: list[Hit]


def _site(by_rule: dict[str, list[Finding]]) -> str:
    return next(found[0].site for found in by_rule.values())


def _hits(
    one: Correlation, by_rule: dict[str, list[Finding]], held: dict[str, list[_Held]]
) -> Iterator[Hit]:
    for rule_id in {part.rule_id: None for part in one.parts}:
        yield from (hit_of(one, finding) for finding in by_rule.get(rule_id, ()))
        for moment in held.get(rule_id, ()):
            yield raised(one, moment.inner, moment.finding_id, moment.last, moment.window)


class _Group:
    """One group of a correlation with all of its hits, sorted."""

    def __init__(self, one: Correlation, label: tuple[str, ...], hits: list[Hit]) -> None:
        self._one = one
        self._label = label
        self._hits = hits
        self._times = [hit.time for hit in hits]

    def fired(self) -> Iterator[Fired]:
        return self._sliding() if self._one.immediate else self._ending()

    def held(self, fired: Fired) -> Iterator[_Held]:
        """The moments of a fired window at which the condition held."""
        one, finding = self._one, id_of(self._one, self._label, fired.start)
        if not one.immediate:
            window = [*fired.hits[:MAX_UIDS], fired.hits[-1]]
            yield _Held(one, finding, fired.hits[-1], window)
            return
        for hit in fired.hits:
            inside = self._between(hit.time - one.timespan, hit.time)
            if hit.time >= fired.time and self._measure(inside) is not None:
                yield _Held(one, finding, hit, [*inside[:MAX_UIDS], hit])

    def _between(self, start: int, end: int) -> list[Hit]:
        return self._hits[bisect_left(self._times, start) : bisect_right(self._times, end)]

    def _sliding(self) -> Iterator[Fired]:
        span = self._one.timespan
        for slot, times in groupby(sorted(set(self._times)), key=lambda time: time // span):
            held: list[tuple[int, Number]] = []
            for time in times:
                measure = self._measure(self._between(time - span, time))
                if measure is not None:
                    held.append((time, measure))
            if held:
                first, last = held[0][0], held[-1][0]
                hits = self._between(first - span, last)
                yield Fired(self._label, slot * span, first, hits, max(m for _, m in held))

    def _ending(self) -> Iterator[Fired]:
        place = 0
        while place < len(self._hits):
            start = self._times[place]
            after = bisect_right(self._times, start + self._one.timespan)
            window = self._hits[place:after]
            measure = self._measure(window)
            if measure is not None:
                yield Fired(self._label, start, window[-1].time, window, measure)
            place = after

    def _measure(self, window: Sequence[Hit]) -> Number | None:
        """What a window measures, None when the condition does not hold over it."""
        one = self._one
        if one.kind in (Kind.TEMPORAL, Kind.TEMPORAL_ORDERED):
            return _occurred(one, window)
        measure: Number | None
        if one.kind in NUMERIC:
            measure = computed(one, window)
        elif one.kind is Kind.EVENT_COUNT:
            measure = len({hit.finding for hit in window})
        else:
            measure = len({value for hit in window for value in counted(one, hit)}) or None
        return measure if one.allows(measure) else None


def _occurred(one: Correlation, window: Sequence[Hit]) -> int | None:
    """The most parts that occurred (in order, where that is asked) as the condition wants."""
    seen = sorted({part for hit in window for part in hit.parts})
    mask = sum(1 << part for part in seen)
    sizes = range(len(seen), 0, -1) if one.kind is Kind.TEMPORAL_ORDERED else [len(seen)]
    for size in sizes:
        for chosen in combinations(seen, size):
            if one.kind is Kind.TEMPORAL_ORDERED and not _in_order(window, chosen):
                continue
            if one.expression is None:
                return size if one.allows(size) else None
            if one.expression.holds(sum(1 << part for part in chosen), mask):
                return size
    return None


def _in_order(window: Sequence[Hit], chosen: Sequence[int]) -> bool:
    """True when different events of the window are hits of the chosen parts, none before another.

    At each moment as many of the parts that are still wanted as possible are taken.
    """
    rest = list(chosen)
    for _, now in groupby(window, key=lambda hit: hit.time):
        events: dict[str, set[int]] = {}
        for hit in now:
            events.setdefault(hit.event, set()).update(hit.parts)
        most = (n for n in range(len(rest), 0, -1) if _assigned(rest[:n], list(events.values())))
        del rest[: next(most, 0)]
    return not rest


def _assigned(parts: Sequence[int], events: list[set[int]]) -> bool:
    """True when every part can have an event of its own."""
    if not parts:
        return True
    return any(
        _assigned(parts[1:], [*events[:n], *events[n + 1 :]])
        for n, found in enumerate(events)
        if parts[0] in found
    )
