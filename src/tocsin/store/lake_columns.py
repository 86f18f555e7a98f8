"""Columns beside the files of the lake: what detection made of a file's records, to be read again.

They are a cache under `<lake>/_columns/<class>/`, one file for each file of a table, and may be
deleted at any time. A file is written aside and renamed, so that it is whole or absent.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from tocsin.store.scan import LakeFile

FOLDER = "_columns"
_ABOUT = b"tocsin"
_FORMAT = "tocsin columns 1"

T = TypeVar("T")


class _About(msgspec.Struct, array_like=True):
    """What a file says of itself: its format, the names of its columns, and words of the maker."""

    format: str
    names: list[str]
    about: msgspec.Raw


class ColumnFiles:
    """Reads and writes the columns of a lake's files. What fails is as if it were absent."""

    def __init__(self, lake_root: Path) -> None:
        self._root = lake_root / FOLDER

    def read(
        self, file: LakeFile, names: Collection[str], kind: type[T]
    ) -> tuple[pa.Table, T] | None:
        """Those of the columns `names` that there are, and what was said of them; None if absent.

        The first column is numbers, all others are texts and come dictionary-encoded.
        """
        with suppress(OSError, pa.ArrowException, msgspec.DecodeError):
            path = self._path(file)
            footer = pq.read_metadata(path)
            about = _about(footer)
            if about is None:
                return None
            wanted = [n for n, name in enumerate(about.names) if name in names]
            texts = [f"c{n}" for n in wanted if n]
            found = pq.ParquetFile(path, metadata=footer, read_dictionary=texts)
            table = found.read(columns=[f"c{n}" for n in wanted], use_threads=False)
            told = msgspec.msgpack.decode(about.about, type=kind)
            return table.rename_columns([about.names[n] for n in wanted]), told
        return None

    def write(self, file: LakeFile, table: pa.Table, about: object) -> None:
        """Keep the columns of a file."""
        said = _About(_FORMAT, table.column_names, msgspec.Raw(msgspec.msgpack.encode(about)))
        plain = table.rename_columns([f"c{n}" for n in range(table.num_columns)])
        plain = plain.replace_schema_metadata({_ABOUT: msgspec.msgpack.encode(said)})
        path = self._path(file)
        fresh = path.with_suffix(f".{os.getpid()}")
        with suppress(OSError, pa.ArrowException):
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(
                plain, fresh, compression="zstd", compression_level=1, write_statistics=False
            )
            fresh.replace(path)

    def forget_all_but(self, files: Collection[LakeFile]) -> None:
        """Delete the columns of files that are in no table any more."""
        known = {self._path(file) for file in files}
        with suppress(OSError):
            for path in self._root.rglob("*.parquet"):
                if path not in known:
                    path.unlink()

    def _path(self, file: LakeFile) -> Path:
        return self._root / file.class_name / f"{Path(file.path).stem}.parquet"


def _about(footer: pq.FileMetaData) -> _About | None:
    data = (footer.metadata or {}).get(_ABOUT)
    about = msgspec.msgpack.decode(data, type=_About) if data else None
    return about if about is not None and about.format == _FORMAT else None
