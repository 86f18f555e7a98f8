"""Splunk Enterprise Security: notables (findings since version 8).

The base URL is that of the management port. Status, disposition and comment are one POST to
`/services/notable_update` (documented for Enterprise Security 6 to 8); a notable is read with an
export search over the macro `notable`. Statuses are the numbers that Splunk ships: 0 unassigned,
1 new, 2 in progress, 3 pending, 4 resolved, 5 closed; a site may have more, which count as open.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tocsin.connectors.errors import Refused
from tocsin.connectors.gateway import Gateway
from tocsin.connectors.siem.port import microseconds, remark, text
from tocsin.model.findings import VendorAlert
from tocsin.model.incidents import Grade
from tocsin.model.writeback import Cause, Closing, Order, Upstream

CLOSED, IN_PROGRESS = "5", "2"
_OVER = ("4", "5")
_EVENT_ID = re.compile(r"[A-Za-z0-9@._:-]{1,200}")
"""An id goes into a search: whatever else it may hold is refused."""

_NOBODY = ("", "unassigned", "splunk-system-user", "nobody", "admin_automation")
_SINCE = "-90d"

DISPOSITIONS: Mapping[Closing, str] = {
    Closing(Grade.TRUE_POSITIVE, Cause.SUSPICIOUS_ACTIVITY): "disposition:1",
    Closing(Grade.BENIGN_POSITIVE, Cause.SUSPICIOUS_BUT_EXPECTED): "disposition:2",
    Closing(Grade.FALSE_POSITIVE, Cause.INCORRECT_LOGIC): "disposition:3",
    Closing(Grade.FALSE_POSITIVE, Cause.INACCURATE_DATA): "disposition:4",
    Closing(Grade.UNDETERMINED): "disposition:6",
}
"""Dispositions as Enterprise Security ships them; 5 is "other"."""

CLOSINGS = {written: closing for closing, written in DISPOSITIONS.items()}


class Splunk:
    """Reads and writes notables."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def read(self, alerts: Sequence[VendorAlert]) -> list[Upstream]:
        """All of them with one search."""
        named = [alert.uid for alert in alerts if _EVENT_ID.fullmatch(alert.uid)]
        if not named:
            return []
        ids = ", ".join(f'"{name}"' for name in named)
        search = (
            f"search `notable` | search event_id IN ({ids}) | table event_id status "
            "status_label disposition review_time reviewer owner comment"
        )
        form = {"search": search, "output_mode": "json", "earliest_time": _SINCE}
        rows = self._gateway.read("POST", "/services/search/v2/jobs/export", data=form).lines()
        found = [row.get("result") for row in rows if isinstance(row, dict)]
        said = [upstream_of(row) for row in found if isinstance(row, dict)]
        newest = {one.uid: one for one in sorted(said, key=lambda one: one.updated)}
        return [newest[name] for name in named if name in newest]

    def write(self, order: Order, theirs: Upstream) -> None:  # noqa: ARG002 - the API has no versions
        """One POST with status, disposition and comment."""
        form = {"ruleUIDs": order.seen.uid, "comment": remark(order), "status": IN_PROGRESS}
        if not order.open and order.closing is not None:
            form |= {"status": CLOSED, "disposition": DISPOSITIONS[order.closing]}
        answer = self._gateway.change(
            "POST", "/services/notable_update?output_mode=json", data=form
        ).json()
        if not isinstance(answer, dict) or answer.get("success") is not True:
            raise Refused(f"notable_update: {text(answer, 'message') or 'no success'}")

    def close(self) -> None:
        """Close open connections."""
        self._gateway.close()


def upstream_of(row: Mapping[str, Any]) -> Upstream:
    """A row of the search."""
    status = text(row, "status")
    reviewer = text(row, "reviewer")
    comment = row.get("comment")
    comments = comment if isinstance(comment, list) else [comment]
    return Upstream(
        uid=text(row, "event_id"),
        open=status not in _OVER,
        status=text(row, "status_label") or status,
        closing=CLOSINGS.get(text(row, "disposition")),
        updated=microseconds(row.get("review_time")),
        by=reviewer,
        automatic=reviewer.lower() in _NOBODY,
        comments=tuple(one for one in comments if isinstance(one, str)),
    )
