from typing import Any

import pytest
from tests.detect.exceptions.stories import GOOD, file, written

from tocsin.detect.exceptions import Effect, read_entry
from tocsin.detect.exceptions.conditions import Comparison, Window
from tocsin.model.findings import Level


def said(**changes: object) -> str:
    entry, problems = read_entry(written(**changes))
    assert entry is None or not problems
    return "\n".join(str(problem) for problem in problems)


def test_a_good_one_is_read_whole() -> None:
    entry, problems = read_entry(written())
    assert problems == []
    assert entry is not None
    assert (entry.id, entry.rules, entry.effect, entry.level) == (
        "scanner",
        ("rule-1",),
        Effect.HIDE,
        None,
    )
    assert entry.conditions[0].test is Comparison.EQUALS
    assert (entry.expires - entry.created) // 86_400_000_000 == 30
    assert entry.covers[0][1] == {"User": "svc_scan"}


def test_lowering_and_windows_are_read() -> None:
    time = {"days": ["sat", "sun"], "from": "22:00", "to": "24:00", "utc_offset": "+01:00"}
    entry, problems = read_entry(written(effect="lower", level="low", time=time))
    assert problems == []
    assert entry is not None
    assert (entry.level, entry.window) == (Level.LOW, Window((5, 6), 1320, 1440, 60))


TWO = {"owner": "mira", "approved_by": " Mira "}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"id": "Not Good"}, "small letters"),
        ({"id": None}, "`id:` needs a text"),
        ({"title": ""}, "`title:` needs a text"),
        ({"reason": 7}, "`reason:` needs a text"),
        ({"expire": "2026-12-01"}, "unknown key 'expire'"),
        ({"rules": None}, "either `rules:` or a `source:`"),
        ({"source": "linux", "approved_by": "tobias"}, "either `rules:` or a `source:`"),
        ({"rules": None, "source": "linux"}, "needs a second person"),
        ({"where": None}, "needs a second person"),
        ({"where": []}, "needs a second person"),
        (TWO, "the second person is not the owner"),
        ({"effect": "delete"}, "one of hide, lower"),
        ({"effect": "lower"}, "`level:` is one of"),
        ({"level": "low"}, "belongs to `effect: lower`"),
        ({"created": "yesterday"}, "a day like"),
        ({"created": 20261123}, "a day like"),
        ({"expires": "2026-11-23"}, "before it begins"),
        ({"expires": "2027-02-22"}, "lasts 91 days"),
        ({"tests": None}, "`covers:`"),
        ({"tests": {"covers": [{"a": 1}]}}, "`leaves:`"),
        ({"tests": {"covers": [], "leaves": [{"a": 1}]}}, "at least one record"),
        ({"tests": {"covers": [7], "leaves": [{"a": 1}]}}, "a record is a mapping"),
        ({"where": "User"}, "a list of at most"),
        ({"where": ["User"]}, "a condition is a mapping"),
        ({"where": [{"field": "User"}]}, "a condition has"),
        ({"where": [{"field": "User", "equals": "a", "contains": "b"}]}, "a condition has"),
        ({"where": [{"field": "U", "entity": "user", "equals": "a"}]}, "a condition has"),
        ({"where": [{"field": "U", "equal": "a"}]}, "a condition has"),
        ({"where": [{"field": "U", "equals": ""}]}, "none empty"),
        ({"where": [{"field": "U", "equals": None}]}, "none empty"),
        ({"where": [{"field": "U", "one_of": []}]}, "none empty"),
        ({"where": [{"field": 3, "equals": "a"}]}, "needs a name"),
        ({"where": [{"entity": "person", "equals": "a"}]}, "`entity:` is one of"),
        ({"where": [{"entity": "user", "role": "x", "equals": "a"}]}, "`role:`"),
        ({"where": [{"field": "U", "role": "subject", "equals": "a"}]}, "`role:`"),
        ({"where": [{"field": "U", "regex": "(?=a)"}]}, "linear time"),
        ({"where": [{"field": "U", "cidr": "10.0.0/99"}]}, "10.0.0/99"),
        ({"time": "night"}, "`time:` has"),
        ({"time": {"days": ["someday"]}}, "`days:`"),
        ({"time": {"days": []}}, "`days:`"),
        ({"time": {"from": "25:00"}}, "time of day"),
        ({"time": {"from": "10:00", "to": "10:00"}}, "the same"),
        ({"time": {"utc_offset": "CET"}}, "`utc_offset:`"),
    ],
)
def test_a_mistake_is_said(changes: dict[str, Any], text: str) -> None:
    assert text in said(**changes)


def test_a_mistake_has_its_line() -> None:
    entry, problems = read_entry(written(where=[{"field": "U", "regex": "(?=a)"}], owner=""))
    assert entry is None
    lines = written(where=[{"field": "U", "regex": "(?=a)"}], owner="").data.decode().splitlines()
    for problem in problems:
        path, line = problem.where.rsplit(":", 1)
        assert path == "site/exceptions/scanner.yaml"
        assert "regex" in lines[int(line) - 1] or "owner" in lines[int(line) - 1]


@pytest.mark.parametrize("text", ["- a\n", "", "a: [", "a: 1\na: 2\n", "text"])
def test_what_is_no_exception_is_said(text: str) -> None:
    entry, problems = read_entry(file(text))
    assert entry is None
    assert len(problems) == 1
    assert problems[0].where.startswith("site/exceptions/scanner.yaml:")


def test_every_key_is_known_to_the_story() -> None:
    assert said() == ""
    assert set(GOOD) >= {"owner", "reason", "created", "expires", "tests"}
