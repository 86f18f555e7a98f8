"""What Python's `re` is asked is bounded before: the bound holds for hostile text, too."""

import re
import time

import pytest

from tocsin.detect.sigma.backtracking import (
    MOST_CHARACTERS,
    ExponentialError,
    characters,
    flags_of,
)

EXPONENTIAL = [
    r"(a+)+(?!b)$",
    r"(a|a)*(?=b)",
    r"(a|ab|b)*(?=c)",
    r"((a+)*)(?!b)c",
    r"(?:(?:a?){5}){5}(?=b)",
    r"(?=(a*)*b)",
    r"(\w+\s?)*(?=!)",
    "(?=z)" + "a?" * 25 + "a" * 25,
    r"(?!x)a*a*a*a*a*b",
]
SAFE = {
    r"a(?=b)": "a",
    r"(?!x)\w+b": "a",
    r"^(?=.*x)(?=.*y)(?=.*z)": "x",
    r"(a)\1+c": "a",
    r"(?<!q)\d+\w*!": "1",
    r"(?i)(?:ab|cd)*(?!e)f": "ab",
    r"(?<=a)(b|c){2,4}(?!d)": "abc",
}


@pytest.mark.parametrize("pattern", EXPONENTIAL)
def test_what_may_take_for_ever_is_refused(pattern: str) -> None:
    with pytest.raises(ExponentialError):
        characters(pattern, 0)


@pytest.mark.parametrize(("pattern", "letters"), SAFE.items())
def test_what_is_allowed_ends_soon(pattern: str, letters: str) -> None:
    limit = characters(pattern, 0)
    assert 64 <= limit <= MOST_CHARACTERS
    text = (letters * limit)[:limit]
    began = time.process_time()
    re.compile(pattern).search(text)
    assert time.process_time() - began < 0.5


def test_flags_are_those_of_the_rule() -> None:
    assert flags_of("ims", cased=False) == int(re.IGNORECASE | re.MULTILINE | re.DOTALL)
    assert flags_of("", cased=True) == int(re.ASCII)
