"""Columns never rule out an event on which a rule holds, and do rule out the ordinary ones."""

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.detect.mixed_rules import documents, fields
from tests.detect.sigma_rules import SYSMON, Compile

from tocsin.detect.sigma import Matcher, Plan
from tocsin.detect.sigma import columns as module
from tocsin.detect.sigma.columns import (
    LONGEST,
    Columns,
    ColumnsBuilder,
    named_by,
    searched,
    suspects,
)
from tocsin.model.records import NativeRecord, Undecodable


class Lines:
    """Raw lines as a list."""

    def __init__(self, lines: Sequence[bytes]) -> None:
        self.lines = lines

    def __len__(self) -> int:
        return len(self.lines)

    def __getitem__(self, row: int) -> bytes:
        return self.lines[row]

    def between(self, start: int, end: int) -> bytes:
        return b"".join(self.lines[start:end])

    def texts(self) -> set[int]:
        return {row for row, line in enumerate(self.lines) if line[:1] != b"{"}


@pytest.fixture(scope="module")
def plan(compile_rules: Compile) -> Plan:
    return compile_rules(*documents())


def built(records: Sequence[Any], kept: frozenset[str], part: int = 1_000) -> Columns:
    builder = ColumnsBuilder(kept)
    for start in range(0, len(records), part):
        builder.add(records[start : start + part])
    return builder.finish()


def left(plan: Plan, columns: Columns, lines: Sequence[bytes]) -> set[int]:
    matcher = Matcher(plan)
    found = suspects(matcher, columns)
    rows = {row for part in found.rows for row in part.to_pylist()}
    return rows.union(searched(matcher, found.searches, Lines(lines)))


def records_of(found: list[dict[str, Any]]) -> tuple[list[NativeRecord], list[bytes]]:
    records = [NativeRecord("s", "flat", one) for one in found]
    return records, [orjson.dumps(one) for one in found]


@settings(max_examples=80)
@given(found=st.lists(fields, max_size=12), data=st.data())
def test_what_matches_is_never_ruled_out(
    plan: Plan, found: list[dict[str, Any]], data: st.DataObject
) -> None:
    records, lines = records_of(found)
    names = sorted(named_by(plan))
    kept = frozenset(data.draw(st.sets(st.sampled_from(names)) | st.just(set(names))))
    columns = built(records, kept, data.draw(st.integers(1, 5)))
    assert columns.table.num_rows == len(records)
    hits = {row for row, _ in Matcher(plan).match(records, lines)}
    assert hits <= left(plan, columns, lines)


def ordinary(count: int) -> list[dict[str, Any]]:
    return [
        {"Channel": SYSMON, "EventID": 1, "Image": f"C:\\{n}.dll", "F": "x", "User": f"u{n}"}
        for n in range(count)
    ]


def test_ordinary_events_are_ruled_out(plan: Plan) -> None:
    found = ordinary(200)
    found[7]["Image"] = "C:\\a.exe"
    found[150]["Note"] = "a NEEDLE"
    found[160]["F"] = ["x"]
    records, lines = records_of(found)
    columns = built(records, named_by(plan))
    matching = {row for row, _ in Matcher(plan).match(records, lines)}
    assert left(plan, columns, lines) - matching <= {7, 150, 160}
    assert {7, 160} <= left(plan, columns, lines)


def test_what_no_column_can_say_is_a_suspect(plan: Plan) -> None:
    found = ordinary(4)
    found[1]["F"] = "y" * (LONGEST + 1)
    found[2]["F"] = {"k": "v"}
    records, lines = records_of(found)
    unreadable = Undecodable("not-json", "")
    columns = built([*records, unreadable], named_by(plan))
    assert {1, 2, 4} <= left(plan, columns, [*lines, b"{"])


def test_a_line_that_is_no_object_is_a_suspect_where_keywords_count(plan: Plan) -> None:
    records, _ = records_of(ordinary(3))
    assert left(plan, built(records, named_by(plan)), [b"type=1"] * 3) == {0, 1, 2}


def test_many_values_in_many_columns_are_told_apart(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_RADIX", 4)
    found = [
        {"Channel": "Security", "EventID": 0, "EventType": kind, "F": f, "User": user}
        for kind in ("1", "0", None)
        for f in ("needle", "10.0.0.1", "z", None)
        for user in ("1", "-", "q")
    ]
    records, lines = records_of(found)
    hits = {row for row, _ in Matcher(plan).match(records, lines)}
    assert hits <= left(plan, built(records, named_by(plan)), lines) < set(range(len(records)))
