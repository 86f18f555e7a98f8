"""The event lake: one Delta table per OCSF class under `<root>/<class_name>`.

INVARIANT  every row of a partition is in its table exactly once, whatever was crashed and re-run.

It holds because of four things:

1. Rows of a partition are appended in order of offset, and an append brings every row from the
   first offset after cursor.lake up to `last_offset`. cursor.lake moves only after `append`
   returned, so nothing at or below it can be missing from any table.
2. The commit to a table records (partition, last_offset) as a Delta transaction, atomically with
   the files. That recorded version says: this table has all rows of its class up to there.
3. An append drops rows at or below the recorded version. A crash between two tables leaves them
   at different versions; the re-run, wherever it now cuts its flushes, brings the overlap again,
   and each table takes only what it lacks. A table without rows needs no commit for that.
4. The commit goes through the handle whose version was read. Should another process have
   committed for the same partition in between, delta-rs refuses it (CommitFailedError).

What it asks of its caller: an offset maps to the same class when it is observed again. Content
that changes a mapping is therefore put into force only when cursor.lake has caught up.

DURABLE on return: data files and their folders are forced to disk before the commit, the log entry
and its folders after it. A log entry on disk thus never names a file that is not. Data files of a
commit that did not happen are in no log: invisible, and removed by a later vacuum.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction

from tocsin import crash
from tocsin.errors import StorageError
from tocsin.store.delta import LogSync, drop_torn_tail, fsync

DAY = "ingest_day"
OFFSET = "tocsin_offset"
_SETTINGS: dict[str, str | None] = {
    "delta.checkpointInterval": "20",
    "delta.logRetentionDuration": "interval 1 days",
}
"""Reading a log costs what stands in it since its checkpoint: at 100 entries, delta-rs' default, a
commit took 45 ms, at 20 a third. Older entries say nothing that the checkpoint does not."""

_STATISTICS = ("time", "tocsin_time", "tocsin_partition", OFFSET, "metadata.uid")
"""Columns whose least and greatest value stand in the log, so that a reader can skip files. A file
holds rows of one partition."""


class Lake:
    """Appends to the tables below one folder. One object per process; spawn, never fork."""

    def __init__(
        self,
        root: Path,
        schema_of: Callable[[str], pa.Schema],
        *,
        cursor: Callable[[str], int] = lambda _partition: -1,
    ) -> None:
        """A lake at `root`; `schema_of` gives the fixed schema of a class.

        `cursor` reads cursor.lake of a partition where it is kept; without it `stored` knows of
        nothing. Entries that a power cut left torn are removed here.
        """
        self._root = root
        self._schema_of = schema_of
        self._cursor = cursor
        self._logs: dict[str, LogSync] = {}
        try:
            root.mkdir(parents=True, exist_ok=True)
            fsync(root.parent)
            for table in table_paths(root):
                drop_torn_tail(table)
                self._log(table.name).sync()
        except OSError as error:
            raise StorageError(f"{root}: the lake cannot be opened: {error}") from error

    def stored(self, partition: str) -> int:
        """The last offset of `partition` that is durable in every table; -1 when none is known."""
        return self._cursor(partition)

    def append(
        self, partition: str, last_offset: int, events: Mapping[str, Sequence[pa.RecordBatch]]
    ) -> None:
        """Store the events of `partition` up to `last_offset` exactly once; durable on return.

        `events` maps a class to batches of its fixed schema, without rows beyond `last_offset`.
        Raises StorageError when the disk or a table refuses; appending again is then right.
        """
        for class_name in sorted(events):
            if events[class_name]:
                try:
                    self._append(class_name, partition, last_offset, events[class_name])
                except (OSError, DeltaError, pa.ArrowException) as error:
                    raise StorageError(f"{self._root / class_name}: {error}") from error

    def _append(
        self, class_name: str, partition: str, last_offset: int, batches: Sequence[pa.RecordBatch]
    ) -> None:
        table = self._open(class_name)
        stored = table.transaction_version(partition)
        rows = _beyond(pa.Table.from_batches(batches), -1 if stored is None else stored)
        if rows.num_rows:
            folder = self._root / class_name
            files = list(_write(folder, rows.combine_chunks()))
            crash.point("lake.files-written")
            sync_files(folder, files)
            crash.point("lake.synced")
            _commit(table, files, Transaction(partition, last_offset))
            crash.point("lake.committed")
        self._log(class_name).sync()
        crash.point("lake.commit-synced")

    def _open(self, class_name: str) -> DeltaTable:
        """A fresh handle, of a new table if there is none."""
        path, schema = self._root / class_name, Schema.from_arrow(self._schema_of(class_name))
        if not DeltaTable.is_deltatable(str(path)):
            DeltaTable.create(
                path, schema, mode="ignore", partition_by=[DAY], configuration=_SETTINGS
            )
        table = DeltaTable(path)
        if table.schema() != schema:
            raise StorageError(
                f"{path}: the table was made for another schema; a new one needs a new folder"
            )
        return table

    def _log(self, class_name: str) -> LogSync:
        return self._logs.setdefault(class_name, LogSync(self._root / class_name))


def table_paths(root: Path) -> list[Path]:
    """The folders of the tables below `root`, by name."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if (path / "_delta_log").is_dir())


