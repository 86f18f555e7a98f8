"""A rule or a record made to be slow leaves the stream flowing, and says what became of it."""

import time

import orjson
import pytest
from tests.detect.sigma_rules import Compile, record, rule

from tocsin.detect.sigma import Matcher
from tocsin.model.records import NativeRecord
from tocsin.model.rules import RuleState

HOSTILE = [
    "a" * 50 + "!",
    "a" * 100_000 + "!",
    "aaaa-" * 20_000,
    "(" * 10_000,
    "\\" * 50_000,
]
GOOD = rule({"selection": {"F": "found"}}, id="good")


def seconds(plan_matcher: Matcher, records: list[NativeRecord]) -> float:
    began = time.process_time()
    plan_matcher.match(records, [None] * len(records))
    return time.process_time() - began


@pytest.mark.parametrize(
    "pattern",
    [
        r"^(a+)+(?!b)$",
        r"(a|a)*(?=b)",
        r"(?=(a+)+b)",
        r"((a|aa)+)\1!",
        "(?!z)" + "a?" * 40 + "a" * 40,
    ],
)
def test_a_catastrophic_pattern_is_marked_and_stops_nothing(
    compile_rules: Compile, pattern: str
) -> None:
    bad = rule({"selection": {"F|re": pattern}}, id="bad")
    plan = compile_rules(bad, GOOD)
    status = next(one for one in plan.statuses if one.rule_id == "bad")
    assert status.state is RuleState.UNSUPPORTED
    assert "could take exponential time" in status.reason
    rows = [record({"F": text}) for text in (*HOSTILE, "found")]
    matcher = Matcher(plan)
    assert seconds(matcher, rows) < 1
    assert (len(HOSTILE), 0) in matcher.match(rows, [None] * len(rows))


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*b", r"(.*a){20}", r"(x+x+)+y"])
def test_the_same_without_lookaround_runs_in_linear_time(
    compile_rules: Compile, pattern: str
) -> None:
    plan = compile_rules(rule({"selection": {"F|re": pattern}}, id="linear"), GOOD)
    assert [rule.rule_id for rule in plan.rules] == ["linear", "good"]
    assert seconds(Matcher(plan), [record({"F": text}) for text in HOSTILE]) < 2


def test_a_pattern_with_lookaround_says_how_far_it_looks(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"selection": {"F|re": r"(?!x)a\w*b\w*c"}}))
    (status,) = plan.statuses
    assert status.state is RuleState.ACTIVE
    assert "characters are searched" in status.reason
    distinct = [record({"F": "ab" * 50_000 + str(n)}) for n in range(20)]
    assert seconds(Matcher(plan), distinct) < 4


def test_a_huge_field_and_deep_nesting_are_just_values(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"words": ["needle"], "selection": {"F|contains": "x"}}, "1 of them"))
    deep: object = "needle"
    for _ in range(100_000):
        deep = [deep]
    rows = [record({"F": "y" * 10_000_000}), record({"G": deep}), record({"F": "x"})]
    matcher = Matcher(plan)
    began = time.process_time()
    hits = matcher.match(rows, [None] * len(rows))
    assert time.process_time() - began < 3
    assert {row for row, _ in hits} == {1, 2}


def test_a_rule_of_a_thousand_levels_is_refused(compile_rules: Compile) -> None:
    deep: object = {"F": "a"}
    for _ in range(90):
        deep = [deep]
    plan = compile_rules(
        orjson.dumps(
            {**orjson.loads(GOOD), "detection": {"selection": deep, "condition": "selection"}}
        ).decode()
    )
    assert plan.statuses[0].state is RuleState.UNSUPPORTED
