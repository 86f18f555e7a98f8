"""Copies of what the store keeps, taken while others go on writing."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from tocsin.errors import StorageError
from tocsin.store.delta import LOG
from tocsin.store.lake import table_paths

_POINTER = "_last_checkpoint"
_DIGITS = 20
"""A log entry's name begins with its version, in so many digits."""


def copy_database(source: Path, target: Path) -> None:
    """One moment of an SQLite database, as a database of its own; writers are not held up."""
    try:
        with closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as database:
            database.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.Error as error:
        raise StorageError(f"{source}: {error}") from error


def copy_lake(root: Path, target: Path) -> None:
    """Every table as of its newest commit: the files that are in force and the log up to there."""
    target.mkdir(parents=True)
    for path in table_paths(root):
        try:
            _copy_table(path, target / path.name)
        except (OSError, DeltaError) as error:
            raise StorageError(f"{path}: {error}") from error


def _copy_table(path: Path, target: Path) -> None:
    path = path.resolve()
    table = DeltaTable(path)
    version = table.version()
    for uri in table.file_uris():
        inner = Path(uri).relative_to(path)
        (target / inner).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path / inner, target / inner)
    (target / LOG).mkdir(parents=True)
    for entry in sorted((path / LOG).iterdir()):
        number = entry.name[:_DIGITS]
        if entry.is_file() and number.isdigit() and int(number) <= version:
            shutil.copyfile(entry, target / LOG / entry.name)
    pointer = path / LOG / _POINTER
    if pointer.exists():
        data = pointer.read_bytes()
        if msgspec.json.decode(data)["version"] <= version:
            (target / LOG / _POINTER).write_bytes(data)
