"""How far a poller has come, as the spool keeps it: a value that is never changed."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from tocsin.collect.pollers.declaration import Cursor

SECOND = 1_000_000
MOST_SEEN = 2_000
"""Items that are remembered; further back only a source's own identity knows a repeat."""


class State(msgspec.Struct, frozen=True):
    """`since` is where the round began, `high` the latest time of an item (us UTC).

    `next` is the link or the token of the next page, `number` the next record's position, `seen`
    the digests of the last items.
    """

    since: int
    high: int
    number: int
    next: str = ""
    seen: tuple[str, ...] = ()

    @classmethod
    def first(cls, now: int, first_hours: int) -> "State":
        """Before the first round; `now` is us UTC."""
        begin = now - first_hours * 3600 * SECOND
        return cls(begin, begin, now)

    @classmethod
    def of(cls, position: Any) -> "State | None":
        """What was kept; None when it cannot be read."""
        try:
            return msgspec.convert(position, cls)
        except msgspec.ValidationError:
            return None

    def kept(self) -> dict[str, Any]:
        """For the checkpoint."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def after_page(self, high: int, count: int, seen: Iterable[str], after: str) -> "State":
        """Behind a page that held so many records; `after` is its next page."""
        remembered = (*self.seen, *seen)[-MOST_SEEN:]
        return State(self.since, max(self.high, high), self.number + count, after, remembered)

    def after_round(self, *, follow: bool) -> "State":
        """Behind the last page: the next round begins where this one came to."""
        return State(self.high, self.high, self.number, self.next if follow else "", self.seen)

    def again(self) -> "State":
        """Where the link to the next page is no longer taken."""
        return State(self.since, self.high, self.number, "", self.seen)


def written(cursor: Cursor, moment: int) -> str:
    """A time (us UTC) as the interface wants it; ISO 8601 to the millisecond."""
    match cursor.format:
        case "epoch":
            return str(moment // SECOND)
        case "epoch_ms":
            return str(moment // 1000)
        case _:
            at = _EPOCH + timedelta(microseconds=moment)
            return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FAR = datetime(9000, 1, 1, tzinfo=UTC).timestamp() * SECOND


def moment_of(value: Any) -> int | None:
    """The time of an item, us UTC: ISO 8601, or a number of seconds or milliseconds since 1970."""
    if isinstance(value, str):
        try:
            at = datetime.fromisoformat(value)
        except ValueError:
            return None
        if at.tzinfo is None:
            at = at.replace(tzinfo=UTC)
        return (at - _EPOCH) // timedelta(microseconds=1)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < _FAR:
        return None
    return int(value * SECOND) if value < _SECONDS else int(value * 1000)


_SECONDS = 100_000_000_000
"""A larger number is milliseconds: seconds reach it in the year 5138, milliseconds did in 1973."""
