"""Measures by hand: sums, percentiles, chains, and what is kept of a hit."""

from collections import Counter
from fractions import Fraction
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.sigma.about import about
from tocsin.detect.sigma.windows.correlation import Correlation, Kind, Part, Threshold
from tocsin.detect.sigma.windows.hits import (
    MAX_UIDS,
    Hit,
    counted,
    entities_in,
    events_of,
    group_key,
    groups_of,
    thinned,
)
from tocsin.detect.sigma.windows.memory import Group, Memory
from tocsin.detect.sigma.windows.numbers import amounts, computed, percentile, shown
from tocsin.detect.sigma.windows.ordering import InOrder, selections
from tocsin.detect.sigma.windows.sliding import measure_of, moments
from tocsin.detect.sigma.windows.turn import Turn
from tocsin.detect.sigma.windows.whole import measured
from tocsin.model.findings import MAX_EVENT_COPIES, Entity, EventCopy


def correlation(kind: Kind, *, parts: int = 1, fields: tuple[str, ...] = ()) -> Correlation:
    return Correlation(
        rule=about("w", {"id": "c"}),
        kind=kind,
        parts=tuple(Part(f"r{n}", f"R{n}") for n in range(parts)),
        group_by=("G",),
        timespan=10,
        thresholds=(Threshold("gte", 2),),
        fields=fields,
    )


def hit(time: int, *parts: int, group: str = "g", value: str = "1", event: str = "") -> Hit:
    name = event or f"e{time}{parts}"
    return Hit(time, f"f{name}{parts}", parts or (0,), name, name, ((group,), (value,)), "s", 0)


SUM = correlation(Kind.VALUE_SUM, fields=("N",))


def test_a_sum_takes_amounts_only() -> None:
    texts = ["3", "-4", "x", "1e2", "1e999", "0.5"]
    found = [amount for text in texts for amount in amounts(SUM, hit(0, value=text))]
    assert found == [3, 100, Fraction(1, 2)]


@given(st.lists(st.sampled_from(["0.1", "0.2", "1e16", "3", "-1"]), min_size=1, max_size=6))
def test_arithmetic_is_the_same_in_every_order(texts: list[str]) -> None:
    for kind in (Kind.VALUE_SUM, Kind.VALUE_AVG, Kind.VALUE_MEDIAN):
        one = correlation(kind, fields=("N",))
        ways = list(permutations(texts))[:6]
        results = {computed(one, [hit(n, value=t) for n, t in enumerate(way)]) for way in ways}
        assert len(results) == 1


@pytest.mark.parametrize(("percent", "expected"), [(0, 1), (25, 2), (50, 3), (90, "4.6"), (100, 5)])
def test_percentiles_interpolate(percent: int, expected: object) -> None:
    assert percentile([Fraction(n) for n in range(1, 6)], percent) == Fraction(str(expected))


def test_numbers_are_shown_shortly() -> None:
    assert [shown(n) for n in (3, Fraction(7, 2), Fraction(10, 3), 10**12)] == [
        "3",
        "3.5",
        "3.33333",
        "1000000000000",
    ]


def test_moments_slide() -> None:
    one = correlation(Kind.EVENT_COUNT)
    hits = [hit(0), hit(9), hit(10), hit(25), hit(36)]
    assert list(moments(one, hits)) == [(9, 2), (10, 3)]
    with pytest.raises(ValueError, match="decided when its window ends"):
        measure_of(correlation(Kind.VALUE_AVG))


def test_a_whole_window_is_measured_at_once() -> None:
    one = correlation(Kind.VALUE_COUNT, fields=("N",))
    assert measured(one, [hit(0, value="a"), hit(1, value="A")]) is None
    assert measured(one, [hit(0, value="a"), hit(1, value="b")]) == 2


def test_a_chain_keeps_its_latest_start() -> None:
    chain = InOrder(correlation(Kind.TEMPORAL_ORDERED, parts=3))
    for time, part in ((0, 0), (5, 0), (6, 1), (15, 2)):
        chain.add([hit(time, part)])
    assert chain.measure() == 3
    chain.add([hit(16, 2)])
    assert chain.measure() == 2


def test_selections_use_each_event_once() -> None:
    assert selections([hit(0, 0, 1, event="x")]) == {0b01, 0b10}
    both = [hit(0, 0, 1, event="x"), hit(0, 1, event="y")]
    assert selections(both) == {0b01, 0b10, 0b11}


def test_groups_and_values_of_lists() -> None:
    one = correlation(Kind.VALUE_COUNT, fields=("N",))
    several = msgspec.structs.replace(hit(0), values=(("B", "a", "A"), ("x", "X", "y")))
    assert groups_of(one, several) == [("a",), ("b",)]
    assert counted(one, several) == [("x",), ("y",)]
    assert groups_of(one, msgspec.structs.replace(several, values=((), ("x",)))) == []
    assert group_key(("a", "b")) != group_key(("ab", ""))


def test_only_the_first_hits_of_a_slot_keep_all() -> None:
    copy = EventCopy("u", 0, "c", "raw", "o", 0)
    full = [
        msgspec.structs.replace(
            hit(n), uids=(f"u{n}",), entities=(Entity("host", f"{n:03}", "h"),), copies=(copy,)
        )
        for n in range(100)
    ]
    thin = list(thinned(full, 100))
    assert sum(bool(one.copies) for one in thin) == MAX_EVENT_COPIES
    assert sum(bool(one.uids) for one in thin) == MAX_UIDS
    assert list(thinned(thin, 100)) == thin
    assert events_of(thin)[:2] == ("u0", "u1")
    assert len(entities_in(thin)) == MAX_UIDS


def test_a_group_takes_a_hit_once_and_in_its_place() -> None:
    group = Group(("g",))
    assert [group.put(hit(time)) for time in (5, 3, 5)] == [True, True, False]
    assert [one.time for one in group.hits] == [3, 5]
    assert group.first_of(4) == 1


def test_a_turn_forgets_rules_that_are_gone() -> None:
    memory = Memory("s", "c", rules={"gone|digest": {}}, swept={"gone|digest": 1})
    Turn(memory, [SUM], Counter())
    assert (memory.rules, memory.swept) == ({}, {})
