"""Opening state: SQLite set for durability, migrations run.

Everything that is special to SQLite stands in this file; the rest is ORM calls and SQL that
PostgreSQL understands as well. Several databases can be open in one process: each path has its own
Django alias.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db import DatabaseError, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from tocsin.errors import StorageError
from tocsin.store import state  # noqa: F401  # importing it sets Django up

BUSY_TIMEOUT = 15.0
"""Seconds to wait for another process's write lock; transactions take up to 0.05 s."""

_WRITER = (
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    "PRAGMA cache_size=-65536; PRAGMA journal_size_limit=67108864"
)
_READER = "PRAGMA query_only=ON; PRAGMA cache_size=-16384"


def configure(state_path: Path) -> None:
    """Make `state_path` Django's default database, for parts that know no alias (the console)."""
    _register("default", _options(state_path, read_only=False))


def _options(path: Path, *, read_only: bool) -> dict[str, Any]:
    """Django's description of an SQLite file."""
    name = f"file:{quote(str(path.absolute()))}?mode={'ro' if read_only else 'rwc'}"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": {
            "uri": True,
            "timeout": BUSY_TIMEOUT,
            "transaction_mode": "DEFERRED" if read_only else "IMMEDIATE",
            "init_command": _READER if read_only else _WRITER,
        },
    }


class Database:
    """One open database of state."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open `path` and bring its tables up to date; StorageError says why it cannot be."""
        self.path = path
        self.alias = _alias(_options(path, read_only=read_only))
        if read_only and not path.exists():
            raise StorageError(f"{path}: no state here yet; run `tocsin up` first")
        if not read_only:
            self._migrate()

    def _migrate(self) -> None:
        """Run the migrations that this database has not seen, one process at a time."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.with_name(self.path.name + ".lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                executor = MigrationExecutor(self.connection)
                executor.migrate(executor.loader.graph.leaf_nodes())
        except (DatabaseError, OSError) as error:
            raise StorageError(f"{self.path}: state cannot be opened: {error}") from error

    @property
    def connection(self) -> Any:
        """This thread's connection."""
        return connections[self.alias]

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One durable transaction: on return it is on disk, after an exception nothing is."""
        try:
            with transaction.atomic(using=self.alias, durable=True):
                yield
        except DatabaseError as error:
            raise StorageError(f"{self.path}: {error}") from error

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Turn errors of the database driver into StorageError."""
        try:
            yield
        except DatabaseError as error:
            raise StorageError(f"{self.path}: {error}") from error

    def execute_many(self, sql: str, rows: list[tuple[Any, ...]]) -> int:
        """Run `sql` for every row; returns how many rows of the table were touched."""
        if not rows:
            return 0
        with self.connection.cursor() as cursor:
            cursor.executemany(sql, rows)
            return int(cursor.rowcount)

    def close(self) -> None:
        """Close this thread's connection."""
        self.connection.close()


_numbers = count(1)


def _alias(options: dict[str, Any]) -> str:
    """Django's name for the database with these options, made known to it when it is new."""
    for alias in connections.settings:
        if connections.settings[alias]["NAME"] == options["NAME"]:
            return str(alias)
    alias = f"state-{next(_numbers)}"
    _register(alias, options)
    return alias


def _register(alias: str, options: dict[str, Any]) -> None:
    """Let Django know of a database; its defaults for what `options` leaves out are filled in."""
    filled = connections.configure_settings({"default": options})["default"]
    connections.settings[alias] = filled
