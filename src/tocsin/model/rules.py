"""What becomes of a detection rule when the plan is compiled."""

from enum import StrEnum

import msgspec


class RuleState(StrEnum):
    """Every rule ends in exactly one of these."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNSUPPORTED = "unsupported"


class RuleStatus(msgspec.Struct, frozen=True):
    """A rule and whether it can fire here; `reason` is empty only for an active rule."""

    rule_id: str
    title: str
    state: RuleState
    reason: str
    where: str
