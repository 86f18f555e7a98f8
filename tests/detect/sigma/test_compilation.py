"""Compiling binds rules to logsources and keeps only what active rules need."""

import pytest
from tests.detect.sigma_rules import Compile, fires, record, rule

from tocsin.detect.sigma import Plan, automata, compile_plan, parse_rules
from tocsin.detect.sigma.compilation import leaves_of
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.rules import RuleState

SELECTION = {"selection": {"F": "a"}}


def test_every_document_has_one_status(compile_rules: Compile) -> None:
    plan = compile_rules(
        rule(SELECTION, id="1"),
        rule(SELECTION, id="2", logsource={"product": "zeek"}),
        rule({}, "x", id="3"),
    )
    states = {status.rule_id: status.state for status in plan.statuses}
    assert states == {
        "1": RuleState.ACTIVE,
        "2": RuleState.INACTIVE,
        "3": RuleState.UNSUPPORTED,
    }
    assert [active.rule_id for active in plan.rules] == ["1"]


def test_predicates_of_inactive_rules_are_not_compiled(compile_rules: Compile) -> None:
    elsewhere = {"selection": {"Elsewhere|contains": "x"}}
    plan = compile_rules(rule(SELECTION), rule(elsewhere, id="2", logsource={"product": "zeek"}))
    assert "Elsewhere" not in {predicate.field for predicate in plan.predicates}
    assert all(leaf < len(plan.predicates) for tree in plan.trees for leaf in leaves_of(tree))


def test_rules_of_one_logsource_share_a_scope(compile_rules: Compile) -> None:
    one, two = (
        compile_rules(rule(SELECTION)),
        compile_rules(*(rule(SELECTION, id=f"{n}") for n in "12")),
    )
    assert len(one.scopes) == len(two.scopes)
    assert {scope.rules for scope in two.scopes} == {(0, 1)}


def test_category_and_service_must_both_hold() -> None:
    bindings = [
        LogsourceBinding(shape="flat", product="p", category="c", conditions={"E": (1, 2)}),
        LogsourceBinding(
            shape="flat", product="p", service="s", conditions={"E": (2, 3), "C": ("x",)}
        ),
    ]
    source = {"product": "p", "category": "c", "service": "s"}
    plan = compile_plan(parse_rules([("x", rule(SELECTION, logsource=source).encode())]), bindings)
    scope = plan.scopes[0]
    wanted = {plan.predicates[leaf].text for leaf in leaves_of(scope.condition)}
    assert wanted == {"2", "x"}


def test_a_machine_without_hyperscan_compiles_and_matches(
    logsources: tuple[LogsourceBinding, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(automata, "hyperscan", None)
    text = rule({"selection": {"F|contains": "needle"}, "words": ["kiwi"]}, "1 of them")
    plan = Plan.load(compile_plan(parse_rules([("x", text.encode())]), logsources).dump())
    assert (plan.engine, plan.databases) == ("", ())
    rows = [record({"F": "a Needle"}), record({"G": "KIWI"}), record({"G": "needle"})]
    assert fires(plan, *rows) == [True, True, False]


def test_without_hyperscan_nothing_is_bound_to_this_cpu() -> None:
    plan = compile_plan(parse_rules([("x", rule(SELECTION).encode())]), [], use_hyperscan=False)
    assert plan.engine == ""
    assert plan.databases == ()
