"""The process that runs users' SQL: limited, without files but the ones it is given, short-lived.

python -I -m tocsin.store.query_child  <  Ask (MessagePack)  >  Reply (MessagePack)
"""

import resource
import sys
from collections.abc import Mapping
from typing import Any

import duckdb
import msgspec
import pyarrow as pa

from tocsin.store.sql_guard import RefusedSql, check

THREADS = 2
_BATCH = 1_000


class Limits(msgspec.Struct, frozen=True):
    """What one query may take: rows and bytes of the answer, seconds, bytes of memory."""

    rows: int = 1_000
    answer_bytes: int = 64 * 1024 * 1024
    seconds: int = 30
    memory: int = 1024 * 1024 * 1024


class Ask(msgspec.Struct, frozen=True):
    """A query, the files of each lake table with its Arrow schema, and small tables as IPC."""

    sql: str
    files: dict[str, list[str]]
    schemas: dict[str, bytes]
    tables: dict[str, bytes]
    limits: Limits


class Reply(msgspec.Struct, frozen=True):
    """Rows as Arrow IPC, or why there are none (`refused` before running, `failed` while)."""

    rows: bytes = b""
    truncated: bool = False
    refused: str = ""
    failed: str = ""


def main() -> None:
    """Answer the one question on standard input."""
    ask = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Ask)
    _limit(ask.limits)
    sys.stdout.buffer.write(msgspec.msgpack.encode(answer(ask)))
    sys.stdout.buffer.flush()


def answer(ask: Ask) -> Reply:
    """Judge and run a query."""
    try:
        statement = check(ask.sql, {*ask.files, *ask.tables})
        with connect(ask.limits) as connection:
            offer(connection, ask)
            lock(connection, ask.files)
            return _run(connection, statement, ask.limits)
    except RefusedSql as error:
        return Reply(refused=str(error))
    except duckdb.Error as error:
        return Reply(failed=str(error))


def _limit(limits: Limits) -> None:
    """Bind this process: no file can grow, no core is left, memory and time are bounded."""
    seconds = limits.seconds * THREADS + 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    space = limits.memory + 3 * 1024 * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (space, space))


def connect(limits: Limits) -> duckdb.DuckDBPyConnection:
    """An empty database in memory that loads nothing and spills nowhere."""
    return duckdb.connect(
        ":memory:",
        config={
            "threads": THREADS,
            "memory_limit": f"{limits.memory // (1024 * 1024)}MiB",
            "temp_directory": "",
            "python_enable_replacements": False,
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "allow_community_extensions": False,
        },
    )


def offer(connection: duckdb.DuckDBPyConnection, ask: Ask) -> None:
    """Make the tables: views over lake files, copies of the small ones."""
    for name, data in ask.tables.items():
        _copy(connection, name, pa.ipc.open_stream(data).read_all())
    for name, files in ask.files.items():
        if files:
            view = f"CREATE VIEW {quoted(name)} AS SELECT * FROM {parquet(files)}"  # noqa: S608  # quoted
            connection.execute(view)
        else:
            _copy(
                connection, name, pa.ipc.read_schema(pa.py_buffer(ask.schemas[name])).empty_table()
            )


def _copy(connection: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    connection.register("offered", rows)
    copy = f"CREATE TABLE {quoted(name)} AS SELECT * FROM offered"  # noqa: S608  # quoted
    connection.execute(copy)
    connection.unregister("offered")


def lock(connection: duckdb.DuckDBPyConnection, files: Mapping[str, list[str]]) -> None:
    """From here on only the lake's own files can be opened, and no setting changed."""
    allowed = [path for paths in files.values() for path in paths]
    connection.execute(f"SET allowed_paths = [{', '.join(map(text, allowed))}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _run(connection: duckdb.DuckDBPyConnection, statement: Any, limits: Limits) -> Reply:
    """Run the statement read-only and take as much of the answer as is allowed."""
    connection.execute("BEGIN TRANSACTION READ ONLY")
    reader: pa.RecordBatchReader = connection.execute(statement).to_arrow_reader(_BATCH)
    sink = pa.BufferOutputStream()
    left, truncated = limits.rows, False
    with pa.ipc.new_stream(sink, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch[:left])
            truncated = batch.num_rows > left
            left -= min(left, batch.num_rows)
            truncated |= sink.tell() > limits.answer_bytes
            if truncated:
                break
    return Reply(rows=sink.getvalue().to_pybytes(), truncated=truncated)


def parquet(files: list[str]) -> str:
    """SQL for the rows of lake files; `ingest_day` comes from the path and stays text."""
    listed = ", ".join(map(text, files))
    return (
        f"read_parquet([{listed}], hive_partitioning = true,"
        " hive_types = {'ingest_day': VARCHAR})"
    )


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string in SQL."""
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    main()
