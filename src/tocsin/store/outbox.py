"""What other tools shall be told of their alerts, and what they told of them.

INVARIANT  an order is queued in the transaction of the verdict that asks for it.
INVARIANT  that something is about to be sent is durable before it is sent: `sending` after a crash
           means that nobody knows, and is read back before anything is sent again.

Finding and incident follow what a tool says of an alert, whichever way it comes: as a record of
the alert in the stream (`store.think`) or by the courier's own look.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from tocsin.model.findings import Finding, Standing, VendorAlert
from tocsin.model.writeback import Order, wanted
from tocsin.store.database import Database
from tocsin.store.journal import Journal
from tocsin.store.state import models

QUEUED, SENDING, SENT, CONCEDED, REFUSED, SUPERSEDED = (
    "queued",
    "sending",
    "sent",
    "conceded",
    "refused",
    "superseded",
)
"""States of an order. `sending` is also that of one whose outcome is not known; `conceded` means
that the tool's own state won, `refused` that the tool or its settings do not allow it."""

PENDING = (QUEUED, SENDING)
ACTOR = "courier"
_LOOKUP = 500
_MAX_OUTCOME = 500

_finding = msgspec.msgpack.Decoder(Finding).decode
_order = msgspec.msgpack.Decoder(Order).decode
_encode = msgspec.msgpack.Encoder().encode


class Queued(NamedTuple):
    """An order and how it stands; `due` and `at` are microseconds UTC."""

    number: int
    order: Order
    state: str
    attempts: int
    due: int
    outcome: str


class Outbox:
    """Reads and changes orders; every change is a transaction with its journal record."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def due(self, now: int, sources: Collection[str], limit: int = 100) -> list[Queued]:
        """Orders for these sources whose time has come, the oldest first."""
        with self._database.reading():
            rows = _rows(self._database, models.Outbox).filter(
                state__in=PENDING, due__lte=now, source_id__in=sorted(sources)
            )
            return [_queued(row) for row in rows.order_by("id").values()[:limit]]

    def last(self, limit: int) -> list[Queued]:
        """The newest orders, newest first."""
        with self._database.reading():
            rows = _rows(self._database, models.Outbox).order_by("-id").values()[:limit]
            return [_queued(row) for row in rows]

    def counts(self) -> dict[tuple[str, str], int]:
        """How many orders there are by source and state."""
        found: dict[tuple[str, str], int] = {}
        with self._database.reading():
            rows = _rows(self._database, models.Outbox).values_list("source_id", "state")
            for key in rows.iterator(chunk_size=_LOOKUP):
                found[key] = found.get(key, 0) + 1
        return found

    def intend(self, one: Queued, at: int) -> None:
        """Say that this order is about to be sent, durably, before it is."""
        with self._database.transaction():
            self._update(one, state=SENDING, attempts=one.attempts + 1)
            self._tell(at, "siem-intent", one, {"attempt": one.attempts + 1})

    def finish(self, one: Queued, state: str, at: int, outcome: Mapping[str, Any]) -> None:
        """An order has come to its end: `sent`, `conceded` or `refused`."""
        with self._database.transaction():
            self._update(one, state=state, outcome=_text(outcome))
            self._tell(at, f"siem-{state}", one, outcome)

    def concede(self, one: Queued, at: int, alert: VendorAlert, outcome: Mapping[str, Any]) -> None:
        """The tool's own state wins: finding and incident become what it says."""
        with self._database.transaction():
            self._update(one, state=CONCEDED, outcome=_text(outcome))
            self._tell(at, f"siem-{CONCEDED}", one, outcome)
            follow(self._database, [(one.order.finding_id, alert)], at)
            rows = _rows(self._database, models.Finding)
            named = rows.filter(finding_id=one.order.finding_id)
            incident_id = named.values_list("incident_id", flat=True).first()
            if incident_id is not None:
                _incident_follows(self._database, str(incident_id), alert, at, {"alert": alert.uid})

    def postpone(self, one: Queued, due: int, at: int, outcome: Mapping[str, Any]) -> None:
        """Try again at `due`; its state says whether anything may have been done."""
        with self._database.transaction():
            self._update(one, state=one.state, due=due, outcome=_text(outcome))
            self._tell(at, "siem-postponed", one, outcome)

    def note(self, one: Queued, at: int, kind: str, body: Mapping[str, Any]) -> None:
        """A journal record about an order that changes nothing in it."""
        with self._database.transaction():
            self._tell(at, kind, one, body)

    def tracked(self, source_id: str, limit: int) -> list[tuple[str, VendorAlert]]:
        """The newest alerts of a source in open incidents, with their findings' ids.

        Those are worth a look.
        """
        with self._database.reading():
            open_ones = _rows(self._database, models.Incident).filter(status="open")
            rows = _rows(self._database, models.Finding).filter(
                source_id=source_id, incident_id__in=open_ones.values("incident_id")
            )
            bodies = rows.order_by("-time").values_list("body", flat=True)[:limit]
            found = [_finding(bytes(body)) for body in bodies]
            return [(one.finding_id, one.vendor) for one in found if one.vendor is not None]

    def follow(self, alerts: Sequence[tuple[str, VendorAlert]], at: int) -> int:
        """Take over what a tool says of alerts (finding id, alert); how many had changed."""
        with self._database.transaction():
            return follow(self._database, alerts, at)

    def _update(self, one: Queued, **changes: Any) -> None:
        _rows(self._database, models.Outbox).filter(id=one.number).update(**changes)

    def _tell(self, at: int, kind: str, one: Queued, body: Mapping[str, Any]) -> None:
        about = {
            "order": one.number,
            "source": one.order.source_id,
            "alert": one.order.seen.uid,
            "wanted": wanted(one.order),
        }
        Journal(self._database).append(
            at, ACTOR, kind, subject=one.order.incident_id, body={**about, **body}
        )


