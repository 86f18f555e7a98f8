"""Users' SQL over the lake: one SELECT, run in a read-only child process with limits."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from tocsin.errors import StorageError, UsageError
from tocsin.store.lake import table_paths
from tocsin.store.query_child import Ask, Limits, Reply

GRACE = 3.0
"""Seconds beyond its time limit that the child gets for start and end."""

_reply = msgspec.msgpack.Decoder(Reply).decode


class Answer(msgspec.Struct, frozen=True):
    """Rows of a query; `truncated` when there were more than the limits allow."""

    rows: pa.Table
    truncated: bool


def query(
    sql: str,
    lake_root: Path,
    *,
    tables: Mapping[str, pa.Table] | None = None,
    limits: Limits | None = None,
) -> Answer:
    """Run one SELECT over the lake's classes, and over `tables` (small, for example findings).

    Raises UsageError when the SQL is refused or fails, with the reason, or takes too long.
    """
    limits = limits or Limits()
    files, schemas = _lake(lake_root)
    small = {name: _stream(table) for name, table in (tables or {}).items()}
    reply = _ask(Ask(sql, files, schemas, small, limits))
    if reply.refused:
        raise UsageError(f"refused: {reply.refused}")
    if reply.failed:
        raise UsageError(f"the query failed: {reply.failed}")
    return Answer(pa.ipc.open_stream(reply.rows).read_all(), reply.truncated)


def _lake(root: Path) -> tuple[dict[str, list[str]], dict[str, bytes]]:
    """The files and the schema of every class as they stand now."""
    files, schemas = {}, {}
    for path in table_paths(root):
        try:
            table = DeltaTable(path)
            files[path.name] = table.file_uris()
            schema = pa.schema(table.schema().to_arrow())
        except (DeltaError, OSError) as error:
            raise StorageError(f"{path}: {error}") from error
        schemas[path.name] = schema.serialize().to_pybytes()
    return files, schemas


def _ask(ask: Ask) -> Reply:
    """Start a child (never by fork alone: delta-rs has threads), ask it, and end it."""
    child = subprocess.Popen(  # our own interpreter and module, no shell
        [sys.executable, "-I", "-m", "tocsin.store.query_child"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"LC_ALL": "C.UTF-8"},
        cwd="/",
    )
    with child:
        try:
            output, errors = child.communicate(
                msgspec.msgpack.encode(ask), timeout=ask.limits.seconds + GRACE
            )
        except subprocess.TimeoutExpired:
            child.kill()
            raise UsageError(f"the query took longer than {ask.limits.seconds} s") from None
    if child.returncode:
        last = errors.decode(errors="replace").strip().rsplit("\n", 1)[-1]
        raise UsageError(
            f"the query was ended (code {child.returncode}): {last or 'out of limits'}"
        )
    return _reply(output)


def _stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())
