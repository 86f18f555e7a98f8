"""State: one database file that survives a crash at any instant.

One process (core) thinks; others may read at the same time, and store single facts (a lake cursor,
a verdict) in transactions of their own.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from tocsin import crash
from tocsin.model.content import ContentSet
from tocsin.model.evidence import Evidence
from tocsin.model.findings import Finding
from tocsin.store.casebook import Casebook
from tocsin.store.context import ContextStore
from tocsin.store.database import Database
from tocsin.store.findings import StoredFindings
from tocsin.store.holds import Holds
from tocsin.store.intake import Intake
from tocsin.store.intelligence import Intelligence
from tocsin.store.journal import Journal
from tocsin.store.outbox import Outbox
from tocsin.store.readiness import ReadinessBook
from tocsin.store.seen import WINDOW, Seen
from tocsin.store.state import models
from tocsin.store.think import Think, read_cursor, write_cursor

_evidence = msgspec.msgpack.Decoder(Evidence).decode
_finding = msgspec.msgpack.Decoder(Finding).decode
_encode = msgspec.msgpack.Encoder().encode
_PART = 500


class Applied(msgspec.Struct, frozen=True):
    """A content set in force. `at` is microseconds UTC; `files` maps path to SHA-256."""

    content_id: str
    at: int
    by: str
    files: dict[str, str]


class State:
    """An open state database.

    `casebook` has findings, incidents and verdicts, `findings` those of a rule, `intake` sources,
    counters and dead letters, `journal` the chain, `holds` what must not be removed. Every method
    raises StorageError when the database refuses.
    """

    def __init__(self, path: Path, *, read_only: bool = False, window: int = WINDOW) -> None:
        """Open the state at `path`, making or upgrading its tables unless `read_only`.

        `window` is the number of events that are remembered to recognize repeats.
        """
        self.path = path
        self._database = Database(path, read_only=read_only)
        self.casebook = Casebook(self._database)
        self.findings = StoredFindings(self._database)
        self.intake = Intake(self._database)
        self.journal = Journal(self._database)
        self.outbox = Outbox(self._database)
        self.readiness = ReadinessBook(self._database)
        self.context = ContextStore(self._database)
        self.holds = Holds(self._database)
        self.intelligence = Intelligence(self._database)
        self._seen = Seen(self._database, window)
        self._past = Seen(self._database, 4 * WINDOW, history=True)

    def close(self) -> None:
        """Close this thread's connection."""
        self._database.close()

    @contextmanager
    def think(self, partition: str) -> Iterator[Think]:
        """T1: one transaction for all that a batch of `partition` led to."""
        with self._database.transaction():
            yield Think(self._database, self._seen, self._past, partition)
            crash.point("t1.before-commit")
        crash.point("t1.after-commit")

    def history_seen(self) -> Seen:
        """The events of backfills: a window of their own."""
        return self._past

    def cursor(self, partition: str, kind: str) -> int:
        """How far `partition` is dealt with: `think` or `lake`; -1 before the first."""
        with self._database.reading():
            return read_cursor(self._database, partition, kind)

    def set_cursor(self, partition: str, kind: str, offset: int) -> None:
        """Store a cursor in a transaction of its own (T2 after the lake is durable)."""
        with self._database.transaction():
            write_cursor(self._database, partition, kind, offset)

    def fold_states(self, fold: str, *, limit: int | None = None) -> dict[str, bytes]:
        """The states of a fold that has few keys, by key; with `limit` the first so many."""
        with self._database.reading():
            rows = self._rows(models.FoldState).filter(fold=fold).order_by("key")
            rows = rows.values_list("key", "state")[:limit]
            return {key: bytes(state) for key, state in rows}

    def put_evidence(self, evidence: Evidence) -> None:
        """Store a claim under its digest; storing it again replaces it (a revocation does)."""
        copies = ("kind", "subject", "issued", "expires", "revoked")
        fields: dict[str, Any] = {name: getattr(evidence, name) for name in copies}
        fields["body"] = _encode(evidence)
        with self._database.transaction():
            rows = self._rows(models.Evidence)
            rows.update_or_create(digest=evidence.digest, defaults=fields)

    def evidence(self, kind: str, subject: str) -> list[Evidence]:
        """All claims of a kind about a subject, newest first, expired and revoked ones too."""
        with self._database.reading():
            rows = self._rows(models.Evidence).filter(kind=kind, subject=subject)
            found = rows.order_by("-issued", "-id").values_list("body", flat=True)
            return [_evidence(bytes(body)) for body in found]

    def prune_findings(self, before: int, cited: Collection[str]) -> int:
        """Remove findings received before a time (us UTC) that no open incident holds; how many.

        Those with a `cited` event stay. Their incidents and verdicts stay as well.
        """
        with self._database.reading():
            rows = self._rows(models.Finding).filter(time__lt=before)
            unfinished = self._rows(models.Incident).filter(status="open")
            rows = rows.exclude(incident_id__in=unfinished.values("incident_id"))
            gone = [
                key
                for key, body in rows.values_list("id", "body").iterator(500)
                if _is_over(_finding(bytes(body)), before, cited)
            ]
        for start in range(0, len(gone), _PART):
            with self._database.transaction():
                self._rows(models.Finding).filter(id__in=gone[start : start + _PART]).delete()
        return len(gone)

    def prune_dead_letters(self, before: int) -> int:
        """Remove dead letters received before a time (us UTC); how many."""
        with self._database.transaction():
            rows = self._rows(models.DeadLetter).filter(received_at__lt=before)
            return int(rows.delete()[0])

    def apply_content(self, content: ContentSet, by: str, at: int) -> None:
        """Put a content set into force and journal it. `at` is microseconds UTC."""
        files = {file.path: sha256(file.data).hexdigest() for file in content.files}
        text = msgspec.json.encode(files, order="sorted").decode()
        with self._database.transaction():
            rows = self._rows(models.AppliedContent)
            rows.create(content_id=content.content_id, at=at, by=by, files=text)
            body = {"content_id": content.content_id, "files": len(files)}
            self.journal.append(at, by, "content-applied", subject=content.content_id, body=body)

    def applied_content(self) -> Applied | None:
        """The content set in force; None before the first."""
        with self._database.reading():
            row = self._rows(models.AppliedContent).order_by("-id").values().first()
        if row is None:
            return None
        files = msgspec.json.decode(row["files"], type=dict[str, str])
        return Applied(row["content_id"], row["at"], row["by"], files)

    def _rows(self, model: Any) -> Any:
        return model.objects.using(self._database.alias)


def _is_over(finding: Finding, before: int, cited: Collection[str]) -> bool:
    """Whether a finding was received before a time, and none of its events is cited."""
    if finding.received_at >= before:
        return False
    return not any(uid in cited for uid in finding.event_uids)
