"""Original records out of the lake, in spool order: detection is replayed over them."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from tocsin.errors import StorageError
from tocsin.model.envelope import BATCH_ROWS, RAW
from tocsin.store.lake import OFFSET, table_paths

PARTITION = "tocsin_partition"
TIME = "tocsin_time"
SOURCE = "tocsin_source"
ALSO = "tocsin_also"
_COLUMNS = ("raw_data", TIME, PARTITION, OFFSET, SOURCE, "metadata.logged_time", "metadata.uid")
LATEST = (1 << 63) - 1
"""Later than any event."""

STORED = RAW.append(pa.field("uid", pa.string())).append(pa.field("time", pa.int64()))
"""`envelope.RAW` with the identity and the time (us) under which an event is stored."""


class LakeFile(NamedTuple):
    """One file of the lake and what its footer says of it."""

    partition: str
    first: int
    last: int
    earliest: int
    latest: int
    class_name: str
    path: str


def scan(
    lake_root: Path,
    *,
    site: str = "default",
    since: int = 0,
    until: int = LATEST,
    sources: Collection[str] | None = None,
) -> Iterator[pa.RecordBatch]:
    """Every stored record with `since` <= event time < `until` (us UTC), as rows of STORED.

    Ordered by partition and offset; at most BATCH_ROWS a batch. Memory holds the records of one
    flush. `sources` are the only source ids that are wanted. `origin` is `lake/<class>` and
    `position` the spool offset: the lake does not keep where a record stood in its file.
    `received_at` has milliseconds, as OCSF has. Raises StorageError when the lake cannot be read.
    """
    for run in runs(lake_root, since=since, until=until):
        parts = []
        for file in run:
            rows = read_file(lake_root, file, site)
            parts.append(rows.filter(wanted(rows, since, until, sources)))
        yield from in_order(parts)


def runs(lake_root: Path, *, since: int = 0, until: int = LATEST) -> Iterator[list[LakeFile]]:
    """Files with events in a time, in groups that hold all rows of their range of offsets."""
    try:
        files = [file for path in table_paths(lake_root) for file in _files(path)]
    except (OSError, DeltaError, pa.ArrowException) as error:
        raise StorageError(f"{lake_root}: {error}") from error
    yield from _overlapping(sorted(f for f in files if f.latest >= since and f.earliest < until))


def in_order(parts: Sequence[pa.Table]) -> Iterator[pa.RecordBatch]:
    """Rows of STORED by offset, at most BATCH_ROWS a batch."""
    ordered = pa.concat_tables(parts).sort_by("offset").combine_chunks()
    yield from ordered.to_batches(max_chunksize=BATCH_ROWS)


def wanted(
    rows: pa.Table, since: int, until: int, sources: Collection[str] | None
) -> pa.ChunkedArray:
    """Which rows of STORED lie in a time and are of some sources, as a mask."""
    time = rows.column("time")
    found = pc.and_(pc.greater_equal(time, since), pc.less(time, until))
    if sources is not None:
        known = pa.array(sorted(sources), pa.string())
        found = pc.and_(found, pc.is_in(rows.column("source_id"), value_set=known))
    return found


def _files(path: Path) -> Iterator[LakeFile]:
    """The files of one table as they stand now, by the statistics in their footers.

    Not by those in the log: delta-rs reads only the first 32 columns' of them.
    """
    for uri in DeltaTable(path).file_uris():
        footer = pq.ParquetFile(uri).metadata
        bounds = {name: _bounds(footer, name) for name in (PARTITION, OFFSET, TIME)}
        yield LakeFile(
            partition=bounds[PARTITION][0],
            first=bounds[OFFSET][0],
            last=bounds[OFFSET][1],
            earliest=bounds[TIME][0],
            latest=bounds[TIME][1],
            class_name=path.name,
            path=uri,
        )


def _bounds(footer: pq.FileMetaData, name: str) -> tuple[Any, Any]:
    """Least and greatest value of a column in a file."""
    number = footer.schema.names.index(name)
    parts = [
        footer.row_group(group).column(number).statistics for group in range(footer.num_row_groups)
    ]
    return min(part.min for part in parts), max(part.max for part in parts)


def _overlapping(files: list[LakeFile]) -> Iterator[list[LakeFile]]:
    """Files in runs whose offsets do not reach into those of the next run."""
    for _partition, part in groupby(files, key=lambda file: file.partition):
        run: list[LakeFile] = []
        for file in part:
            if run and file.first > max(other.last for other in run):
                yield run
                run = []
            run.append(file)
        yield run


def read_file(lake_root: Path, file: LakeFile, site: str) -> pa.Table:
    """The records of one file as STORED, as they stand in it; what they state as well is not."""
    try:
        rows = records_of(pq.ParquetFile(file.path).read(columns=[*_COLUMNS, ALSO]))
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{lake_root}: {error}") from error
    count = rows.num_rows
    metadata = rows.column("metadata")
    columns = {
        "site": pa.repeat(pa.scalar(site), count),
        "partition": rows.column(PARTITION),
        "offset": rows.column(OFFSET),
        "source_id": rows.column(SOURCE),
        "received_at": pc.multiply(pc.struct_field(metadata, "logged_time"), 1_000),
        "origin": pa.repeat(pa.scalar(f"lake/{file.class_name}"), count),
        "position": rows.column(OFFSET),
        "raw": rows.column("raw_data").cast(pa.binary()),
        "uid": pc.struct_field(metadata, "uid"),
        "time": rows.column(TIME),
    }
    return pa.table([columns[name] for name in STORED.names], schema=STORED)


def records_of(rows: pa.Table) -> pa.Table:
    """Those rows of a lake table that stand for a record: a second event of one does not.

    Rows without the column `tocsin_also` all do.
    """
    if ALSO not in rows.column_names or not pc.any(rows.column(ALSO)).as_py():
        return rows
    return rows.filter(pc.invert(pc.fill_null(rows.column(ALSO), _FALSE)))


_FALSE = pa.scalar(value=False)


def count_by_source(lake_root: Path) -> dict[str, int]:
    """How many records of each source the lake holds. Raises StorageError when it cannot be read.

    An event that a record states beside another is not counted.
    """
    found: Counter[str] = Counter()
    for path in table_paths(lake_root):
        try:
            for uri in DeltaTable(path).file_uris():
                rows = records_of(pq.ParquetFile(uri).read(columns=[SOURCE, ALSO]))
                for pair in rows.column(SOURCE).value_counts().to_pylist():
                    found[pair["values"]] += pair["counts"]
        except (DeltaError, OSError, pa.ArrowException) as error:
            raise StorageError(f"{path}: {error}") from error
    return dict(found)
