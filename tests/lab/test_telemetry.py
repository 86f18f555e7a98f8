"""Simulated quality: faults are named with their cause, the guard refuses, clean weeks are quiet.

All of this is synthetic: counts of sources with a rhythm, through the product's folds and
judgement. `tests/lab/test_faults.py` puts records through the measurement as well.
"""

from collections.abc import Callable

import pytest

from tocsin.lab.readiness import Watch, run, specs
from tocsin.lab.telemetry import Stream, office, steady, ticks, twenty
from tocsin.lab.world import DAY, HOUR, MINUTE
from tocsin.model.quality import HostDelay, Measured
from tocsin.model.readiness import Asked, Fit, Refused, Use

START = 1_772_323_200_000_000
BEGINS = START + 2 * DAY + 10 * HOUR
STREAM = Stream("gate", steady(400))


def renamed(measured: Measured) -> Measured:
    for counts in measured.cells.values():
        if "user.name~bare" in counts:
            counts["user.name~mail"] = counts.pop("user.name~bare")
    return measured


def nameless(measured: Measured) -> Measured:
    for counts in measured.cells.values():
        if "user.name" in counts:
            counts["user.name"] = counts["user.name~bare"] = counts["user.name~words"] = 0
    return measured


def an_hour_ahead(measured: Measured) -> Measured:
    whole = measured.hosts[""]
    measured.hosts[""] = HostDelay(whole.n, whole.median - 3_600, whole.spread)
    return measured


def unknown_in_the_plant(measured: Measured) -> Measured:
    for key, counts in measured.cells.items():
        if "|plant|" in key:
            counts["@user-nowhere"] = counts["@user#"]
    return measured


@pytest.fixture(scope="module")
def learned() -> dict:
    """What is known after two days and ten hours."""
    watch = Watch(specs([STREAM]))
    run(watch, [ticks(STREAM, 1, START, BEGINS, every=15 * MINUTE)], BEGINS, 15 * MINUTE)
    return dict(watch.books.states)


def after(learned: dict) -> Watch:
    watch = Watch(specs([STREAM]))
    watch.books.states = dict(learned)
    return watch


@pytest.mark.parametrize(
    ("alter", "measure", "cause", "most"),
    [
        (renamed, "format", "user@domain", 1_000),
        (nameless, "field", "user.name is missing", 1_000),
        (an_hour_ahead, "clock", "60 minutes ahead", 500),
        (unknown_in_the_plant, "place", "users of unit plant belong to no unit", 1_000),
    ],
)
def test_a_fault_is_named_and_the_guard_refuses(
    learned: dict, alter: Callable[[Measured], Measured], measure: str, cause: str, most: int
) -> None:
    watch, events = after(learned), 0
    for tick in ticks(
        STREAM, 2, BEGINS, BEGINS + 3 * HOUR, every=2 * MINUTE, change=lambda _at, m: alter(m)
    ):
        events += tick.events
        if watch.take([tick]):
            break
    alarm = watch.alarms[0]
    assert alarm.gap.measure == measure
    assert cause in alarm.gap.cause
    assert events <= most
    assert alarm.gap.fix
    assert alarm.gap.owner == "lab"
    answer = watch.readiness.ask([Asked("gate")], Use.AUTONOMY, (), alarm.at)
    assert isinstance(answer, Refused)
    assert any(cause in reason for reason in answer.reasons)
    said = [e for e in watch.books.evidence if e.subject == "gate:autonomy"]
    assert said[-1].claims["fit"] is False
    assert any(cause in str(body) for _, _, body in watch.books.records)


def test_silence_is_found_within_a_quarter_of_an_hour(learned: dict) -> None:
    watch = after(learned)
    for tick in ticks(STREAM, 2, BEGINS, BEGINS + MINUTE, every=MINUTE):
        watch.take([tick])
    minute = 0
    while not watch.alarms and minute < 60:
        minute += 1
        watch.wait(BEGINS + minute * MINUTE)
    assert watch.alarms[0].gap.measure == "silence"
    assert minute <= 16
    answer = watch.readiness.ask([Asked("gate")], Use.DETECTION, (), BEGINS + minute * MINUTE)
    assert isinstance(answer, Refused)


def test_a_clean_source_is_fit_for_detection_and_lacks_only_its_window(learned: dict) -> None:
    watch = after(learned)
    for tick in ticks(STREAM, 2, BEGINS, BEGINS + 10 * MINUTE, every=5 * MINUTE):
        watch.take([tick])
    assert watch.alarms == []
    now = BEGINS + 11 * MINUTE
    assert watch.readiness.ask([Asked("gate")], Use.DETECTION, (), now) == Fit()
    trained = watch.readiness.known["gate", Use.TRAINING]
    assert [gap.measure for gap in trained.gaps] == ["history"]
    assert trained.history_days == 3
    assert 0 < trained.complete_at - now < 90 * DAY


def test_sources_with_a_week_are_quiet_over_eight_clean_days() -> None:
    streams = [one for one in twenty() if one.source_id in ("nightly", "weekly-small")]
    streams.append(Stream("shop", office(60)))
    end = START + 8 * DAY
    watch = Watch(specs(streams), look_every=15 * MINUTE)
    run(watch, [ticks(s, 3, START, end, every=5 * MINUTE) for s in streams], end, 5 * MINUTE)
    assert [(one.source_id, one.gap.cause) for one in watch.alarms] == []
