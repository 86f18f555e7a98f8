"""From what was measured to what a source is fit for: one SourceReadiness for each use."""

from collections.abc import Iterator, Mapping

import msgspec

from tocsin.model.quality import cell_key, cell_parts
from tocsin.model.readiness import Gap, Scope, SourceReadiness, Use
from tocsin.model.sources import SourceSpec
from tocsin.normalize.quality import checks
from tocsin.normalize.quality.checks import Subject
from tocsin.normalize.quality.days import Day, Days, usual
from tocsin.normalize.quality.drift import new_keys, readings, schema_readings
from tocsin.normalize.quality.fold import DAY, Hour, Recent
from tocsin.normalize.quality.proportions import KEYS, Past
from tocsin.normalize.quality.readings import Reading
from tocsin.normalize.quality.rhythm import Rhythm
from tocsin.normalize.quality.thresholds import Thresholds
from tocsin.normalize.quality.windows import windows

WINDOW = 90
"""Days of history that profiles, training and automation ask for."""

MOST_GAPS = 64
"""Gaps that are told of a use. Where there are more, each measure that is cut short becomes a gap
of the whole source, so that more gaps never open the guard."""

_QUIET = 0.2
"""A weekday on which a source spoke on fewer than this share of days needs no events."""

_LEARNED = frozenset({"field", "format", "enum", "place", "schema"})
"""Measures of change: their hours do not count as usual until the change has settled."""


class Memory(msgspec.Struct):
    """What is remembered of a source between two judgements. Times are microseconds UTC."""

    since: dict[str, int] = {}
    """Open readings (`_key`) and when they began."""
    fit_since: dict[str, int] = {}
    bad_days: dict[str, list[int]] = {}
    """Use -> days on which it was not fit, the last 120."""


class Learned(msgspec.Struct, frozen=True):
    """What follows from the days of a source alone: made once an hour."""

    days: Days
    past: dict[str, Past]
    rhythm: Rhythm
    delay: float


def learned(days: Days, thresholds: Thresholds) -> Learned:
    """Days made ready for judging."""
    rhythm = Rhythm(days, thresholds.holidays)
    return Learned(days, usual(days), rhythm, checks.usual_delay(days))


def measured(
    source: SourceSpec, recent: Recent, known: Learned, thresholds: Thresholds, now: int
) -> list[Reading]:
    """What the counts of a source say, whatever the time: it changes only with them."""
    found_in = windows(recent)
    of = Subject(source, recent, known.days, known.past, found_in, known.rhythm, known.delay, now)
    name = of.source.id
    least = {
        measure: limit
        for measure in thresholds.measures
        if (limit := thresholds.least(name, measure)) is not None
    }
    found = [*checks.shares(of), *checks.losses(of), *checks.required(of, thresholds.required)]
    if "clock" in least:
        found += checks.clocks(of, least["clock"])
    found += readings(of.recent, of.windows, of.past, least)
    if "schema" in least:
        found += schema_readings(of.recent, of.past, least["schema"])
    return found


def judge(  # noqa: PLR0913 - all that a judgement rests on
    source: SourceSpec,
    recent: Recent,
    known: Learned,
    memory: Memory,
    thresholds: Thresholds,
    *,
    now: int,
    said: list[Reading],
) -> tuple[list[SourceReadiness], Memory]:
    """What a source is fit for at `now`, and what to remember. `memory` is not changed.

    `said` is what `measured` says of the same counts.
    """
    of = Subject(source, recent, known.days, known.past, [], known.rhythm, known.delay, now)
    found = list(said)
    least = thresholds.least(source.id, "silence")
    if least is not None:
        found = [*checks.silence(of, least), *found]
    if thresholds.least(source.id, "volume") is not None:
        found += checks.volume(of)
    since = _since(found, memory, now)
    notes = _notes(of)
    issued = [
        msgspec.structs.replace(_for_use(use, of, found, since, memory, thresholds), notes=notes)
        for use in Use
    ]
    return issued, _remembered(issued, since, memory, now)


