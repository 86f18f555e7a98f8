import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.errors import ContentError
from tocsin.formats.located_yaml import MAX_DEPTH, load_located

DOCUMENT = b"""\
# a comment
title: Office hours
codes: {4624: 1, 4625: 2}
steps:
  - id: one
    when: 12:30
  - id: two
    when: no
    note: >
      folded
      text
"""


def test_values_follow_the_core_schema() -> None:
    value = load_located(DOCUMENT, "f.yaml").value
    assert value["codes"] == {4624: 1, 4625: 2}
    assert value["steps"][0] == {"id": "one", "when": "12:30"}
    assert value["steps"][1] == {"id": "two", "when": "no", "note": "folded text\n"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2024-01-01", "2024-01-01"),
        ("yes", "yes"),
        ("'1'", "1"),
        ("!!str 1", "1"),
        ("0x1F", 31),
        ("0o17", 15),
        ("017", 17),
        ("-3", -3),
        ("1.5e3", 1500.0),
        (".5", 0.5),
        ("1.2.3", "1.2.3"),
        ("~", None),
        ("", None),
        ("True", True),
        (".nan", ".nan"),
        ("1_000", "1_000"),
    ],
)
def test_scalar(text: str, value: object) -> None:
    got = load_located(f"k: {text}\n".encode(), "f.yaml").value["k"]
    assert got == value
    assert type(got) is type(value)


def test_every_value_has_its_line() -> None:
    document = load_located(DOCUMENT, "f.yaml")
    assert document.line(("title",)) == 2
    assert document.line(("codes", 4625)) == 3
    assert document.line(("steps",)) == 4
    assert document.line(("steps", 1)) == 7
    assert document.line(("steps", 1, "note")) == 9
    assert document.at(("steps", 0, "when")) == "f.yaml:6"
    assert document.line(("steps", 1, "absent", "deeper")) == 7


@pytest.mark.parametrize(
    ("data", "line", "says"),
    [
        (b"a: 1\nb: 2\na: 3\n", 3, "line 1"),
        (b"a: 1\nb: [1, 2\n", 3, "not YAML"),
        (b"a: 1\nb: \t- x: {\n", 2, "not YAML"),
        (b"a: !!python/object:os.system x\n", 1, "tag"),
        (b"a: !!python/object/apply:os.system [x]\n", 1, "tag"),
        (b"x: 1\na: !!binary AAAA\n", 2, "tag"),
        (b"a: &x {b: 1}\nc:\n  <<: *x\n", 3, "merge"),
        (b"a: *nowhere\n", 1, "anchor"),
        (b"a: &x [1, *x]\n", 1, "anchor"),
        (b"[1, 2]: 3\n", 1, "single value"),
        (b"a: 1\n---\nb: 2\n", 2, "second document"),
        (b"a: 1\nb: \xff\n", 2, "UTF-8"),
        (b"a: 1\nb: \x00\n", 2, ""),
        (b"a: " + b"[" * (MAX_DEPTH + 1), 1, "deeper"),
        (b"[" * 100_000, 1, "deeper"),
    ],
)
def test_what_is_refused_says_where(data: bytes, line: int, says: str) -> None:
    with pytest.raises(ContentError) as caught:
        load_located(data, "f.yaml")
    assert caught.value.where == f"f.yaml:{line}"
    assert says in caught.value.message


def test_an_alias_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(ContentError, match="values"):
        load_located("\n".join(lines).encode(), "f.yaml")


def test_an_alias_repeats_its_value() -> None:
    document = load_located(b"a: &x {k: 1}\nb: *x\n", "f.yaml")
    assert document.value == {"a": {"k": 1}, "b": {"k": 1}}
    assert document.line(("b", "k")) == 2


def test_an_empty_file_is_none() -> None:
    assert load_located(b"", "f.yaml").value is None


TEXT = st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=20)
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_json_is_yaml(value: object) -> None:
    assert load_located(json.dumps(value).encode(), "f.yaml").value == value


@given(st.binary(max_size=200))
def test_any_bytes_give_a_document_or_a_content_error(data: bytes) -> None:
    with contextlib.suppress(ContentError):
        assert load_located(data, "f.yaml").where == "f.yaml"
