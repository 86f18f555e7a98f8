"""What hours leave behind: days for the window of 90, and what is usual for each cell.

The state of a source is touched once an hour. It holds sums, maxima and unions, so that the order
of hours makes no difference; days become weeks as they age.
"""

import msgspec
import pyarrow as pa

from tocsin.model.quality import WHOLE, Counts, add_counts
from tocsin.model.stages import pack_state, unpack_state
from tocsin.normalize.quality.fold import HOURS, Hour, hour_from_bytes
from tocsin.normalize.quality.proportions import KEYS, Past, about, add_hour, add_past

KEPT_DAYS = 120
"""Days that are kept as totals: the window is 90."""

FINE_DAYS = 35
"""Days of which every minute is known: four weeks and some."""

SINGLE_DAYS, WEEKS = 7, 5
"""What is usual is kept by day for so many days, before that by week for so many weeks."""

MOST_CELLS, MOST_PROPORTIONS, MOST_KEYS = 96, 96, 256
MOST_ABOVE = 256
MINUTES = 1_440
_DAY_HOURS = 24


class Day(msgspec.Struct, array_like=True):
    """A day of a source: its counts, attributes over all cells included, and when it spoke."""

    counts: Counts = {}
    hours: dict[int, int] = {}
    """Events by hour of the day (UTC)."""
    minutes: bytes = b""
    """One bit for each minute in which something came; empty for days that are long ago."""
    history: bool = False
    """Whether part of it was backfilled."""


class Days(msgspec.Struct):
    """State of a source. Days count since 1970 (UTC); a week is named by minus its number."""

    floor: int = 0
    above: list[int] = []
    days: dict[int, Day] = {}
    past: dict[int, dict[str, Past]] = {}
    """Stretch (day, or minus the week) -> cell -> what its hours say."""

    @property
    def last(self) -> int:
        """The newest day; 0 before the first."""
        return max(self.days, default=0)

    @property
    def first(self) -> int:
        """The oldest day that is known; 0 before the first."""
        return min(self.days, default=0)


class DaysFold:
    """A Fold over `HOURS`, by source; says nothing of its own."""

    name = "quality-days"
    version = 1

    def key(self, rows: pa.RecordBatch) -> pa.Array:
        """The source."""
        return rows.column("source_id")

    def step(
        self,
        state: bytes | None,
        rows: pa.RecordBatch,
        *,
        watermark: int,  # noqa: ARG002 - the contract's: days need no time to pass
        now: int,  # noqa: ARG002 - the contract of every state
    ) -> tuple[bytes | None, pa.RecordBatch]:
        """Add hours."""
        if not rows.num_rows:
            return state, _NONE
        days = days_from_bytes(state)
        for row in rows.to_pylist():
            if _is_new(days, row["number"]):
                _add(days, row["hour"], hour_from_bytes(row["body"]))
        _age(days)
        return pack_state(self.version, days), _NONE


_NONE = pa.RecordBatch.from_pylist([], schema=HOURS)


def days_from_bytes(state: bytes | None) -> Days:
    """The state of a source; an empty one before the first hour."""
    if state is None:
        return Days()
    return unpack_state(state, Days, DaysFold.version, {})


def _is_new(days: Days, number: int) -> bool:
    if number <= days.floor or number in days.above:
        return False
    days.above = sorted([*days.above, number])
    while days.above and days.above[0] == days.floor + 1:
        days.floor = days.above.pop(0)
    if len(days.above) > MOST_ABOVE:
        days.floor = days.above.pop(0)
    return True


def _add(days: Days, hour: int, one: Hour) -> None:
    number = hour // _DAY_HOURS
    day = days.days.setdefault(number, Day())
    day.history = day.history or one.history
    for key, counts in one.cells.items():
        add_counts(day.counts, _of_day(key, counts))
    n = one.cells.get(WHOLE, {}).get("n", 0)
    if n:
        day.hours[hour % _DAY_HOURS] = day.hours.get(hour % _DAY_HOURS, 0) + n
    if one.minutes:
        first = hour % _DAY_HOURS * 60
        day.minutes = _marked(day.minutes, [first + minute for minute in one.minutes])
    _learn(days.past.setdefault(number, {}), one)


def _of_day(key: str, counts: Counts) -> Counts:
    """What a day keeps of a cell: all of the whole, presence of attributes of the others."""
    if key == WHOLE:
        return counts
    kept = {name for name in counts if name.endswith("#")}
    kept |= {name[:-1] for name in kept} & counts.keys()
    kept |= {name for name in counts if name.endswith("!") or name.startswith("@")}
    return {name: counts[name] for name in kept}


def _marked(bits: bytes, minutes: list[int]) -> bytes:
    marks = bytearray(bits or bytes(MINUTES // 8))
    for minute in minutes:
        marks[minute >> 3] |= 1 << (minute & 7)
    return bytes(marks)


def occupied(day: Day) -> list[int]:
    """The minutes of a day in which something came, ascending."""
    found = []
    for place, byte in enumerate(day.minutes):
        if byte:
            found += [place * 8 + bit for bit in range(8) if byte >> bit & 1]
    return found


def _learn(past: dict[str, Past], one: Hour) -> None:
    untold: dict[str, set[str]] = {}
    for cell, what in one.unlearned:
        untold.setdefault(cell, set()).add(what)
    for key, counts in one.cells.items():
        if key not in past and len(past) >= MOST_CELLS:
            continue
        usual = {n: k for n, k in counts.items() if about(n) not in untold.get(key, ())}
        add_hour(past.setdefault(key, Past()), usual, MOST_PROPORTIONS)
    if one.keys and KEYS not in untold:
        sampled = one.cells.get(WHOLE, {}).get("sampled", 0)
        keys = {f"key:{name}": n for name, n in one.keys.items()}
        native = past.setdefault(KEYS, Past())
        add_hour(native, {"sampled": sampled, **keys}, MOST_KEYS)


def _age(days: Days) -> None:
    """Let go of what is too old, and make weeks of the days before the last ones."""
    last = days.last
    for number in [one for one in days.days if one <= last - KEPT_DAYS]:
        del days.days[number]
    for number, day in days.days.items():
        if number <= last - FINE_DAYS:
            day.minutes = b""
    for number in sorted(days.past):
        if 0 <= number <= last - SINGLE_DAYS:
            _into_week(days, number)
        elif number < 0 and -number <= last // 7 - WEEKS:
            del days.past[number]


def _into_week(days: Days, number: int) -> None:
    gone = days.past.pop(number)
    week = number // 7
    if week <= days.last // 7 - WEEKS:
        return
    into = days.past.setdefault(-week, {})
    for key, past in gone.items():
        if key in into or len(into) < MOST_CELLS:
            add_past(into.setdefault(key, Past()), past)


def usual(days: Days) -> dict[str, Past]:
    """What was usual for each cell, over all days and weeks that are kept."""
    found: dict[str, Past] = {}
    for cells in days.past.values():
        for key, past in cells.items():
            add_past(found.setdefault(key, Past()), past)
    return found
