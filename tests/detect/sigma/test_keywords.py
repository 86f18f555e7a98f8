"""A look at the raw line rules keywords out, however the line is escaped."""

import json

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect.sigma_rules import SYSMON, Compile, rule

from tocsin.detect.sigma import Matcher
from tocsin.detect.sigma.ir import Op, Predicate
from tocsin.detect.sigma.keywords import expressions, fragment
from tocsin.model.records import NativeRecord

WORDS = ["kiwi printer", 'say "kiwi"', "a/b\\kiwi", "skid"]
LINES = st.text(alphabet='kKiIwWdDsS \u212a\u0130\u017f"\\/ab', max_size=6)


def escape_some(text: str, every: int) -> str:
    """JSON text of a string with every n-th character written as an escape."""
    parts = [
        f"\\u{ord(c):04x}" if every and i % every == 0 else json.dumps(c)[1:-1].replace("/", "\\/")
        for i, c in enumerate(text)
    ]
    return '"' + "".join(parts) + '"'


@settings(max_examples=200)
@given(
    word=st.sampled_from(WORDS),
    around=st.tuples(LINES, LINES),
    every=st.integers(0, 4),
    upper=st.booleans(),
)
def test_no_way_of_writing_a_value_hides_a_keyword(
    compile_rules: Compile, word: str, around: tuple[str, str], every: int, upper: bool
) -> None:
    value = around[0] + (word.upper() if upper else word) + around[1]
    line = f'{{"Channel":"{SYSMON}","EventID":1,"F":{escape_some(value, every)}}}'.encode()
    fields = orjson.loads(line)
    assert fields["F"] == value
    plan = compile_rules(rule({"keywords": [word.replace("\\", "\\\\")]}, "keywords"))
    row = NativeRecord("s", "flat", fields)
    assert Matcher(plan).match([row], [line]) == [(0, 0)]


@settings(max_examples=200)
@given(value=LINES)
def test_the_raw_look_changes_no_answer(compile_rules: Compile, value: str) -> None:
    plan = compile_rules(rule({"keywords": ["skd", "kiw", "di", "kis"]}, "keywords"))
    row = NativeRecord("s", "flat", {"Channel": SYSMON, "EventID": 1, "F": value})
    for line in (orjson.dumps(row.fields), json.dumps(row.fields).encode()):
        assert Matcher(plan).match([row], [line]) == Matcher(plan).match([row], [None])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lsadump::", rb"lsadump\x3a\x3a"),
        ('ab"cdef', b"cdef"),
        ("a\\b/c", None),
        ("äöü", None),
        ("ab", None),
    ],
)
def test_a_fragment_holds_nothing_that_json_escapes(text: str, expected: bytes | None) -> None:
    assert fragment(Predicate("", Op.CONTAINS, text)) == expected


def test_a_keyword_without_a_fragment_makes_every_line_a_candidate() -> None:
    assert (
        expressions([Predicate("", Op.CONTAINS, "lsadump::"), Predicate("", Op.RE, "a.b")]) is None
    )


def test_half_a_pair_in_the_raw_line_hides_nothing(compile_rules: Compile) -> None:
    """The reader gives U+FFFD for an unpaired surrogate escape, the raw line still has it."""
    line = (
        b'{"Channel":"%s","EventID":1,"CommandLine":"vssadmin delete shadows \\ud800"}'
        % SYSMON.encode()
    )
    fields = orjson.loads(line.replace(rb"\ud800", rb"\ufffd"))
    plan = compile_rules(
        rule({"keywords": ["vssadmin delete"]}, "keywords"),
        rule(
            {"selection": {"CommandLine|contains": "delete shadows"}},
            id=f"{2:08}-1111-1111-1111-111111111111",
        ),
        rule(
            {"keywords": ["shadows \ufffd"]}, "keywords", id=f"{3:08}-1111-1111-1111-111111111111"
        ),
    )
    row = NativeRecord("s", "flat", fields)
    assert Matcher(plan).match([row], [line]) == [(0, 0), (0, 1), (0, 2)]
