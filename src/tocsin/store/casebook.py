"""Findings, incidents, verdicts and decisions as people see and make them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa

from tocsin.errors import UsageError
from tocsin.model.decisions import Decision, DecisionKind, merged, parted
from tocsin.model.findings import Finding, Level
from tocsin.model.incidents import Grade, Incident, Verdict, incident_from_bytes
from tocsin.model.writeback import orders_of
from tocsin.store.database import Database
from tocsin.store.journal import Journal
from tocsin.store.outbox import queue
from tocsin.store.state import models
from tocsin.store.think import resolve

_finding = msgspec.msgpack.Decoder(Finding).decode
_decision = msgspec.msgpack.Decoder(Decision).decode
_encode = msgspec.msgpack.Encoder().encode
_LOOKUP = 500
DECISIONS = "decisions"
"""The fold state that says how many decisions are done."""

_VERDICT = ("incident_id", "grade", "reason", "by", "at", "cause")


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
            yield from self._bodies(resolve(self._database, incident_id))

    def _bodies(self, incident_id: str) -> Iterator[Finding]:
        rows = self._rows(models.Finding).filter(incident_id=incident_id)
        ordered = rows.order_by("time", "finding_id").values_list("body", flat=True)
        for body in ordered.iterator(chunk_size=200):
            yield _finding(bytes(body))

    def all_findings(self) -> Iterator[Finding]:
        """Every finding in order of time."""
        with self._database.reading():
            rows = self._rows(models.Finding).order_by("time", "finding_id")
            for body in rows.values_list("body", flat=True).iterator(chunk_size=200):
                yield _finding(bytes(body))

    def give(self, verdict: Verdict, writable: Collection[str] = ()) -> None:
        """Store and journal a verdict in one transaction; UsageError if the incident is unknown.

        A grade closes the incident, except `undetermined`, which opens it again. Of its alerts that
        came from one of the `writable` sources, their tools shall be told the same: that is queued
        in the same transaction.
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
            if writable:
                held = list(self._bodies(target))
                queue(self._database, orders_of(verdict, held, frozenset(writable)))

    def merge(self, names: Sequence[str], *, reason: str, by: str, at: int) -> Decision:
        """Make these incidents one, from now on; UsageError when one is unknown or all are one.

        The one that began first gives its id. `at` is microseconds UTC. Like every decision it is
        stored and journaled in one transaction, and done by core at its next step.
        """
        with self._database.transaction():
            ids = self._living(names)
            if len(ids) < 2:  # noqa: PLR2004 - one incident is nothing to merge
                raise UsageError("these are one incident already")
            number = self._next_decision()
            whole = [finding for one in ids for finding in self._bodies(one)]
            blocks = merged(number, ids, whole)
            made = Decision(number, DecisionKind.MERGE, tuple(ids), reason, by, at, blocks)
            return self._keep(made)

    def split(
        self, name: str, finding_ids: Collection[str], *, reason: str, by: str, at: int
    ) -> Decision:
        """Take findings out of an incident into one of their own, from now on.

        What shares an event with a finding that is taken out goes with it. UsageError when the
        incident is unknown, a finding is not in it, or nothing would be left.
        """
        with self._database.transaction():
            [incident_id] = self._living([name])
            number = self._next_decision()
            whole = list(self._bodies(incident_id))
            strange = set(finding_ids) - {one.finding_id for one in whole}
            if strange or not finding_ids:
                raise UsageError(f"not in {incident_id}: {', '.join(sorted(strange)) or 'nothing'}")
            out = [one for one in whole if one.finding_id in finding_ids]
            kept = [one for one in whole if one.finding_id not in finding_ids]
            blocks = parted(number, incident_id, kept, out, _split_id(incident_id, number))
            if not blocks[0].events:
                raise UsageError("nothing would be left: all findings share the events taken out")
            made = Decision(
                number, DecisionKind.SPLIT, (incident_id,), reason, by, at, blocks,
                ((blocks[0].name, blocks[1].name),),
            )  # fmt: skip
            return self._keep(made)

    def link(self, names: Sequence[str], *, reason: str, by: str, at: int) -> Decision:
        """Note that incidents are related and stay apart; UsageError as `merge`."""
        with self._database.transaction():
            ids = self._living(names)
            if len(ids) < 2:  # noqa: PLR2004 - one incident is related to nothing
                raise UsageError("these are one incident: there is nothing to link")
            anchors = tuple(
                next((one.finding_id for one in self._bodies(name)), "") for name in ids
            )
            number = self._next_decision()
            kind = DecisionKind.LINK
            made = Decision(number, kind, tuple(ids), reason, by, at, anchors=anchors)
            return self._keep(made)

    def reopen(
        self, name: str, *, reason: str, by: str, at: int, writable: Collection[str] = ()
    ) -> Decision:
        """Open a closed incident again; UsageError when it is unknown or open.

        Its alerts of `writable` sources shall be open at their tools again, as with `give`.
        """
        with self._database.transaction():
            [incident_id] = self._living([name])
            closed = self._rows(models.Incident).filter(incident_id=incident_id, status="closed")
            if not closed.update(status="open"):
                raise UsageError(f"{incident_id} is open")
            if writable:
                again = Verdict(incident_id, Grade.UNDETERMINED, reason, by, at)
                held = list(self._bodies(incident_id))
                queue(self._database, orders_of(again, held, frozenset(writable)))
            number = self._next_decision()
            return self._keep(Decision(number, DecisionKind.REOPEN, (incident_id,), reason, by, at))

    def decisions(self, incident_id: str | None = None) -> list[Decision]:
        """Decisions in the order made; of one incident under all its names, or all."""
        with self._database.reading():
            rows = self._rows(models.Decision).order_by("number").values_list("body", flat=True)
            made = [_decision(bytes(body)) for body in rows]
            if incident_id is None:
                return made
            return [one for one in made if incident_id in self._concerned(one)]

    def last_decision(self) -> int:
        """Number of the newest decision; 0 before the first."""
        with self._database.reading():
            return self._next_decision() - 1

    def decisions_done(self) -> int:
        """Number of the last decision that core has done."""
        with self._database.reading():
            rows = self._rows(models.FoldState).filter(fold=DECISIONS)
            return max(
                (int(bytes(state)) for state in rows.values_list("state", flat=True)), default=0
            )

    def linked(self, incident_id: str) -> list[tuple[Incident, Decision]]:
        """Incidents that people linked to this one, with their decisions."""
        made = [one for one in self.decisions(incident_id) if one.kind is DecisionKind.LINK]
        found = [
            (self.incident(name), one)
            for one in made
            for name in sorted(self._concerned(one) - {incident_id})
        ]
        return [(other, one) for other, one in found if other is not None]

    def move(self, target: str, source: str, chosen: Callable[[Finding], bool]) -> int:
        """Hand findings over to another incident, inside the caller's transaction; how many."""
        names = [one.finding_id for one in self._bodies(source) if chosen(one)]
        for start in range(0, len(names), _LOOKUP):
            rows = self._rows(models.Finding).filter(finding_id__in=names[start : start + _LOOKUP])
            rows.update(incident_id=target)
        return len(names)

    def _living(self, names: Iterable[str]) -> list[str]:
        """The incidents of these names, without repeats, the one that began first first."""
        found: dict[str, int] = {}
        for name in names:
            target = resolve(self._database, name)
            rows = self._rows(models.Incident).filter(incident_id=target)
            first = rows.values_list("first", flat=True).first()
            if first is None:
                raise UsageError(f"no incident {name}; see `tocsin incidents`")
            found[target] = first
        return sorted(found, key=lambda one: (found[one], one))

    def _concerned(self, decision: Decision) -> set[str]:
        """The incidents that a decision is about, as they stand now."""
        named = {resolve(self._database, name) for name in decision.incident_ids}
        named |= {resolve(self._database, block.incident_id) for block in decision.blocks}
        if not decision.anchors:
            return named
        rows = self._rows(models.Finding).filter(finding_id__in=decision.anchors)
        held = {str(one) for one in rows.values_list("incident_id", flat=True) if one}
        return held if len(held) > 1 else named

    def _next_decision(self) -> int:
        rows = self._rows(models.Decision).order_by("-number").values_list("number", flat=True)
        return int(rows.first() or 0) + 1

    def _keep(self, made: Decision) -> Decision:
        """Store and journal a decision."""
        self._rows(models.Decision).create(
            number=made.number,
            kind=made.kind.value,
            incident_ids="\n".join(made.incident_ids),
            body=_encode(made),
        )
        body = {
            "decision": made.number,
            "incidents": list(made.incident_ids),
            "reason": made.reason,
            "blocks": {block.incident_id: len(block.events) for block in made.blocks},
        }
        Journal(self._database).append(
            made.at, made.by, f"incident-{made.kind.value}", subject=made.incident_ids[0], body=body
        )
        return made

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


def _split_id(incident_id: str, number: int) -> str:
    """Id of the incident that decision `number` takes out of another."""
    return "inc-" + blake2b(f"{incident_id}\0{number}".encode(), digest_size=8).hexdigest()


def _table(schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    """Rows in the order of `schema`, levels as words."""
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    level = schema.get_field_index("level")
    columns[level] = tuple(_LEVELS[rank] for rank in columns[level])
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)
