"""A legal hold: what a person said must not be removed, whatever retention says."""

import msgspec


class Hold(msgspec.Struct, frozen=True):
    """Events that meet every condition that is given stay until the hold is released.

    `entity` is a host, user or address that the event names, `since` and `until` bound the event's
    own time (us UTC; 0: open). `at` is when it was made, `released` when it ended, 0 while it
    holds.
    """

    hold_id: str
    reason: str
    by: str
    at: int
    entity: str = ""
    source: str = ""
    class_name: str = ""
    since: int = 0
    until: int = 0
    released: int = 0
    released_by: str = ""
    released_reason: str = ""
