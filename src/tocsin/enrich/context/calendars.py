"""Calendars of maintenance and changes (iCalendar, RFC 5545) as windows.

Recurring entries are written out around the time of the load. An entry must say what it concerns:
in `X-TOCSIN-SCOPE`, among its categories, in a line `Scope: ...` of its description, or as the
default of the load. One that says nothing is no window for everything; it is reported.
"""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import islice
from typing import Any, NamedTuple

from dateutil.rrule import rrulestr  # type: ignore[import-untyped]  # ships no types

from tocsin.enrich.context.rows import Reading, scope_of, unique
from tocsin.enrich.context.values import list_of, microseconds, text_of
from tocsin.model.content import Problem
from tocsin.model.context import Record, Window

AROUND = timedelta(days=400)
"""How far before and after the load recurring entries are written out."""

MAX_ENTRIES = 20_000
MAX_OCCURRENCES = 2_000
"""Entries of a calendar, and occurrences of one of them."""

LONGEST_AGO = timedelta(days=10 * 366)
"""How long before the load a recurring entry may have begun: its past is gone through."""

_SCOPE_LINE = re.compile(
    r"^\s*(?:scope|affected|affects)\s*:\s*(.+)$", re.IGNORECASE | re.MULTILINE
)
_KINDS = ("maintenance", "change", "access")
_TOO_OFTEN = ("SECONDLY", "MINUTELY", "HOURLY")
_NOT_DAILY = frozenset({"BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS", "BYEASTER"})
"""With these a daily rule may never come true, and would be followed for eight thousand years."""
_PREFIXED = re.compile(r"(?:host|user|unit|service|segment):\S|all$", re.IGNORECASE)


class _Span(NamedTuple):
    start: datetime
    length: timedelta
    zone: tzinfo


def read_calendar(where: str, calendar: Any, as_of: int, scope: str = "") -> Reading:
    """Windows of a parsed calendar (icalendar.Calendar) around `as_of` (us UTC)."""
    now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=as_of)
    entries = list(islice(calendar.walk("VEVENT"), MAX_ENTRIES + 1))
    problems: list[Problem] = []
    if len(entries) > MAX_ENTRIES:
        problems.append(Problem(where, f"more than {MAX_ENTRIES:,} entries", "error"))
    moved = {
        (str(one.get("UID")), microseconds(_moment(one["RECURRENCE-ID"].dt)))
        for one in entries
        if one.get("RECURRENCE-ID") is not None
    }
    records: list[Record] = []
    for number, entry in enumerate(entries[:MAX_ENTRIES], 1):
        if str(entry.get("STATUS", "")).upper() == "CANCELLED":
            continue
        place = f"{where} entry {number}"
        try:
            records += _windows(entry, place, now, scope, moved)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            problems.append(Problem(place, f"{_title(entry)}: {error}", "error"))
    return unique(records, problems)


def _windows(
    entry: Any, where: str, now: datetime, scope: str, moved: set[tuple[str, int]]
) -> Iterator[Record]:
    span = _span(entry)
    scopes = _scopes(entry, scope)
    if not scopes:
        raise ValueError("the entry says no scope: write `Scope: host:fs01` into its description")
    uid = text_of(str(entry.get("UID") or _title(entry)))
    body = Window(_kind(entry), scopes, _title(entry), _owner(entry), text_of(_reference(entry)))
    own = entry.get("RECURRENCE-ID") is not None
    for start in _starts(entry, span, now):
        since = microseconds(start)
        if not own and (uid, since) in moved:
            continue
        until = since + span.length // timedelta(microseconds=1)
        yield Record(f"{uid}|{since}", body, where, since, until)


def _span(entry: Any) -> _Span:
    start = entry["DTSTART"].dt
    begin = _moment(start)
    if entry.get("DTEND") is not None:
        length = _moment(entry["DTEND"].dt) - begin
    elif entry.get("DURATION") is not None:
        length = entry["DURATION"].dt
    else:
        length = timedelta(0) if isinstance(start, datetime) else timedelta(days=1)
    if length <= timedelta(0):
        raise ValueError("the entry ends when it begins")
    return _Span(begin, length, begin.tzinfo or UTC)


