"""Upkeep of the lake: small files become large ones, and events that expired go.

INVARIANT  an event leaves the lake only by a commit that says so, and every other row of its file
           is in the new file of that same commit.

New files are on disk before the commit that names them, as with an append; files that were
replaced stay until `sweep`, so that a reader who began before can end. Appends never touch the
files that it replaces; a lock keeps two upkeeps apart, since delta-rs lets a file be removed twice
in a commit that brings its own files (tests/store/test_upkeep.py).
"""

import fcntl
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from tocsin import crash
from tocsin.errors import StorageError
from tocsin.store.delta import LogSync
from tocsin.store.lake import DAY, OFFSET, sync_files, table_paths, write_file
from tocsin.store.scan import PARTITION, SOURCE, records_of

LARGE_ROWS = 262_144
"""Rows from which a file is large: they are read into memory, at some 2 KB each."""
FEW = 8
"""Small files of one day that are left as they are."""
GRACE_HOURS = 24
"""For how long replaced files are kept for those who still read them."""

Keep = Callable[[str, pa.Table], pa.ChunkedArray | None]
"""(class, rows) -> a mask of the rows that stay, or None when all do."""


class Part(NamedTuple):
    """The files of one class, day of ingest and spool partition, in order of offset."""

    class_name: str
    day: str
    partition: str
    files: tuple[str, ...]
    """Paths below the table's folder."""
    rows: int


class Done(msgspec.Struct, frozen=True):
    """What became of a part. `expired` counts removed records by source."""

    class_name: str
    day: str
    before: int
    after: int
    expired: dict[str, int] = {}


def parts(root: Path) -> Iterator[Part]:
    """Every part of the lake, oldest day first in each class."""
    for path in table_paths(root):
        try:
            yield from _parts(path, DeltaTable(path))
        except (OSError, DeltaError, pa.ArrowException) as error:
            raise StorageError(f"{path}: {error}") from error


def _parts(path: Path, table: DeltaTable) -> Iterator[Part]:
    found = []
    for row in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        footer = pq.ParquetFile(path / row["path"]).metadata
        column = footer.schema.names.index
        first = footer.row_group(0)
        partition = first.column(column(PARTITION)).statistics.min
        offset = first.column(column(OFFSET)).statistics.min
        found.append((row[f"partition.{DAY}"], partition, offset, row["path"], footer.num_rows))
    for (day, partition), group in groupby(sorted(found), key=lambda one: one[:2]):
        files = list(group)
        yield Part(path.name, day, partition, tuple(f[3] for f in files), sum(f[4] for f in files))


Note = Callable[[dict[str, int]], None]
"""Told how many events of each source go, right before the commit that removes them."""


def rewrite(
    root: Path, part: Part, keep: Keep, now: int, note: Note = lambda _expired: None
) -> Done:
    """Write the rows of a part that stay into large files; one commit puts them in force.

    `now` is microseconds UTC. Raises StorageError when the disk or the table refuses: nothing has
    changed then.
    """
    folder = root / part.class_name
    try:
        with _alone(root):
            return _rewrite(folder, part, keep, now, note)
    except (OSError, DeltaError, pa.ArrowException) as error:
        raise StorageError(f"{folder}: {error}") from error


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Hold the lock of upkeep; StorageError when another process does."""
    with (root / "upkeep.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StorageError(f"{root}: another upkeep is at work; try again later") from None
        yield


def _rewrite(folder: Path, part: Part, keep: Keep, now: int, note: Note) -> Done:
    table = DeltaTable(folder)
    active = pa.table(table.get_add_actions(flatten=True)).column("path").to_pylist()
    if not set(part.files).issubset(active):
        raise StorageError(f"{folder}: files of {part.day} were replaced meanwhile; look again")
    expired: Counter[str] = Counter()
    kept = _large(_kept(folder, part, keep, expired))
    written = [(rows.num_rows, write_file(folder, part.day, rows)) for rows in kept]
    added: list[AddAction] = [file for _, file in written]
    shorter = sum(rows for rows, _ in written) < part.rows
    if not shorter and len(added) >= len(part.files):
        for file in added:
            (folder / file.path).unlink()
        return Done(part.class_name, part.day, len(part.files), len(part.files))
    sync_files(folder, added)
    if expired:
        note(dict(expired))
    crash.point("upkeep.files-written")
    removed = [
        RemoveAction(
            path=path,
            data_change=shorter,
            deletion_timestamp=now // 1000,
            partition_values={DAY: part.day},
        )
        for path in part.files
    ]
    table.create_write_transaction(
        [*added, *removed], mode="append", schema=table.schema(), partition_by=[DAY]
    )
    crash.point("upkeep.committed")
    LogSync(folder).sync()
    return Done(part.class_name, part.day, len(part.files), len(added), dict(expired))


def _kept(folder: Path, part: Part, keep: Keep, expired: Counter[str]) -> Iterator[pa.Table]:
    """The rows that stay, file by file; counts the records among the others."""
    for path in part.files:
        rows = pq.ParquetFile(folder / path).read()
        mask = keep(part.class_name, rows)
        if mask is not None:
            gone = records_of(rows.filter(pc.invert(mask))).column(SOURCE)
            expired.update(
                {one["values"]: one["counts"] for one in gone.value_counts().to_pylist()}
            )
            rows = rows.filter(mask)
        if rows.num_rows:
            yield rows


def _large(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables of about LARGE_ROWS."""
    held: list[pa.Table] = []
    for rows in tables:
        held.append(rows)
        if sum(one.num_rows for one in held) >= LARGE_ROWS:
            yield pa.concat_tables(held)
            held = []
    if held:
        yield pa.concat_tables(held)


def is_untidy(part: Part) -> bool:
    """Whether a part has so many small files that reading it costs more than its rows."""
    return len(part.files) > FEW and part.rows < len(part.files) * LARGE_ROWS // 2


def sweep(root: Path) -> int:
    """Remove files that were replaced long enough ago; how many."""
    removed = 0
    for path in table_paths(root):
        try:
            gone: Sequence[Any] = DeltaTable(path).vacuum(
                GRACE_HOURS, dry_run=False, enforce_retention_duration=False
            )
        except (OSError, DeltaError) as error:
            raise StorageError(f"{path}: {error}") from error
        removed += len(gone)
    return removed
