"""How likely it is that a share is by chance what it is now, given how it varied before.

Hours are taken as draws from a beta distribution whose mean and variance are those of the hours
that were seen (method of moments); what comes next is then beta-binomial. Source: Skellam, "A
probability distribution derived from the binomial distribution ...", JRSS B 10 (1948); estimation
by moments after Kleinman, JASA 68 (1973).
"""

from collections.abc import Sequence
from math import exp, lgamma, log
from typing import NamedTuple

from tocsin.normalize.quality.proportions import Base, Spread

LEAST_SPREAD = 0.01
"""The least correlation within an hour that is assumed: no telemetry is drawn from an urn."""

SURE = 1e-9
"""Below this, a chance is not told more exactly."""


class Usual(NamedTuple):
    """A share as it was: its mean, correlation within hours, the highest hour, and how much."""

    mean: float
    rho: float
    worst: float
    n: int
    hours: int


def usual_of(base: Base, spread: Spread | None) -> Usual:
    """Moments of a proportion; the mean is drawn a little towards one half (Jeffreys)."""
    spread = spread or Spread()
    n, hours = max(base.n, 1), base.hours
    mean = (spread.k + 0.5) / (n + 1)
    plain = spread.k / n
    rho = LEAST_SPREAD
    if hours > 1 and 0 < plain < 1:
        total = spread.squares / 1_000 - 2 * plain * spread.k + plain * plain * n
        dispersion = max(total, 0.0) / (plain * (1 - plain) * (hours - 1))
        size = n / hours
        if size > 1:
            rho = max(LEAST_SPREAD, min(0.9, (dispersion - 1) / (size - 1)))
    return Usual(mean, rho, spread.worst, base.n, hours)


def chance_of_more(k: int, n: int, usual: Usual) -> float:
    """The chance that at least `k` of `n` are so, in a beta-binomial of these moments."""
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    total = (1 - usual.rho) / usual.rho
    a = usual.mean * total
    return _upper(k, n, a, total - a)


def chance_of_less(k: int, n: int, usual: Usual) -> float:
    """The chance that at most `k` of `n` are so."""
    flipped = usual._replace(mean=1 - usual.mean)
    return chance_of_more(n - k, n, flipped)


def _upper(k: int, n: int, a: float, b: float) -> float:
    """Sum of the terms from `k` on; each follows from the one before."""
    at = exp(max(_log_term(k, n, a, b), -700.0))
    total = at
    for i in range(k, n):
        at *= (n - i) * (i + a) / ((i + 1) * (n - i - 1 + b))
        total += at
        if at < total * SURE:
            break
    return min(1.0, total)


def _log_term(k: int, n: int, a: float, b: float) -> float:
    choose = lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)
    return choose + _log_beta(k + a, n - k + b) - _log_beta(a, b)


def _log_beta(a: float, b: float) -> float:
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def combined(chances: Sequence[float]) -> float:
    """The chance of several independent ones together (Fisher, Statistical Methods, 1932).

    Minus twice the sum of their logarithms is chi-squared with twice as many degrees of freedom.
    """
    half = -sum(log(max(one, 1e-300)) for one in chances)
    term = total = exp(-min(half, 700.0))
    for n in range(1, len(chances)):
        term *= half / n
        total += term
    return min(1.0, total)