def _starts(entry: Any, span: _Span, now: datetime) -> Iterator[datetime]:
    if entry.get("RRULE") is None or entry.get("RECURRENCE-ID") is not None:
        yield span.start
    else:
        left_out = {microseconds(one) for one in _dates(entry, "EXDATE")}
        for start in _recurring(entry["RRULE"], span, now):
            if microseconds(start) not in left_out:
                yield start
    yield from _dates(entry, "RDATE")


def _recurring(rule: Any, span: _Span, now: datetime) -> Iterator[datetime]:
    """Occurrences on the clock of the entry's own zone, so that they follow summer time.

    The end of the search is always given, so that a rule that never comes true ends as well.
    """
    if span.start < now - LONGEST_AGO:
        raise ValueError("the entry has recurred for more than ten years: begin it anew")
    rules = rule if isinstance(rule, list) else [rule]
    for one in rules:
        parts = dict(one)
        often = str(parts.get("FREQ", [""])[0]).upper()
        if often in _TOO_OFTEN:
            raise ValueError("a window that recurs within a day is none")
        if often == "DAILY" and _NOT_DAILY & parts.keys():
            raise ValueError("write days of a month as a monthly or yearly rule")
        count = int(parts.pop("COUNT", [MAX_OCCURRENCES * 100])[0])
        last = _wall(now + AROUND, span.zone)
        for until in parts.pop("UNTIL", []):
            last = min(last, _wall(_moment(until), span.zone))
        text = ";".join(f"{name}={_listed(values)}" for name, values in parts.items())
        begin = span.start.replace(tzinfo=None)
        written = rrulestr(f"{text};UNTIL={last:%Y%m%dT%H%M%S}", dtstart=begin)
        first = _wall(now - AROUND, span.zone)
        near = (at for at in islice(written, count) if at >= first)
        for at in islice(near, MAX_OCCURRENCES):
            yield at.replace(tzinfo=span.zone)


def _listed(values: Any) -> str:
    listed = values if isinstance(values, list | tuple) else [values]
    return ",".join(str(value) for value in listed)


def _wall(moment: datetime, zone: tzinfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _moment(value: date | datetime) -> datetime:
    """A moment with its zone; a day is its midnight, a time without a zone is UTC."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time(), UTC)
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _dates(entry: Any, name: str) -> Iterator[datetime]:
    found = entry.get(name)
    for one in found if isinstance(found, list) else [found]:
        for item in getattr(one, "dts", ()):
            if isinstance(item.dt, date):
                yield _moment(item.dt)


def _scopes(entry: Any, default: str) -> tuple[str, ...]:
    given = list_of(str(entry.get("X-TOCSIN-SCOPE", "")))
    if not given:
        given = tuple(one for one in _categories(entry) if _PREFIXED.match(one))
    if not given:
        found = _SCOPE_LINE.search(str(entry.get("DESCRIPTION", "")))
        given = list_of(found[1]) if found else list_of(default)
    return scope_of(given)


def _kind(entry: Any) -> str:
    words = [str(entry.get("X-TOCSIN-KIND", "")).lower(), *map(str.lower, _categories(entry))]
    return next((word for word in words if word in _KINDS), _KINDS[0])


def _categories(entry: Any) -> list[str]:
    found = entry.get("CATEGORIES", [])
    groups: Iterable[Any] = found if isinstance(found, list) else [found]
    return [str(one) for group in groups for one in getattr(group, "cats", [group])]


def _title(entry: Any) -> str:
    return text_of(str(entry.get("SUMMARY", "")))


def _owner(entry: Any) -> str:
    return text_of(str(entry.get("ORGANIZER", "")).removeprefix("mailto:").removeprefix("MAILTO:"))


def _reference(entry: Any) -> str:
    """A change's number in the title, as service desks write it."""
    found = re.search(r"\b(?:CHG|CRQ|RFC|CHANGE-)[0-9]{3,}\b", _title(entry), re.IGNORECASE)
    return found[0] if found else ""