def _beyond(rows: pa.Table, stored: int) -> pa.Table:
    """Rows after offset `stored`; without a copy when that is all of them, as it mostly is."""
    column = rows.column(OFFSET)
    least = pc.min(column).as_py()
    if least is None or least > stored:
        return rows
    return rows.filter(pc.greater(column, stored))


def _by_day(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """The rows of each day of ingest, without the column that says so."""
    days = rows.column(DAY)
    found = sorted(pc.unique(days).to_pylist())
    for day in found:
        part = rows if len(found) == 1 else rows.filter(pc.equal(days, day))
        yield day, part.drop_columns([DAY])


def _write(folder: Path, rows: pa.Table) -> Iterator[AddAction]:
    """Write one file per day of ingest; the day is in the path, not in the file."""
    for day, part in _by_day(rows):
        yield write_file(folder, day, part)


def write_file(folder: Path, day: str, rows: pa.Table) -> AddAction:
    """Write rows of one day, without its column; not yet durable, and not part of the table."""
    path = f"{DAY}={day}/part-{uuid4().hex}.parquet"
    (folder / path).parent.mkdir(exist_ok=True)
    pq.write_table(
        rows,
        folder / path,
        compression="zstd",
        compression_level=1,
        write_statistics=list(_STATISTICS),
    )
    status = (folder / path).stat()
    return AddAction(
        path=path,
        size=status.st_size,
        partition_values={DAY: day},
        modification_time=status.st_mtime_ns // 1_000_000,
        data_change=True,
        stats=_statistics(rows),
    )


def _statistics(rows: pa.Table) -> str:
    """Number of rows and bounds of some columns, as the Delta protocol writes them."""
    least: dict[str, object] = {}
    most: dict[str, object] = {}
    for name in _STATISTICS:
        top, _, inner = name.partition(".")
        if top not in rows.column_names:
            continue
        column = rows.column(top)
        bounds = pc.min_max(pc.struct_field(column, inner) if inner else column).as_py()
        if bounds["min"] is not None:
            least[top] = {inner: bounds["min"]} if inner else bounds["min"]
            most[top] = {inner: bounds["max"]} if inner else bounds["max"]
    found = {"numRecords": rows.num_rows, "minValues": least, "maxValues": most}
    return msgspec.json.encode(found).decode()


def sync_files(folder: Path, files: Sequence[AddAction]) -> None:
    """Force new files and the folders that name them to disk."""
    for file in files:
        fsync(folder / file.path)
        fsync((folder / file.path).parent)
    fsync(folder)


def _commit(table: DeltaTable, files: Sequence[AddAction], done: Transaction) -> None:
    """Make the files part of the table and say how far its partition is, in one log entry."""
    table.create_write_transaction(
        list(files),
        mode="append",
        schema=table.schema(),
        partition_by=[DAY],
        commit_properties=CommitProperties(app_transactions=[done]),
    )
