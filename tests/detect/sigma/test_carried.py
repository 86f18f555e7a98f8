"""A finding carries what correlations over its rule look at, and nothing else."""

from typing import Any

import orjson
from tests.detect.sigma_rules import Compile, record, rule

from tocsin.detect.sigma import Plan
from tocsin.detect.sigma.carried import MAX_TEXT, MAX_VALUES, values_of
from tocsin.model.records import NativeRecord


def plan_of(compile_rules: Compile) -> Plan:
    section = {
        "type": "value_count",
        "rules": ["base"],
        "group-by": ["Image", "IntegrityLevel"],
        "timespan": "1m",
        "condition": {"field": "User", "gte": 2},
    }
    counting = orjson.dumps({"id": "c", "title": "c", "correlation": section}).decode()
    alone = rule({"selection": {"F": "b"}}, id="alone")
    return compile_rules(rule({"selection": {"F": "a"}}, name="base"), counting, alone)


def carried(compile_rules: Compile, **fields: Any) -> tuple[Any, ...]:
    return values_of(plan_of(compile_rules), 0, record({"F": "a", **fields}))


def test_values_of_the_rule_s_fields(compile_rules: Compile) -> None:
    found = carried(compile_rules, Image="x", User=["u", "v", "u"], Other="o")
    assert found == (("Image", "x"), ("User", "u"), ("User", "v"))


def test_names_and_values_of_the_logsource(compile_rules: Compile) -> None:
    fields = {"Channel": "Security", "EventID": 4688, "F": "a", "NewProcessName": "p"}
    fields |= {"MandatoryLabel": "S-1-16-12288", "SubjectUserName": 7}
    found = values_of(plan_of(compile_rules), 0, NativeRecord("windows_security", "flat", fields))
    assert found == (("Image", "p"), ("IntegrityLevel", "High"), ("User", "7"))


def test_values_are_bounded(compile_rules: Compile) -> None:
    found = carried(compile_rules, Image="x" * 9_999, User=[str(n) for n in range(99)])
    assert len(found) == 1 + MAX_VALUES
    assert len(found[0][1]) == MAX_TEXT


def test_a_rule_that_nothing_refers_to_carries_nothing(compile_rules: Compile) -> None:
    plan = plan_of(compile_rules)
    number = next(n for n, found in enumerate(plan.rules) if found.rule_id == "alone")
    assert values_of(plan, number, record({"F": "b", "User": "u"})) == ()
