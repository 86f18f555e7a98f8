"""What is measured against limits as it stands: silence, clocks, losses, rejects, volume."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tocsin.model.quality import LONGEST_OFFSET, WHOLE, Counts, cell_parts
from tocsin.model.readiness import Scope
from tocsin.model.sources import SourceSpec
from tocsin.normalize.quality.days import Day, Days
from tocsin.normalize.quality.fold import DAY, HOUR, SECOND, STALE, Recent
from tocsin.normalize.quality.measure import DELAYS
from tocsin.normalize.quality.proportions import Past
from tocsin.normalize.quality.readings import Reading
from tocsin.normalize.quality.rhythm import Rhythm
from tocsin.normalize.quality.windows import Window

ENOUGH = 100
"""Events without which a share is not told."""

LATE = 900
"""Seconds: an event that came later than this (and the source's own delay) came late."""

QUARTER = 900
"""Seconds: time zones differ by multiples of it, and so do most clocks that are set wrong."""

NEAR = 60.0
"""Seconds by which a clock may miss such a multiple, and delays of one host may differ."""

LEAST_HOST = 20
"""Events of a host that must agree before its clock is called wrong."""

MOST_HOST_GAPS = 20
"""Hosts whose wrong clock is told by name; further ones are told as a gap of the whole source."""

SELECTED = 0.2
"""A sender whose numbers always have so many holes sends a selection: they cannot show loss."""

VOLUME_HOURS = 6
_VOLUME_DAYS = 21
_VOLUME_LEAST = 600


class Subject(NamedTuple):
    """One source, with all that is known of it at `now` (us UTC)."""

    source: SourceSpec
    recent: Recent
    days: Days
    past: Mapping[str, Past]
    windows: list[Window]
    rhythm: Rhythm
    delay: float
    """Seconds that 19 of 20 events of the past took at most."""
    now: int


def silence(of: Subject, least: float) -> Iterator[Reading]:
    """Nothing came for longer than the source is ever silent."""
    last = of.recent.newest
    if not last:
        return
    found = of.rhythm.silence(
        last, of.now, expected=of.source.expected_every, least=int(least), delay=of.source.delay
    )
    if found.is_one:
        limit = min(found.limit or found.seconds, found.seconds) or least
        yield Reading(
            "silence", found.seconds, Scope(), last,
            f"nothing came for {_time(found.seconds)}; {found.because}",
            "look at the sender, its forwarder and the way between; if it was switched off, say so "
            "with an override",
            "s", limit,
        )  # fmt: skip


def shares(of: Subject) -> Iterator[Reading]:
    """Records that cannot be used as they should: rejected, untimed, late, repeated."""
    window = _enough(of.windows)
    if window is None:
        return
    whole = window.whole
    n = whole.get("n", 0)
    received = n + whole.get("rejected", 0)
    reasons = sorted(name[9:] for name in whole if name.startswith("rejected:"))
    late = _late(whole, LATE + of.source.delay)
    timed = sum(k for name, k in whole.items() if name.startswith("delay:"))
    rows = (
        ("rejected", whole.get("rejected", 0), received,
         f"records cannot be read ({', '.join(reasons)[:120]})",
         "`tocsin sources` and the dead letters say why; mend the mapping or the sender"),
        ("untimed", whole.get("received-time", 0), n, "events carry no time of their own",
         "have the sender write the time, or declare its field in source.yaml"),
        ("late", late, timed, f"events came more than {_time(LATE + of.source.delay)} late",
         "look for a backlog at the sender; declare `delay:` where this is usual"),
        ("duplicates", whole.get("duplicates", 0), n, "events came more than once",
         "look for a sender that delivers twice, or two ways by which the same log comes"),
    )  # fmt: skip
    for measure, k, of_all, cause, fix in rows:
        if k and of_all >= ENOUGH:
            said = f"{k / of_all:.0%} of {of_all:,} {cause}"
            yield Reading(measure, k / of_all, Scope(), window.since, said, fix)


def _enough(windows: list[Window]) -> Window | None:
    """The shortest window with the hour in it that has enough events."""
    for window in windows[1:] or windows:
        if window.whole.get("n", 0) + window.whole.get("rejected", 0) >= ENOUGH:
            return window
    return None


def _late(whole: Counts, seconds: int) -> int:
    """Events later than the bucket into which `seconds` falls."""
    first = next((n for n, bound in enumerate(DELAYS) if bound >= seconds), len(DELAYS) - 1)
    return sum(whole.get(f"delay:{n}", 0) for n in range(first + 1, len(DELAYS) + 1))


def clocks(of: Subject, least: float) -> Iterator[Reading]:
    """Hosts, or the whole source, whose clock is wrong."""
    told, more, since = 0, [], 0
    for host, rows in sorted(of.recent.hosts.items()):
        if rows[-1][0] < of.recent.newest - STALE:
            continue
        found = _offset(rows, of.delay + of.source.delay)
        if found is None or abs(found) < least:
            continue
        if told >= MOST_HOST_GAPS:
            more.append(abs(found))
            since = min(since or rows[0][0], rows[0][0])
            continue
        told += 1
        way = "ahead" if found > 0 else "behind"
        whose = f"the clock of {host}" if host else "the source's clock"
        quarters = abs(found) / QUARTER
        zone = ""
        if abs(quarters - round(quarters)) * QUARTER <= NEAR:
            zone = ", a multiple of 15 minutes as time zones have"
        yield Reading(
            "clock", abs(found), Scope(host=host), rows[0][0],
            f"{whose} is {_time(abs(found))} {way}{zone}",
            "set the clock (NTP), or the time zone of the sender or in source.yaml",
            "s",
        )  # fmt: skip
    usual = of.delay + of.source.delay
    untold = [row for row in of.recent.untold if row[0] >= of.recent.newest - STALE]
    off = [row for row in untold if _may_be_off(row[2], row[3], usual) and abs(row[2]) >= least]
    if more or off:
        worst = max([*more, *(abs(row[2]) for row in off)])
        counted = f"{len(more):,} more hosts" if more and not off else "more hosts"
        yield Reading(
            "clock", worst, Scope(), min([since] * bool(since) + [row[0] for row in off]),
            f"the clocks of {counted} than are told by name are wrong, by up to {_time(worst)}",
            "set the clocks (NTP), or the time zone of the sender or in source.yaml",
            "s",
        )  # fmt: skip


def _may_be_off(delay: float, spread: float, usual: float) -> bool:
    """Whether a host that is not watched may have a wrong clock: doubt counts against it."""
    return spread <= NEAR and abs(delay) <= LONGEST_OFFSET and (delay < 0 or delay > usual)


def _offset(rows: list[tuple[int, int, float, float]], usual: float) -> float | None:
    """By how much (s) a clock is ahead, from the newest slices that agree; None if it may not be.

    A time in the future cannot be but a wrong clock. One in the past can be a late delivery: then
    the delays would differ from event to event, unless they stay equal for a minute or lie on a
    multiple of 15 minutes.
    """
    agreeing = [row for row in rows if abs(row[2] - rows[-1][2]) <= NEAR and row[3] <= NEAR]
    if not agreeing or agreeing[-1] != rows[-1] or sum(row[1] for row in agreeing) < LEAST_HOST:
        return None
    delay = agreeing[-1][2]
    if abs(delay) > LONGEST_OFFSET:
        return None
    if delay < 0:
        return -delay
    quarters = round(delay / QUARTER)
    on_quarter = quarters > 0 and abs(delay - quarters * QUARTER) <= NEAR
    lasting = agreeing[-1][0] - agreeing[0][0] >= NEAR * SECOND
    return -delay if delay > usual and (on_quarter or lasting) else None


def usual_delay(days: Days) -> float:
    """The delay (s) that 19 of 20 events of the past kept to; 0 where nothing is known."""
    buckets = [0] * (len(DELAYS) + 1)
    for day in days.days.values():
        for number in range(len(buckets)):
            buckets[number] += day.counts.get(f"delay:{number}", 0)
    left = sum(buckets) * 0.95
    for number, k in enumerate(buckets):
        left -= k
        if k and left <= 0:
            return float(DELAYS[min(number, len(DELAYS) - 1)])
    return 0.0


def losses(of: Subject) -> Iterator[Reading]:
    """Numbers that never came; of a sender that numbers what it selects, nothing can be said."""
    numbered = lost = 0
    for hour in of.recent.closed.values():
        whole = hour.cells.get(WHOLE, {})
        numbered += whole.get("numbered", 0)
        lost += whole.get("lost", 0)
    if numbered < ENOUGH or not lost or usual_loss(of.days) > SELECTED:
        return
    since = min(of.recent.closed) * HOUR
    yield Reading(
        "lost", lost / numbered, Scope(), since,
        f"{lost:,} of {numbered:,} numbered records never came",
        "look for drops at the sender, its queue and the network",
    )  # fmt: skip


def usual_loss(days: Days) -> float:
    """The share of numbers that are missing over all days."""
    numbered = sum(day.counts.get("numbered", 0) for day in days.days.values())
    lost = sum(day.counts.get("lost", 0) for day in days.days.values())
    return lost / numbered if numbered else 0.0


def volume(of: Subject) -> Iterator[Reading]:
    """Much less came in the last hours than ever at this time of the week."""
    end = of.now // HOUR
    first = of.days.first * 24
    if len(of.days.days) < _VOLUME_DAYS:
        return
    before = []
    for weeks in range(1, 6):
        for beside in (-1, 0, 1):
            at = end - weeks * 168 + beside
            if at - VOLUME_HOURS >= first:
                before.append(_volume(of.days, at))
    now = _volume(of.days, end, of.recent)
    least = min(before, default=0)
    if least >= _VOLUME_LEAST and now < least:
        yield Reading(
            "volume", 1 - now / least, Scope(), (end - VOLUME_HOURS) * HOUR,
            f"{now:,} events in {VOLUME_HOURS} hours, at this time of the week never below "
            f"{least:,}",
            "look whether hosts or kinds of events stopped being sent",
        )  # fmt: skip


def _volume(days: Days, end: int, recent: Recent | None = None) -> int:
    """Events of the hours before `end` (hours since 1970)."""
    total = 0
    for hour in range(end - VOLUME_HOURS, end):
        day = days.days.get(hour // 24)
        total += day.hours.get(hour % 24, 0) if day else 0
        if recent is not None and hour in recent.open:
            total += recent.open[hour].cells.get(WHOLE, {}).get("n", 0)
    return total


def required(of: Subject, wanted: Mapping[str, Mapping[str, float]]) -> Iterator[Reading]:
    """Attributes that a class must have, whatever is usual."""
    window = _enough(of.windows)
    if window is None:
        return
    totals: dict[str, Counts] = {}
    for key, counts in window.cells.items():
        into = totals.setdefault(cell_parts(key)[0], {})
        for name, n in counts.items():
            into[name] = into.get(name, 0) + n
    for class_name, fields in wanted.items():
        for field, least in fields.items():
            counts = totals.get(class_name, {})
            n = counts.get("n", 0)
            share = counts.get(field, 0) / n if n else 1.0
            if n >= ENOUGH and share < least:
                yield Reading(
                    "field", 1 - share, Scope(class_name, field), window.since,
                    f"{field} is in {share:.0%} of {n:,} events, and must be in {least:.0%}",
                    f"map {field}, or have the sender write it",
                    limit=1 - least,
                )  # fmt: skip


def day_is_good(day: Day, limits: Mapping[str, float]) -> bool:
    """Whether the counts of a day keep to the limits of a use."""
    n = day.counts.get("n", 0)
    received = n + day.counts.get("rejected", 0)
    if not n:
        return False
    found = {
        "rejected": day.counts.get("rejected", 0) / received,
        "untimed": day.counts.get("received-time", 0) / n,
        "duplicates": day.counts.get("duplicates", 0) / n,
    }
    return all(share <= limits.get(measure, 1.0) for measure, share in found.items())


def _time(seconds: float) -> str:
    """A length of time in words."""
    for name, size in (("days", DAY // SECOND), ("hours", 3_600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f}".removesuffix(".0") + f" {name}"
    return f"{seconds:.0f} seconds"
