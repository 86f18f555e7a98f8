"""All scanners say what the direct check says."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tocsin.detect.sigma.automata import (
    HyperscanScanner,
    Numbered,
    PlainScanner,
    compile_hyperscan,
    hyperscan,
    raw_search,
    report,
)
from tocsin.detect.sigma.checks import check_of, dollar_before_newline
from tocsin.detect.sigma.ir import Op, Predicate

LETTERS = "abAB.\\$*?()[]{}|^ \n\x00ä\u017f\u212a\ud800"
words = st.text(alphabet=LETTERS, min_size=1, max_size=7)
literals = st.builds(
    Predicate,
    st.just("F"),
    st.sampled_from([Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH]),
    words.map(lambda word: word.replace("\ud800", "a").lower()),
)
globs = st.builds(
    lambda parts, lead, tail: Predicate(
        "F",
        Op.GLOB,
        ("" if lead else r"\A") + "".join(parts) + ("" if tail else r"\Z"),
    ),
    st.lists(st.sampled_from(["a", "b", ".", ".*", r"\.", "ä"]), min_size=1, max_size=4),
    st.booleans(),
    st.booleans(),
)
PATTERNS = [
    "a$",
    "^a",
    "a.b",
    "[ab]{2,}",
    r"\$",
    "a|b$",
    "(?i)AB",
    r"\ba\b",
    "a*",
    "[$]",
    r"[^\]$]$",
]
patterns = st.builds(
    lambda text, flags: Predicate("F", Op.RE, text, cased="i" not in flags, detail=flags),
    st.sampled_from([*PATTERNS, "a(?=b)", r"(a)\1", "(?<!a)b"]),
    st.sampled_from(["", "i", "m", "s", "im"]),
)


def expected(numbered: list[Numbered], text: str) -> set[int]:
    return {number for number, predicate in numbered if check_of(predicate)(text)}


@settings(max_examples=150)
@given(st.lists(literals | globs | patterns, min_size=1, max_size=8), st.lists(words, max_size=5))
def test_the_plain_scanner_agrees_with_the_checks(
    predicates: list[Predicate], texts: list[str]
) -> None:
    numbered = list(enumerate(predicates))
    scanner = PlainScanner(numbered)
    for text in map(str.lower, texts):
        assert set(scanner.scan(text)) == expected(numbered, text)


@pytest.mark.skipif(hyperscan is None, reason="hyperscan runs on x86-64 only")
@settings(max_examples=150)
@given(st.lists(literals | globs | patterns, min_size=1, max_size=8), st.lists(words, max_size=5))
@example([Predicate("F", Op.RE, "a$", cased=True)], ["a\n"])
@example([Predicate("F", Op.ENDSWITH, "a")], ["a\n"])
def test_hyperscan_agrees_with_the_checks(predicates: list[Predicate], texts: list[str]) -> None:
    numbered = list(enumerate(predicates))
    compiled = compile_hyperscan(numbered)
    assert compiled is not None
    members = dict(numbered)
    confirm = [(n, members[n]) for n in compiled.approximate]
    scanner = HyperscanScanner(compiled.data, confirm)
    inside = [(n, members[n]) for n in compiled.members]
    for text in map(str.lower, texts):
        wanted = text.encode("utf-8", "replace").decode()
        assert set(scanner.scan(text)) == expected(inside, wanted)


@given(st.sampled_from([p for p in PATTERNS if "(?i)" not in p]), words)
def test_the_dollar_means_the_same_in_every_engine(pattern: str, text: str) -> None:
    predicate = Predicate("F", Op.RE, pattern, cased=True)
    text = text.encode("utf-8", "replace").decode()
    assert check_of(predicate)(text) == (re.search(pattern, text, re.ASCII) is not None)


@pytest.mark.parametrize(
    ("pattern", "translated"),
    [
        ("a$", r"a(?:\n?\z)"),
        (r"a\$", r"a\$"),
        ("[$]", "[$]"),
        ("[]$]$", r"[]$](?:\n?\z)"),
        ("[^]$]", "[^]$]"),
        (r"a\Z", r"a\z"),
    ],
)
def test_only_a_dollar_that_means_the_end_is_translated(pattern: str, translated: str) -> None:
    assert dollar_before_newline(pattern, multiline=False) == translated
    assert dollar_before_newline("a$", multiline=True) == "a$"


@pytest.mark.parametrize("use", [True, False])
def test_a_raw_search_ignores_case_and_leaves_sightings(use: bool) -> None:
    sightings: list[int] = []
    search = raw_search([rb"lsadump\x3a\x3a", rb"kiwi"], use_hyperscan=use)
    search(b"nothing", report, 0, sightings)
    assert not sightings
    search(b"a LSAdump::x", report, 0, sightings)
    assert sightings
