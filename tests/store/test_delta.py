import os
from pathlib import Path

import pytest
from tests.store.lake_rows import EVENT, event_rows

from tocsin.store.delta import LogSync, drop_torn_tail
from tocsin.store.lake import Lake


@pytest.fixture
def forced(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of what is forced to disk, in order."""
    names: list[str] = []
    really = os.fsync

    def note(descriptor: int) -> None:
        names.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        really(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    return names


def test_data_is_forced_before_the_commit_and_the_log_after_it(
    tmp_path: Path, forced: list[str]
) -> None:
    Lake(tmp_path / "lake", lambda _class: EVENT).append("p0", 0, {"a": [event_rows([0])]})
    data = next(index for index, name in enumerate(forced) if name.endswith(".parquet"))
    entry = forced.index(f"{1:020d}.json")
    assert forced[data + 1 : entry][:2] == ["ingest_day=2026-11-01", "a"]
    assert forced[entry:].count("_delta_log") == 1
    assert {"a", "lake"} <= set(forced[entry:]), "the folders of a new table, too"


def test_an_entry_is_forced_once_and_what_was_left_unforced_at_the_start(
    tmp_path: Path, forced: list[str]
) -> None:
    lake = Lake(tmp_path, lambda _class: EVENT)
    lake.append("p0", 0, {"a": [event_rows([0])]})
    forced.clear()
    lake.append("p0", 1, {"a": [event_rows([1])]})
    assert [name for name in forced if name.endswith(".json")] == [f"{2:020d}.json"]
    forced.clear()
    Lake(tmp_path, lambda _class: EVENT)
    assert sorted(name for name in forced if name.endswith(".json")) == [
        f"{n:020d}.json" for n in range(3)
    ]


def test_a_whole_log_is_left_alone(tmp_path: Path) -> None:
    Lake(tmp_path, lambda _class: EVENT).append("p0", 0, {"a": [event_rows([0])]})
    assert drop_torn_tail(tmp_path / "a") == []
    assert drop_torn_tail(tmp_path / "none") == []


def test_a_pointer_without_content_is_removed(tmp_path: Path) -> None:
    Lake(tmp_path, lambda _class: EVENT).append("p0", 0, {"a": [event_rows([0])]})
    (tmp_path / "a" / "_delta_log" / "_last_checkpoint").write_bytes(b"")
    assert drop_torn_tail(tmp_path / "a") == ["_last_checkpoint"]


def test_temporary_files_are_not_part_of_the_log(tmp_path: Path, forced: list[str]) -> None:
    Lake(tmp_path, lambda _class: EVENT).append("p0", 0, {"a": [event_rows([0])]})
    (tmp_path / "a" / "_delta_log" / "x.json.tmp").write_bytes(b"")
    forced.clear()
    LogSync(tmp_path / "a").sync()
    assert "x.json.tmp" not in forced
