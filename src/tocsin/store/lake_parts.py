"""Some columns of a file of the lake, and then whole rows of it: what a search reads."""

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.errors import StorageError
from tocsin.model.envelope import BATCH_ROWS
from tocsin.store.lake import DAY
from tocsin.store.scan import LakeFile, runs

_STEPS = (".list.element", ".list.item")
"""How Parquet writes the elements of a list into a path."""


def lake_files(lake_root: Path) -> list[LakeFile]:
    """Every file of every table as it stands now, the newest events first."""
    files = [file for run in runs(lake_root) for file in run]
    return sorted(files, key=lambda file: (-file.latest, file.path))


def ingest_day(file: LakeFile) -> str:
    """The day (YYYY-MM-DD, UTC) on which the rows of a file came in."""
    return next(
        part.removeprefix(f"{DAY}=") for part in Path(file.path).parts if part.startswith(f"{DAY}=")
    )


def read_parts(
    file: LakeFile, choose: Callable[[pa.Schema], Collection[str]]
) -> Iterator[pa.RecordBatch]:
    """The rows of a file in order, with only the columns (paths with dots) that `choose` names.

    Raises StorageError when the file cannot be read.
    """
    try:
        opened = pq.ParquetFile(file.path)
        wanted = set(choose(opened.schema_arrow))
        paths = [opened.schema.column(n).path for n in range(len(opened.schema))]
        chosen = [path for path in paths if _plain(path) in wanted]
        yield from opened.iter_batches(BATCH_ROWS, columns=chosen, use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{file.path}: {error}") from error


def read_rows(file: LakeFile, numbers: Collection[int]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Whole rows of a file by their number in it, in order: (number, one row)."""
    waiting = sorted(numbers, reverse=True)
    first = 0
    try:
        for batch in pq.ParquetFile(file.path).iter_batches(BATCH_ROWS, use_threads=False):
            while waiting and waiting[-1] < first + batch.num_rows:
                number = waiting.pop()
                yield number, batch.slice(number - first, 1)
            first += batch.num_rows
            if not waiting:
                return
    except (OSError, pa.ArrowException) as error:
        raise StorageError(f"{file.path}: {error}") from error


def _plain(path: str) -> str:
    for step in _STEPS:
        path = path.replace(step, "")
    return path
