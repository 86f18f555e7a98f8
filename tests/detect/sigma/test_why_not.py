"""Why a rule does not hold: every part, with the field read and the value found."""

import pytest
from tests.detect.sigma_rules import SYSMON, Compile, record, rule

from tocsin.detect.sigma.why_not import Reason, why_not
from tocsin.model.records import NativeRecord

DETECTION = {
    "selection": {"Image|endswith": ["\\a.exe", "\\b.exe"], "User": "bob"},
    "filter": {"Note|contains": "ok"},
}


def leaves(reason: Reason) -> list[Reason]:
    return [reason] if not reason.parts else [x for part in reason.parts for x in leaves(part)]


def test_each_part_says_whether_it_held(compile_rules: Compile) -> None:
    plan = compile_rules(rule(DETECTION, "selection and not filter"))
    found = why_not(plan, 0, record({"Image": "C:\\b.exe", "User": "eve", "Note": "all ok"}))
    assert not found.held
    (sysmon,) = [one for one in found.tried if one.asked == "the rule's condition"]
    said = {(one.asked, one.held, one.field, one.value) for one in leaves(sysmon)}
    assert said == {
        ("User is 'bob'", False, "User", "eve"),
        ("Image ends with '\\a.exe'", False, "Image", "C:\\b.exe"),
        ("Image ends with '\\b.exe'", True, "Image", "C:\\b.exe"),
        ("Note contains 'ok'", True, "Note", "all ok"),
    }
    negated = next(part for part in sysmon.parts[0].parts if part.asked == "not")
    assert not negated.held


def test_a_rule_that_holds_says_so(compile_rules: Compile) -> None:
    plan = compile_rules(rule(DETECTION, "selection and not filter"))
    assert why_not(plan, 0, record({"Image": "\\a.exe", "User": "Bob"})).held


def test_the_native_field_is_named(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"selection": {"Image": "x", "Gone": "y"}}))
    security = NativeRecord(
        "windows_security", "flat", {"Channel": "Security", "EventID": 4688, "NewProcessName": "q"}
    )
    found = why_not(plan, 0, security)
    (tried,) = [one for one in found.tried if one.asked == "the rule's condition"]
    assert {(one.field, one.value) for one in leaves(tried)} == {
        ("NewProcessName", "q"),
        ("Gone", None),
    }


def test_routing_is_explained(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"selection": {"Image": "x"}}))
    found = why_not(plan, 0, NativeRecord("s", "flat", {"Channel": SYSMON, "EventID": 3}))
    assert not found.held
    assert found.refused == ""
    assert {one.asked for one in found.tried} == {"the logsource does not fit"}
    said = {(one.asked, one.held, one.value) for tried in found.tried for one in leaves(tried)}
    assert ("EventID is '1'", False, "3") in said


def test_a_record_of_another_kind_is_refused(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"selection": {"Image": "x"}}))
    found = why_not(plan, 0, NativeRecord("zeek_dns", "json", {}))
    assert found.refused.startswith(
        "the logsource does not fit: the rule wants product=windows category=process_creation, "
        "which comes in shape "
    )
    assert found.refused.endswith("; the record is of source zeek_dns, shape json")


@pytest.mark.parametrize("condition", ["words", "not words"])
def test_keywords_and_long_values(compile_rules: Compile, condition: str) -> None:
    plan = compile_rules(rule({"words": ["needle"]}, condition))
    found = why_not(plan, 0, record({"F": "needle" + "x" * 10_000}))
    (tried,) = [one for one in found.tried if one.asked == "the rule's condition"]
    (leaf,) = leaves(tried)
    assert (leaf.asked, leaf.held, leaf.field) == ("any value contains 'needle'", True, "F")
    assert leaf.value is not None
    assert len(leaf.value) == 512
    assert found.held is (condition == "words")
