from pathlib import Path

import pyarrow as pa
from tests.store.lake_rows import WITH_ALSO, event_rows, stated

from tocsin.model.envelope import BATCH_ROWS
from tocsin.store.lake import Lake
from tocsin.store.scan import STORED, count_by_source, records_of, scan


def offsets(root: Path, **bounds: int) -> list[tuple[str, int]]:
    found = []
    for batch in scan(root, **bounds):
        found += zip(batch["partition"].to_pylist(), batch["offset"].to_pylist(), strict=True)
    return found


def test_records_come_back_in_spool_order_whatever_table_they_are_in(
    lake: Lake, tmp_path: Path
) -> None:
    lake.append("p1", 29, {"a": [event_rows(range(0, 30, 2), "p1")], "b": [event_rows([5], "p1")]})
    lake.append(
        "p0", 9, {"a": [event_rows(range(0, 10, 3))], "b": [event_rows([1, 2, 4, 5, 7, 8])]}
    )
    lake.append("p0", 12, {"b": [event_rows([10, 11, 12])]})
    expected = [("p0", n) for n in range(13)]
    expected += [("p1", n) for n in sorted([*range(0, 30, 2), 5])]
    assert offsets(tmp_path / "lake") == expected


def test_a_row_has_the_original_and_its_place(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 3, {"a": [event_rows([3])]})
    [batch] = scan(tmp_path / "lake", site="north")
    assert batch.schema == STORED
    assert batch.to_pylist() == [
        {
            "site": "north",
            "partition": "p0",
            "offset": 3,
            "source_id": "windows-security",
            "received_at": 3_007_000,
            "origin": "lake/a",
            "position": 3,
            "raw": b'{"n": 3}',
            "uid": "00000000000000000000000000000003",
            "time": 3_000_000,
        }
    ]


def test_time_bounds_cut_files_and_rows(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 9, {"a": [event_rows(range(10))]})
    lake.append("p0", 19, {"a": [event_rows(range(10, 20))]})
    found = offsets(tmp_path / "lake", since=8_000_000, until=12_000_000)
    assert found == [("p0", n) for n in (8, 9, 10, 11)]


def test_batches_have_the_size_that_every_stage_expects(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 20_000, {"a": [event_rows(range(20_000))]})
    sizes = [batch.num_rows for batch in scan(tmp_path / "lake")]
    assert sum(sizes) == 20_000
    assert max(sizes) <= BATCH_ROWS


def test_an_empty_lake_has_no_records(tmp_path: Path) -> None:
    assert list(scan(tmp_path / "none")) == []


def test_what_a_record_states_as_well_is_no_record(tmp_path: Path) -> None:
    lake = Lake(tmp_path / "lake", lambda _class: WITH_ALSO)
    lake.append("p0", 3, {"a": [stated(range(4))], "b": [stated([1, 3], also=True)]})
    lake.append("p0", 5, {"a": [stated([4])], "b": [stated([4], also=True), stated([5])]})
    root = tmp_path / "lake"
    assert offsets(root) == [("p0", n) for n in range(6)]
    assert count_by_source(root) == {"windows-security": 6}


def test_rows_without_the_mark_are_records() -> None:
    rows = pa.Table.from_batches([event_rows(range(3))])
    assert records_of(rows).num_rows == 3
    unmarked = rows.append_column("tocsin_also", pa.nulls(3, pa.bool_()))
    assert records_of(unmarked).num_rows == 3
