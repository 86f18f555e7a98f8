"""Caches, batches and order change nothing; memory is bounded."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect.mixed_rules import documents, fields
from tests.detect.sigma_rules import SYSMON, Compile, raw, record, rule

from tocsin.detect.sigma import Matcher, Plan
from tocsin.model.records import NativeRecord

Row = tuple[NativeRecord, bytes]


@pytest.fixture(scope="module")
def plan(compile_rules: Compile) -> Plan:
    written = documents()
    found = compile_rules(*written)
    assert len(found.rules) == len(written)
    return found


def hits_one_by_one(plan: Plan, rows: list[Row]) -> list[tuple[int, int]]:
    """Every record with a fresh matcher and no raw line: no cache, no prefilter."""
    found = []
    for number, (row, _) in enumerate(rows):
        found += [(number, hit) for _, hit in Matcher(plan).match([row], [None])]
    return found


def rows_of(found: list[dict[str, Any]]) -> list[Row]:
    rows = [NativeRecord("s", "flat", one) for one in found]
    return [(row, raw(row)) for row in rows]


def match(matcher: Matcher, rows: list[Row]) -> list[tuple[int, int]]:
    return matcher.match([row for row, _ in rows], [line for _, line in rows])


@settings(max_examples=60)
@given(found=st.lists(fields, max_size=12), data=st.data())
def test_caches_batches_and_order_change_nothing(
    plan: Plan, found: list[dict[str, Any]], data: st.DataObject
) -> None:
    rows = rows_of(found)
    expected = hits_one_by_one(plan, rows)
    limits = data.draw(
        st.sampled_from([{}, {"cache_bytes": 0}, {"cache_bytes": 2_000}, {"route_cap": 1}])
    )
    matcher = Matcher(plan, **limits)
    assert match(matcher, rows) == expected
    cut = data.draw(st.integers(0, len(rows)))
    parts = match(matcher, rows[:cut]) + [(n + cut, r) for n, r in match(matcher, rows[cut:])]
    assert parts == expected
    order = data.draw(st.permutations(range(len(rows))))
    shuffled = match(matcher, [rows[n] for n in order])
    assert sorted((order[n], r) for n, r in shuffled) == expected


def test_true_is_not_one_in_any_order(compile_rules: Compile) -> None:
    plan = compile_rules(rule({"selection": {"F": 1}}))
    rows = [record({"F": value}) for value in (True, 1, 1.0, True, "1", False)]
    for ordered in (rows, rows[::-1]):
        hits = Matcher(plan).match(ordered, [raw(r) for r in ordered])
        fired = [ordered[row].fields["F"] for row, _ in hits]
        assert {repr(value) for value in fired} == {"1", "1.0", "'1'"}


def test_memory_is_bounded_by_the_budget(plan: Plan) -> None:
    matcher = Matcher(plan, cache_bytes=200_000)
    lines = 3_000
    for start in range(0, lines, 100):
        rows = rows_of(
            [
                {"Channel": SYSMON, "EventID": 1, "Image": f"C:\\{n}.exe", "F": f"{n}" * 20}
                for n in range(start, start + 100)
            ]
        )
        assert len(match(matcher, rows)) >= 100
    assert matcher.budget.turns > 3
    assert matcher.remembered() < lines


def test_routes_are_bounded_by_their_cap(plan: Plan) -> None:
    matcher = Matcher(plan, route_cap=4)
    kinds = [(c, e) for c in (SYSMON, "System", "Security", "x") for e in (1, 2, 4688, 13, 99)]
    rows = rows_of([{"Channel": c, "EventID": e, "F": "needle"} for c, e in kinds * 3])
    assert match(matcher, rows) == hits_one_by_one(plan, rows)
    assert matcher.route_count() <= 5


def test_unknown_event_ids_share_a_route(plan: Plan) -> None:
    matcher = Matcher(plan)
    match(matcher, rows_of([{"Channel": "Security", "EventID": n} for n in range(5_000, 6_000)]))
    assert matcher.route_count() == 1


def test_a_list_where_the_channel_should_be_is_no_crash(plan: Plan) -> None:
    rows = rows_of([{"Channel": {"a": [1]}, "EventID": {"b": {}}, "F": [["needle"]]}])
    assert match(Matcher(plan), rows) == hits_one_by_one(plan, rows)


def test_no_records_give_no_hits(plan: Plan) -> None:
    assert Matcher(plan).match([], []) == []


def test_a_record_of_an_unknown_source_gives_no_hits(plan: Plan) -> None:
    row = NativeRecord("other", "other", {"F": "needle"})
    assert Matcher(plan).match([row], [orjson.dumps(row.fields)]) == []
