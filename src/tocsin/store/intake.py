"""What came in, as operators see it: sources, counters, dead letters."""

from typing import Any

import msgspec
import pyarrow as pa
from django.db.models import Count

from tocsin.store.database import Database
from tocsin.store.state import models
from tocsin.store.think import SourceCount

SHOWN_BYTES = 4_096
"""Bytes of an original that users' SQL sees."""


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that could not be used. `received_at` is microseconds UTC; `raw` may be cut."""

    partition: str
    offset: int
    origin: str
    position: int
    received_at: int
    reason: str
    detail: str
    raw: bytes


class KeptLetter(msgspec.Struct, frozen=True):
    """A dead letter as it can go through once more; `number` names it in state."""

    number: int
    origin: str
    position: int
    raw: bytes
    source_id: str | None
    reason: str


class Intake:
    """Reads what the think step counted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def sources(self) -> list[SourceCount]:
        """Every source seen, by id."""
        with self._database.reading():
            fields = SourceCount.__struct_fields__
            rows = self._rows(models.SourceSeen).order_by("source_id").values_list(*fields)
            return [SourceCount(*row) for row in rows]

    def counters(self) -> dict[str, int]:
        """Every counter, keyed `name|label|...` as it was counted."""
        with self._database.reading():
            rows = self._rows(models.Counter).order_by("name", "labels")
            found = rows.values_list("name", "labels", "value")
            return {f"{name}|{labels}" if labels else name: value for name, labels, value in found}

    def dead_letters(self, limit: int, *, reason: str | None = None) -> list[DeadLetter]:
        """The newest dead letters, newest first; all or those with one reason."""
        with self._database.reading():
            rows = self._rows(models.DeadLetter).order_by("-id")
            if reason is not None:
                rows = rows.filter(reason=reason)
            found = rows.values(*DeadLetter.__struct_fields__)[:limit]
            return [DeadLetter(**row | {"raw": bytes(row["raw"])}) for row in found]

    def letters(
        self, limit: int, after: int, *, reason: str | None = None, source: str | None = None
    ) -> list[KeptLetter]:
        """Dead letters after a number, in order; all or those with a reason or declared source."""
        with self._database.reading():
            rows = self._rows(models.DeadLetter).filter(id__gt=after).order_by("id")
            if reason is not None:
                rows = rows.filter(reason=reason)
            if source is not None:
                rows = rows.filter(source_id=source)
            names = ("id", "origin", "position", "raw", "source_id", "reason")
            found = rows.values_list(*names)[:limit]
            return [KeptLetter(n, o, p, bytes(raw), s, why) for n, o, p, raw, s, why in found]

    def dead_letter_counts(self) -> dict[str, int]:
        """How many dead letters there are for each reason, the commonest first."""
        with self._database.reading():
            rows = self._rows(models.DeadLetter).values_list("reason")
            counted = rows.annotate(n=Count("id")).order_by("-n", "reason")
            return {str(reason): int(n) for reason, n in counted}

    def table(self, limit: int) -> pa.Table:
        """The newest dead letters for users' SQL, each with the beginning of the original."""
        rows = [
            {name: getattr(letter, name) for name in _LETTERS.names}
            | {"raw": letter.raw[:SHOWN_BYTES].decode(errors="replace")}
            for letter in self.dead_letters(limit)
        ]
        return pa.Table.from_pylist(rows, _LETTERS)

    def _rows(self, model: Any) -> Any:
        return model.objects.using(self._database.alias)


_TEXT, _NUMBER = pa.string(), pa.int64()
_LETTERS = pa.schema(
    [
        ("received_at", _NUMBER), ("reason", _TEXT), ("detail", _TEXT), ("origin", _TEXT),
        ("position", _NUMBER), ("raw", _TEXT),
    ]
)  # fmt: skip
