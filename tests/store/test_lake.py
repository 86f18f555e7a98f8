import contextlib
from collections import Counter
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.store.lake_rows import EVENT, event_rows

from tocsin import crash
from tocsin.errors import StorageError
from tocsin.store.lake import Lake, table_paths


def offsets(root: Path, class_name: str) -> list[int]:
    table = DeltaTable(root / class_name).to_pyarrow_table(columns=["tocsin_offset"])
    return sorted(table.column("tocsin_offset").to_pylist())


def test_rows_of_two_days_are_in_two_partitions(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 9, {"process_activity": [event_rows(range(10))]})
    table = DeltaTable(tmp_path / "lake" / "process_activity")
    assert {row["ingest_day"] for row in table.partitions()} == {"2026-11-01", "2026-11-02"}
    assert offsets(tmp_path / "lake", "process_activity") == list(range(10))
    assert table.transaction_version("p0") == 9


def test_a_range_that_overlaps_what_is_stored_is_cut(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 9, {"a": [event_rows(range(10))]})
    lake.append("p0", 14, {"a": [event_rows(range(5, 15))]})
    lake.append("p0", 9, {"a": [event_rows(range(10))]})
    assert offsets(tmp_path / "lake", "a") == list(range(15))


def test_partitions_do_not_hide_each_other(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 9, {"a": [event_rows(range(10))]})
    lake.append("p1", 4, {"a": [event_rows(range(5), "p1")]})
    assert offsets(tmp_path / "lake", "a") == sorted([*range(10), *range(5)])


cuts = st.lists(st.integers(1, 59), max_size=5, unique=True).map(sorted)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(first=cuts, second=cuts, stop=st.integers(0, 12))
def test_a_rerun_with_other_boundaries_leaves_each_row_once(
    tmp_path_factory: pytest.TempPathFactory, first: list[int], second: list[int], stop: int
) -> None:
    """The run ends after `stop` table commits, cursor.lake still at -1; the re-run cuts anew."""
    root = tmp_path_factory.mktemp("lake")
    left = [stop]

    class StoppedError(Exception):
        pass

    def schema_of(_class: str) -> pa.Schema:
        left[0] -= 1
        if left[0] < 0:
            raise StoppedError
        return EVENT

    def run(bounds: list[int], into: Lake) -> None:
        for low, high in zip([0, *bounds], [*bounds, 60], strict=True):
            batches = {
                name: [event_rows([n for n in range(low, high) if n % 3 == turn])]
                for turn, name in enumerate(("a", "b", "c"))
            }
            into.append("p0", high - 1, batches)

    with contextlib.suppress(StoppedError):
        run(first, Lake(root, schema_of))
    run(second, Lake(root, lambda _class: EVENT))
    for turn, name in enumerate(("a", "b", "c")):
        assert Counter(offsets(root, name)) == Counter(range(turn, 60, 3))


def test_a_commit_that_races_for_the_same_partition_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process commits between reading the version and committing."""
    ours, theirs = (Lake(tmp_path, lambda _class: EVENT) for _ in range(2))
    ours.append("p0", 0, {"a": [event_rows([0])]})

    def overtaken(name: str) -> None:
        if name == "lake.synced":
            monkeypatch.setattr(crash, "point", lambda _name: None)
            theirs.append("p0", 5, {"a": [event_rows(range(1, 6))]})

    monkeypatch.setattr(crash, "point", overtaken)
    with pytest.raises(StorageError, match="Concurrent transaction"):
        ours.append("p0", 5, {"a": [event_rows(range(1, 6))]})
    assert offsets(tmp_path, "a") == list(range(6))


@pytest.mark.parametrize("keep", [0, 40])
def test_a_torn_log_entry_is_removed_and_its_rows_come_again(
    lake: Lake, tmp_path: Path, keep: int
) -> None:
    lake.append("p0", 9, {"a": [event_rows(range(10))]})
    lake.append("p0", 19, {"a": [event_rows(range(10, 20))]})
    newest = max((tmp_path / "lake/a/_delta_log").glob("*.json"))
    newest.write_bytes(newest.read_bytes()[:keep])
    again = Lake(tmp_path / "lake", lambda _class: EVENT)
    again.append("p0", 25, {"a": [event_rows(range(10, 26))]})
    assert offsets(tmp_path / "lake", "a") == list(range(26))


def test_a_torn_checkpoint_is_removed(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 9, {"a": [event_rows(range(10))]})
    folder = tmp_path / "lake" / "a"
    DeltaTable(folder).create_checkpoint()
    [checkpoint] = (folder / "_delta_log").glob("*.checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    again = Lake(tmp_path / "lake", lambda _class: EVENT)
    again.append("p0", 10, {"a": [event_rows([10])]})
    assert offsets(tmp_path / "lake", "a") == list(range(11))


def test_another_schema_is_refused_and_says_so(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 0, {"a": [event_rows([0])]})
    other = Lake(tmp_path / "lake", lambda _class: EVENT.remove(0))
    with pytest.raises(StorageError, match="another schema"):
        other.append("p0", 1, {"a": [event_rows([1]).drop_columns(["time"])]})


def test_a_folder_that_cannot_be_written_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        Lake(tmp_path / "file" / "lake", lambda _class: EVENT)


def test_tables_are_listed_by_name(lake: Lake, tmp_path: Path) -> None:
    lake.append("p0", 0, {"b": [event_rows([0])], "a": [event_rows([0])], "none": []})
    assert [path.name for path in table_paths(tmp_path / "lake")] == ["a", "b"]


def test_stored_is_what_the_state_says(tmp_path: Path) -> None:
    assert Lake(tmp_path, lambda _class: EVENT).stored("p0") == -1
    assert Lake(tmp_path, lambda _class: EVENT, cursor={"p0": 7}.__getitem__).stored("p0") == 7
