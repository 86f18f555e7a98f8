"""Legal holds, and which events an incident or a decision still cites."""

from collections.abc import Iterator
from typing import Any

import msgspec

from tocsin.errors import UsageError
from tocsin.model.findings import Finding
from tocsin.model.holds import Hold
from tocsin.store.database import Database
from tocsin.store.journal import Journal
from tocsin.store.state import models
from tocsin.store.think import resolve

_hold = msgspec.msgpack.Decoder(Hold).decode
_finding = msgspec.msgpack.Decoder(Finding).decode
_encode = msgspec.msgpack.Encoder().encode


class Holds:
    """What retention must leave alone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def place(self, hold: Hold) -> None:
        """Store and journal a hold; UsageError when its id is taken."""
        with self._database.transaction():
            if self._rows().filter(hold_id=hold.hold_id).exists():
                raise UsageError(f"there is a hold {hold.hold_id} already")
            self._rows().create(hold_id=hold.hold_id, released=0, body=_encode(hold))
            self._note(hold.at, hold.by, "hold-placed", hold)

    def release(self, hold_id: str, by: str, reason: str, at: int) -> None:
        """End and journal a hold; UsageError when none of that id holds. `at` is us UTC."""
        with self._database.transaction():
            row = self._rows().filter(hold_id=hold_id, released=0).first()
            if row is None:
                raise UsageError(f"no hold {hold_id} is in force; `tocsin hold list` shows them")
            hold = msgspec.structs.replace(
                _hold(bytes(row.body)), released=at, released_by=by, released_reason=reason
            )
            row.released, row.body = at, _encode(hold)
            row.save()
            self._note(at, by, "hold-released", hold)

    def all(self) -> list[Hold]:
        """Every hold, those in force first."""
        with self._database.reading():
            bodies = self._rows().order_by("released", "id").values_list("body", flat=True)
            return [_hold(bytes(body)) for body in bodies]

    def in_force(self) -> list[Hold]:
        """The holds that were not released."""
        return [hold for hold in self.all() if not hold.released]

    def cited(self) -> frozenset[str]:
        """Events of findings that are in no closed incident, or in one that a decision names."""
        with self._database.reading():
            return frozenset(uid for finding in self._cited() for uid in finding.event_uids)

    def _cited(self) -> Iterator[Finding]:
        named = models.Decision.objects.using(self._database.alias)
        ids = {one for text in named.values_list("incident_ids", flat=True) for one in text.split()}
        decided = {resolve(self._database, one) for one in ids}
        incidents = models.Incident.objects.using(self._database.alias)
        closed = (
            set(incidents.exclude(status="open").values_list("incident_id", flat=True)) - decided
        )
        found = models.Finding.objects.using(self._database.alias).exclude(incident_id=None)
        for incident_id, body in found.values_list("incident_id", "body").iterator(500):
            if incident_id not in closed:
                yield _finding(bytes(body))

    def _note(self, at: int, by: str, kind: str, hold: Hold) -> None:
        body = msgspec.to_builtins(hold)
        Journal(self._database).append(at, by, kind, subject=hold.hold_id, body=body)

    def _rows(self) -> Any:
        return models.Hold.objects.using(self._database.alias)
