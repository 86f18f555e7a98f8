"""Every statement of semantics.py, on both scanners."""

from typing import Any

import pytest
from tests.detect.sigma_rules import Compile, fires, record, rule

from tocsin.detect.sigma.semantics import address, number, texts

CASES: list[tuple[str, Any, dict[str, Any], bool]] = [
    # text, whatever its type
    ("F", "4624", {"F": 4624}, True),
    ("F", 4624, {"F": "4624"}, True),
    ("F", 1, {"F": 1.0}, True),
    ("F", 1, {"F": True}, False),
    ("F", 0, {"F": False}, False),
    ("F", "true", {"F": True}, True),
    ("F", True, {"F": "True"}, True),
    ("F", "1.5", {"F": 1.5}, True),
    # case
    ("F", "PowerShell", {"F": "POWERSHELL"}, True),
    ("F", "ÄPFEL", {"F": "äpfel"}, True),
    ("F|cased", "PowerShell", {"F": "POWERSHELL"}, False),
    ("F|cased", "PowerShell", {"F": "PowerShell"}, True),
    ("F|contains|cased", "Shell", {"F": "PowershelL"}, False),
    ("F|contains|cased", "Shell", {"F": "PowerShell"}, True),
    # null, missing, empty, dash
    ("F", None, {}, True),
    ("F", None, {"F": None}, True),
    ("F", None, {"F": []}, True),
    ("F", None, {"F": ""}, False),
    ("F", None, {"F": "-"}, False),
    ("F", "", {"F": ""}, True),
    ("F", "", {}, False),
    ("F", "-", {"F": "-"}, True),
    ("F", [], {}, True),
    ("F|exists", True, {"F": ""}, True),
    ("F|exists", True, {"F": None}, False),
    ("F|exists", False, {}, True),
    ("F|exists", False, {"F": 0}, False),
    # any element
    ("F", "b", {"F": ["a", "B"]}, True),
    ("F|contains|all", ["a", "b"], {"F": ["xa", "xb"]}, True),
    ("F", "b", {"F": {"x": {"y": "b"}}}, True),
    ("F", "c", {"F": ["a", ["b"]]}, False),
    # wildcards
    ("F", "a*c", {"F": "aBBc"}, True),
    ("F", "a*c", {"F": "ac"}, True),
    ("F", "a*c", {"F": "a\nc"}, True),
    ("F", "a?c", {"F": "aäc"}, True),
    ("F", "a?c", {"F": "ac"}, False),
    ("F", r"a\*c", {"F": "abc"}, False),
    ("F", r"a\*c", {"F": "a*c"}, True),
    ("F", "*", {"F": ""}, True),
    ("F", "*", {}, False),
    ("F|endswith", "\\cmd.exe", {"F": "C:\\Windows\\CMD.EXE"}, True),
    ("F|endswith", ".exe", {"F": "a.exe\n"}, False),
    ("F|startswith", "C:", {"F": "xc:"}, False),
    ("F|startswith", "", {"F": ""}, True),
    # regular expressions
    ("F|re", "b.d", {"F": "abcde"}, True),
    ("F|re", "^bcd", {"F": "abcde"}, False),
    ("F|re", "BCD", {"F": "abcde"}, False),
    ("F|re|i", "BCD", {"F": "abcde"}, True),
    ("F|re", "a.c", {"F": "a\nc"}, False),
    ("F|re|s", "a.c", {"F": "a\nc"}, True),
    ("F|re|m", "^c", {"F": "a\nc"}, True),
    ("F|re", "c$", {"F": "abc\n"}, True),
    ("F|re", "c$", {"F": "abc\nd"}, False),
    ("F|re", "^a.?$", {"F": "aä"}, True),
    ("F|re", r"a(?=b)", {"F": "ab"}, True),
    ("F|re", r"a(?!b)", {"F": "ab"}, False),
    ("F|re", r"(\w)\1", {"F": "abb"}, True),
    ("F|re", "^$", {"F": ""}, True),
    ("F|re", "^$", {}, False),
    ("F|re", "x*", {"F": "a"}, True),
    # numbers
    ("F|gt", 10, {"F": "11"}, True),
    ("F|gt", 10, {"F": 10}, False),
    ("F|gte", 10, {"F": 10.0}, True),
    ("F|lt", 10, {"F": "9.5"}, True),
    ("F|lte", 10, {"F": "0x01"}, False),
    ("F|lt", 10, {"F": "-"}, False),
    ("F|lt", 10, {"F": True}, False),
    ("F|lt", 10, {}, False),
    # networks
    ("F|cidr", "10.0.0.0/8", {"F": "10.2.3.4"}, True),
    ("F|cidr", "10.0.0.0/8", {"F": "::ffff:10.2.3.4"}, True),
    ("F|cidr", "10.0.0.0/8", {"F": "11.2.3.4"}, False),
    ("F|cidr", "fe80::/10", {"F": "fe80::1"}, True),
    ("F|cidr", "10.0.0.0/8", {"F": "-"}, False),
    # fields that name fields
    ("F|fieldref", "G", {"F": "Ab", "G": "aB"}, True),
    ("F|fieldref", "G", {"F": "a", "G": "b"}, False),
    ("F|fieldref", "G", {}, False),
    ("F|fieldref|endswith", "G", {"F": "CORP\\ann", "G": "Ann"}, True),
    # expansions
    ("F|windash|contains", " -enc", {"F": "a /ENC b"}, True),
    ("F|windash|contains", " -enc", {"F": "a \u2013enc b"}, True),
    ("F|base64offset|contains", "hello", {"F": "zzaGVsbG8zz"}, True),
    ("F|wide|base64offset|contains", "ab", {"F": "xxYQBiAxx"}, True),
]


