"""Measures of a window that has ended."""

from collections.abc import Sequence
from itertools import groupby

from tocsin.detect.sigma.windows.correlation import NUMERIC, Correlation, Kind, Number
from tocsin.detect.sigma.windows.hits import Hit, counted
from tocsin.detect.sigma.windows.numbers import computed
from tocsin.detect.sigma.windows.ordering import InOrder


def measured(correlation: Correlation, hits: Sequence[Hit]) -> Number | None:
    """What all (sorted) hits of a window measure, or None when the condition does not hold."""
    if correlation.kind in NUMERIC:
        found: Number | None = computed(correlation, hits)
    elif correlation.kind is Kind.EVENT_COUNT:
        found = len({hit.finding for hit in hits})
    elif correlation.kind is Kind.VALUE_COUNT:
        found = len({value for hit in hits for value in counted(correlation, hit)}) or None
    else:
        found = _occurred(correlation, hits)
    if found is None or correlation.expression is not None:
        return found
    return found if correlation.allows(found) else None


def _occurred(correlation: Correlation, hits: Sequence[Hit]) -> int | None:
    if correlation.kind is Kind.TEMPORAL_ORDERED:
        chains = InOrder(correlation)
        for _, now in groupby(hits, key=lambda hit: hit.time):
            chains.add(list(now))
        return chains.measure()
    parts = {part for hit in hits for part in hit.parts}
    seen = sum(1 << part for part in parts)
    expression = correlation.expression
    if expression is not None and not expression.holds(seen, seen):
        return None
    return len(parts)
