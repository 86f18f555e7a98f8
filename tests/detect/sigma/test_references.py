"""What correlations refer to: ids, names, order, fields, who is shown, and what is missing."""

from typing import Any

import orjson
import pytest
from tests.detect.sigma_rules import rule

from tocsin.detect.sigma import Plan, compile_plan, parse_rules
from tocsin.model.findings import Level, Standing
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.rules import RuleStatus

Logsources = tuple[LogsourceBinding, ...]


def base(name: str, **more: Any) -> str:
    found = {"id": f"id-{name}", "name": name, "title": name.upper(), "level": "low"}
    return rule({"selection": {"F": name}}, **{**found, **more})


def over(name: str, *rules: str, document: dict[str, Any] | None = None, **more: Any) -> str:
    section = {
        "type": "event_count",
        "rules": list(rules),
        "timespan": "1m",
        "condition": {"gte": 2},
    }
    found = {"id": f"id-{name}", "name": name, "title": name, "correlation": {**section, **more}}
    return orjson.dumps({**found, **(document or {})}).decode()


def plan_of(logsources: Logsources, *texts: str) -> Plan:
    files = [(f"f{n}.yml", text.encode()) for n, text in enumerate(texts)]
    return compile_plan(parse_rules(files), logsources, use_hyperscan=False)


def status(plan: Plan, rule_id: str) -> RuleStatus:
    (found,) = [one for one in plan.statuses if one.rule_id == rule_id]
    return found


def test_parts_come_before_wholes_whatever_the_files(logsources: Logsources) -> None:
    plan = plan_of(logsources, over("top", "mid"), over("mid", "low"), over("low", "a"), base("a"))
    assert [one.rule.rule_id for one in plan.correlations] == ["id-low", "id-mid", "id-top"]
    assert {one.component for one in plan.correlations} == {"id-low"}
    assert Plan.load(plan.dump()) == plan


def test_correlations_that_share_nothing_have_their_own_state(logsources: Logsources) -> None:
    plan = plan_of(logsources, base("a"), base("b"), over("x", "a"), over("y", "b"))
    assert {one.component for one in plan.correlations} == {"id-x", "id-y"}


def test_ids_and_names_mean_the_same(logsources: Logsources) -> None:
    plan = plan_of(logsources, base("a"), over("x", "a"), over("y", "id-a"))
    assert [one.parts[0].rule_id for one in plan.correlations] == ["id-a", "id-a"]


def test_a_name_means_the_rule_of_the_same_file(logsources: Logsources) -> None:
    mine = base("a") + "\n---\n" + over("x", "a")
    plan = plan_of(logsources, base("a", id="other"), mine)
    assert plan.correlations[0].parts[0].rule_id == "id-a"
    torn = plan_of(logsources, base("a", id="one"), base("a", id="two"), over("x", "a"))
    assert status(torn, "id-x").state == "inactive"


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ((over("x", "gone"),), "rule gone: no rule here has this id"),
        ((over("x", "x"),), "rule x"),
        ((over("x", "y"), over("y", "x")), "rule"),
        (
            (base("a", logsource={"product": "vms"}), over("x", "id-a")),
            "rule id-a: no source delivers product=vms",
        ),
        ((base("a").replace('"F"', '"F|odd"'), over("x", "id-a")), "rule id-a: invalid rule"),
        (
            (base("a"), over("x", "a", "gone", type="temporal", condition=None)),
            "rule gone",
        ),
    ],
)
def test_what_is_missing_makes_it_inactive(
    logsources: Logsources, texts: tuple[str, ...], reason: str
) -> None:
    plan = plan_of(logsources, *texts)
    assert plan.correlations == ()
    assert reason in status(plan, "id-x").reason


def test_a_count_goes_on_with_the_rules_that_are_there(logsources: Logsources) -> None:
    plan = plan_of(logsources, base("a"), over("x", "a", "gone"))
    found = status(plan, "id-x")
    assert found.state == "active"
    assert found.reason == "without 1 of 2 rules: gone is not here"


def test_findings_carry_what_any_correlation_looks_at(logsources: Logsources) -> None:
    plan = plan_of(
        logsources,
        base("a"),
        base("b"),
        over("inner", "a", **{"group-by": ["Host"], "aliases": {"Who": {"a": "User"}}}),
        over("outer", "inner", **{"group-by": ["Who"]}),
    )
    assert plan.feeding == {0: ("Host", "User")}
    assert plan.correlations[0].carried == ("Who",)


