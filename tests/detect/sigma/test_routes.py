"""A route looks only at rules that slots can trigger, and at raw lines only if it must."""

import pytest
from tests.detect.sigma_rules import SYSMON, Compile, record, rule

from tocsin.detect.sigma import Matcher, Plan
from tocsin.detect.sigma.ir import Op, Predicate
from tocsin.detect.sigma.routes import Outcome, Route, refers


def route(plan: Plan) -> Route:
    found: Route = Matcher(plan).stream("s", "flat").routes[SYSMON, 1]
    return found


def test_a_rule_waits_for_a_slot_that_triggers_it(compile_rules: Compile) -> None:
    found = route(
        compile_rules(
            rule({"a": {"F|contains": ["x", "y"]}, "b": {"G": "z"}}, "a and not b", id="1"),
            rule({"a": {"F": "x"}}, "not a", id="2"),
        )
    )
    assert found.always == (1,)
    assert {key for keys in found.by_slot.values() for key in keys} == {0}
    assert found.decide(frozenset()) == (1,)


def test_a_reference_is_looked_up_only_when_it_decides(compile_rules: Compile) -> None:
    blocks = {"a": {"F|fieldref": "G"}, "b": {"H": "x"}}
    found = route(compile_rules(rule(blocks, "a and b")))
    (slot,) = (n for n, predicate in found.predicate.items() if predicate.op is Op.EQ)
    assert found.decide(frozenset()) == ()
    assert found.decide(frozenset({slot})) == Outcome((), (0,))


@pytest.mark.parametrize(
    ("detections", "condition", "looks"),
    [
        ({"a": {"F": "x"}}, "a", False),
        ({"k": ["needle"]}, "k", True),
        ({"a": {"F": "x"}, "k": ["needle"]}, "a and not k", True),
    ],
)
def test_raw_lines_are_searched_only_for_keywords(
    compile_rules: Compile, detections: dict[str, object], condition: str, *, looks: bool
) -> None:
    found = route(compile_rules(rule(detections, condition)))
    assert (found.search is not None) is looks


@pytest.mark.parametrize(
    ("kind", "mine", "other", "expected"),
    [
        ("eq", "Ann", "ann", True),
        ("eq", "Ann", None, False),
        ("startswith", "Annette", "ann", True),
        ("endswith", "corp\\ann", "Ann", True),
        ("contains", "xANNx", "ann", True),
        ("contains", ["b", "xann"], ["c", "ann"], True),
        ("eq", "a", "b", False),
    ],
)
def test_a_reference_compares_any_element_without_case(
    kind: str, mine: object, other: object, *, expected: bool
) -> None:
    predicate = Predicate("F", Op.FIELDREF, "G", detail=kind)
    fields = record({"F": mine, "G": other}).fields
    assert refers(predicate, fields, ("F", "", "G")) is expected
