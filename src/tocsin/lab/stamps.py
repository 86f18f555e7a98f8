"""Times (us UTC) in the notations of the sources."""

from datetime import UTC, datetime
from functools import lru_cache

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@lru_cache(64)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def iso_seconds(at: int) -> str:
    """As CloudTrail writes it: `2026-03-02T09:14:02Z`."""
    return f"{_second(at // 1_000_000)}Z"


def iso_millis(at: int) -> str:
    """As Okta writes it: `2026-03-02T09:14:02.123Z`."""
    second, micro = divmod(at, 1_000_000)
    return f"{_second(second)}.{micro // 1000:03d}Z"


def iso_ticks(at: int) -> str:
    """As Azure writes it, in units of 100 ns: `2026-03-02T09:14:02.1234560Z`."""
    second, micro = divmod(at, 1_000_000)
    return f"{_second(second)}.{micro:06d}0Z"


def iso_offset(at: int, offset: int, *, colon: bool = True) -> str:
    """Local time with its zone: `2026-03-02T10:14:02.123456+01:00` (`offset` in seconds)."""
    second, micro = divmod(at, 1_000_000)
    sign = "-" if offset < 0 else "+"
    hours, rest = divmod(abs(offset), 3600)
    zone = f"{sign}{hours:02d}{':' if colon else ''}{rest // 60:02d}"
    return f"{_second(second + offset)}.{micro:06d}{zone}"


@lru_cache(64)
def _syslog(second: int) -> str:
    text = _second(second)
    return f"{_MONTHS[int(text[5:7]) - 1]} {int(text[8:10]):>2} {text[11:]}"


def syslog(at: int, offset: int) -> str:
    """As RFC 3164 has it, in local time: `Mar  2 10:14:02`."""
    return _syslog(at // 1_000_000 + offset)


@lru_cache(64)
def _cef(second: int) -> str:
    text = _second(second)
    return f"{_MONTHS[int(text[5:7]) - 1]} {text[8:10]} {text[:4]} {text[11:]} GMT"


def cef(at: int) -> str:
    """As devices write `rt` in CEF: `Mar 02 2026 09:14:02 GMT`."""
    return _cef(at // 1_000_000)


def epoch(at: int) -> float:
    """Seconds since 1970 with six decimals, as Zeek writes them."""
    return at / 1_000_000
