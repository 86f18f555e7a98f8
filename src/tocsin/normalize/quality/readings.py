"""A Reading: something measured that may be too much, before it is held against a use."""

from typing import NamedTuple

from tocsin.model.readiness import Scope


class Reading(NamedTuple):
    """`value` is how bad it is: higher is worse, in `unit_of`. `since` is us UTC (0: not known).

    `limit` is what it may be where that follows from the source's own past, else the thresholds
    say.
    """

    measure: str
    value: float
    scope: Scope
    since: int
    cause: str
    fix: str
    unit_of: str = "share"
    limit: float | None = None
