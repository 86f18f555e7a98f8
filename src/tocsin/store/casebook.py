"""Findings, incidents and verdicts as people see them: the ports FindingsView and Verdicts."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from tocsin.errors import UsageError
from tocsin.model.findings import Finding, Level
from tocsin.model.incidents import Grade, Incident, Verdict, incident_from_bytes
from tocsin.store.database import Database
from tocsin.store.journal import Journal
from tocsin.store.state import models
from tocsin.store.think import resolve

_finding = msgspec.msgpack.Decoder(Finding).decode
_VERDICT = ("incident_id", "grade", "reason", "by", "at")


class Casebook:
    """Reads what was found, and keeps what people said about it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def incidents(
        self, limit: int, *, status: str | None = None, newest: bool = False
    ) -> list[Incident]:
        """Incidents of a status (`open`, `closed`; None for all).

        The worse level first, then the more recent; with `newest` by time alone.
        """
        order = ("-last", "-level") if newest else ("-level", "-last")
        with self._database.reading():
            rows = self._rows(models.Incident).order_by(*order, "incident_id")
            if status is not None:
                rows = rows.filter(status=status)
            bodies = rows.values_list("body", flat=True)[:limit]
            return [self._whole(bytes(body)) for body in bodies]

    def incident(self, incident_id: str) -> Incident | None:
        """One incident by its id or by an alias."""
        with self._database.reading():
            target = resolve(self._database, incident_id)
            rows = self._rows(models.Incident).filter(incident_id=target)
            body = rows.values_list("body", flat=True).first()
            return None if body is None else self._whole(bytes(body))

    def status(self, incident_id: str) -> str | None:
        """`open` or `closed`; None when the incident is not known."""
        with self._database.reading():
            target = resolve(self._database, incident_id)
            rows = self._rows(models.Incident).filter(incident_id=target)
            status = rows.values_list("status", flat=True).first()
            return None if status is None else str(status)

    def findings(self, incident_id: str) -> Iterator[Finding]:
        """The findings of an incident (by id or alias) in order of time."""
        with self._database.reading():
            target = resolve(self._database, incident_id)
            rows = self._rows(models.Finding).filter(incident_id=target)
            ordered = rows.order_by("time", "finding_id").values_list("body", flat=True)
            for body in ordered.iterator(chunk_size=200):
                yield _finding(bytes(body))

    def all_findings(self) -> Iterator[Finding]:
        """Every finding in order of time."""
        with self._database.reading():
            rows = self._rows(models.Finding).order_by("time", "finding_id")
            for body in rows.values_list("body", flat=True).iterator(chunk_size=200):
                yield _finding(bytes(body))

    def give(self, verdict: Verdict) -> None:
        """Store and journal a verdict in one transaction; UsageError if the incident is unknown.

        A grade closes the incident, except `undetermined`, which opens it again.
        """
        status = "open" if verdict.grade is Grade.UNDETERMINED else "closed"
        with self._database.transaction():
            target = resolve(self._database, verdict.incident_id)
            if not self._rows(models.Incident).filter(incident_id=target).update(status=status):
                raise UsageError(f"no incident {verdict.incident_id}; see `tocsin incidents`")
            fields = {name: getattr(verdict, name) for name in _VERDICT}
            self._rows(models.Verdict).create(**fields | {"grade": verdict.grade.value})
            Journal(self._database).append(
                verdict.at,
                verdict.by,
                "verdict",
                subject=verdict.incident_id,
                body={"grade": verdict.grade.value, "reason": verdict.reason},
            )

    def verdicts(self, incident_id: str | None = None) -> list[Verdict]:
        """Verdicts in the order given; of one incident under all its names, or of all."""
        with self._database.reading():
            rows = self._rows(models.Verdict)
            if incident_id is not None:
                target = resolve(self._database, incident_id)
                rows = rows.filter(incident_id__in=[target, *self._aliases(target)])
            found = rows.order_by("id").values(*_VERDICT)
            return [Verdict(**row | {"grade": Grade(row["grade"])}) for row in found]

    def tables(self) -> dict[str, pa.Table]:
        """Findings and incidents as Arrow tables, for users' SQL beside the lake."""
        with self._database.reading():
            incidents = (
                self._rows(models.Incident)
                .order_by("last")
                .values_list(
                    "incident_id", "level", "title", "first", "last", "finding_count", "status"
                )
            )
            findings = (
                self._rows(models.Finding)
                .order_by("time")
                .values_list(
                    "finding_id", "incident_id", "rule_id", "level", "title", "time", "source_id"
                )
            )
            return {
                "incidents": _table(_INCIDENTS, list(incidents)),
                "findings": _table(_FINDINGS, list(findings)),
            }

    def _whole(self, body: bytes) -> Incident:
        """An incident with the aliases that it has by now."""
        incident = incident_from_bytes(body)
        aliases = {*incident.aliases, *self._aliases(incident.incident_id)}
        return msgspec.structs.replace(incident, aliases=tuple(sorted(aliases)))

    def _aliases(self, incident_id: str) -> Sequence[str]:
        rows = self._rows(models.IncidentAlias).filter(incident_id=incident_id)
        return [str(alias) for alias in rows.values_list("alias", flat=True)]

    def _rows(self, model: Any) -> Any:
        return model.objects.using(self._database.alias)


_TEXT, _NUMBER = pa.string(), pa.int64()
_INCIDENTS = pa.schema(
    [
        ("incident_id", _TEXT), ("level", _TEXT), ("title", _TEXT), ("first", _NUMBER),
        ("last", _NUMBER), ("finding_count", _NUMBER), ("status", _TEXT),
    ]
)  # fmt: skip
_FINDINGS = pa.schema(
    [
        ("finding_id", _TEXT), ("incident_id", _TEXT), ("rule_id", _TEXT), ("level", _TEXT),
        ("title", _TEXT), ("time", _NUMBER), ("source_id", _TEXT),
    ]
)  # fmt: skip
_LEVELS = tuple(level.value for level in Level)


def _table(schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    """Rows in the order of `schema`, levels as words."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    level = schema.get_field_index("level")
    columns[level] = tuple(_LEVELS[rank] for rank in columns[level])
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)
