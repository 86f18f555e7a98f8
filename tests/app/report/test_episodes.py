"""The axis keeps the order of time, and takes out nothing but silence."""

from hypothesis import given
from hypothesis import strategies as st
from tests.app.report.hunts import SECOND, T0

from tocsin.app.report.episodes import MAX_SPANS, Axis, Span, ticks

TIMES = st.lists(st.integers(0, 10**16), min_size=1, max_size=60)


@given(TIMES)
def test_places_rise_with_time_and_stay_within(times):
    axis = Axis(times, 100.0, 1000.0)
    places = [axis.place(time) for time in sorted(times)]
    assert places == sorted(places)
    assert places[0] >= 99.9
    assert places[-1] <= 1000.1


@given(TIMES)
def test_every_time_lies_in_a_span(times):
    axis = Axis(times, 0.0, 1000.0)
    assert len(axis.spans) <= MAX_SPANS
    assert all(any(s.first <= t <= s.last for s in axis.spans) for t in times)
    assert len(axis.silences()) == len(axis.spans) - 1
    assert all(length > 0 for _, length in axis.silences())


def test_years_of_silence_are_taken_out():
    year = 365 * 86_400 * SECOND
    axis = Axis([T0, T0 + SECOND, T0 + year, T0 + year + SECOND], 0.0, 1000.0)
    assert [(span.first, span.last) for span in axis.spans] == [
        (T0, T0 + SECOND),
        (T0 + year, T0 + year + SECOND),
    ]


def test_a_pause_in_steady_work_stays():
    axis = Axis([T0 + n * 3_600 * SECOND for n in range(24)], 0.0, 1000.0)
    assert len(axis.spans) == 1


@given(st.integers(0, 10**15), st.integers(0, 10**15), st.floats(50, 1000))
def test_ticks_are_few_and_round(first, length, width):
    found = ticks(Span(first, first + length, 0.0, width))
    assert len(found) <= width / 80 + 2
    assert all(time % SECOND == 0 and first <= time <= first + length for _, time in found)
