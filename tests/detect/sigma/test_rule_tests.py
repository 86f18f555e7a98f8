"""Tests beside rules: they run, they can fail, and they know sequences and shapes."""

import orjson
import pytest
from tests.detect.sigma_rules import SYSMON, rule

from tocsin.detect.sigma.rule_tests import check_rules
from tocsin.model.content import ContentFile, Problem
from tocsin.model.logsources import LogsourceBinding

BASE = rule({"selection": {"F": "a"}}, name="base")
SECTION = {
    "type": "event_count",
    "rules": ["base"],
    "group-by": ["U"],
    "timespan": "1m",
    "condition": {"gte": 2},
}
COUNT = BASE + "\n---\n" + orjson.dumps({"id": "c", "title": "c", "correlation": SECTION}).decode()


def event(at: float, user: str) -> str:
    return f"{{'@at': {at}, Channel: {SYSMON}, EventID: 1, F: a, U: {user}}}"


def problems(
    logsources: tuple[LogsourceBinding, ...], text: str, tests: str | None, name: str = "r.yml"
) -> list[Problem]:
    files = [ContentFile(f"rules/{name}", text.encode(), "site")]
    if tests is not None:
        files.append(ContentFile("rules/r.tests.yaml", tests.encode(), "site"))
    return check_rules(files, logsources)


def test_a_correlation_is_tested_with_sequences(logsources: tuple[LogsourceBinding, ...]) -> None:
    tests = f"""
match:
  - [{event(0, "u")}, {event(59, "u")}]
no_match:
  - [{event(0, "u")}, {event(61, "u")}]
  - [{event(0, "u")}, {event(1, "v")}]
"""
    assert problems(logsources, COUNT, tests) == []


@pytest.mark.parametrize(
    ("tests", "message"),
    [
        (f"match:\n  - [{event(0, 'u')}]\nno_match: []", "the correlation does not fire on these"),
        (
            f"match: []\nno_match:\n  - [{event(0, 'u')}, {event(1, 'u')}]",
            "the correlation fires on these records",
        ),
        (f"match:\n  - {event(0, 'u')}\nno_match: []", "a case of a correlation is a list"),
        ("match:\n  - [{'@at': soon}]\nno_match: []", "a case of a correlation is a list"),
    ],
)
def test_a_wrong_expectation_of_a_correlation_is_told(
    logsources: tuple[LogsourceBinding, ...], tests: str, message: str
) -> None:
    (problem,) = problems(logsources, COUNT, tests)
    assert message in problem.message
    assert problem.where.startswith("site/rules/r.tests.yaml:")


def test_records_may_be_of_another_shape_and_source() -> None:
    binding = LogsourceBinding(shape="json", product="windows", sources=("mine",))
    text = rule({"selection": {"F": "a"}}, logsource={"product": "windows"})
    tests = "shape: json\nsource: mine\nmatch: [{F: a}]\nno_match: [{F: b}]"
    assert problems((binding,), text, tests) == []
    (wrong,) = problems((binding,), text, tests.replace("mine", "other"))
    assert wrong.message == "the rule does not match this record"


def test_lists_and_filters_need_no_tests(logsources: tuple[LogsourceBinding, ...]) -> None:
    assert problems(logsources, "a: [b]", None, "placeholders.yaml") == []
    (missing,) = problems(logsources, BASE, None)
    assert missing.message == "has no tests beside it"
