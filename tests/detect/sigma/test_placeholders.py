"""Placeholders stand for the lists of the site."""

from typing import Any

import pytest
from tests.detect.sigma_rules import fires, record, rule

from tocsin.detect.sigma import Plan, compile_plan, parse_rules
from tocsin.detect.sigma.placeholders import is_placeholders, load_placeholders
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.rules import RuleState

LISTS = b"""
Admins: [ann, 'adm_*', 7]
Servers: srv?
dots: [a.b]
"""


def plan_of(
    logsources: tuple[LogsourceBinding, ...], key: str, value: Any, lists: bytes = LISTS
) -> Plan:
    files = [
        ("r.yml", rule({"selection": {key: value}}).encode()),
        ("rules/placeholders.yaml", lists),
    ]
    return compile_plan(parse_rules(files), logsources, use_hyperscan=False)


@pytest.mark.parametrize(
    ("key", "value", "texts", "expected"),
    [
        ("F|expand", "%Admins%", ["Ann", "adm_x", "7", "annx", "%Admins%"], "yyynn"),
        ("F|expand", ["%Admins%", "bob"], ["ann", "bob", "x"], "yyn"),
        ("F|expand", "%Servers%\\\\%Admins%", ["srv1\\ann", "srv1\\bob", "srv\\ann"], "ynn"),
        ("F|contains|expand", "%Servers%", ["x srv1 y", "srv"], "yn"),
        ("F|expand|cased", "%dots%", ["a.b", "A.B"], "yn"),
        ("F|re|expand", "^%dots%$", ["a.b", "axb"], "yn"),
        ("F|re|expand", "^x%Servers%[0-9]+$", ["xsrv12", "xsrv1", "srv12"], "ynn"),
        ("F", "%Admins%", ["ann", "%admins%"], "ny"),
    ],
)
def test_a_placeholder_is_every_value_of_its_list(
    logsources: tuple[LogsourceBinding, ...],
    key: str,
    value: Any,
    texts: list[str],
    expected: str,
) -> None:
    plan = plan_of(logsources, key, value)
    assert plan.rules, plan.statuses
    found = fires(plan, *(record({"F": text}) for text in texts))
    assert "".join("ny"[held] for held in found) == expected


@pytest.mark.parametrize("lists", [b"", b"Other: [a]", b"Empty: []"])
def test_an_unfilled_placeholder_makes_its_rule_inactive(
    logsources: tuple[LogsourceBinding, ...], lists: bytes
) -> None:
    plan = plan_of(logsources, "F|expand", "%Empty%", lists)
    (status,) = plan.statuses
    assert status.state is RuleState.INACTIVE
    assert status.reason == "placeholder %Empty% needs a list of values from this site"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a: [", "not YAML"),
        (b"- a", "a mapping of names to lists"),
        (b"a: {b: c}", "placeholder a: its values"),
        (b"a: [true]", "placeholder a: its values"),
        (b"1: [a]", "placeholder 1: its values"),
        (b"\xff", "not YAML"),
    ],
)
def test_a_wrong_file_says_why(data: bytes, reason: str) -> None:
    lists, (problem,) = load_placeholders([("site/rules/placeholders.yaml", data)])
    assert lists == {}
    assert reason in problem.reason
    assert problem.state is RuleState.UNSUPPORTED


def test_only_files_of_that_name_hold_lists() -> None:
    assert is_placeholders("site/rules/placeholders.yaml")
    assert is_placeholders("placeholders.yml")
    assert not is_placeholders("rules/my_placeholders.yaml")
