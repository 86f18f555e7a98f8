import json
import time

from hypothesis import given
from hypothesis import strategies as st

from tocsin.formats.depth import openings_by_line, too_deep


def nested(levels: int) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


def test_the_limit_itself_is_allowed() -> None:
    assert not too_deep(nested(128), 128)
    assert too_deep(nested(129), 128)


def test_brackets_in_strings_do_not_count() -> None:
    text = json.dumps({"x": "[{" * 500, 'quo"te': '\\"[' * 300}).encode()
    assert not too_deep(text, 128)


def test_many_flat_values_are_not_deep() -> None:
    assert not too_deep(b"[" + b"{}," * 5000 + b"{}]", 128)


def test_time_is_linear_for_hostile_text() -> None:
    begin = time.perf_counter()
    for text in (b"[" * 4_000_000, b'"' * 4_000_000, b'[["\\' * 1_000_000, b"]" * 4_000_000):
        too_deep(text, 128)
    assert time.perf_counter() - begin < 5


@given(
    st.recursive(
        st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    ),
    st.integers(0, 6),
)
def test_it_agrees_with_a_parsed_document(value: object, limit: int) -> None:
    def depth(part: object) -> int:
        if isinstance(part, dict):
            return 1 + max(map(depth, part.values()), default=0)
        if isinstance(part, list):
            return 1 + max(map(depth, part), default=0)
        return 0

    assert too_deep(json.dumps(value).encode(), limit) == (depth(value) > limit)


def test_openings_by_line() -> None:
    assert [len(part) for part in openings_by_line(b'{"a":[]}\n\nx{{}')] == [2, 0, 2]
