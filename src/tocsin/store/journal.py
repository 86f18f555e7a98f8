"""The Journal, version 0: a hash chain in a table, written in the transaction it speaks about."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import msgspec

from tocsin.model.journal import GENESIS, JournalRecord, chain, first_break
from tocsin.store.database import Database
from tocsin.store.state import models

_CHUNK = 1_000
_FIELDS = ("sequence", "previous", "at", "actor", "kind", "subject", "body", "digest")


class Journal:
    """Who or what did what, in order. Records are only ever added."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def append(
        self, at: int, actor: str, kind: str, *, subject: str, body: Mapping[str, Any]
    ) -> JournalRecord:
        """Add the next link. Only inside a transaction of the caller: both stand or fall.

        `at` is microseconds UTC; `body` is stored as JSON with sorted keys.
        """
        head = self.head()
        text = msgspec.json.encode(body, order="sorted").decode()
        previous, sequence = (head.digest, head.sequence) if head else (GENESIS, 0)
        record = chain(previous, sequence + 1, (at, actor, kind, subject, text))
        values = {name: getattr(record, name) for name in _FIELDS}
        models.JournalEntry.objects.using(self._database.alias).create(**values)
        return record

    def head(self) -> JournalRecord | None:
        """The newest record."""
        return next(iter(self.tail(1)), None)

    def tail(self, limit: int) -> list[JournalRecord]:
        """The newest `limit` records, oldest first."""
        with self._database.reading():
            rows = list(self._rows().order_by("-sequence")[:limit])
        return [JournalRecord(*row) for row in reversed(rows)]

    def verify(self, anchor: tuple[int, str] | None = None) -> int | None:
        """Sequence of the first record that breaks the chain, or None when all hold.

        `anchor` is (sequence, digest) of a record noted elsewhere earlier: it finds records that
        were cut off the end or a chain that was written anew. Reads in chunks: memory is bounded.
        """
        previous, sequence, anchored = GENESIS, 0, anchor is None
        with self._database.reading():
            records = self._stream()
            while chunk := list(islice(records, _CHUNK)):
                broken = first_break(chunk, previous, sequence)
                if broken is not None:
                    return broken
                for record in chunk:
                    if anchor is not None and record.sequence == anchor[0]:
                        if record.digest != anchor[1]:
                            return record.sequence
                        anchored = True
                previous, sequence = chunk[-1].digest, chunk[-1].sequence
        return None if anchored else sequence + 1

    def _stream(self) -> Iterator[JournalRecord]:
        rows = self._rows().order_by("sequence").iterator(chunk_size=_CHUNK)
        return (JournalRecord(*row) for row in rows)

    def _rows(self) -> Any:
        return models.JournalEntry.objects.using(self._database.alias).values_list(*_FIELDS)
