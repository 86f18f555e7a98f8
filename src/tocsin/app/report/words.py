"""How times, spans, numbers and telemetry are written on a page."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from tocsin.model.text import visible

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_OUTSIDE = "a time that no calendar has"


def moment(micros: int) -> datetime | None:
    """A time (us UTC), or None where no calendar has it."""
    try:
        return _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None


def day(micros: int) -> str:
    """`23 Nov 2026`."""
    at = moment(micros)
    return f"{at.day} {at:%b %Y}" if at else _OUTSIDE


def clock(micros: int) -> str:
    """`09:05:07`."""
    at = moment(micros)
    return f"{at:%H:%M:%S}" if at else "--:--:--"


def stamp(micros: int) -> str:
    """`2026-11-23 09:05:07`; the page says once that times are UTC."""
    at = moment(micros)
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else _OUTSIDE


def iso(micros: int) -> str:
    """RFC 3339 for a machine; empty where no calendar has the time."""
    at = moment(micros)
    return at.isoformat().replace("+00:00", "Z") if at else ""


def lasting(micros: int) -> str:
    """`41 s`, `3 h 5 min`, `212 d`: two units at most."""
    seconds = max(0, micros) // _SECOND
    parts: list[str] = []
    for size, unit in _UNITS:
        if seconds >= size and len(parts) < 2:  # noqa: PLR2004  # two units at most
            parts.append(f"{seconds // size:,} {unit}")
            seconds %= size
        elif parts:
            break
    return " ".join(parts) or "under 1 s"


def between(first: int, last: int) -> str:
    """`22 Oct 2020, 08:29:52 to 08:30:33`."""
    if first == last:
        return f"{day(first)}, {clock(first)}"
    if day(first) == day(last):
        return f"{day(first)}, {clock(first)} to {clock(last)}"
    return f"{day(first)}, {clock(first)} to {day(last)}, {clock(last)}"


def plural(n: int, noun: str) -> str:
    """`1 finding`, `5,123 findings`."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def size(n: int) -> str:
    """`787.4 MB`."""
    for step, unit in ((1_000_000_000, "GB"), (1_000_000, "MB"), (1_000, "kB")):
        if n >= step:
            return f"{n / step:,.1f} {unit}"
    return plural(n, "byte")


def listed(names: Iterable[str], most: int) -> str:
    """The first names, and how many more there are."""
    names = list(names)
    shown = ", ".join(names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def text(value: str, limit: int = 300) -> str:
    """Telemetry in one line, with controls and direction marks made visible."""
    return visible(value, limit)


def block(value: str, limit: int) -> str:
    """Telemetry that keeps its line ends and tabs, everything else made visible."""
    cut = value[:limit].replace("\r\n", "\n").expandtabs(4)
    shown = "\n".join(visible(line, limit) for line in cut.split("\n"))
    return shown + "…" if len(value) > limit else shown
