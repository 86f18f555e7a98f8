"""Readiness and overrides at rest: both are Evidence, with the Journal's record beside them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tocsin.model.evidence import OVERRIDE, READINESS, Evidence
from tocsin.store.database import Database
from tocsin.store.journal import Journal
from tocsin.store.state import models

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Evidence).decode


class ReadinessBook:
    """What was issued about sources; the transaction is the caller's where one is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._journal = Journal(database)

    def readiness(self) -> list[Evidence]:
        """The newest readiness of every source and use."""
        return self._newest(READINESS)

    def overrides(self) -> list[Evidence]:
        """Every override that was made, newest first."""
        with self._database.reading():
            return self._read(self._rows().filter(kind=OVERRIDE).order_by("-issued", "-id"))

    def override(self, evidence: Evidence, at: int, person: str, reason: str) -> None:
        """Store an override and journal it, in one transaction."""
        with self._database.transaction():
            put_evidence(self._database, evidence)
            body = {
                "reason": reason,
                "until": evidence.expires,
                "covers": evidence.claims.get("covers", ""),
                "digest": evidence.digest,
            }
            self._journal.append(at, person, OVERRIDE, subject=evidence.subject, body=body)

    def revoke(self, subject: str, at: int, person: str, reason: str) -> int:
        """End the overrides of a subject that still count; how many there were."""
        with self._database.transaction():
            found = self._rows().filter(kind=OVERRIDE, subject=subject, expires__gt=at)
            open_ones = [one for one in self._read(found) if one.revoked is None]
            for one in open_ones:
                put_evidence(self._database, msgspec.structs.replace(one, revoked=at))
            if open_ones:
                body = {"reason": reason, "revoked": len(open_ones)}
                self._journal.append(at, person, f"{OVERRIDE}-end", subject=subject, body=body)
        return len(open_ones)

    def _newest(self, kind: str) -> list[Evidence]:
        with self._database.reading():
            rows = self._rows().filter(kind=kind).order_by("issued", "id")
            newest = dict(rows.values_list("subject", "id"))
            return self._read(self._rows().filter(id__in=list(newest.values())).order_by("subject"))

    def _rows(self) -> Any:
        return models.Evidence.objects.using(self._database.alias)

    @staticmethod
    def _read(rows: Any) -> list[Evidence]:
        return [_decode(bytes(body)) for body in rows.values_list("body", flat=True)]


def put_evidence(database: Database, evidence: Evidence) -> None:
    """Store a claim under its digest in the caller's transaction; again replaces it."""
    copies = ("kind", "subject", "issued", "expires", "revoked")
    fields: dict[str, Any] = {name: getattr(evidence, name) for name in copies}
    fields["body"] = _encode(evidence)
    rows = models.Evidence.objects.using(database.alias)
    rows.update_or_create(digest=evidence.digest, defaults=fields)


def forget_readiness(database: Database, subjects: Sequence[str], before: int) -> None:
    """Let go of readiness of these subjects that ended before a time; the Journal has it."""
    rows = models.Evidence.objects.using(database.alias)
    rows.filter(kind=READINESS, subject__in=list(subjects), expires__lt=before).delete()
