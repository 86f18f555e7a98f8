"""Small files become large ones, expired rows go, and nothing else changes."""

import time

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable
from tests.store.lake_rows import EVENT, WITH_ALSO, event_rows, stated

from tocsin.errors import StorageError
from tocsin.store.lake import Lake
from tocsin.store.scan import count_by_source, scan
from tocsin.store.upkeep import is_untidy, parts, rewrite, sweep

NOW = 1_795_000_000_000_000


def fill(lake, batches=12, partition="p0"):
    for first in range(0, 10 * batches, 10):
        rows = event_rows(range(first, first + 10), partition)
        lake.append(partition, first + 9, {"file_activity": [rows]})


def offsets(root):
    return [n for batch in scan(root) for n in batch.column("offset").to_pylist()]


def every(_name, _rows):
    return None


def test_many_small_files_become_one_for_each_day_and_partition(lake, tmp_path):
    root = tmp_path / "lake"
    fill(lake)
    fill(lake, partition="p1")
    before = list(parts(root))
    assert [(p.day, p.partition, len(p.files), p.rows) for p in before] == [
        (f"2026-11-0{day}", partition, 12, 60) for day in (1, 2) for partition in ("p0", "p1")
    ]
    assert all(map(is_untidy, before))
    rows = offsets(root)
    for part in before:
        assert rewrite(root, part, every, NOW).after == 1
    assert [len(p.files) for p in parts(root)] == [1, 1, 1, 1]
    assert offsets(root) == rows
    assert DeltaTable(root / "file_activity").transaction_version("p0") == 119


def test_appending_goes_on_after_it_exactly_once(lake, tmp_path):
    root = tmp_path / "lake"
    fill(lake, 3)
    for part in list(parts(root)):
        rewrite(root, part, every, NOW)
    fresh = Lake(root, lambda _class: EVENT)
    fresh.append("p0", 34, {"file_activity": [event_rows(range(20, 35))]})
    assert offsets(root) == list(range(35))


def test_what_a_record_states_as_well_goes_without_being_counted(tmp_path):
    root = tmp_path / "lake"
    lake, days = Lake(root, lambda _class: WITH_ALSO), [0, 2, 4]
    lake.append("p0", 4, {"a": [stated(days)], "b": [stated(days, also=True)]})
    own, second = list(parts(root))

    def none(_name, rows):
        return pc.less(rows.column("tocsin_offset"), 2)

    done = rewrite(root, second, none, NOW)
    assert done.expired == {}
    assert DeltaTable(root / "b").to_pyarrow_table()["tocsin_offset"].to_pylist() == [0]
    assert offsets(root) == [0, 2, 4]
    assert rewrite(root, own, none, NOW).expired == {"windows-security": 2}
    assert offsets(root) == [0]


def test_expired_rows_go_and_are_told_before_the_commit(lake, tmp_path):
    root, told = tmp_path / "lake", []
    fill(lake, 2)
    [first, _] = list(parts(root))

    def late(_name, rows):
        return pc.greater(rows.column("tocsin_offset"), 9)

    def note(expired):
        told.append((expired, sum(count_by_source(root).values())))

    done = rewrite(root, first, late, NOW, note)
    assert done.expired == {"windows-security": 5}
    assert told == [({"windows-security": 5}, 20)]
    assert offsets(root) == [1, 3, 5, 7, 9, *range(10, 20)]


def test_a_part_of_which_nothing_stays_leaves_no_file(lake, tmp_path):
    root = tmp_path / "lake"
    fill(lake, 2)
    [first, second] = list(parts(root))
    rewrite(root, first, lambda _n, rows: pa.chunked_array([[False] * rows.num_rows]), NOW)
    assert list(parts(root)) == [second]


def test_what_needs_no_change_gets_none(lake, tmp_path):
    root = tmp_path / "lake"
    fill(lake, 1)
    version = DeltaTable(root / "file_activity").version()
    files = set((root / "file_activity").rglob("*.parquet"))
    for part in list(parts(root)):
        rewrite(root, part, every, NOW)
    assert DeltaTable(root / "file_activity").version() == version
    assert set((root / "file_activity").rglob("*.parquet")) == files


def test_two_at_once_are_not_both_done(lake, tmp_path):
    root = tmp_path / "lake"
    fill(lake, 3)
    [first, _] = list(parts(root))
    rewrite(root, first, every, NOW)
    with pytest.raises(StorageError):
        rewrite(root, first, every, NOW)
    assert offsets(root) == list(range(30))


def test_another_upkeep_at_the_same_time_is_refused(lake, tmp_path):
    root = tmp_path / "lake"
    fill(lake, 3)
    [first, _] = list(parts(root))
    overtaking = iter([True])

    def keep(_name, _rows):
        if next(overtaking, False):
            rewrite(root, first, every, NOW)

    with pytest.raises(StorageError):
        rewrite(root, first, keep, NOW)
    assert offsets(root) == list(range(30))


def test_an_append_meanwhile_is_kept(lake, tmp_path):
    root = tmp_path / "lake"
    fill(lake, 3)
    [first, _] = list(parts(root))
    coming = iter([event_rows(range(30, 40))])

    def keep(_name, _rows):
        for rows in coming:
            lake.append("p0", 39, {"file_activity": [rows]})

    rewrite(root, first, keep, NOW)
    assert offsets(root) == list(range(40))


def test_replaced_files_stay_for_those_who_read_them(lake, tmp_path):
    root = tmp_path / "lake"
    fill(lake, 3)
    files = set((root / "file_activity").rglob("*.parquet"))
    [first, second] = list(parts(root))
    rewrite(root, first, every, time.time_ns() // 1000)
    assert sweep(root) == 0
    assert files < set((root / "file_activity").rglob("*.parquet"))
    rewrite(root, second, every, NOW)
    assert sweep(root) == 3
    assert offsets(root) == list(range(30))