@pytest.mark.parametrize(
    ("texts", "standing"),
    [
        ((over("x", "a"),), Standing.BUILDING),
        ((over("x", "a", generate=True),), Standing.OPEN),
        ((over("x", "a"), over("y", "a", generate=True)), Standing.OPEN),
        ((over("x", "a", "gone", type="temporal", condition=None),), Standing.OPEN),
        ((), Standing.OPEN),
    ],
)
def test_parts_are_hidden_unless_somebody_generates_them(
    logsources: Logsources, texts: tuple[str, ...], standing: Standing
) -> None:
    plan = plan_of(logsources, base("a"), *texts)
    assert plan.standing_of("id-a") is standing
    assert status(plan, "id-a").state == "active"
    assert plan.standing_of("id-x") is Standing.OPEN


def at(where: str, text: str) -> tuple[str, bytes]:
    return where, text.encode()


SILENT = over("x", "a")
SAID = over("x", "a", generate=False)


@pytest.mark.parametrize(
    ("level", "part", "whole", "text", "standing"),
    [
        ("critical", "shipped/rules/a.yml", "site/rules/x.yml", SILENT, Standing.OPEN),
        ("critical", "shipped/rules/a.yml", "site/rules/x.yml", SAID, Standing.OPEN),
        ("critical", "site/rules/a.yml", "site/rules/x.yml", SAID, Standing.OPEN),
        ("medium", "shipped/rules/a.yml", "site/rules/x.yml", SAID, Standing.OPEN),
        ("medium", "shipped/rules/a.yml", "shipped/rules/x.yml", SAID, Standing.BUILDING),
        ("medium", "site/rules/a.yml", "site/rules/x.yml", SAID, Standing.BUILDING),
        ("medium", "site/rules/a.yml", "site/rules/x.yml", SILENT, Standing.OPEN),
        ("low", "shipped/rules/a.yml", "site/rules/x.yml", SILENT, Standing.BUILDING),
        ("high", "site/rules/x.yml", "site/rules/x.yml", SILENT, Standing.BUILDING),
    ],
)
def test_no_correlation_takes_a_serious_rule_of_others_away(
    logsources: Logsources, level: str, part: str, whole: str, text: str, standing: Standing
) -> None:
    files = [at(part, base("a", level=level)), at(whole, text)]
    plan = compile_plan(parse_rules(files), logsources, use_hyperscan=False)
    assert plan.standing_of("id-a") is standing


@pytest.mark.parametrize("said", [None, False])
def test_a_low_correlation_stays_shown_under_another_unless_told_not_to(
    logsources: Logsources, said: bool | None
) -> None:
    low = over("x", "a", document={"level": "low"})
    more = {} if said is None else {"generate": said}
    plan = plan_of(logsources, base("a"), base("b"), low, over("y", "x", "b", **more))
    assert plan.standing_of("id-x") is (Standing.OPEN if said is None else Standing.BUILDING)
    assert plan.standing_of("id-a") is plan.standing_of("id-b") is Standing.BUILDING


def test_level_and_techniques_come_from_the_parts_when_it_says_none(
    logsources: Logsources,
) -> None:
    tagged = base("a", tags=["attack.t1110", "attack.credential-access"], level="high")
    plan = plan_of(
        logsources,
        tagged,
        base("b"),
        over("x", "a", "b"),
        over("y", "a", document={"level": "low", "tags": ["attack.t1078"]}),
    )
    first, second = plan.correlations
    assert (first.rule.level, first.rule.techniques) == (Level.HIGH, ("T1110",))
    assert (second.rule.level, second.rule.techniques) == (Level.LOW, ("T1078",))


def test_a_changed_part_changes_the_digest(logsources: Logsources) -> None:
    one = plan_of(logsources, base("a"), over("x", "a"))
    two = plan_of(logsources, base("a", level="high"), over("x", "a"))
    assert one.correlations[0].rule.digest != two.correlations[0].rule.digest


def test_delay_adds_up_over_correlations_that_wait(logsources: Logsources) -> None:
    plan = plan_of(
        logsources,
        base("a"),
        over("low", "a", condition={"lt": 2}),
        over("mid", "low", condition={"eq": 1}),
        over("top", "mid"),
    )
    assert [one.delay // 1_000_000 for one in plan.correlations] == [0, 60, 120]
