import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.text import visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain C:\\Windows\\system32", "plain C:\\Windows\\system32"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc\r", "a\\x0ab\\x09c\\x0d"),
        ("\x9b31m", "\\x9b31m"),
        ("exe\u202etxt.cod", "exe\\u202etxt.cod"),
        ("a\u200bb\ufeffc", "a\\u200bb\\ufeffc"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("line\u2028end", "line\\u2028end"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("Zoë 日本語 مرحبا Ünï 🦊", "Zoë 日本語 مرحبا Ünï 🦊"),
        ("", ""),
    ],
)
def test_what_steers_a_screen_is_escaped_and_letters_stay(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(), st.integers(0, 40))
def test_the_result_is_bounded_and_holds_nothing_invisible(text: str, limit: int) -> None:
    shown = visible(text, limit)
    assert len(shown) <= limit
    for char in shown:
        assert char == " " or unicodedata.category(char)[0] not in "CZ"
        assert unicodedata.bidirectional(char) not in {"LRE", "RLE", "LRO", "RLO", "PDF"}


@given(st.text(max_size=50))
def test_it_can_be_applied_again_without_harm(text: str) -> None:
    assert visible(visible(text, 1_000), 1_000) == visible(text, 1_000)


def test_a_cut_is_shown_and_never_falls_inside_an_escape() -> None:
    assert visible("abcdef", 4) == "abc…"
    assert visible("a\x1b\x1b", 6) == "a\\x1b…"
    assert visible("abcd", 4) == "abcd"
