"""Values out of lists of objects."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize import picks
from tocsin.normalize.scalars import integer, text

PEOPLE = [
    {"type": "AppInstance", "id": "1", "detail": {"mode": "saml"}},
    {"type": "User", "id": "2", "name": None},
    {"type": "user", "id": "3", "name": "mira"},
    "no object",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.just("user"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "name", "id", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("wanted", "keys", "found"),
    [
        ({}, ("id",), "1"),
        ({"type": ("user",)}, ("id",), "2"),
        ({"type": ("user",)}, ("name",), "mira"),
        ({"type": ("user",)}, ("shown", "name"), "mira"),
        ({"type": ("group",)}, ("id",), None),
        ({}, ("detail.mode",), "saml"),
        ({}, ("detail.mode.more",), None),
        ({}, ("NAME",), "mira"),
    ],
)
def test_one_value_of_the_first_object_that_is_wanted_and_has_it(
    wanted: picks.Wanted, keys: tuple[str, ...], found: str | None
) -> None:
    assert picks.one(wanted, keys, text)(PEOPLE) == found


def test_an_object_alone_is_a_list_of_one_and_a_text_is_itself() -> None:
    assert picks.one({"type": ("user",)}, ("id",), text)(PEOPLE[1]) == "2"
    assert picks.one({}, ("id",), text)("plain") == "plain"
    assert picks.one({"type": ("user",)}, ("id",), text)("plain") is None


def with_uid(look: Callable[[str], Any]) -> dict[str, Any] | None:
    found = look("id")
    return {"uid": found} if isinstance(found, str) else None


def test_objects_of_which_nothing_can_be_made_are_left_out() -> None:
    make = picks.every({"type": ("user",)}, with_uid)
    rows = [{"type": "User", "id": "a"}, {"type": "User"}, {"type": "Group", "id": "b"}, "text"]
    assert make(rows) == [{"uid": "a"}]
    assert make([{"type": "User"}]) is None


def test_a_list_that_somebody_made_endless_is_cut() -> None:
    many = [{"id": str(number)} for number in range(picks.MAX_OBJECTS + 50)]
    made = picks.every({}, with_uid)(many)
    assert len(made) == picks.MAX_OBJECTS


@given(JSON)
def test_nothing_is_raised_and_only_converted_values_come_out(value: Any) -> None:
    picked = picks.one({"type": ("user",)}, ("name", "id.x"), integer)(value)
    assert picked is None or not isinstance(picked, str)
    made = picks.every({}, with_uid)(value)
    assert made is None or all(set(item) == {"uid"} for item in made)
