"""A view answers for a value whatever it is, and keeps only what can be a key."""

from typing import Any

import pytest

from tocsin.detect.sigma.caches import Budget
from tocsin.detect.sigma.fields import FieldProgram
from tocsin.detect.sigma.ir import Op, Predicate
from tocsin.detect.sigma.views import LONG, MORE, NOTHING, View, first_present

PREDICATES = [
    Predicate("F", Op.EQ, "1"),
    Predicate("F", Op.CONTAINS, "needle"),
    Predicate("F", Op.NULL),
    Predicate("F", Op.EQ, "true"),
    Predicate("F", Op.EQ, "high"),
]
SLOTS = {0: 10, 1: 11, 2: 12, 3: 13, 4: 14}


def view(*, several: bool = False, budget: Budget | None = None) -> View:
    program = FieldProgram(list(enumerate(PREDICATES)), ())
    translate = {"S-1": "High"}
    return View(program, SLOTS, budget or Budget(10**6), translate=translate, several=several)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, {10}),
        ("1", {10}),
        (1.0, {10}),
        (True, {13}),
        ("a Needle", {11}),
        (["1", "needle"], {10, 11}),
        ({"k": ["1"]}, {10}),
        (None, {12}),
        ([], {12}),
        ("", set()),
        ("S-1", {14}),
        ("x" * LONG + "needle", {11}),
    ],
)
def test_a_value_has_its_slots_at_first_and_second_sight(value: Any, expected: set[int]) -> None:
    found = view()
    assert found.of(value) == found.of(value) == expected


def test_slots_that_the_route_does_not_ask_about_are_left_out() -> None:
    program = FieldProgram(list(enumerate(PREDICATES)), ())
    found = View(program, {0: 7}, Budget(1_000), translate={}, several=False)
    assert found["a needle"] is NOTHING
    assert found["1"] == {7}


def test_only_strings_of_sane_length_are_keys() -> None:
    found = view()
    for value in (1, True, 1.0, "y" * (LONG + 1), "short"):
        found.of(value)
    assert set(found) == {None, "short"}


def test_a_field_with_more_names_says_more_where_it_is_missing() -> None:
    found = view(several=True)
    assert found[None] is MORE
    assert found.of(None) is MORE
    assert found.of([]) is MORE
    assert found.missing == {12}


def test_missing_is_known_after_a_turn() -> None:
    budget = Budget(100)
    found = view(budget=budget)
    for n in range(5):
        found[f"value {n}"]
    assert budget.turns
    assert found[None] == {12}


def test_the_first_present_name_counts() -> None:
    fields = {"a": None, "b": [], "c": "", "d": "x"}
    assert first_present(fields, ("a", "b", "c", "d")) == ""
    assert first_present(fields, ("a", "b")) is None
    assert first_present({"a": False}, ("a",)) is False