def _key(reading: Reading) -> str:
    scope = reading.scope
    parts = (reading.measure, scope.class_name, scope.field, scope.unit, scope.segment, scope.host)
    return "|".join(parts)


def _since(measured: list[Reading], memory: Memory, now: int) -> dict[str, int]:
    """Since when each reading holds: as remembered, else as measured."""
    return {_key(one): memory.since.get(_key(one), min(one.since or now, now)) for one in measured}


def _for_use(
    use: Use,
    of: Subject,
    measured: list[Reading],
    since: Mapping[str, int],
    memory: Memory,
    thresholds: Thresholds,
) -> SourceReadiness:
    source, now = of.source, of.now
    gaps = []
    for one in measured:
        limit = thresholds.limit(source.id, one.measure, use)
        if limit is None:
            continue
        limit = one.limit if one.limit is not None else limit
        if one.value > limit or one.measure == "silence":
            gaps.append(
                Gap(one.measure, round(one.value, 4), limit, since[_key(one)], one.cause, one.fix,
                    source.owner, one.scope, one.unit_of)
            )  # fmt: skip
    today = now // DAY
    good = _good_days(of.days, use, source.id, memory, thresholds, today)
    wanted = thresholds.limit(source.id, "history", use)
    complete = 0
    if wanted is not None and len(good) < wanted:
        complete = _complete_at(good, int(wanted), today)
        gaps.append(_history_gap(len(good), wanted, of, complete))
    if not of.recent.newest and not of.days.days:
        gaps.append(_never(source, now))
    fit_since = memory.fit_since.get(use, now) if not gaps else 0
    return SourceReadiness(
        source.id, use, now, now + thresholds.valid_hours * DAY // 24,
        _bounded(gaps), fit_since, len(good), complete,
    )  # fmt: skip


def _bounded(gaps: list[Gap]) -> tuple[Gap, ...]:
    """Those of the whole source first, one for each measure; then as many others as there is room.

    Of those that are cut off, one of the whole source stands for all of a measure.
    """
    scoped = [one for one in gaps if one.scope != Scope()]
    whole = [one for one in gaps if one.scope == Scope()]
    if len(gaps) > MOST_GAPS:
        room = MOST_GAPS - len({one.measure for one in gaps})
        scoped, cut = scoped[:room], scoped[room:]
        measures = dict.fromkeys(one.measure for one in cut)
        whole += [_more([one for one in cut if one.measure == measure]) for measure in measures]
    by_measure: dict[str, Gap] = {}
    for one in whole:
        known = by_measure.get(one.measure)
        by_measure[one.measure] = one if known is None else _joined(known, one)
    return (*by_measure.values(), *scoped)


def _more(cut: list[Gap]) -> Gap:
    """One gap of the whole source for all of a measure that are not told."""
    worst = max(cut, key=lambda one: one.value)
    return msgspec.structs.replace(
        worst,
        since=min(one.since for one in cut),
        scope=Scope(),
        cause=f"and {len(cut):,} more gaps of this measure that are not told one by one, such as: "
        f"{worst.cause} ({worst.scope.text})",
    )


def _joined(one: Gap, other: Gap) -> Gap:
    """Two gaps with one key as one, by the worse of them."""
    worse = one if one.value >= other.value else other
    cause = f"{one.cause}; {other.cause}"
    return msgspec.structs.replace(worse, since=min(one.since, other.since), cause=cause)


def _never(source: SourceSpec, now: int) -> Gap:
    return Gap(
        "silence", 0.0, 0.0, now, "nothing has ever come from it",
        "connect the source, or take it out of what is expected", source.owner,
    )  # fmt: skip


def _history_gap(days: int, wanted: float, of: Subject, complete: int) -> Gap:
    since = of.days.first * DAY if of.days.days else of.now
    when = f"on day {(complete - of.now) // DAY} from now" if complete else "unknown when"
    return Gap(
        "history", float(days), wanted, since,
        f"{days} of the last {WINDOW} days can be used, {wanted:.0f} are asked for",
        f"wait (complete {when} if nothing breaks), or `tocsin backfill` older records",
        of.source.owner, unit_of="days",
    )  # fmt: skip


