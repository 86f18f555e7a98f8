"""Numbers out of the values of hits, exact: a result must not depend on the order of adding."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from tocsin.detect.sigma.semantics import number
from tocsin.detect.sigma.windows.correlation import Correlation, Kind, Number
from tocsin.detect.sigma.windows.hits import Hit


def numbers(correlation: Correlation, hit: Hit) -> list[Fraction]:
    """The numbers in the field that the correlation computes with; what is no number is left out.

    The definition of a number is that of the numeric modifiers (`semantics.number`).
    """
    column = correlation.columns.index(correlation.fields[0])
    found = (number(text) for text in hit.values[column])
    return [Fraction(one) for one in found if one is not None and _finite(one)]


def amounts(correlation: Correlation, hit: Hit) -> list[Fraction]:
    """The numbers that a sum takes: amounts, so none below zero."""
    return [one for one in numbers(correlation, hit) if one >= 0]


def _finite(value: Number) -> bool:
    return value not in (float("inf"), float("-inf"))


def computed(correlation: Correlation, hits: Iterable[Hit]) -> Fraction | None:
    """Sum, average, percentile or median over all hits; None when they hold no number."""
    if correlation.kind is Kind.VALUE_SUM:
        found = [one for hit in hits for one in amounts(correlation, hit)]
        return sum(found, Fraction(0)) if found else None
    found = [one for hit in hits for one in numbers(correlation, hit)]
    if not found:
        return None
    if correlation.kind is Kind.VALUE_AVG:
        return sum(found, Fraction(0)) / len(found)
    percent = 50 if correlation.kind is Kind.VALUE_MEDIAN else correlation.percentile
    return percentile(sorted(found), percent)


def percentile(ordered: Sequence[Fraction], percent: int) -> Fraction:
    """The value below which `percent` of sorted numbers lie, between neighbours interpolated.

    It is SQL's `PERCENTILE_CONT` (ISO 9075-2).
    """
    place = Fraction(percent, 100) * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def shown(measure: Number) -> str:
    """A measure as a person reads it."""
    if isinstance(measure, int) or Fraction(measure).denominator == 1:
        return str(int(measure))
    return f"{float(measure):.6g}"
