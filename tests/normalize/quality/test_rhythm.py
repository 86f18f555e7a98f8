"""Silence is judged by the hour of the week: nights weigh little, bursts allow for more."""

from tocsin.normalize.quality.days import Day, Days, _marked
from tocsin.normalize.quality.fold import DAY, HOUR, MINUTE
from tocsin.normalize.quality.rhythm import Rhythm

MONDAY = 20_514
"""2026-03-02."""


def days(weeks: int, spoke) -> Days:
    """`spoke(weekday, minute of the day)` says whether something came in a minute."""
    made = Days()
    for day in range(weeks * 7):
        minutes = [m for m in range(1_440) if spoke(day % 7, m)]
        if minutes:
            made.days[MONDAY + day] = Day({"n": len(minutes)}, {}, _marked(b"", minutes))
    return made


def office(weekday: int, minute: int) -> bool:
    return weekday < 5 and 8 * 60 <= minute < 18 * 60


def at(day: int, hour: float) -> int:
    return (MONDAY + day) * DAY + int(hour * HOUR)


def silence(rhythm: Rhythm, last: int, now: int, expected: int = 0):
    return rhythm.silence(last, now, expected=expected, least=600)


def test_a_steady_source_is_silent_after_ten_minutes():
    rhythm = Rhythm(days(2, lambda _day, _minute: True))
    last = at(14, 3)
    assert not silence(rhythm, last, last + 9 * MINUTE).is_one
    assert silence(rhythm, last, last + 11 * MINUTE).is_one


def test_nights_and_weekends_are_no_silence_and_a_monday_morning_is():
    rhythm = Rhythm(days(3, office))
    friday = at(25, 17.99)
    assert not silence(rhythm, friday, at(28, 7)).is_one
    assert silence(rhythm, friday, at(28, 9.5)).is_one


def test_a_declared_holiday_counts_as_a_sunday():
    history = days(3, office)
    assert not silence(Rhythm(history, {MONDAY + 28}), at(25, 17.99), at(28, 18)).is_one


def test_a_weekly_job_is_missed_after_three_weeks():
    rhythm = Rhythm(days(5, lambda day, minute: day == 6 and 120 <= minute < 180))
    last = at(34, 3)
    assert not silence(rhythm, last, last + 8 * DAY).is_one
    assert silence(rhythm, last, last + 22 * DAY).is_one


def test_bursts_of_its_own_past_allow_a_source_more():
    bursty = Rhythm(days(2, lambda _day, minute: minute % 120 < 60))
    last = at(14, 12.99)
    assert not silence(bursty, last, last + 70 * MINUTE).is_one


def test_without_a_past_only_what_is_declared_counts():
    rhythm = Rhythm(Days())
    last = at(0, 12)
    assert not silence(rhythm, last, last + DAY).is_one
    assert silence(rhythm, last, last + HOUR, expected=900).is_one
    assert not silence(rhythm, last, last + 40 * MINUTE, expected=900).is_one
