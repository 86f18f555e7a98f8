"""Written times to microseconds UTC, fast: the second and its fraction are each looked up."""

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
_MICROSECOND = timedelta(microseconds=1)
_SECONDS_LENGTH = len("2020-09-21 22:58:29")
_MAX_REMEMBERED = 65_536
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
"""Outside of these years a time is a defect (FILETIME zero is 1601), not a moment."""


class _Seconds(dict[str, int | None]):
    """`YYYY-MM-DD?HH:MM:SS` -> us since 1970, read as UTC; None when it is not that."""

    def __missing__(self, text: str) -> int | None:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        self[text] = found = _whole_seconds(text)
        return found


class _Fractions(dict[str, int | None]):
    """What may follow the seconds (`.123`, `.1234567Z`, `Z`, `+02:00`) -> us to add."""

    def __missing__(self, text: str) -> int | None:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        self[text] = found = _fraction(text)
        return found


def _whole_seconds(text: str) -> int | None:
    if len(text) != _SECONDS_LENGTH or text[10] not in " T":
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        return None
    return (moment.replace(tzinfo=UTC) - EPOCH) // _MICROSECOND


def _fraction(text: str) -> int | None:
    added = 0
    rest = text
    if rest.startswith("."):
        digits = rest[1:].rstrip("Zz").split("+")[0].split("-")[0]
        if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:  # noqa: PLR2004 (ns)
            return None
        added = int(digits[:6].ljust(6, "0"))
        rest = rest[1 + len(digits) :]
    if rest in ("", "Z", "z"):
        return added
    return _with_zone(added, rest)


def _with_zone(added: int, zone: str) -> int | None:
    try:
        shift = datetime.strptime(zone, "%z").utcoffset()
    except ValueError:
        return None
    return None if shift is None else added - shift // _MICROSECOND


class TimeReader:
    """Reads ISO-like times; what it remembers only makes it faster."""

    def __init__(self) -> None:
        self._seconds = _Seconds()
        self._fractions = _Fractions()

    def micros(self, text: object) -> int | None:
        """Microseconds since 1970, a text without zone read as UTC; None when it is no time."""
        if type(text) is not str:
            return None
        whole = self._seconds[text[:_SECONDS_LENGTH]]
        part = self._fractions[text[_SECONDS_LENGTH:]]
        return None if whole is None or part is None else whole + part


def day_of(micros: int) -> str:
    """`YYYY-MM-DD` (UTC) of a time."""
    try:
        return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%d")
    except OverflowError:
        return "1970-01-01"