def queue(database: Database, orders: Sequence[Order]) -> int:
    """Queue orders inside the caller's transaction; how many.

    What was wanted of the same alert before and is not on its way yet is wanted no more.
    """
    rows = _rows(database, models.Outbox)
    for names in _chunks([order.finding_id for order in orders]):
        rows.filter(finding_id__in=names, state=QUEUED).update(state=SUPERSEDED)
    made = [
        models.Outbox(
            source_id=order.source_id,
            uid=order.seen.uid,
            finding_id=order.finding_id,
            state=QUEUED,
            due=order.at,
            at=order.at,
            body=_encode(order),
        )
        for order in orders
    ]
    rows.bulk_create(made, batch_size=100)
    return len(made)


def known(database: Database, findings: Iterable[Finding]) -> dict[str, Finding]:
    """Which of these findings are stored already, as they are stored."""
    found: dict[str, Finding] = {}
    for names in _chunks([one.finding_id for one in findings]):
        rows = _rows(database, models.Finding).filter(finding_id__in=names)
        for body in rows.values_list("body", flat=True):
            stored = _finding(bytes(body))
            found[stored.finding_id] = stored
    return found


def revive(database: Database, fresh: Sequence[Finding], stored: Mapping[str, Finding]) -> None:
    """An alert that was over when it first came and is open now is a finding like any other."""
    for one in fresh:
        before = stored.get(one.finding_id)
        if before is None or one.vendor is None or one.standing is not Standing.OPEN:
            continue
        if before.standing is Standing.HISTORY:
            rows = _rows(database, models.Finding).filter(finding_id=one.finding_id)
            rows.update(standing=one.standing.value, level=one.level.rank, body=_encode(one))


def follow(database: Database, alerts: Sequence[tuple[str, VendorAlert]], at: int) -> int:
    """Take over what a tool says of alerts, inside the caller's transaction; how many had changed.

    What is older than what is known changes nothing. An incident all of whose findings are alerts
    that are over there is closed; one with an alert that was opened again there is opened, unless
    an order for it is still on its way: then the courier decides whose state holds.
    """
    newest: dict[str, VendorAlert] = {}
    for name, alert in alerts:
        if name not in newest or alert.updated > newest[name].updated:
            newest[name] = alert
    changed = 0
    for names in _chunks(sorted(newest)):
        rows = _rows(database, models.Finding).filter(finding_id__in=names)
        for name, incident_id, body in rows.values_list("finding_id", "incident_id", "body"):
            stored = _finding(bytes(body))
            before = stored.vendor
            if before is None or newest[name].updated <= before.updated:
                continue
            after = _merged(before, newest[name])
            kept = msgspec.structs.replace(stored, vendor=after)
            _rows(database, models.Finding).filter(finding_id=name).update(body=_encode(kept))
            changed += 1
            if (before.status, before.over) != (after.status, after.over):
                _status_changed(database, name, incident_id, before, after, at)
    return changed


def _merged(before: VendorAlert, after: VendorAlert) -> VendorAlert:
    """The newer words, where it has some."""
    names = ("link", "status", "severity", "incident_uid")
    words = {name: getattr(after, name) or getattr(before, name) for name in names}
    return msgspec.structs.replace(after, **words)


def _status_changed(
    database: Database,
    finding_id: str,
    incident_id: str | None,
    before: VendorAlert,
    after: VendorAlert,
    at: int,
) -> None:
    journal = Journal(database)
    words = {"alert": after.uid, "from": before.status, "to": after.status}
    subject = incident_id or finding_id
    journal.append(at, after.product, "siem-status", subject=subject, body=words)
    if incident_id is None or before.over == after.over:
        return
    waiting = _rows(database, models.Outbox).filter(finding_id=finding_id, state__in=PENDING)
    if waiting.exists():
        return
    _incident_follows(database, incident_id, after, at, words)


def _incident_follows(
    database: Database, incident_id: str, alert: VendorAlert, at: int, words: Mapping[str, Any]
) -> None:
    """Close an incident when all of its alerts are over, open it when one of them is not."""
    journal = Journal(database)
    target = "" if alert.over else "open"
    if alert.over and _all_over(database, incident_id):
        target = "closed"
    rows = _rows(database, models.Incident).filter(incident_id=incident_id)
    if target and rows.exclude(status=target).update(status=target):
        kind = f"incident-{target}-upstream"
        journal.append(at, alert.product, kind, subject=incident_id, body=words)


def _all_over(database: Database, incident_id: str) -> bool:
    rows = _rows(database, models.Finding).filter(incident_id=incident_id)
    found: Iterator[Finding] = (
        _finding(bytes(body))
        for body in rows.values_list("body", flat=True).iterator(chunk_size=200)
    )
    return all(one.vendor is not None and one.vendor.over for one in found)


def _queued(row: Mapping[str, Any]) -> Queued:
    order = _order(bytes(row["body"]))
    return Queued(row["id"], order, row["state"], row["attempts"], row["due"], row["outcome"])


def _text(outcome: Mapping[str, Any]) -> str:
    return msgspec.json.encode(outcome, order="sorted").decode()[:_MAX_OUTCOME]


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _LOOKUP] for start in range(0, len(names), _LOOKUP))


def _rows(database: Database, model: Any) -> Any:
    return model.objects.using(database.alias)
