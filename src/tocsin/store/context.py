"""What a site knows of itself: every fact that a feed ever said, and the loads that said them."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from django.db.models import Max

from tocsin.model.context import Fact, kind_of
from tocsin.store.database import Database
from tocsin.store.journal import Journal
from tocsin.store.state import models

_CHUNK = 2_000
_encode = msgspec.msgpack.Encoder().encode


class ContextLoad(msgspec.Struct, frozen=True):
    """A load of a feed. `as_of` is the time it speaks of, `at` when it was loaded (us UTC).

    `origin` is the file or directory that it came from, `digest` the SHA-256 of a file.
    """

    feed: str
    kind: str
    importer: str
    origin: str
    digest: str
    as_of: int
    at: int
    by: str
    appeared: int
    changed: int
    vanished: int
    unchanged: int
    unreadable: int
    index_id: str
    confirmed: bool = False


class InForce(msgspec.Struct, frozen=True):
    """A fact that the last load of its feed said, under its number here."""

    number: int
    fact: Fact
    scope: str


class Kept(NamedTuple):
    """What a load changed: new facts with their scopes, and ends (us UTC) by number."""

    load: ContextLoad
    opened: Sequence[tuple[Fact, str]]
    ended: Sequence[tuple[int, int]]


_fact = msgspec.msgpack.Decoder(Fact).decode
_load = msgspec.msgpack.Decoder(ContextLoad).decode


class ContextStore:
    """Reads facts, and keeps what a load changed in one transaction with its journal record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def in_force(self, feed: str, kind: str) -> list[InForce]:
        """What the last load of a feed said about things of a kind."""
        with self._database.reading():
            rows = self._rows(models.ContextFact).filter(feed=feed, kind=kind, in_force=True)
            found = rows.values_list("id", "body", "until", "scope").iterator(chunk_size=_CHUNK)
            return [InForce(n, _at(body, until), scope) for n, body, until, scope in found]

    def ended(self, feed: str, kind: str) -> dict[str, int]:
        """By key, when the facts that are no more in force ended."""
        with self._database.reading():
            rows = self._rows(models.ContextFact).filter(feed=feed, kind=kind, in_force=False)
            return dict(rows.values_list("key").annotate(Max("until")))

    def facts(self) -> Iterator[tuple[int, Fact]]:
        """Every fact, past ones too, with its number."""
        with self._database.reading():
            rows = self._rows(models.ContextFact).order_by("id")
            for number, body, until in rows.values_list("id", "body", "until").iterator(
                chunk_size=_CHUNK
            ):
                yield number, _at(body, until)

    def of_feed(self, feed: str) -> list[Fact]:
        """Every fact of a feed, oldest first."""
        with self._database.reading():
            rows = self._rows(models.ContextFact).filter(feed=feed).order_by("id")
            return [_at(body, until) for body, until in rows.values_list("body", "until")]

    def keep(self, changes: Sequence[Kept]) -> None:
        """Store what a load changed, kind by kind, and journal it.

        All of it is durable on return, or nothing is.
        """
        rows = self._rows(models.ContextFact)
        with self._database.transaction():
            for load, opened, ended in changes:
                sql = "UPDATE tocsin_contextfact SET until = %s, in_force = %s WHERE id = %s"
                self._database.execute_many(sql, [(until, False, n) for n, until in ended])
                fresh = [_row(fact, scope) for fact, scope in opened]
                rows.bulk_create(fresh, batch_size=_CHUNK)
                self._tell(load)

    def _tell(self, load: ContextLoad) -> None:
        fields = {name: getattr(load, name) for name in ("feed", "kind", "at", "index_id")}
        self._rows(models.ContextLoad).create(**fields, body=_encode(load))
        body = {name: getattr(load, name) for name in _JOURNALED}
        Journal(self._database).append(
            load.at, load.by, "context-loaded", subject=f"{load.feed} {load.kind}", body=body
        )

    def add(self, facts: Iterable[Fact]) -> None:
        """Store facts of the stream (windows). Only inside a transaction of the caller."""
        fresh = [_row(fact, "") for fact in facts]
        self._rows(models.ContextFact).bulk_create(fresh, batch_size=_CHUNK)

    def loads(self) -> list[ContextLoad]:
        """The newest load of each feed and kind, by feed."""
        with self._database.reading():
            rows = self._rows(models.ContextLoad)
            newest = rows.values("feed", "kind").annotate(last=Max("id")).values_list("last")
            chosen = rows.filter(id__in=[number for (number,) in newest])
            bodies = chosen.order_by("feed", "kind").values_list("body", flat=True)
            return [_load(bytes(body)) for body in bodies]

    def index_id(self) -> str:
        """Id of the index in force; empty when nothing was loaded."""
        with self._database.reading():
            rows = self._rows(models.ContextLoad).order_by("-id")
            return rows.values_list("index_id", flat=True).first() or ""

    def _rows(self, model: Any) -> Any:
        return model.objects.using(self._database.alias)


_JOURNALED = (
    "importer", "origin", "digest", "as_of", "appeared", "changed", "vanished", "unchanged",
    "unreadable", "index_id", "confirmed",
)  # fmt: skip


def _at(body: bytes, until: int) -> Fact:
    """The fact with its end as it is known now."""
    fact = _fact(bytes(body))
    return fact if fact.until == until else msgspec.structs.replace(fact, until=until)


def _row(fact: Fact, scope: str) -> Any:
    return models.ContextFact(
        feed=fact.feed,
        kind=kind_of(fact.body),
        key=fact.key,
        scope=scope,
        since=fact.since,
        until=fact.until,
        in_force=True,
        body=_encode(fact),
    )
