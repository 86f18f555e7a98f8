from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.exceptions.conditions import (
    MAX_TEXT,
    MAX_VALUES,
    Comparison,
    Condition,
    Window,
    question_of,
)
from tocsin.model.findings import Entity


def holds(
    test: Comparison, wanted: object, value: Any, *entities: Entity, entity: str = ""
) -> bool:
    texts = tuple(wanted) if isinstance(wanted, list) else (str(wanted),)
    field = "" if entity else "F"
    condition = Condition(test, texts, field=field, entity=entity, role="subject")
    return question_of(condition)({"F": value}, entities)


@pytest.mark.parametrize(
    ("test", "wanted", "yes", "no"),
    [
        (Comparison.EQUALS, "Svc_Scan", "svc_scan", "svc_scan2"),
        (Comparison.EQUALS, "4625", 4625, 46250),
        (Comparison.EQUALS, "true", True, 1),
        (Comparison.EQUALS, "3", 3.0, 3.5),
        (Comparison.ONE_OF, ["a", "b"], "B", "c"),
        (Comparison.STARTSWITH, "C:\\Scan", "c:\\scanner\\x.exe", "d:\\c:\\scan"),
        (Comparison.ENDSWITH, ".internal", "a.INTERNAL", "a.internal.evil"),
        (Comparison.CONTAINS, "backup", "run-Backup-now", "back up"),
        (Comparison.CIDR, "10.1.0.0/16", "10.1.2.3", "10.2.2.3"),
        (Comparison.CIDR, "10.1.0.0/16", "::ffff:10.1.2.3", "no address"),
        (Comparison.REGEX, "scan[0-9]+", "scan42", "scan42 and more"),
        (Comparison.REGEX, "(?i)SCAN", "scan", "SCAN\n"),
    ],
)
def test_what_holds(test: Comparison, wanted: object, yes: object, no: object) -> None:
    assert holds(test, wanted, yes)
    assert not holds(test, wanted, no)


@pytest.mark.parametrize("value", [None, [], {}, [None], [[]]])
def test_what_is_not_there_is_not_covered(value: object) -> None:
    assert not holds(Comparison.EQUALS, "none", value)


def test_every_value_must_hold() -> None:
    assert holds(Comparison.EQUALS, "a", ["a", ["A"], {"k": "a"}])
    assert not holds(Comparison.EQUALS, "a", ["a", "a", "b"])
    assert not holds(Comparison.EQUALS, "a", {"x": "a", "y": {"z": "b"}})


def test_what_is_too_long_to_look_at_is_not_covered() -> None:
    assert not holds(Comparison.STARTSWITH, "a", "a" * (MAX_TEXT + 1))
    assert not holds(Comparison.EQUALS, "a", ["a"] * (MAX_VALUES + 1))
    deep: Any = "a"
    for _ in range(100_000):
        deep = [deep]
    assert holds(Comparison.EQUALS, "a", deep)


def test_entities_count_by_name_or_key_in_their_role() -> None:
    mine = Entity("host", "fs01.example", "FS01.example")
    theirs = Entity("host", "ws07", "WS07")
    aim = Entity("host", "ws08", "WS08", "target")
    assert holds(Comparison.EQUALS, "fs01.example", None, mine, aim, entity="host")
    assert not holds(Comparison.EQUALS, "fs01.example", None, mine, theirs, entity="host")
    assert not holds(Comparison.EQUALS, "fs01.example", None, aim, entity="host")
    assert not holds(Comparison.EQUALS, "fs01.example", None, entity="host")


@pytest.mark.parametrize(
    ("test", "wanted"),
    [
        (Comparison.REGEX, ".*"),
        (Comparison.REGEX, "(?s).+"),
        (Comparison.REGEX, "|x"),
        (Comparison.REGEX, "(a"),
        (Comparison.REGEX, "(?=a)b"),
        (Comparison.CIDR, "0.0.0.0/0"),
        (Comparison.CIDR, "::/0"),
        (Comparison.CIDR, "10.1.2.300"),
    ],
)
def test_what_covers_everything_or_cannot_run_is_refused(test: Comparison, wanted: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        holds(test, wanted, "")


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not holds(Comparison.REGEX, "(a+)+b", "a" * MAX_TEXT)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def test_a_window_has_days_and_hours() -> None:
    window = Window((0, 4), 60, 120, 0)  # 2026-11-23 is a Monday
    assert window.holds(at("2026-11-23T01:00:00"))
    assert not window.holds(at("2026-11-23T02:00:00"))
    assert not window.holds(at("2026-11-24T01:30:00"))


def test_a_window_over_midnight_belongs_to_the_day_it_begins() -> None:
    window = Window((0,), 22 * 60, 2 * 60, 60)
    assert window.holds(at("2026-11-23T21:30:00"))
    assert window.holds(at("2026-11-24T00:30:00"))
    assert not window.holds(at("2026-11-24T01:30:00"))
    assert not window.holds(at("2026-11-23T00:30:00"))
    assert not window.holds(at("2026-11-24T21:30:00"))


@given(st.sampled_from(Comparison), st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_no_value_makes_a_question_fail(test: Comparison, value: object) -> None:
    wanted = {Comparison.CIDR: "10.0.0.0/8", Comparison.REGEX: "a+"}.get(test, "a")
    assert holds(test, wanted, value) in (True, False)
