"""A time axis with the long silences taken out: findings of years stay readable on one line."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

MAX_SPANS = 6
GAP = 44.0
"""Width of a silence that was taken out."""
LEAST = 100.0
"""Width of the shortest span: room for its date."""
_SHARE = 0.12
"""A silence of less than this share of what it interrupts stays."""
_SHORTEST_SILENCE = 10 * 60 * 1_000_000

_SECOND = 1_000_000
_STEPS = (1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 10_800, 21_600, 43_200, 86_400, 172_800)
_STEPS_MORE = (604_800, 2_592_000, 7_776_000, 31_536_000)
_TICK_ROOM = 88.0


class Span(NamedTuple):
    """A stretch of activity: from `first` to `last` (us UTC), drawn from x0 to x1."""

    first: int
    last: int
    x0: float
    x1: float


class Axis:
    """Maps times to places between `left` and `right`."""

    def __init__(self, times: Sequence[int], left: float, right: float) -> None:
        """`times` (us UTC) are what is to be shown, at least one."""
        self.spans = _placed(_pieces(sorted(times)), left, right)
        self._starts = [span.first for span in self.spans]

    def place(self, time: int) -> float:
        """Where a time stands; one outside of every span stands at the nearest edge."""
        span = self.spans[max(0, bisect_right(self._starts, time) - 1)]
        share = (time - span.first) / (span.last - span.first) if span.last > span.first else 0.5
        return span.x0 + (span.x1 - span.x0) * min(1.0, max(0.0, share))

    def silences(self) -> list[tuple[float, int]]:
        """Middle and length (us) of each silence that was taken out."""
        return [((a.x1 + b.x0) / 2, b.first - a.last) for a, b in pairwise(self.spans)]


def ticks(span: Span) -> list[tuple[float, int]]:
    """Place and time of round moments within a span, as many as there is room for."""
    length, width = span.last - span.first, span.x1 - span.x0
    if length <= 0:
        return []
    for seconds in (*_STEPS, *_STEPS_MORE):
        step = seconds * _SECOND
        if width * step / length >= _TICK_ROOM:
            first = -(-span.first // step) * step
            times = range(first, span.last + 1, step)
            return [(span.x0 + width * (time - span.first) / length, time) for time in times]
    return []


def _pieces(times: Sequence[int]) -> list[tuple[int, int]]:
    """Cut at the longest silences, at most `MAX_SPANS` pieces."""
    pieces = [(times[0], times[-1])]
    gaps = sorted(
        ((b - a, a, b) for a, b in pairwise(times) if b - a > 0),
        reverse=True,
    )
    active = times[-1] - times[0]
    for length, before, after in gaps[: MAX_SPANS - 1]:
        if length < _SHORTEST_SILENCE or length < active * _SHARE:
            break
        active -= length
        number = next(n for n, (first, last) in enumerate(pieces) if first <= before < last)
        first, last = pieces[number]
        pieces[number : number + 1] = [(first, before), (after, last)]
    return pieces


def _placed(pieces: Sequence[tuple[int, int]], left: float, right: float) -> list[Span]:
    """Widths grow with the square root of the length: short bursts stay visible."""
    room = right - left - GAP * (len(pieces) - 1)
    weights = [max(1.0, float(last - first)) ** 0.5 for first, last in pieces]
    spare, total = max(0.0, room - LEAST * len(pieces)), sum(weights)
    spans, at = [], left
    for (first, last), weight in zip(pieces, weights, strict=True):
        width = room / len(pieces) if not spare else LEAST + spare * weight / total
        spans.append(Span(first, last, at, at + width))
        at += width + GAP
    return spans
