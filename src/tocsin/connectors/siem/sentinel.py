"""Microsoft Sentinel: incidents of the REST API `Microsoft.SecurityInsights`, 2024-09-01.

The base URL ends with the workspace:
`https://management.azure.com/subscriptions/../resourceGroups/../providers/
Microsoft.OperationalInsights/workspaces/NAME`. An incident is read with GET and written whole with
PUT; its `etag` must be the one that was read (412 otherwise). A comment is a PUT of its own id, so
that the same comment twice is one.
"""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any
from urllib.parse import quote

from tocsin.connectors.errors import Refused, Stale
from tocsin.connectors.gateway import Gateway
from tocsin.connectors.siem.port import mark, microseconds, remark, text
from tocsin.model.findings import VendorAlert
from tocsin.model.incidents import Grade
from tocsin.model.writeback import Cause, Closing, Order, Upstream

VERSION = "2024-09-01"
_PATH = "/providers/Microsoft.SecurityInsights/incidents"

CLASSIFICATIONS: Mapping[Closing, tuple[str, str | None]] = {
    Closing(Grade.TRUE_POSITIVE, Cause.SUSPICIOUS_ACTIVITY): (
        "TruePositive",
        "SuspiciousActivity",
    ),
    Closing(Grade.BENIGN_POSITIVE, Cause.SUSPICIOUS_BUT_EXPECTED): (
        "BenignPositive",
        "SuspiciousButExpected",
    ),
    Closing(Grade.FALSE_POSITIVE, Cause.INCORRECT_LOGIC): ("FalsePositive", "IncorrectAlertLogic"),
    Closing(Grade.FALSE_POSITIVE, Cause.INACCURATE_DATA): ("FalsePositive", "InaccurateData"),
    Closing(Grade.UNDETERMINED): ("Undetermined", None),
}
"""Classification and reason of each way to close."""

CLOSINGS = {written: closing for closing, written in CLASSIFICATIONS.items()}


class Sentinel:
    """Reads and writes incidents. An alert is written to through the incident that it is in."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def read(self, alerts: Sequence[VendorAlert]) -> list[Upstream]:
        """Each incident once, for each alert that is in it."""
        found: dict[str, Upstream] = {}
        for alert in alerts:
            if alert.incident_uid and alert.incident_uid not in found:
                document = self._get(alert.incident_uid)
                if document is not None:
                    found[alert.incident_uid] = upstream_of(document)
        return [
            _of(alert, found[alert.incident_uid]) for alert in alerts if alert.incident_uid in found
        ]

    def write(self, order: Order, theirs: Upstream) -> None:
        """PUT the incident as it was read, changed, then the comment."""
        name = order.seen.incident_uid
        document = self._get(name)
        if document is None:
            raise Refused(f"incident {name} is not there")
        if text(document, "etag") != theirs.version:
            raise Stale(f"incident {name} has changed since it was read")
        body = {"etag": theirs.version, "properties": _properties(document, order)}
        self._gateway.change("PUT", _path(name), json=body)
        remarked = {"properties": {"message": remark(order)}}
        self._gateway.change("PUT", _path(name, _comment_id(order)), json=remarked)

    def close(self) -> None:
        """Close open connections."""
        self._gateway.close()

    def _get(self, name: str) -> dict[str, Any] | None:
        try:
            document = self._gateway.read("GET", _path(name)).json()
        except Refused as error:
            if "HTTP 404" in str(error):
                return None
            raise
        return document if isinstance(document, dict) else None


def _path(name: str, comment: str = "") -> str:
    below = f"/comments/{comment}" if comment else ""
    return f"{_PATH}/{quote(name, safe='')}{below}?api-version={VERSION}"


def _comment_id(order: Order) -> str:
    """An id of its own for each comment, the same whenever it is sent."""
    plain = blake2b(f"{mark(order)}\0{order.seen.uid}".encode(), digest_size=16).hexdigest()
    return "-".join((plain[:8], plain[8:12], plain[12:16], plain[16:20], plain[20:]))


def upstream_of(document: Mapping[str, Any]) -> Upstream:
    """An incident of the API. What nobody owns, nobody changed by hand, as far as is known."""
    said = document.get("properties")
    properties = said if isinstance(said, dict) else {}
    status = text(properties, "status")
    classification = text(properties, "classification")
    reason = text(properties, "classificationReason") or None
    owner = text(properties, "owner", "userPrincipalName") or text(properties, "owner", "email")
    return Upstream(
        uid=text(document, "name"),
        open=status.lower() != "closed",
        status=status,
        closing=CLOSINGS.get((classification, reason)),
        updated=microseconds(properties.get("lastModifiedTimeUtc")),
        by=owner,
        automatic=not owner,
        version=text(document, "etag"),
    )


def _of(alert: VendorAlert, incident: Upstream) -> Upstream:
    return Upstream(**{name: getattr(incident, name) for name in _KEPT}, uid=alert.uid)


_KEPT = ("open", "status", "closing", "updated", "by", "automatic", "version")


def _properties(document: Mapping[str, Any], order: Order) -> dict[str, Any]:
    """All that the incident holds, with what the order changes."""
    said = document.get("properties")
    properties = dict(said) if isinstance(said, dict) else {}
    for name in ("classification", "classificationReason", "classificationComment"):
        properties.pop(name, None)
    if order.open or order.closing is None:
        return properties | {"status": "Active"}
    classification, reason = CLASSIFICATIONS[order.closing]
    properties |= {"status": "Closed", "classification": classification}
    properties["classificationComment"] = order.comment
    return properties if reason is None else properties | {"classificationReason": reason}
