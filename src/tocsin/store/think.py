"""The transaction of core's think step (T1): all of what one batch led to, or nothing."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from tocsin.model.evidence import Evidence
from tocsin.model.findings import Finding
from tocsin.model.incidents import incident_from_bytes
from tocsin.model.journal import JournalRecord
from tocsin.store.database import Database
from tocsin.store.journal import Journal
from tocsin.store.outbox import follow, known, revive
from tocsin.store.readiness import forget_readiness, put_evidence
from tocsin.store.seen import Seen
from tocsin.store.state import models
from tocsin.store.upserts import upsert

MAX_RAW = 64 * 1024
"""Bytes of a dead letter's original that are kept; `detail` says when there was more."""

_LOOKUP = 500
_STATES = upsert(models.FoldState, ("fold", "key"), ("state",))
_COUNTERS = upsert(models.Counter, ("name", "labels"), ("value",), add=True)
_CURSORS = upsert(models.Cursor, ("partition", "kind"), ("offset",))
_INCIDENTS = upsert(
    models.Incident,
    ("incident_id",),
    ("site", "level", "title", "first", "last", "finding_count", "status", "body"),
)
_ALIASES = upsert(models.IncidentAlias, ("alias",), ("incident_id",))
_FINDING_COLUMNS = (
    "finding_id",
    "site",
    "rule_id",
    "level",
    "title",
    "time",
    "source_id",
    "content_id",
    "incident_id",
    "standing",
    "body",
)
_FINDINGS = upsert(models.Finding, _FINDING_COLUMNS)
_AMENDED = upsert(
    models.Finding,
    ("finding_id", "site", "rule_id", "source_id"),
    ("level", "title", "time", "content_id", "standing", "body"),
    conflict=("finding_id",),
)
_encode = msgspec.msgpack.Encoder().encode


class SourceCount(msgspec.Struct, frozen=True):
    """What a batch held of one source. Times are microseconds UTC."""

    source_id: str
    events: int
    first_received: int
    last_received: int
    last_event: int


class Think:
    """What may be read and written in the one transaction; made by `State.think` only."""

    def __init__(self, database: Database, seen: Seen, past: Seen, partition: str) -> None:
        """`seen` are live events, `past` those of backfills."""
        self._past = past
        self._database = database
        self._partition = partition
        self._journal = Journal(database)
        self._seen = seen

    def fold_states(self, fold: str, keys: Iterable[str]) -> dict[str, bytes]:
        """The stored states of `keys`; a key without state is left out."""
        wanted = sorted(set(keys))
        rows = self._rows(models.FoldState).filter(fold=fold)
        found: dict[str, bytes] = {}
        for start in range(0, len(wanted), _LOOKUP):
            part = rows.filter(key__in=wanted[start : start + _LOOKUP])
            found.update((key, bytes(state)) for key, state in part.values_list("key", "state"))
        return found

    def put_fold_states(self, fold: str, states: Mapping[str, bytes | None]) -> None:
        """Store changed states; None forgets the key."""
        kept = [(fold, key, state) for key, state in states.items() if state is not None]
        self._database.execute_many(_STATES, kept)
        gone = [key for key, state in states.items() if state is None]
        for start in range(0, len(gone), _LOOKUP):
            part = gone[start : start + _LOOKUP]
            self._rows(models.FoldState).filter(fold=fold, key__in=part).delete()

    def first_seen(
        self,
        uids: Sequence[str],
        offsets: Sequence[int],
        sources: Sequence[str],
        times: Sequence[int],
    ) -> list[int]:
        """Note the events of this batch; returns the offsets of those seen before: see `Seen`."""
        return self._seen.first_seen(self._partition, uids, offsets, sources, times)

    def seen_live(self, uids: Sequence[str]) -> set[str]:
        """Those of `uids` that came in live before."""
        return self._seen.known(uids) if uids else set()

    def seen_in_history(self, uids: Sequence[str]) -> set[str]:
        """Those of `uids` that a backfill brought before."""
        return self._past.known(uids) if uids else set()

    def add_findings(
        self, findings: Sequence[Finding], incident_ids: Sequence[str | None] | None = None
    ) -> int:
        """Store findings (with the incident of each, where known); how many were new.

        A finding that is stored already stays as it is: its id says that it is the same. Of an
        alert of another tool what the tool says of it is taken over: see `outbox.follow`.
        """
        alerts = [one for one in findings if one.vendor is not None]
        stored = known(self._database, alerts) if alerts else {}
        new = self._insert(findings, incident_ids)
        if alerts:
            revive(self._database, alerts, stored)
            at = max(one.received_at for one in alerts)
            changed = [(one.finding_id, one.vendor) for one in alerts if one.vendor is not None]
            follow(self._database, changed, at)
        return new

    def _insert(
        self, findings: Sequence[Finding], incident_ids: Sequence[str | None] | None
    ) -> int:
        incidents = incident_ids or [None] * len(findings)
        rows = [
            (
                f.finding_id, f.site, f.rule_id, f.level.rank, f.title, f.time, f.source_id,
                f.content_id, incident, f.standing.value, _encode(f),
            )
            for f, incident in zip(findings, incidents, strict=True)
        ]  # fmt: skip
        return self._database.execute_many(_FINDINGS, rows)

    def amend_findings(self, findings: Sequence[Finding]) -> None:
        """Store findings of correlation rules; one that is stored already becomes what it now says.

        Its incident stays.
        """
        rows = [
            (
                f.finding_id, f.site, f.rule_id, f.source_id, f.level.rank, f.title, f.time,
                f.content_id, f.standing.value, _encode(f),
            )
            for f in findings
        ]  # fmt: skip
        self._database.execute_many(_AMENDED, rows)

    def all_fold_states(self, fold: str) -> dict[str, bytes]:
        """The stored states of every key of a fold."""
        rows = self._rows(models.FoldState).filter(fold=fold).values_list("key", "state")
        return {key: bytes(state) for key, state in rows}

    def apply_incident_changes(self, changes: pa.RecordBatch) -> None:
        """Store what correlation changed (rows of INCIDENT_CHANGES, in their order).

        An incident is stored as it now stands, open again when findings joined it; an id that
        became an alias hands over its findings, its own aliases, and that it is open. Verdicts keep
        the id they were given for and are found through the alias.
        """
        for change in changes.to_pylist():
            incident_id, older = change["incident_id"], change["alias_of"]
            if older is not None:
                self._merge(incident_id, older)
            elif change["body"] is not None:
                self._put_incident(change["body"], joined=bool(change["new_finding_ids"]))
            if change["new_finding_ids"]:
                self._join(older or incident_id, change["new_finding_ids"])

    def _put_incident(self, body: bytes, *, joined: bool) -> None:
        incident = incident_from_bytes(body)
        status = "open" if joined else self._status(incident.incident_id)
        row = (
            incident.incident_id, incident.site, incident.level.rank, incident.title,
            incident.first, incident.last, incident.finding_count, status, body,
        )  # fmt: skip
        self._database.execute_many(_INCIDENTS, [row])

    def _status(self, incident_id: str) -> str:
        rows = self._rows(models.Incident).filter(incident_id=incident_id)
        return str(rows.values_list("status", flat=True).first() or "open")

    def _merge(self, younger: str, older: str) -> None:
        """Make `younger` an alias of `older`, with everything that pointed at it."""
        target = resolve(self._database, older)
        self._rows(models.IncidentAlias).filter(incident_id=younger).update(incident_id=target)
        self._database.execute_many(_ALIASES, [(younger, target)])
        self._rows(models.Finding).filter(incident_id=younger).update(incident_id=target)
        merged = self._rows(models.Incident).filter(incident_id=younger)
        if merged.filter(status="open").exists():
            self._rows(models.Incident).filter(incident_id=target).update(status="open")
        merged.delete()

    def _join(self, incident_id: str, finding_ids: list[str]) -> None:
        target = resolve(self._database, incident_id)
        for start in range(0, len(finding_ids), _LOOKUP):
            part = finding_ids[start : start + _LOOKUP]
            rows = self._rows(models.Finding).filter(finding_id__in=part)
            rows.update(incident_id=target)

    def count(self, counts: Mapping[str, int]) -> None:
        """Add to counters. A key is `name|label|...`; what follows the first `|` are labels."""
        rows = [(*_named(key), number) for key, number in sorted(counts.items())]
        self._database.execute_many(_COUNTERS, rows)

    def see_sources(self, sources: Iterable[SourceCount]) -> None:
        """Add a batch to what is known of its sources."""
        for new in sources:
            row, created = self._rows(models.SourceSeen).get_or_create(
                source_id=new.source_id, defaults=msgspec.structs.asdict(new)
            )
            if created:
                continue
            row.events += new.events
            row.first_received = min(row.first_received, new.first_received)
            row.last_received = max(row.last_received, new.last_received)
            row.last_event = max(row.last_event, new.last_event)
            row.save()

    def add_rejects(self, rejects: pa.RecordBatch) -> None:
        """Keep records that could not be used (envelope.REJECTS); long originals are cut."""
        rows = [_dead_letter(row) for row in rejects.to_pylist()]
        self._rows(models.DeadLetter).bulk_create(rows, batch_size=100)

    def put_evidence(self, evidence: Evidence) -> None:
        """Store a claim under its digest."""
        put_evidence(self._database, evidence)

    def forget_readiness(self, subjects: Sequence[str], before: int) -> None:
        """Let go of readiness that ended before a time (us UTC)."""
        forget_readiness(self._database, subjects, before)

    def forget_letters(self, numbers: Sequence[int]) -> None:
        """Remove dead letters that go through once more."""
        for start in range(0, len(numbers), _LOOKUP):
            part = numbers[start : start + _LOOKUP]
            self._rows(models.DeadLetter).filter(id__in=part).delete()

    def journal(
        self, at: int, actor: str, kind: str, *, subject: str, body: Mapping[str, Any]
    ) -> JournalRecord:
        """Add a record to the Journal: see `Journal.append`."""
        return self._journal.append(at, actor, kind, subject=subject, body=body)

    def cursor(self, kind: str) -> int:
        """The stored offset of this partition; -1 before the first."""
        return read_cursor(self._database, self._partition, kind)

    def set_cursor(self, kind: str, offset: int) -> None:
        """Say that everything up to `offset` is dealt with."""
        write_cursor(self._database, self._partition, kind, offset)

    def _rows(self, model: Any) -> Any:
        return model.objects.using(self._database.alias)


