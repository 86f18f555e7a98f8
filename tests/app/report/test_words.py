"""Numbers and times in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.app.report.hunts import SECOND, T0

from tocsin.app.report import words

DAY = 86_400 * SECOND


@pytest.mark.parametrize(
    ("length", "told"),
    [
        (0, "under 1 s"),
        (41 * SECOND, "41 s"),
        (11_100 * SECOND, "3 h 5 min"),
        (DAY, "1 d"),
        (DAY + 5 * SECOND, "1 d"),
        (2000 * DAY + 7200 * SECOND, "2,000 d 2 h"),
        (-5, "under 1 s"),
    ],
)
def test_a_length_of_time_has_two_units_at_most(length, told):
    assert words.lasting(length) == told


def test_a_day_is_named_once():
    assert words.between(T0, T0) == "14 Nov 2023, 22:13:20"
    assert words.between(T0, T0 + SECOND) == "14 Nov 2023, 22:13:20 to 22:13:21"
    assert words.between(T0, T0 + DAY) == "14 Nov 2023, 22:13:20 to 15 Nov 2023, 22:13:20"


@pytest.mark.parametrize(
    ("n", "told"), [(1, "1 byte"), (999, "999 bytes"), (1_500, "1.5 kB"), (2 * 10**9, "2.0 GB")]
)
def test_sizes_have_units(n, told):
    assert words.size(n) == told


def test_lists_say_what_they_leave_out():
    assert words.listed("abc", 2) == "a, b and 1 more"
    assert words.listed("ab", 2) == "a, b"


@given(st.integers(-(2**63), 2**63 - 1))
def test_any_time_has_words(time):
    assert words.stamp(time)
    assert words.clock(time)
    assert words.between(time, time)
    assert isinstance(words.iso(time), str)


@given(st.text(), st.integers(1, 50))
def test_a_block_keeps_lines_and_nothing_that_steers(text, limit):
    shown = words.block(text, limit)
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_a_block_says_that_it_was_cut():
    assert words.block("ab\r\ncd\x1b", 20) == "ab\ncd\\x1b"
    assert words.block("abcdef", 3) == "abc…"
