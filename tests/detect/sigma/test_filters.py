"""Filters join their rules when the plan is compiled."""

from typing import Any

import orjson
import pytest
from tests.detect.naive_oracle import Logsources, NaiveRule, with_filters
from tests.detect.sigma_rules import Compile, fires, record, rule

from tocsin.detect.sigma.explanation import explain
from tocsin.detect.sigma.rule_tests import check_rules
from tocsin.model.content import ContentFile
from tocsin.model.rules import RuleState

ID = "11111111-1111-1111-1111-111111111111"
RULE = rule({"selection": {"F": "a"}}, name="one_rule")


def filter_of(rules: Any, condition: str = "not selection", **more: Any) -> str:
    document = {
        "title": "A filter",
        "id": "filter-1",
        "logsource": {"product": "windows", "category": "process_creation"},
        "filter": {"rules": rules, "selection": {"U|startswith": "adm_"}, "condition": condition},
    }
    return orjson.dumps({**document, **more}).decode()


RECORDS = [record({"F": "a", "U": "adm_x"}), record({"F": "a", "U": "x"}), record({"F": "b"})]


@pytest.mark.parametrize("rules", ["any", [], [ID], ID, ["one_rule"], ["other", ID]])
def test_a_filter_leaves_events_out(
    compile_rules: Compile, logsource_bytes: bytes, rules: Any
) -> None:
    text = filter_of(rules)
    plan = compile_rules(RULE, text)
    assert fires(plan, *RECORDS) == [False, True, False]
    document = with_filters(orjson.loads(RULE), [orjson.loads(text)])
    oracle = NaiveRule(document, Logsources(logsource_bytes), ["flat"])
    assert [oracle.matches("flat", r.fields) for r in RECORDS] == [False, True, False]
    assert explain(plan, 0, RECORDS[1])
    status = next(s for s in plan.statuses if s.rule_id == "filter-1")
    assert (status.state, status.reason) == (RuleState.ACTIVE, "a filter on 1 rules")


@pytest.mark.parametrize(
    "text",
    [
        filter_of(["other"]),
        filter_of("any", logsource={"product": "linux"}),
        filter_of([ID], logsource={"product": "windows", "category": "file_event"}),
    ],
)
def test_a_filter_for_others_changes_nothing(compile_rules: Compile, text: str) -> None:
    plan = compile_rules(RULE, text)
    assert fires(plan, *RECORDS) == [True, True, False]
    assert plan.statuses[-1].state is RuleState.INACTIVE


def test_a_filter_holds_for_the_whole_product(compile_rules: Compile) -> None:
    plan = compile_rules(RULE, filter_of("any", logsource={"product": "windows"}))
    assert fires(plan, *RECORDS) == [False, True, False]


def test_a_filter_without_not_keeps_only_what_it_names(compile_rules: Compile) -> None:
    plan = compile_rules(RULE, filter_of("any", "selection"))
    assert fires(plan, *RECORDS) == [True, False, False]


def test_two_filters_both_hold(compile_rules: Compile) -> None:
    second = orjson.loads(filter_of("any", "not 1 of them", id="filter-2"))
    second["filter"]["selection"] = {"U": "x"}
    plan = compile_rules(RULE, filter_of("any"), orjson.dumps(second).decode())
    assert fires(plan, *RECORDS) == [False, False, False]


def test_a_filtered_rule_has_another_digest(compile_rules: Compile) -> None:
    plain, filtered = compile_rules(RULE), compile_rules(RULE, filter_of("any"))
    assert plain.rules[0].digest != filtered.rules[0].digest


@pytest.mark.parametrize(
    ("level", "layer", "says", "refused"),
    [
        ("critical", "site", {}, True),
        ("critical", "site", {"author": "mira"}, True),
        ("critical", "site", {"approved_by": "mira"}, True),
        ("critical", "site", {"author": "Mira, Bo", "approved_by": " mira"}, True),
        ("critical", "site", {"author": "Mira, Bo", "approved_by": "tobias"}, False),
        ("critical", "shipped", {}, False),
        ("high", "site", {}, False),
    ],
)
def test_a_filter_on_a_critical_rule_needs_a_second_person(
    level: str, layer: str, says: dict[str, str], refused: bool
) -> None:
    files = [
        ContentFile(
            "rules/a.yml", rule({"selection": {"F": "a"}}, level=level).encode(), "shipped"
        ),
        ContentFile("rules/f.yml", filter_of("any", **says).encode(), layer),
    ]
    told = [one for one in check_rules(files, []) if "second person" in one.message]
    assert [(one.where, one.severity) for one in told] == [("site/rules/f.yml", "error")] * refused