@pytest.mark.parametrize(("key", "value", "fields", "expected"), CASES)
def test_a_predicate_means_what_the_module_says(
    compile_rules: Compile, key: str, value: Any, fields: dict[str, Any], expected: bool
) -> None:
    plan = compile_rules(rule({"selection": {key: value}}))
    assert fires(plan, record(fields)) == [expected]


@pytest.mark.parametrize(("key", "value", "fields", "expected"), CASES)
def test_not_inverts_also_over_a_missing_field(
    compile_rules: Compile, key: str, value: Any, fields: dict[str, Any], expected: bool
) -> None:
    plan = compile_rules(rule({"selection": {key: value}}, "not selection"))
    assert fires(plan, record(fields)) == [not expected]


KEYWORDS: list[tuple[Any, dict[str, Any], bool]] = [
    (["mimikatz"], {"F": "x MIMIKATZ y"}, True),
    (["mimikatz"], {"mimikatz": "x"}, False),
    (["mimi*katz"], {"F": "xmimi and katz"}, True),
    (["mimi*katz"], {"F": "mimi", "G": "katz"}, False),
    (["mimi?atz"], {"F": "xmimikatzx"}, True),
    (["deep"], {"F": {"a": ["x", {"b": "Deeper"}]}}, True),
    ({"|all": ["one", "two"]}, {"F": "one", "G": "two"}, True),
    ({"|all": ["one", "two"]}, {"F": "one"}, False),
    ([4624], {"F": 46240}, True),
    (["C:\\temp\\x"], {"F": "see c:\\TEMP\\x"}, True),
    (['a"b'], {"F": 'a"b'}, True),
    (["a/b"], {"F": "a/b"}, True),
    (["ab"], {"F": "xaby"}, True),
    (["Äpfel"], {"F": "äPFEL"}, True),
    ({"|re": "mimi[a-z]atz"}, {"F": "mimikatz"}, True),
]


@pytest.mark.parametrize(("words", "fields", "expected"), KEYWORDS)
def test_a_keyword_is_any_part_of_any_value(
    compile_rules: Compile, words: Any, fields: dict[str, Any], expected: bool
) -> None:
    plan = compile_rules(rule({"keywords": words}, "keywords"), rule({}, "1 of them"))
    assert fires(plan, record(fields)) == [expected]


def test_texts_of_any_depth_need_no_recursion() -> None:
    value: Any = "deep"
    for _ in range(100_000):
        value = [value]
    assert texts(value) == ("deep",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", 7),
        ("-7.5", -7.5),
        ("1e3", 1000.0),
        ("1_0", None),
        ("nan", None),
        ("", None),
        ("٣", None),
    ],
)
def test_only_decimal_text_is_a_number(text: str, expected: float | None) -> None:
    assert number(text) == expected


def test_text_that_is_no_address_is_none() -> None:
    assert address("10.0.0.256") is None
