"""What every SIEM can be asked, and what they share."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from tocsin.model.findings import VendorAlert
from tocsin.model.writeback import Order, Upstream

MARK = "tocsin"


class Siem(Protocol):
    """One SIEM. Calls raise `connectors.errors.ConnectorError` and its kinds."""

    def read(self, alerts: Sequence[VendorAlert]) -> list[Upstream]:
        """These alerts as they are there now; what is not there is left out."""

    def write(self, order: Order, theirs: Upstream) -> None:
        """Make the alert what the order wants, from the version that was read."""

    def close(self) -> None:
        """Close open connections."""


def remark(order: Order) -> str:
    """The comment of an order. Its mark tells it from others: it is not sent twice."""
    text = order.comment or ("opened again" if order.open else "closed")
    return f"{text} ({mark(order)})"


def mark(order: Order) -> str:
    """What makes this order's comment known again: who decided, and when."""
    return f"{MARK} {order.incident_id} by {order.by} at {order.at}"


def microseconds(written: Any) -> int:
    """A time in ISO 8601, or in seconds since 1970, as microseconds UTC; 0 when it is none."""
    if isinstance(written, int | float) and not isinstance(written, bool):
        return int(written * 1_000_000)
    if not isinstance(written, str) or not written:
        return 0
    if written.replace(".", "", 1).isdigit():
        return int(float(written) * 1_000_000)
    try:
        moment = datetime.fromisoformat(_six_digits(written))
    except ValueError:
        return 0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _six_digits(written: str) -> str:
    """Azure writes seven digits of a second, Python reads six."""
    head, dot, tail = written.partition(".")
    if not dot:
        return written
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}.{tail[: min(digits, 6)]}{tail[digits:]}"


def text(tree: Any, *path: str) -> str:
    """The text at a path of objects; empty when there is none."""
    for step in path:
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree if isinstance(tree, str) else ""
