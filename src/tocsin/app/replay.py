"""Rules over stored events: what a new rule would have fired, what an exception would have hidden.

The findings are those that the same rules gave, or would have given, when the events came in: the
same identity, the same time. Columns rule most events out (`detect.sigma.columns`); the others are
read as records, from the original. Where a file of the lake has no columns yet, or none of a field
that rules name now, they are made and kept.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin import flow
from tocsin.detect.sigma.columns import (
    ROW,
    Columns,
    ColumnsBuilder,
    Stretch,
    named_by,
    searched,
    suspects,
)
from tocsin.model.stages import ContextSnapshot
from tocsin.store.lake_columns import ColumnFiles
from tocsin.store.scan import LATEST, LakeFile, in_order, read_file, runs, wanted

MAKE = 1_024
"""Records of which columns are made at a time."""


class _About(msgspec.Struct, array_like=True):
    """What is kept with columns: see `Columns`."""

    stretches: tuple[Stretch, ...]
    kept: frozenset[str]
    names: frozenset[str]


class Replayed(NamedTuple):
    """A batch of stored events of a partition: how many, and what rules say (findings.FINDINGS)."""

    events: int
    findings: pa.RecordBatch
    partition: str = ""


def replay(
    lake: Path,
    compiled: flow.Compiled,
    context: ContextSnapshot,
    *,
    since: int = 0,
    until: int = LATEST,
    sources: Collection[str] | None = None,
) -> Iterator[Replayed]:
    """What `compiled.plan` says of every stored event with `since` <= time < `until` (us UTC).

    In order of partition and offset. `sources`: only events of these source ids. Memory holds the
    records of one flush of the lake. Raises StorageError when the lake cannot be read.
    """
    columns = _LakeColumns(lake, compiled)
    seen: list[LakeFile] = []
    for run in runs(lake, since=since, until=until):
        events, parts = 0, list[pa.Table]()
        for file in run:
            rows = read_file(lake, file, context.site)
            mask = wanted(rows, since, until, sources)
            events += pc.sum(mask).as_py() or 0
            parts.append(rows.filter(pc.and_(mask, columns.suspects(file, rows))))
        for batch in in_order(parts):
            yield Replayed(0, flow.look_again(batch, compiled, context), run[0].partition)
        yield Replayed(events, flow.NO_FINDINGS)
        seen += run
    if since <= 0 and until == LATEST:
        columns.forget_all_but(seen)


class _LakeColumns:
    """The columns of a lake's files for one plan."""

    def __init__(self, lake: Path, compiled: flow.Compiled) -> None:
        self._files = ColumnFiles(lake)
        self._compiled = compiled
        self._named = named_by(compiled.plan)

    def suspects(self, file: LakeFile, rows: pa.Table) -> pa.Array:
        """Which rows of a file have to be looked at as records, as a mask."""
        columns = self._read(file)
        if columns is None or columns.table.num_rows != rows.num_rows:
            columns = self._make(file, rows)
        found = suspects(self._compiled.matcher, columns)
        raws = _Raws(rows.column("raw").combine_chunks())
        held = [
            *found.rows,
            pa.array(searched(self._compiled.matcher, found.searches, raws), pa.int32()),
        ]
        places = pa.array(range(rows.num_rows), pa.int32())
        return pc.is_in(places, value_set=pa.concat_arrays(held))

    def forget_all_but(self, files: Collection[LakeFile]) -> None:
        """Delete columns of files that are no more."""
        self._files.forget_all_but(files)

    def _read(self, file: LakeFile) -> Columns | None:
        """The columns that are kept of a file, where they have all that rules name now."""
        found = self._files.read(file, {ROW, *self._named}, _About)
        if found is None:
            return None
        table, about = found
        if not self._named.difference(about.kept).isdisjoint(about.names):
            return None
        return Columns(about.stretches, table, about.kept, about.names)

    def _make(self, file: LakeFile, rows: pa.Table) -> Columns:
        builder = ColumnsBuilder(self._named)
        for batch in rows.to_batches(max_chunksize=MAKE):
            raws = batch.column("raw").to_pylist()
            declared = batch.column("source_id").to_pylist()
            builder.add(list(map(self._compiled.normalizer.decode, raws, declared)))
        columns = builder.finish()
        about = _About(columns.stretches, columns.kept, columns.names)
        self._files.write(file, columns.table, about)
        return columns


class _Raws:
    """The values of a binary column, not copied."""

    def __init__(self, column: pa.Array) -> None:
        _, offsets, data = column.buffers()
        first, last = column.offset, column.offset + len(column) + 1
        self._at = memoryview(offsets).cast("i")[first:last].tolist() if len(column) else [0]
        self._data = memoryview(data or b"")
        self._column = column

    def __len__(self) -> int:
        return len(self._at) - 1

    def __getitem__(self, row: int) -> memoryview:
        return self.between(row, row + 1)

    def between(self, start: int, end: int) -> memoryview:
        return self._data[self._at[start] : self._at[end]]

    def texts(self) -> frozenset[int]:
        others = pc.invert(pc.starts_with(self._column, "{"))
        return frozenset(pc.indices_nonzero(others).to_pylist())
