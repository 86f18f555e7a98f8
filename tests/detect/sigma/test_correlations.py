"""Correlation documents: what is read, and what is refused with its reason."""

from typing import Any

import orjson
import pytest
from tests.detect.sigma_rules import rule

from tocsin.detect.sigma.correlations import ParsedCorrelation
from tocsin.detect.sigma.parse import parse_rules
from tocsin.detect.sigma.windows.correlation import Kind, Threshold

SECTION = {"type": "event_count", "rules": ["r"], "timespan": "1h", "condition": {"gte": 2}}


def document(**more: Any) -> bytes:
    return orjson.dumps({"title": "c", "id": "c", "correlation": {**SECTION, **more}})


def parsed(**more: Any) -> ParsedCorrelation:
    found = parse_rules([("f.yml", document(**more))])
    assert not found.rejected, found.rejected
    return found.correlations[0]


def test_a_range_is_two_bounds() -> None:
    assert parsed(condition={"gt": 1, "lte": 5.5}).thresholds == (
        Threshold("gt", 1),
        Threshold("lte", 5.5),
    )


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("2m", 120), ("3h", 10_800), ("1d", 86_400)]
)
def test_a_timespan_is_in_microseconds(text: str, seconds: int) -> None:
    assert parsed(timespan=text).timespan == seconds * 1_000_000


def test_temporal_defaults_to_all_of_its_rules() -> None:
    found = parsed(type="temporal", rules=["a", "b"], condition=None)
    assert found.thresholds == (Threshold("gte", 2),)
    assert found.kind is Kind.TEMPORAL


def test_an_extended_condition_names_its_rules() -> None:
    section = {"type": "temporal", "rules": None, "condition": "b and not (a or b)"}
    found = parsed(**section)
    assert found.references == ("b", "a")
    assert found.expression is not None
    assert found.expression.negates()
    assert found.expression.holds(0b01, 0b00)
    assert not found.expression.holds(0b01, 0b01)


def test_generate_may_stand_in_either_place() -> None:
    assert parsed(generate=True).generate
    top = orjson.dumps({"id": "c", "correlation": SECTION, "generate": True})
    assert parse_rules([("f", top)]).correlations[0].generate


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"type": "near"}, "no valid Sigma correlation type"),
        ({"timespan": "soon"}, "Timespan"),
        ({"timespan": "40000d"}, "more than a year"),
        ({"rules": []}, "refers to no rule"),
        ({"rules": [f"r{n}" for n in range(99)]}, "more than 60 rules"),
        ({"condition": None}, "without condition"),
        ({"condition": {"gte": "many"}}, "no valid Sigma correlation condition count"),
        ({"condition": {"gte": 10**9}}, "counts above"),
        ({"type": "value_sum"}, "field"),
        ({"type": "value_avg", "condition": {"gt": 1, "field": ["a", "b"]}}, "one field"),
        ({"type": "value_percentile", "condition": {"gt": 1, "field": "a"}}, "percentile"),
        (
            {"type": "value_percentile", "condition": {"gt": 1, "field": "a", "percentile": 101}},
            "percentile",
        ),
        (
            {"type": "temporal_ordered", "rules": [f"r{n}" for n in range(11)], "condition": None},
            "more than 10 rules in order",
        ),
        ({"type": "event_count", "condition": "a and b"}, "temporal"),
        ({"group-by": 3}, "group-by"),
        ({"aliases": {"a": "b"}}, "alias"),
    ],
)
def test_what_cannot_be_computed_says_why(more: dict[str, Any], reason: str) -> None:
    found = parse_rules([("f.yml", document(**more))])
    (status,) = found.rejected
    assert (status.state, status.rule_id) == ("unsupported", "c")
    assert reason.lower() in status.reason.lower()


def test_several_documents_of_one_file() -> None:
    text = rule({"selection": {"F": "a"}}).encode() + b"\n---\n" + document()
    found = parse_rules([("f.yml", text)])
    assert (len(found.rules), len(found.correlations)) == (1, 1)
