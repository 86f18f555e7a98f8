"""Quality adds up the same in any order, once, and within bounds; numbers that miss are lost."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.laws import END, check_fold

from tocsin.model.quality import QUALITY, WHOLE, HostDelay, Measured, measured_to_bytes
from tocsin.normalize.quality.days import DaysFold, days_from_bytes
from tocsin.normalize.quality.fold import (
    HOUR,
    HOURS,
    LATENESS,
    MINUTE,
    QualityFold,
    hour_from_bytes,
    named,
    recent_from_bytes,
)

START = 480_000 * HOUR


def row(first: int, at: int, n: int = 10, *, numbers=(), history=False, host="h"):
    measured = Measured(
        {WHOLE: {"n": n}, "authentication|u|": {"n": n, "user.name#": n, "user.name": n - 1}},
        {at // MINUTE: n},
        {"": HostDelay(n, 1.0, 0.1), host: HostDelay(n, 1.0, 0.1)},
        {"User": 1},
    )
    if numbers:
        measured.sequences = {"dc01": list(numbers)}
    return {
        "source_id": "s", "partition": "p", "first": first, "last": first, "at": at,
        "history": history, "events": n, "body": measured_to_bytes(measured),
    }  # fmt: skip


def table(rows):
    return pa.RecordBatch.from_pylist(rows, schema=QUALITY)


def meaning(outputs):
    """Hours by what they say, whichever number they were handed on under."""
    said = {}
    for output in outputs:
        for one in output.to_pylist():
            hour = hour_from_bytes(one["body"])
            key = (one["hour"], hour.history)
            assert key not in said, "an hour is handed on once"
            said[key] = (hour.cells, sorted(hour.minutes.items()), hour.keys)
    return said


ROWS = st.lists(
    st.tuples(st.integers(0, 5 * 60), st.integers(1, 500), st.booleans()), min_size=1, max_size=12
)


@settings(max_examples=40)
@given(ROWS, st.data())
def test_the_laws_of_a_fold(drawn, data):
    rows = [
        row(n, START + minutes * MINUTE, events, history=old)
        for n, (minutes, events, old) in enumerate(drawn)
    ]
    said = check_fold(
        QualityFold, table(rows), meaning, data, lateness=int(LATENESS * 0.9), time="at"
    )
    assert sum(cells[WHOLE]["n"] for cells, _, _ in said.values()) == sum(e for _, e, _ in drawn)


def test_a_row_counts_once():
    fold = QualityFold()
    rows = table([row(1, START), row(2, START + MINUTE)])
    once, _ = fold.step(None, rows, watermark=0, now=0)
    twice, _ = fold.step(once, rows, watermark=0, now=0)
    assert recent_from_bytes(twice).open == recent_from_bytes(once).open


def all_hours(rows):
    fold = QualityFold()
    state, early = fold.step(None, table(rows), watermark=0, now=0)
    _, late = fold.step(state, table([]), watermark=END, now=0)
    return pa.Table.from_batches([early, named(late, "s")]).combine_chunks().to_batches()[0]


def closed(rows):
    return [hour_from_bytes(body) for body in all_hours(rows).column("body").to_pylist()]


def test_numbers_that_never_came_are_lost_and_those_late_within_the_hour_are_not():
    [hour] = closed([row(1, START, numbers=[(1, 10), (15, 20)]), row(2, START, numbers=[(12, 14)])])
    assert (hour.cells[WHOLE]["numbered"], hour.cells[WHOLE]["lost"]) == (20, 1)


def test_a_gap_between_two_hours_is_seen_and_a_log_that_begins_anew_is_none():
    first, second, third = closed(
        [
            row(1, START, numbers=[(1, 10)]),
            row(2, START + HOUR, numbers=[(16, 20)]),
            row(3, START + 2 * HOUR, numbers=[(1, 5)]),
        ]
    )
    assert first.cells[WHOLE]["lost"] == 0
    assert second.cells[WHOLE]["lost"] == 5
    assert third.cells[WHOLE]["lost"] == 0


def test_state_is_bounded_however_much_comes():
    fold, state, sizes = QualityFold(), None, []
    for n in range(400):
        rows = table([row(n, START + n * 10 * MINUTE, host=f"h{n}")])
        state, _ = fold.step(state, rows, watermark=START + n * 10 * MINUTE, now=0)
        sizes.append(len(state))
    assert max(sizes[300:]) < 60_000
    assert max(sizes[350:]) <= max(sizes[250:350]) * 1.1


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 300)), min_size=1, max_size=10), st.data()
)
def test_days_keep_the_laws_too(drawn, data):
    rows = [row(n, START + day * 24 * HOUR, events) for n, (day, events) in enumerate(drawn)]
    hours = all_hours(rows)
    order = data.draw(st.permutations(range(hours.num_rows)))
    again = data.draw(st.integers(0, hours.num_rows))
    plain, _ = DaysFold().step(None, hours, watermark=0, now=0)
    mixed = None
    for n in [*order, *order[:again]]:
        mixed, _ = DaysFold().step(mixed, hours.slice(n, 1), watermark=0, now=0)
    one, other = days_from_bytes(plain), days_from_bytes(mixed)
    assert one.days == other.days
    assert one.past == other.past
    assert sum(day.counts["n"] for day in one.days.values()) == sum(e for _, e in drawn)


def test_hours_without_rows_get_the_name_of_their_source():
    empty = pa.RecordBatch.from_pylist([], schema=HOURS)
    assert named(empty, "s").schema == HOURS
