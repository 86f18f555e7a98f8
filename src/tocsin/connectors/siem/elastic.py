"""Elastic Security: alerts, through Kibana's detection engine API (8.x and 9.x).

The base URL is Kibana's (with `/s/SPACE` for a space). Status and reason are one POST to
`/api/detection_engine/signals/status`; Elastic has no place for the cause of a closure, so a tag
`tocsin:CAUSE` keeps it. The comment is a note on the alert.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from tocsin.connectors.errors import Refused, Stale
from tocsin.connectors.gateway import Gateway
from tocsin.connectors.siem.port import MARK, mark, microseconds, remark, text
from tocsin.model.findings import VendorAlert
from tocsin.model.incidents import Grade
from tocsin.model.writeback import CAUSES, Cause, Closing, Order, Upstream

_SIGNALS = "/api/detection_engine/signals"
_WORKFLOW = "kibana.alert.workflow_"

REASONS: Mapping[Grade, str] = {
    Grade.TRUE_POSITIVE: "true_positive",
    Grade.BENIGN_POSITIVE: "benign_positive",
    Grade.FALSE_POSITIVE: "false_positive",
    Grade.UNDETERMINED: "other",
}
"""Reasons of a closure; Elastic also has `duplicate` and `automated_closure`."""

GRADES = {reason: grade for grade, reason in REASONS.items()}
_TAGS = [f"{MARK}:{cause}" for cause in Cause]


def headers() -> Mapping[str, str]:
    """What Kibana wants of every call beside the credentials."""
    return {"kbn-xsrf": MARK, "elastic-api-version": "2023-10-31"}


class Elastic:
    """Reads and writes alerts."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def read(self, alerts: Sequence[VendorAlert]) -> list[Upstream]:
        """All of them with one search; the id of a document is that of its alert."""
        named = [alert.uid for alert in alerts if alert.uid]
        if not named:
            return []
        body = {"query": {"ids": {"values": named}}, "size": len(named), "_source": ["kibana.*"]}
        answer = self._gateway.read("POST", f"{_SIGNALS}/search", json=body).json()
        hits = answer.get("hits") if isinstance(answer, dict) else None
        found = hits.get("hits") if isinstance(hits, dict) else None
        documents = found if isinstance(found, list) else []
        said = [upstream_of(one) for one in documents if isinstance(one, dict)]
        by_id = {one.uid: one for one in said}
        return [by_id[name] for name in named if name in by_id]

    def write(self, order: Order, theirs: Upstream) -> None:  # noqa: ARG002 - the API takes no version
        """Tag, status and note; each may be sent again without harm."""
        uid = order.seen.uid
        self._tag(uid, order)
        body: dict[str, Any] = {"signal_ids": [uid], "status": "open"}
        if not order.open and order.closing is not None:
            body |= {"status": "closed", "reason": REASONS[order.closing.grade]}
        answer = self._gateway.change("POST", f"{_SIGNALS}/status", json=body).json()
        if isinstance(answer, dict) and answer.get("version_conflicts"):
            raise Stale(f"alert {uid} was being changed")
        if not isinstance(answer, dict) or not answer.get("updated"):
            raise Refused(f"alert {uid} was not updated")
        self._note(uid, order)

    def close(self) -> None:
        """Close open connections."""
        self._gateway.close()

    def _tag(self, uid: str, order: Order) -> None:
        cause = order.closing.cause if order.closing and not order.open else None
        wanted = [f"{MARK}:{cause}"] if cause else []
        gone = [tag for tag in _TAGS if tag not in wanted]
        tags = {"tags_to_add": wanted, "tags_to_remove": gone}
        self._gateway.change("POST", f"{_SIGNALS}/tags", json={"ids": [uid], "tags": tags})

    def _note(self, uid: str, order: Order) -> None:
        query = f"/api/note?documentIds={quote(uid, safe='')}"
        answer = self._gateway.read("GET", query).json()
        notes = answer.get("notes") if isinstance(answer, dict) else None
        there = [text(one, "note") for one in notes] if isinstance(notes, list) else []
        if not any(mark(order) in one for one in there):
            note = {"eventId": uid, "note": remark(order), "timelineId": ""}
            self._gateway.change("PATCH", "/api/note", json={"note": note})


def upstream_of(document: Mapping[str, Any]) -> Upstream:
    """A document of the index of alerts, its fields nested or with dots in their names."""
    source = document.get("_source")
    fields = source if isinstance(source, dict) else {}
    status = _text(fields, "status") or "open"
    user = _text(fields, "user")
    tags = _field(fields, "tags")
    return Upstream(
        uid=text(document, "_id"),
        open=status != "closed",
        status=status,
        closing=_closing(_text(fields, "reason"), tags if isinstance(tags, list) else []),
        updated=microseconds(_field(fields, "status_updated_at")),
        by=user,
        automatic=not user,
    )


def _closing(reason: str, tags: Sequence[Any]) -> Closing | None:
    grade = GRADES.get(reason)
    if grade is None:
        return None
    named = [cause for cause in CAUSES[grade] if f"{MARK}:{cause}" in tags]
    return Closing(grade, named[0] if named else next(iter(CAUSES[grade]), None))


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = _field(fields, name)
    return value if isinstance(value, str) else ""


def _field(fields: Mapping[str, Any], name: str) -> Any:
    """`kibana.alert.workflow_NAME`, however it is written."""
    whole = _WORKFLOW + name
    if whole in fields:
        return fields[whole]
    tree: Any = fields
    for step in whole.split("."):
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree
