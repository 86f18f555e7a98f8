"""Parts of a time as a record writes it, for the modifiers `minute` to `year`.

The text is taken as it stands: no time zone is converted (the specification says so). Known are
ISO 8601 dates (also with slashes, or a space before the time) and counts since 1970 UTC in
seconds, milliseconds, microseconds or nanoseconds, told apart by their size.
"""

import re
from datetime import UTC, datetime, timedelta

_WRITTEN = re.compile(
    r"\s*([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})(?:[T ]+([0-9]{1,2}):([0-9]{2}))?"
)
_COUNT = re.compile(r"\s*([0-9]{9,19})(?:\.[0-9]{1,9})?\s*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SCALES = ((11, 1_000_000), (14, 1_000), (17, 1))
"""Digits below which a count is in seconds, milliseconds, microseconds; and microseconds of one."""

_CLOCK = frozenset({"minute", "hour"})


def time_part(text: str, unit: str) -> int | None:
    """The minute, hour, day, week (ISO 8601), month or year that a text names, or None."""
    found = _WRITTEN.match(text)
    if found is None:
        moment = _counted(text)
    else:
        year, month, day, hour, minute = found.groups()
        if hour is None and unit in _CLOCK:
            return None
        moment = _built(int(year), int(month), int(day), int(hour or 0), int(minute or 0))
    return None if moment is None else _part(moment, unit)


def _built(year: int, month: int, day: int, hour: int, minute: int) -> datetime | None:
    try:
        return datetime(year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return None


def _counted(text: str) -> datetime | None:
    found = _COUNT.fullmatch(text)
    if found is None:
        return None
    digits = found[1]
    scale = next((size for most, size in _SCALES if len(digits) < most), 0)
    micros = int(digits) * scale if scale else int(digits) // 1_000
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None


def _part(moment: datetime, unit: str) -> int:
    if unit == "week":
        return moment.isocalendar().week
    part: int = getattr(moment, unit)
    return part