def _good_days(
    days: Days, use: Use, source_id: str, memory: Memory, thresholds: Thresholds, today: int
) -> set[int]:
    """The days of the window that can be used, those included on which nothing is expected."""
    limits = {
        measure: limit
        for measure in ("rejected", "untimed", "duplicates")
        if (limit := thresholds.limit(source_id, measure, use)) is not None
    }
    bad = set(memory.bad_days.get(use, ()))
    first = days.first
    if not first:
        return set()
    quiet = _quiet_weekdays(days)
    good = set()
    for number in range(max(first, today - WINDOW + 1), today + 1):
        day: Day | None = days.days.get(number)
        silent = day is None or not day.counts.get("n")
        usable = (
            number % 7 in quiet or number in thresholds.holidays or number == today
            if silent or day is None
            else checks.day_is_good(day, limits)
        )
        if usable and number not in bad:
            good.add(number)
    return good


def _quiet_weekdays(days: Days) -> set[int]:
    """Weekdays (day number modulo 7) on which nothing comes as a rule."""
    spoke, all_of = [0] * 7, [0] * 7
    for number in range(days.first, days.last + 1):
        all_of[number % 7] += 1
        spoke[number % 7] += number in days.days
    return {day for day in range(7) if all_of[day] > 1 and spoke[day] < _QUIET * all_of[day]}


def _complete_at(good: set[int], wanted: int, today: int) -> int:
    """When enough days of the window can be used if all that come can be (us UTC)."""
    for ahead in range(1, WINDOW + 1):
        first = today + ahead - WINDOW + 1
        if sum(day >= first for day in good) + ahead >= wanted:
            return (today + ahead) * DAY
    return (today + WINDOW) * DAY


def _notes(of: Subject) -> tuple[str, ...]:
    """What is worth knowing and no gap."""
    notes = []
    if of.source.alerts:
        notes.append(
            "another tool's alerts: behaviour, volumes and what that tool does not see cannot be "
            "judged without raw events"
        )
    fresh = new_keys(of.recent, of.past)
    if fresh:
        notes.append(f"new native fields: {', '.join(fresh[:8])[:200]}")
    loss = checks.usual_loss(of.days)
    if loss > checks.SELECTED:
        notes.append("the sender numbers more than it sends: its numbers cannot show loss")
    if not of.source.owner:
        notes.append("nobody is named as its owner (`owner:` in source.yaml)")
    return tuple(notes)


def _remembered(
    issued: list[SourceReadiness], since: Mapping[str, int], memory: Memory, now: int
) -> Memory:
    today = now // DAY
    fit = {one.use.value: one.fit_since for one in issued if one.is_fit}
    bad: dict[str, list[int]] = {}
    for one in issued:
        days = set(memory.bad_days.get(one.use, ()))
        if any(gap.measure != "history" for gap in one.gaps):
            days.add(today)
        bad[one.use.value] = sorted(day for day in days if day > today - 120)
    return Memory(dict(since), fit, bad)


def unlearned(memory: Memory, hour: Hour, number: int, settle_days: int) -> Hour:
    """The hour, marked with what must not count as usual: what is changed and has not settled."""
    marks: list[tuple[str, str]] = []
    for key, since in memory.since.items():
        measure, class_name, field, unit, segment, _ = key.split("|")
        end = (number + 1) * DAY // 24
        if measure not in _LEARNED or end <= since or end - since > settle_days * DAY:
            continue
        if measure == "schema":
            marks.append((KEYS, ""))
        elif measure == "place":
            marks += _strangers(hour, unit)
        else:
            marks.append((cell_key(class_name, unit, segment), field))
    return Hour(hour.cells, hour.minutes, hour.keys, hour.sequences, hour.history, marks)


def _strangers(hour: Hour, unit: str) -> Iterator[tuple[str, str]]:
    yield "", f"unit:{unit}"
    for cell in hour.cells:
        if cell_parts(cell)[1] == unit:
            yield cell, "@user"
            yield cell, "@host"
