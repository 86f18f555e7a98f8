"""Counts as proportions: what is k, and of which n, and how both vary from hour to hour.

absent:user.name     of user.name#    events in which the attribute is not filled
user.name~mail       of user.name     values of this form
status_id!           of status_id#    words that the enumeration does not have
@user-nowhere        of @user#        users whom the directory does not know
unit:office          of n             events of a unit
key:Image            of sampled       records with this native field
rejected             of received      and received-time, duplicates of n; lost of numbered
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import msgspec

from tocsin.model.quality import Counts

_OF = {
    "rejected": "received", "received-time": "n", "duplicates": "n", "misfit": "n",
    "lost": "numbered",
}  # fmt: skip


KEYS = "keys"
"""The cell of native fields."""


def about(name: str) -> str:
    """What a count or proportion is about: an attribute, `@user`, `@host`, `unit:X` or itself."""
    if name.startswith("@"):
        return name.partition("-")[0].removesuffix("#")
    if name.startswith(("unit:", "key:")):
        return name
    return name.removeprefix("absent:").partition("~")[0].rstrip("#!")


class Proportion(NamedTuple):
    """`k` of `n` under a name."""

    name: str
    k: int
    n: int


def of_what(name: str) -> str:
    """The denominator of a proportion."""
    if name in _OF:
        return _OF[name]
    if name.startswith("absent:"):
        return f"{name[7:]}#"
    if name.startswith("@"):
        return f"{name.partition('-')[0]}#"
    if name.startswith("unit:"):
        return "n"
    if name.startswith("key:"):
        return "sampled"
    base, tilde, _ = name.partition("~")
    return base if tilde else f"{name[:-1]}#"


def denominators(counts: Mapping[str, int]) -> Iterator[tuple[str, int]]:
    """What proportions of these counts are of."""
    yield "n", counts.get("n", 0)
    yield "received", counts.get("n", 0) + counts.get("rejected", 0)
    for name in ("sampled", "numbered"):
        if name in counts:
            yield name, counts[name]
    for name, n in counts.items():
        if name.endswith("#"):
            yield name, n
            if name[:-1] in counts:
                yield name[:-1], counts[name[:-1]]


def proportions(counts: Mapping[str, int]) -> Iterator[Proportion]:
    """Every proportion of a cell, those of which nothing is there left out."""
    for name, k in counts.items():
        if name.endswith("#") and not name.startswith("@"):
            missing = k - counts.get(name[:-1], 0) if _is_attribute(name[:-1], counts) else 0
            if missing:
                yield Proportion(f"absent:{name[:-1]}", missing, k)
        elif k and _is_part(name):
            n = dict(denominators(counts)).get(of_what(name), 0) if name in _OF else None
            yield Proportion(name, k, counts.get(of_what(name), 0) if n is None else n)


def _is_attribute(base: str, counts: Mapping[str, int]) -> bool:
    """Whether `base#` counts an attribute that may be absent, not only an enumeration."""
    return base in counts or f"{base}!" not in counts


def _is_part(name: str) -> bool:
    if name in _OF or "~" in name or name.endswith("!"):
        return True
    return name.startswith(("unit:", "key:")) or (name.startswith("@") and not name.endswith("#"))


class Spread(msgspec.Struct, array_like=True):
    """What hours say of one proportion: the sum of k, that of k squared by n, the highest share.

    `squares` is in thousandths and whole, so that the order of hours does not matter.
    """

    k: int = 0
    squares: int = 0
    worst: float = 0.0
    hours: int = 0
    """Hours in which there was any."""


class Base(msgspec.Struct, array_like=True):
    """What hours say of a denominator: its sum, and of how many hours."""

    n: int = 0
    hours: int = 0


class Past(msgspec.Struct, array_like=True):
    """The hours of a cell in some stretch of time."""

    bases: dict[str, Base] = {}
    spreads: dict[str, Spread] = {}


WORTH = 20
"""Events that an hour must have of a denominator for its share to be the worst one."""


def add_hour(past: Past, counts: Counts, most: int) -> None:
    """Add an hour; of more than `most` proportions no more are taken up."""
    for name, n in denominators(counts):
        if n:
            base = past.bases.setdefault(name, Base())
            base.n += n
            base.hours += 1
    for one in proportions(counts):
        spread = past.spreads.get(one.name)
        if spread is None:
            if len(past.spreads) >= most:
                continue
            spread = past.spreads[one.name] = Spread()
        spread.k += one.k
        spread.hours += 1
        spread.squares += 1_000 * one.k * one.k // one.n if one.n else 0
        if one.n >= WORTH:
            spread.worst = max(spread.worst, one.k / one.n)


def add_past(into: Past, more: Past) -> None:
    """Add another stretch of time."""
    for name, base in more.bases.items():
        mine = into.bases.setdefault(name, Base())
        mine.n += base.n
        mine.hours += base.hours
    for name, spread in more.spreads.items():
        own = into.spreads.setdefault(name, Spread())
        own.k += spread.k
        own.squares += spread.squares
        own.hours += spread.hours
        own.worst = max(own.worst, spread.worst)
