"""When a source usually speaks, and whether its silence is one.

The week is learned by the hour, from minutes in which something came. The chance that a minute
passes in silence is that of its hour of the week (and of the hours beside it, the quieter one
counts: people are not on time, and clocks are put forward). A silence is judged in these minutes'
own time: nights, weekends and declared holidays weigh little. With independent minutes, surprise
is exponential with mean 1 (time rescaling: Brown et al., Neural Computation 14, 2002); sources
come in bursts, so the scale is stretched to the longest surprise that the source's own past holds.
"""

from collections.abc import Collection
from functools import cached_property
from math import log
from typing import NamedTuple

from tocsin.normalize.quality.days import MINUTES, Days, occupied
from tocsin.normalize.quality.fold import DAY, HOUR, MINUTE, SECOND

WEEK_HOURS = 168
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday (Monday is 0)."""
_SUNDAY = 6
_SATURDAY = 5

FALSE_ALARM = 1e-6
"""Chance that a silence is called one by accident, for each time that the source falls silent.

A source speaks up to 10,080 times a week: 20 sources have at most 0.2 false alarms a week."""

_LIMIT = -log(FALSE_ALARM)
_FEW_DAYS = 14
_YOUNG = 1.5
"""Days of which a rhythm is still young, and by how much its limit is then raised."""
_LEAST_DAYS = 3
_WHOLE_WEEK, _LONG, _WEEKEND = 8, 4 * 3_600.0, 84 * 3_600.0
"""Before a whole week is known, a source that is silent for hours may be so for a weekend."""

_MOST_SURPRISE = 20.0


class Silence(NamedTuple):
    """A silence as it is judged. `seconds` since something came; limits are those that count."""

    seconds: float
    limit: float
    """Seconds after which it counts as one, where that is known (declared or longest by three)."""
    surprise: float
    allowed: float
    is_one: bool
    because: str


class Rhythm:
    """What is usual for a source; made once an hour at most."""

    def __init__(self, days: Days, holidays: Collection[int] = ()) -> None:
        """`holidays` are days since 1970 that count as Sundays."""
        self._days = {n: day for n, day in days.days.items() if any(day.minutes)}
        self._holidays = frozenset(holidays)
        self._quiet = self._learn()

    def _weekday(self, day: int) -> int:
        return _SUNDAY if day in self._holidays else (day + _EPOCH_WEEKDAY) % 7

    def _learn(self) -> list[float | None]:
        """The surprise of one silent minute, by hour of the week; None where nothing is known."""
        seen, busy = [0] * WEEK_HOURS, [0] * WEEK_HOURS
        first, last = min(self._days, default=0), max(self._days, default=-1)
        begins, ends = self._edges(first, last)
        for number in range(first, last + 1):
            start = self._weekday(number) * 24
            hours = [0] * 24
            day = self._days.get(number)
            for minute in occupied(day) if day else ():
                hours[minute // 60] += 1
            for hour in range(24):
                if begins <= number * 24 + hour <= ends:
                    seen[start + hour] += 60
                    busy[start + hour] += hours[hour]
        return [self._of_hour(hour, seen, busy) for hour in range(WEEK_HOURS)]

    def _edges(self, first: int, last: int) -> tuple[int, int]:
        """The first and last hour (since 1970) that are known: a day at an end is not whole."""
        if first not in self._days:
            return 0, -1
        begins = occupied(self._days[first])[0] // 60
        ends = occupied(self._days[last])[-1] // 60
        return first * 24 + begins, last * 24 + ends

    def _of_hour(self, hour: int, seen: list[int], busy: list[int]) -> float | None:
        shares = []
        for beside in (hour - 1, hour, hour + 1):
            at = beside % WEEK_HOURS
            n, k = seen[at], busy[at]
            if not n:
                n, k = self._like(at, seen, busy)
            if not n:
                return None
            shares.append(max(0.0, k - 0.5) / (n + 0.5))
        return min(_MOST_SURPRISE, -log(1 - min(shares)))

    def _like(self, hour: int, seen: list[int], busy: list[int]) -> tuple[int, int]:
        """The same hour of days of the same kind, for a weekday that was not seen yet."""
        weekend = hour // 24 >= _SATURDAY
        same = [
            day * 24 + hour % 24
            for day in range(7)
            if (day >= _SATURDAY) == weekend and seen[day * 24 + hour % 24]
        ]
        if not same:
            return 0, 0
        quietest = min(same, key=lambda at: busy[at] / seen[at])
        return seen[quietest], busy[quietest]

    def _surprise_of_hour(self, hour: int) -> float:
        """The surprise of a silent minute in an hour since 1970; 0 where nothing is known."""
        day = hour // 24
        return self._quiet[self._weekday(day) * 24 + hour % 24] or 0.0

    def surprise(self, since: int, until: int) -> float:
        """How surprising silence is between two times (us UTC)."""
        total = 0.0
        at = since
        while at < until:
            end = min(until, (at // HOUR + 1) * HOUR)
            total += (end - at) / MINUTE * self._surprise_of_hour(at // HOUR)
            at = end
        return total

    @cached_property
    def _gaps(self) -> tuple[float, float, int]:
        """The longest silence (s), the most surprising one, and how often it fell silent.

        The first silent minute of each is left out: it only says that there is a silence.
        """
        longest = most = 0.0
        before: int | None = None
        count = 0
        for number in sorted(self._days):
            for minute in occupied(self._days[number]):
                at = number * MINUTES + minute
                if before is not None and at - before > 1:
                    count += 1
                    longest = max(longest, (at - before) * 60.0)
                    most = max(most, self._surprise_between(before + 2, at))
                before = at
        return longest, most, count

    def _surprise_between(self, minute: int, until: int) -> float:
        """`surprise` in whole minutes; most gaps lie within an hour."""
        if minute // 60 == until // 60:
            return (until - minute) * self._surprise_of_hour(minute // 60)
        return self.surprise(minute * MINUTE, until * MINUTE)

    @property
    def longest(self) -> float:
        """The longest silence (s) of the past that is known."""
        return self._gaps[0]

    @property
    def allowed(self) -> float:
        """The surprise that the source may reach."""
        _, most, count = self._gaps
        stretch = most / max(log(count + 1), 1.0)
        limit = _LIMIT * max(1.0, stretch)
        return limit * (_YOUNG if len(self._days) < _FEW_DAYS else 1.0)

    def silence(self, last: int, now: int, *, expected: int, least: int, delay: int = 0) -> Silence:
        """Judge the silence since `last` (us UTC).

        `expected` (s) is the longest usual silence that the source declares (0: none), `least` (s)
        the shortest that is ever called one, `delay` (s) how much later than events its records
        come.
        """
        seconds = max(0.0, (now - last) / SECOND)
        known = len(self._days) >= _LEAST_DAYS
        usual = max(float(expected), self.longest)
        limit = 3 * usual + delay if usual and (known or expected) else 0.0
        if limit and len(self._days) < _WHOLE_WEEK and usual > _LONG:
            limit = max(limit, _WEEKEND)
        surprise = self.surprise(last, now - delay * SECOND) if known else 0.0
        allowed = self.allowed
        if seconds < least:
            return Silence(seconds, limit, surprise, allowed, is_one=False, because="")
        if known and surprise > allowed:
            because = "at this time of the week it has never been silent for so long"
            return Silence(seconds, limit, surprise, allowed, is_one=True, because=because)
        if limit and seconds > limit:
            because = f"its longest usual silence is {usual / 60:,.0f} minutes"
            return Silence(seconds, limit, surprise, allowed, is_one=True, because=because)
        return Silence(seconds, limit, surprise, allowed, is_one=False, because="")

    @property
    def days(self) -> int:
        """Days of which every minute is known."""
        return len(self._days)


def day_of(at: int) -> int:
    """The day since 1970 of a time."""
    return at // DAY
