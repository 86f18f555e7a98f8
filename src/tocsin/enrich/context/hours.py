"""Operating hours: `mon-fri 08:00-18:00` in a time zone."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TEXT = re.compile(
    r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))? "
    r"(?P<from>[0-2][0-9]:[0-5][0-9])-(?P<to>[0-2][0-9]:[0-5][0-9])"
)
_END_OF_DAY = 24 * 60


def problem_of(hours: tuple[str, ...], zone: str) -> str:
    """What is wrong with hours or the name of their zone; empty when they can be used."""
    for text in hours:
        if _read(text) is None:
            return f"{text}: hours are written as `mon-fri 08:00-18:00`"
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return f"{zone} is no time zone: use a name such as Europe/Berlin"
    return ""


def within(hours: tuple[str, ...], zone: str, at: int) -> bool:
    """Whether a time (us UTC) lies in the hours; no hours are all hours.

    Hours that end before they begin go on until the next day. `hours` and `zone` were checked.
    """
    if not hours:
        return True
    local = (_EPOCH + timedelta(microseconds=at)).astimezone(ZoneInfo(zone))
    minute = local.hour * 60 + local.minute
    return any(_covers(_read(text), local.weekday(), minute) for text in hours)


def _covers(read: tuple[range, int, int] | None, day: int, minute: int) -> bool:
    if read is None:
        return False
    days, begin, end = read
    today = any(one % 7 == day for one in days)
    if begin < end:
        return today and begin <= minute < end
    before = any((one + 1) % 7 == day for one in days)
    return (today and minute >= begin) or (before and minute < end)


def _read(text: str) -> tuple[range, int, int] | None:
    """Days (the range may go past Sunday), first and last minute of the day."""
    found = _TEXT.fullmatch(text.strip().lower())
    if found is None or found["first"] not in DAYS or (found["last"] or "mon") not in DAYS:
        return None
    first = DAYS.index(found["first"])
    last = DAYS.index(found["last"] or found["first"])
    begin, end = (int(found[k][:2]) * 60 + int(found[k][3:]) for k in ("from", "to"))
    if begin > _END_OF_DAY or end > _END_OF_DAY:
        return None
    return range(first, last + 1 if last >= first else last + 8), begin, end
