"""A disk without room, imitated by a limit on the size of files."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.store.lake_rows import event_rows

from tocsin.errors import StorageError
from tocsin.store.lake import Lake
from tocsin.store.state_store import State


@contextmanager
def no_file_beyond(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_transaction_without_room_is_refused_whole_and_works_later(state: State) -> None:
    with state.think("p0") as tx:
        tx.set_cursor("think", 1)
    with no_file_beyond(64 * 1024), pytest.raises(StorageError), state.think("p0") as tx:  # noqa: PT012  # it is rolled back
        tx.set_cursor("think", 2)
        tx.put_fold_states("f", {str(n): bytes(10_000) for n in range(100)})
    assert state.cursor("p0", "think") == 1
    with state.think("p0") as tx:
        tx.set_cursor("think", 2)
    assert state.cursor("p0", "think") == 2


@pytest.mark.parametrize("room", [0, 1_500, 3_000, 5_000])
def test_an_append_without_room_is_refused_and_right_when_repeated(
    lake: Lake, tmp_path: Path, room: int
) -> None:
    lake.append("p0", 9, {"a": [event_rows(range(10))]})
    more = {"a": [event_rows(range(10, 400))], "b": [event_rows(range(10, 400))]}
    with no_file_beyond(room), pytest.raises(StorageError):
        lake.append("p0", 399, more)
    lake.append("p0", 399, more)
    for name, first in (("a", 0), ("b", 10)):
        table = DeltaTable(tmp_path / "lake" / name).to_pyarrow_table(columns=["tocsin_offset"])
        assert sorted(table.column("tocsin_offset").to_pylist()) == list(range(first, 400))
