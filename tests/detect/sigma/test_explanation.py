"""An explanation names what held, with the value that made it hold."""

from typing import Any

import pytest
from tests.detect.sigma_rules import Compile, record, rule

from tocsin.detect.sigma import explain
from tocsin.detect.sigma.explanation import MAX_MATCHES, MAX_VALUE
from tocsin.model.findings import Match


def explained(compile_rules: Compile, key: str, value: Any, **fields: Any) -> tuple[Match, ...]:
    plan = compile_rules(rule({"selection": {key: value}}))
    return explain(plan, 0, record(fields))


@pytest.mark.parametrize(
    ("key", "value", "found", "predicate"),
    [
        ("F", "A", "a", "F is 'a'"),
        ("F|contains", "SEKURLSA", "x sekurlsa", "F contains 'sekurlsa'"),
        ("F|startswith", "a", "ab", "F starts with 'a'"),
        ("F|endswith", "b", "ab", "F ends with 'b'"),
        ("F", "a*b", "aXb", "F is like 'a*b'"),
        ("F|re|i", "A.b", "axb", "F matches /A.b/ (i)"),
        ("F|cidr", "10.0.0.0/8", "10.1.1.1", "F is in '10.0.0.0/8'"),
        ("F|gte", 3, 4, "F is at least '3'"),
        ("F|exists", True, "x", "F is present"),
        ("F", None, None, "F is missing"),
    ],
)
def test_a_predicate_reads_like_a_sentence(
    compile_rules: Compile, key: str, value: Any, found: Any, predicate: str
) -> None:
    value_text = "" if found is None else str(found)
    assert explained(compile_rules, key, value, F=found) == (Match("F", predicate, value_text),)


def test_the_field_is_the_record_s_own(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"selection": {"Image|endswith": "a.exe"}}))
    row = record({}, Channel="Security", EventID=4688, NewProcessName="C:\\A.exe")
    assert explain(plan, 0, row) == (
        Match("NewProcessName", "Image ends with 'a.exe'", "C:\\A.exe"),
    )


def test_a_reference_shows_the_value(compile_rules: Compile) -> None:
    found = explained(compile_rules, "F|fieldref", "G", F="Ann", G="ann")
    assert found == (Match("F", "F is the value of G", "Ann"),)


def test_a_keyword_names_the_field_it_stood_in(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"keywords": ["kiwi"]}, "keywords"))
    found = explain(plan, 0, record({"F": ["x", "a KIWI"]}))
    assert found == (Match("F", "any value contains 'kiwi'", "a KIWI"),)


def test_only_the_branch_that_held_is_listed(compile_rules: Compile) -> None:
    blocks = {"a": {"F": "1", "G": "2"}, "b": {"H": ["3", "4"]}, "c": {"I": "5"}}
    plan = compile_rules(rule(blocks, "(a or b) and not c"))
    found = explain(plan, 0, record({"F": "1", "G": "x", "H": "4"}))
    assert [match.predicate for match in found] == ["H is '4'"]
    assert explain(plan, 0, record({"F": "1"})) == ()
    assert explain(plan, 0, record({"H": "4", "I": "5"})) == ()


def test_values_and_lists_are_bounded(compile_rules: Compile) -> None:
    many = [f"w{n}" for n in range(100)]
    plan = compile_rules(rule({"selection": {"F|contains|all": many}}))
    found = explain(plan, 0, record({"F": " ".join(many) + "x" * 10_000}))
    assert len(found) == MAX_MATCHES
    assert {len(match.value) for match in found} == {MAX_VALUE}
