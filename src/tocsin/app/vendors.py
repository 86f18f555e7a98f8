"""What another tool says of its alert, in words for people."""

from datetime import UTC, datetime

from tocsin.model.findings import VendorAlert
from tocsin.model.text import visible

_WORD, _NAME = 64, 200
"""Characters of a word and of a name that are shown."""


def vendor_says(alert: VendorAlert) -> str:
    """An alert of another tool: its id, severity and status there, and whether it is over there.

    All of it is the tool's own words, made safe to show. What counts here stands elsewhere: the
    finding's level and the incident's status.
    """
    there = "closed there" if alert.over else "open there"
    severity, status = visible(alert.severity, _WORD), visible(alert.status, _WORD)
    parts = [
        f"{visible(alert.product, _WORD)} alert {visible(alert.uid, _NAME)}",
        f"severity {severity}" if severity else "no severity",
        f"{there} as {status}" if status else there,
    ]
    if alert.updated:
        parts.append(f"last changed there {changed_at(alert) or 'at a time no calendar has'}")
    if alert.incident_uid:
        parts.append(f"of its incident {visible(alert.incident_uid, _NAME)}")
    return ", ".join(parts)


def changed_at(alert: VendorAlert) -> str:
    """When it was last changed there (RFC 3339); empty where that is not known."""
    try:
        at = datetime.fromtimestamp(alert.updated / 1_000_000, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if alert.updated else ""
