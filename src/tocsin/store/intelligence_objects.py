"""Published objects of intelligence, the newest version of each: a database file of its own.

Feeds can hold a million objects, and can give them again: they have no place in the state that is
backed up and kept small. A crash may lose what was put last (`synchronous=NORMAL`): how far a feed
was read is kept in the same file, in the same transaction, so that it is asked for again.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from tocsin.errors import StorageError

FOLDER = "intelligence"
FILE = "objects.db"
PUT = 2_000
"""Objects of one transaction: other processes read meanwhile."""
MAX_OBJECTS = 5_000_000

_TABLES = """
CREATE TABLE IF NOT EXISTS objects (
  feed TEXT NOT NULL, id TEXT NOT NULL, type TEXT NOT NULL, version INTEGER NOT NULL,
  revoked INTEGER NOT NULL, changed INTEGER NOT NULL, note TEXT NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (feed, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS changed_indicators ON objects (changed) WHERE type = 'indicator';
CREATE INDEX IF NOT EXISTS noted ON objects (feed, id) WHERE note <> '';
CREATE TABLE IF NOT EXISTS relations (
  feed TEXT NOT NULL, id TEXT NOT NULL, source TEXT NOT NULL, target TEXT NOT NULL,
  kind TEXT NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY (feed, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS relations_from ON relations (feed, source);
CREATE INDEX IF NOT EXISTS relations_to ON relations (feed, target);
CREATE TABLE IF NOT EXISTS positions (
  feed TEXT NOT NULL, place TEXT NOT NULL, position TEXT NOT NULL, PRIMARY KEY (feed, place));
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL);
"""


_RELATION = "id, source, target, kind, seen"


class ObjectRow(msgspec.Struct, frozen=True):
    """One object as it is kept; `version` is us UTC, `note` says why it is not (wholly) used."""

    object_id: str
    type: str
    version: int
    revoked: bool
    body: bytes
    note: str = ""


class RelationRow(msgspec.Struct, frozen=True):
    """A relationship, or (without target) a sighting of the source at `seen` (us UTC)."""

    relation_id: str
    source: str
    target: str
    kind: str
    seen: int = 0


class FeedCounts(msgspec.Struct, frozen=True):
    """What is kept of a feed; `newest` is the newest version of an object (us UTC)."""

    objects: int = 0
    indicators: int = 0
    revoked: int = 0
    noted: int = 0
    newest: int = 0


class Objects:
    """The database; one process writes. Methods raise StorageError."""

    def __init__(self, data: Path) -> None:
        """Open `<data>/intelligence/objects.db`, making it when it is not there."""
        self.path = data / FOLDER / FILE
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(self.path, timeout=15.0, isolation_level=None)
            self._connection.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;")
            self._connection.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise StorageError(f"{self.path}: {error}") from error

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def put(
        self, feed: str, objects: Sequence[ObjectRow], relations: Sequence[RelationRow] = ()
    ) -> int:
        """Keep what is newer than what is there; how many objects and relations changed.

        Indicators that a changed relation or object is about count as changed, too.
        """
        changed = 0
        for start in range(0, max(len(objects), len(relations)), PUT):
            with self._writing():
                number = self._next()
                for one in objects[start : start + PUT]:
                    changed += self._put_object(feed, one, number)
                for relation in relations[start : start + PUT]:
                    changed += self._put_relation(feed, relation, number)
        return changed

    def _put_object(self, feed: str, one: ObjectRow, number: int) -> int:
        done = self._connection.execute(
            "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (feed, id) DO UPDATE "
            "SET version = excluded.version, revoked = excluded.revoked, "
            "changed = excluded.changed, note = excluded.note, body = excluded.body "
            "WHERE excluded.version > version",
            (feed, one.object_id, one.type, one.version, one.revoked, number, one.note, one.body),
        ).rowcount
        if done and one.type != "indicator":
            self._connection.execute(
                "UPDATE objects SET changed = ? WHERE feed = ? AND type = 'indicator' AND id IN "
                "(SELECT source FROM relations WHERE feed = ? AND target = ?)",
                (number, feed, feed, one.object_id),
            )
        return max(0, done)

    def _put_relation(self, feed: str, one: RelationRow, number: int) -> int:
        done = self._connection.execute(
            "INSERT INTO relations VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (feed, id) DO UPDATE "
            "SET source = excluded.source, target = excluded.target, kind = excluded.kind, "
            "seen = excluded.seen WHERE (source, target, kind, seen) IS NOT "
            "(excluded.source, excluded.target, excluded.kind, excluded.seen)",
            (feed, one.relation_id, one.source, one.target, one.kind, one.seen),
        ).rowcount
        if done:
            self._connection.execute(
                "UPDATE objects SET changed = ? WHERE feed = ? AND id = ?",
                (number, feed, one.source),
            )
        return max(0, done)

    def last_change(self) -> int:
        """Number of the newest change."""
        return self.number("change")

    def changed(self, after: int) -> Iterator[tuple[str, str, bool, bytes]]:
        """(feed, id, revoked, body) of indicators that changed after a change number."""
        where = "type = 'indicator'" + (" AND changed > ?" if after else "")
        yield from self._rows(
            f"SELECT feed, id, revoked, body FROM objects WHERE {where}",  # noqa: S608  # no text of others
            (after,) if after else (),
        )

    def count_changed(self, after: int) -> int:
        """How many indicators changed after a change number."""
        [(count,)] = self._rows(
            "SELECT count(*) FROM objects WHERE type = 'indicator' AND changed > ?", (after,)
        )
        return int(count)

    def relations(self, feed: str, sources: Sequence[str]) -> Iterator[RelationRow]:
        """Relations that begin at some objects."""
        marks = ", ".join("?" * len(sources))
        rows = self._rows(
            f"SELECT {_RELATION} FROM relations WHERE feed = ? AND source IN ({marks})",  # noqa: S608  # question marks
            (feed, *sources),
        )
        return (RelationRow(*row) for row in rows)

    def body(self, feed: str, object_id: str) -> bytes | None:
        """One object; None when it is not known, or revoked."""
        rows = self._rows(
            "SELECT body FROM objects WHERE feed = ? AND id = ? AND revoked = 0", (feed, object_id)
        )
        return next((bytes(body) for (body,) in rows), None)

    def of_type(self, feed: str, kind: str) -> Iterator[bytes]:
        """Every object of a type, by id, that is not revoked."""
        rows = self._rows(
            "SELECT body FROM objects WHERE feed = ? AND type = ? AND revoked = 0 ORDER BY id",
            (feed, kind),
        )
        return (bytes(body) for (body,) in rows)

    def noted(self, feed: str | None, limit: int) -> list[tuple[str, str, str]]:
        """(feed, id, note) of what is not, or not wholly, used."""
        where, known = ("AND feed = ?", (feed,)) if feed else ("", ())
        return list(
            self._rows(
                f"SELECT feed, id, note FROM objects WHERE note <> '' AND revoked = 0 {where} "  # noqa: S608  # our own words
                "ORDER BY feed, id LIMIT ?",
                (*known, limit),
            )
        )

    def counts(self) -> dict[str, FeedCounts]:
        """What is kept, by feed."""
        rows = self._rows(
            "SELECT feed, count(*), sum(type = 'indicator'), sum(type = 'indicator' AND revoked), "
            "sum(note <> '' AND NOT revoked), max(version) FROM objects GROUP BY feed"
        )
        return {feed: FeedCounts(*(int(n or 0) for n in found)) for feed, *found in rows}

    def position(self, feed: str, place: str) -> str:
        """How far a place of a feed was read; empty before the first."""
        rows = self._rows(
            "SELECT position FROM positions WHERE feed = ? AND place = ?", (feed, place)
        )
        return next((str(found) for (found,) in rows), "")

    def set_position(self, feed: str, place: str, position: str) -> None:
        """Remember how far a place of a feed was read."""
        with self._writing():
            self._connection.execute(
                "INSERT OR REPLACE INTO positions VALUES (?, ?, ?)", (feed, place, position)
            )

    def number(self, name: str) -> int:
        """A named number; 0 before it is set."""
        rows = self._rows("SELECT value FROM numbers WHERE name = ?", (name,))
        return next((int(found) for (found,) in rows), 0)

    def set_number(self, name: str, value: int) -> None:
        """Set a named number."""
        with self._writing():
            self._set(name, value)

    def _set(self, name: str, value: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO numbers VALUES (?, ?)", (name, value))

    def _next(self) -> int:
        number = self.number("change") + 1
        self._set("change", number)
        return number

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise StorageError(f"{self.path}: {error}") from error

    def _rows(self, sql: str, values: Sequence[object] = ()) -> Iterator[tuple[Any, ...]]:
        try:
            yield from self._connection.execute(sql, values)
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: {error}") from error
