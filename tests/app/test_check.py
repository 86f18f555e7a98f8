"""What `tocsin check` says of exceptions: their rules, their dates, their own tests."""

from typing import Any

import orjson
import pytest
import yaml
from tests.app.stored import PACKING, packing

from tocsin.app.check import check_exceptions
from tocsin.content import load
from tocsin.content.overlay import overlay
from tocsin.model.content import ContentFile, ContentSet, Problem

DAY = 86_400_000_000
CREATED = 1_795_132_800_000_000  # 2026-11-20
COVERED = packing("NQ\\partner.sync")
LEFT = packing("NQ\\eve")
GOOD: dict[str, Any] = {
    "id": "partners",
    "title": "Nightly report",
    "rules": [PACKING],
    "where": [{"field": "User", "equals": "NQ\\partner.sync"}],
    "effect": "hide",
    "owner": "mira",
    "reason": "It is ours.",
    "created": "2026-11-20",
    "expires": "2026-12-20",
    "tests": {"covers": [COVERED], "leaves": [LEFT]},
}


@pytest.fixture(scope="module")
def shipped() -> ContentSet:
    return load(None)


def checked(shipped: ContentSet, *, now: int = CREATED, staged: str = "", **changes: Any):
    tree = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    own = [
        ContentFile("exceptions/a.yaml", yaml.safe_dump(tree).encode(), "site"),
        ContentFile("rules/staged.txt", staged.encode(), "site"),
    ]
    return check_exceptions(ContentSet.of(overlay(shipped.files, own)), now)


def told(problems: list[Problem]) -> list[tuple[str, str]]:
    return [(problem.severity, problem.message) for problem in problems]


def test_a_good_one_passes(shipped: ContentSet) -> None:
    assert checked(shipped, staged=f"{PACKING}\n") == []


def test_without_exceptions_nothing_is_compiled(shipped: ContentSet) -> None:
    assert check_exceptions(shipped, 0) == []


def test_tests_take_the_original_text_and_plain_fields(shipped: ContentSet) -> None:
    text = {"covers": [orjson.dumps(COVERED).decode()], "leaves": [orjson.dumps(LEFT).decode()]}
    assert checked(shipped, tests=text) == []
    names = ("Channel", "EventID", "Image", "CommandLine", "User")
    plain = {
        "covers": [{name: COVERED[name] for name in names}],
        "leaves": [{name: LEFT[name] for name in names}],
    }
    assert checked(shipped, tests=plain) == []


@pytest.mark.parametrize(
    ("tests", "text"),
    [
        ({"covers": [LEFT], "leaves": [LEFT]}, "leaves this record"),
        ({"covers": [COVERED], "leaves": [COVERED]}, "covers this record"),
        ({"covers": [COVERED], "leaves": [LEFT | {"Image": "x"}]}, "shows nothing"),
        ({"covers": [COVERED], "leaves": ["no record"]}, "this record"),
    ],
)
def test_a_test_that_fails_is_an_error_with_its_line(
    shipped: ContentSet, tests: dict[str, Any], text: str
) -> None:
    [problem] = checked(shipped, tests=tests)
    assert text in problem.message
    assert problem.severity == "error"
    assert problem.where.startswith("site/exceptions/a.yaml:")


@pytest.mark.parametrize(
    ("days", "told_"),
    [
        (0, []),
        (15, []),
        (16, ["expires in 14 days: look at it again"]),
        (29, ["expires in 1 days: look at it again"]),
        (30, ["expired: it has no effect any more"]),
        (-1, ["created in the future: it has no effect yet"]),
    ],
)
def test_dates_are_warned_of(shipped: ContentSet, days: int, told_: list[str]) -> None:
    found = checked(shipped, now=CREATED + days * DAY)
    assert told(found) == [("warning", text) for text in told_]


def test_what_it_names_must_be_there(shipped: ContentSet) -> None:
    problems = checked(shipped, staged="no-such-rule\n")
    assert told(problems) == [("warning", "no active rule has the id no-such-rule")]
    problems = checked(shipped, rules=[PACKING, "gone"])
    assert told(problems) == [("warning", "no active rule has the id gone")]


def test_a_whole_source_is_tested_by_what_it_delivers(shipped: ContentSet) -> None:
    changes = {"rules": None, "source": "windows_sysmon", "approved_by": "tobias"}
    assert checked(shipped, **changes) == []
    problems = checked(shipped, **changes | {"source": "windows_security"})
    assert "shows nothing" in problems[0].message


def test_a_rule_with_conditions_on_entities_is_tested_with_what_it_is_about(
    shipped: ContentSet,
) -> None:
    where = [{"entity": "user", "endswith": "\\partner.sync"}]
    assert checked(shipped, where=where) == []
