"""What is told to the SIEM or tool that an alert came from, and what it says itself.

A person's verdict closes an incident here. Each of its alerts whose tool can be written to is then
closed there as well: an `Order`. What the tool says is `Upstream`. When both sides changed since
they last agreed, `settle_sides` decides by a stated rule, and the loser stays in the Journal.

Reasons of a closure are those that Microsoft Sentinel and Splunk Enterprise Security share; no
connector may lose one.
"""

from enum import StrEnum

import msgspec

from tocsin.model.findings import Finding, VendorAlert
from tocsin.model.incidents import Grade, Verdict
from tocsin.model.intelligence import may_leave

MAX_COMMENT = 1_000
"""Characters of a comment that are sent."""

WITHHELD = "The reason is kept where it was decided: the incident rests on restricted intelligence."
"""The comment that is sent in the place of one that may not leave (TLP)."""


class Cause(StrEnum):
    """Why an alert was what its grade says."""

    SUSPICIOUS_ACTIVITY = "suspicious-activity"
    SUSPICIOUS_BUT_EXPECTED = "suspicious-but-expected"
    INCORRECT_LOGIC = "incorrect-logic"
    INACCURATE_DATA = "inaccurate-data"


CAUSES = {
    Grade.TRUE_POSITIVE: (Cause.SUSPICIOUS_ACTIVITY,),
    Grade.BENIGN_POSITIVE: (Cause.SUSPICIOUS_BUT_EXPECTED,),
    Grade.FALSE_POSITIVE: (Cause.INCORRECT_LOGIC, Cause.INACCURATE_DATA),
    Grade.UNDETERMINED: (),
}
"""The causes that fit a grade; the first is meant when none is named."""


class Closing(msgspec.Struct, frozen=True):
    """How something was closed; `cause` is one that fits the grade."""

    grade: Grade
    cause: Cause | None = None


def closing_of(grade: Grade, cause: Cause | None = None) -> Closing:
    """A closing with the cause that is meant; ValueError when the cause does not fit."""
    fitting = CAUSES[grade]
    if cause is not None and cause not in fitting:
        known = ", ".join(fitting) or "none"
        raise ValueError(f"{cause} is no cause of {grade}; it has: {known}")
    return Closing(grade, cause or next(iter(fitting), None))


class Order(msgspec.Struct, frozen=True):
    """What one alert shall be there. Times are microseconds UTC.

    `open` says whether it is to be worked on (again), else `closing` how it ends. `seen` is the
    alert as it was known when `by` decided at `at`.
    """

    finding_id: str
    incident_id: str
    seen: VendorAlert
    open: bool
    closing: Closing | None
    comment: str
    by: str
    at: int

    @property
    def source_id(self) -> str:
        """The source that the alert came from."""
        return self.seen.product


class Upstream(msgspec.Struct, frozen=True):
    """An alert as its tool says it is now.

    `status` is the tool's word, `by` who changed it last where the tool says so, and `automatic`
    true when it was no person, as far as is known. `version` is what a write must name.
    """

    uid: str
    open: bool
    status: str
    closing: Closing | None = None
    updated: int = 0
    by: str = ""
    automatic: bool = False
    version: str = ""
    comments: tuple[str, ...] = ()


class Side(StrEnum):
    """Whose state holds."""

    OURS = "ours"
    THEIRS = "theirs"
    AGREED = "agreed"


class Settled(msgspec.Struct, frozen=True):
    """Whose state holds, whether both had changed, and why."""

    side: Side
    conflict: bool
    reason: str


def settle_sides(order: Order, theirs: Upstream) -> Settled:
    """Which side holds when an order meets what the tool says.

    Where only we changed, ours. Where both did: a person's closure with a reason wins over a
    change that automation made; otherwise the later change wins, and of two at one time ours.
    """
    if agree(order, theirs):
        return Settled(Side.AGREED, conflict=False, reason="both say the same")
    changed = theirs.open == order.seen.over or (
        theirs.updated > order.seen.updated and theirs.status != order.seen.status
    )
    if not changed:
        return Settled(Side.OURS, conflict=False, reason="only we changed it")
    if not order.open and order.comment and theirs.automatic:
        reason = "a person closed it for a reason; automation changed it there"
        return Settled(Side.OURS, conflict=True, reason=reason)
    if theirs.updated > order.at:
        return Settled(Side.THEIRS, conflict=True, reason="it was changed there later")
    return Settled(Side.OURS, conflict=True, reason="it was changed here later")


def agree(order: Order, theirs: Upstream) -> bool:
    """Whether the tool says what the order wants."""
    if order.open != theirs.open:
        return False
    return order.open or order.closing is None or theirs.closing == order.closing


def orders_of(verdict: Verdict, findings: list[Finding], writable: frozenset[str]) -> list[Order]:
    """What a verdict asks of the tools that can be written to; one order an alert.

    `findings` are all those of the incident. Where one rests on intelligence that may not leave
    (TLP above GREEN), the reason stays here, too: it may say what the publisher said.
    """
    comment = verdict.reason[:MAX_COMMENT]
    if comment and not all(map(may_leave, findings)):
        comment = WITHHELD
    open_again = verdict.grade is Grade.UNDETERMINED
    cause = Cause(verdict.cause) if verdict.cause else None
    closing = None if open_again else closing_of(verdict.grade, cause)
    return [
        Order(
            finding_id=one.finding_id,
            incident_id=verdict.incident_id,
            seen=one.vendor,
            open=open_again,
            closing=closing,
            comment=comment,
            by=verdict.by,
            at=verdict.at,
        )
        for one in findings
        if one.vendor is not None and one.vendor.product in writable
    ]


def wanted(order: Order) -> str:
    """What an order wants, in words."""
    if order.open or order.closing is None:
        return "open"
    cause = order.closing.cause
    return f"closed as {order.closing.grade}" + (f" ({cause})" if cause else "")
