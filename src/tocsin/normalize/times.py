"""Written times to microseconds UTC, fast: the second and its fraction are each looked up."""

import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = 1_000_000
_MICROSECOND = timedelta(microseconds=1)
_SECONDS_LENGTH = len("2020-09-21 22:58:29")
_MAX_REMEMBERED = 65_536
DAY = 24 * 60 * 60 * SECOND
FORMATS = ("iso", "epoch", "epoch_ms", "epoch_any", "rfc3164", "day_first", "month_first")
"""How a time may be written; see `model.sources.TimeSpec`."""
_NUMBER = re.compile(r"\d{1,16}(?:\.\d{1,20})?")
_MAX_EPOCH = 1e16
_MONTH_FIRST = re.compile(
    r"(?:[A-Z][a-z]{2},? )?(?P<month>[A-Za-z]{3}) {1,2}(?P<day>\d{1,2}),? (?:(?P<year>\d{4}),? )?"
    r"(?P<clock>\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?: (?:UTC|GMT|Z))?(?: (?P<last>\d{4}))?"
)
_MONTHS = {
    name: f"{number:02}"
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1
    )
}
_DAY_FIRST = re.compile(
    r"\[?(?P<day>\d{1,2})[/\- ](?P<month>[A-Za-z]{3})[/\- ](?P<year>\d{4})[: ]"
    r"(?P<clock>\d\d:\d\d:\d\d)(?P<rest>(?:\.\d{1,9})?)(?: ?(?P<zone>[+-]\d{4}|Z|UTC|GMT))?\]?"
)
_AMERICAN = re.compile(
    r"(?P<month>\d\d)/(?P<day>\d\d)/(?P<year>\d{4}),? (?P<clock>\d\d:\d\d:\d\d(?:\.\d{1,9})?)"
)
_MAX_DIGITS = 19
"""Digits of nanoseconds since 1970."""
_SECOND_DIGITS = 10
"""Digits of seconds since 1970, from 2001 to 2286."""
_FIRST_YEAR, _LAST_YEAR = 1900, 2200
"""Outside of these years a time is a defect (FILETIME zero is 1601), not a moment."""
_EARLIEST, _LATEST = (
    (datetime(year, 1, 1, tzinfo=UTC) - EPOCH) // _MICROSECOND for year in (_FIRST_YEAR, _LAST_YEAR)
)


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
    if text[4] == text[7] == "/":
        text = text.replace("/", "-")
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

    def read(self, written: object, form: str, received: int) -> int | None:
        """Microseconds since 1970 of a time in one of `FORMATS`; None when it is none.

        `received` (us UTC) gives RFC 3164 times their year.
        """
        if form == "iso":
            return self.micros(written)
        if form == "rfc3164":
            return self._without_year(written, received)
        if form == "day_first":
            return self._day_first(written)
        if form == "month_first":
            match = _AMERICAN.fullmatch(written.strip()) if type(written) is str else None
            return match and self.micros(
                f"{match['year']}-{match['month']}-{match['day']} {match['clock']}"
            )
        if form == "epoch_any":
            return _from_any_epoch(written)
        return _from_epoch(written, SECOND if form == "epoch" else SECOND // 1000)

    def _day_first(self, written: object) -> int | None:
        """`10/Oct/2000:13:55:36 -0700` of web servers, `28-Nov-2023 10:00:00.123` of BIND."""
        match = _DAY_FIRST.fullmatch(written.strip()) if type(written) is str else None
        month = match and _MONTHS.get(match["month"].lower())
        if match is None or month is None:
            return None
        zone = match["zone"] or ""
        offset = "" if zone in ("UTC", "GMT") else zone
        day = f"{match['year']}-{month}-{match['day']:0>2}"
        return self.micros(f"{day} {match['clock']}{match['rest']}{offset}")

    def _without_year(self, written: object, received: int) -> int | None:
        """`Nov  3 07:15:09` in the year that puts it nearest before the time of reception.

        A clock may run ahead by a day at most; what lies further ahead is of the year before. Some
        senders write a weekday before it, or the year before or behind the time of day.
        """
        if type(written) is not str:
            return None
        match = _MONTH_FIRST.fullmatch(written.strip())
        month = match and _MONTHS.get(match["month"].lower())
        if match is None or month is None:
            return None
        day, clock = f"{match['day']:0>2}", match["clock"]
        if said := match["year"] or match["last"]:
            return self.micros(f"{said}-{month}-{day} {clock}")
        year = int(day_of(received)[:4])
        for guess in (year + 1, year, year - 1):
            found = self.micros(f"{guess}-{month}-{day} {clock}")
            if found is not None and found <= received + DAY:
                return found
        return None


def _from_epoch(written: object, unit: int) -> int | None:
    """A number since 1970 in units of `unit` microseconds; digits behind the microsecond go."""
    if type(written) is str and _NUMBER.fullmatch(written):
        whole, _, fraction = written.partition(".")
        micros = int(whole) * unit + int(fraction[:6].ljust(6, "0")) * unit // SECOND
    elif type(written) is int:
        micros = written * unit
    elif type(written) is float and abs(written) < _MAX_EPOCH:
        micros = round(written * unit)
    else:
        return None
    return micros if _EARLIEST <= micros < _LATEST else None


def _from_any_epoch(written: object) -> int | None:
    """A number since 1970 in seconds, or with more digits in ms, us or ns."""
    digits = str(written) if type(written) in (int, str) else ""
    whole = digits.partition(".")[0]
    if len(whole) <= _SECOND_DIGITS:
        return _from_epoch(written, SECOND)
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _MAX_DIGITS:
        return None
    return _from_epoch(int(digits[:_SECOND_DIGITS] + digits[_SECOND_DIGITS:].ljust(9, "0")[:6]), 1)


def day_of(micros: int) -> str:
    """`YYYY-MM-DD` (UTC) of a time."""
    try:
        return (EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%d")
    except OverflowError:
        return "1970-01-01"
