"""Chances are those of the beta-binomial, by comparison with a plain sum and with known values."""

from math import comb, exp, lgamma

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.quality.chance import (
    Usual,
    chance_of_less,
    chance_of_more,
    combined,
    usual_of,
)
from tocsin.normalize.quality.proportions import Base, Spread


def plainly(k: int, n: int, a: float, b: float) -> float:
    def beta(x: float, y: float) -> float:
        return lgamma(x) + lgamma(y) - lgamma(x + y)

    return sum(comb(n, i) * exp(beta(i + a, n - i + b) - beta(a, b)) for i in range(k, n + 1))


@given(st.integers(0, 30), st.integers(1, 30), st.floats(0.02, 0.98), st.floats(0.01, 0.5))
def test_the_upper_tail_is_the_sum_of_its_terms(k, n, mean, rho):
    total = (1 - rho) / rho
    expected = min(1.0, plainly(min(k, n + 1), n, mean * total, (1 - mean) * total))
    found = chance_of_more(k, n, Usual(mean, rho, 0, 0, 0))
    assert found == pytest.approx(expected if k else 1.0, rel=1e-6, abs=1e-12)


@given(st.integers(0, 20), st.integers(1, 20), st.floats(0.05, 0.95))
def test_both_tails_cover_everything(k, n, mean):
    usual = Usual(mean, 0.1, 0, 0, 0)
    k = min(k, n)
    assert chance_of_more(k, n, usual) + chance_of_less(k - 1, n, usual) == pytest.approx(
        1, abs=1e-6
    )


def test_a_share_that_differs_from_hour_to_hour_is_correlated_within_hours():
    even = usual_of(Base(1_000, 10), Spread(500, 10 * 1_000 * 50 * 50 // 100))
    uneven = usual_of(Base(1_000, 10), Spread(500, 5 * 1_000 * 100 * 100 // 100))
    assert even.rho == 0.01
    assert uneven.rho == 0.9
    assert even.mean == uneven.mean == pytest.approx(0.5, abs=0.001)


def test_chances_together_are_those_of_fisher():
    assert combined([0.05]) == pytest.approx(0.05)
    assert combined([0.1, 0.1]) == pytest.approx(0.01 * (1 + 4.60517), rel=1e-4)
    assert combined([1.0, 1.0, 1.0]) == pytest.approx(1.0)