def resolve(database: Database, incident_id: str) -> str:
    """The incident that an id stands for: itself, or what it is an alias of."""
    rows = models.IncidentAlias.objects.using(database.alias).filter(alias=incident_id)
    return str(rows.values_list("incident_id", flat=True).first() or incident_id)


def read_cursor(database: Database, partition: str, kind: str) -> int:
    """The stored offset; -1 before the first."""
    rows = models.Cursor.objects.using(database.alias).filter(partition=partition, kind=kind)
    offset = rows.values_list("offset", flat=True).first()
    return -1 if offset is None else int(offset)


def write_cursor(database: Database, partition: str, kind: str, offset: int) -> None:
    """Store an offset in the caller's transaction."""
    database.execute_many(_CURSORS, [(partition, kind, offset)])


def _named(key: str) -> tuple[str, str]:
    name, _, labels = key.partition("|")
    return name, labels


def _dead_letter(row: dict[str, Any]) -> models.DeadLetter:
    """A reject as a row, its original cut to MAX_RAW."""
    raw = row["raw"]
    if len(raw) > MAX_RAW:
        row["detail"] = f"{row['detail']} (first {MAX_RAW} of {len(raw)} bytes kept)"
        row["raw"] = raw[:MAX_RAW]
    return models.DeadLetter(**row)
