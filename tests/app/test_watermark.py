"""The watermark follows the slowest source that delivers, and waits for no silent one."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.app.watermark import BACKLOG, HOLD, Watermark

DAY = 86_400_000_000
SILENCE = 60_000_000


def test_what_was_seen_counts_after_a_while() -> None:
    mark = Watermark(SILENCE)
    assert mark.see("p0", {"fast": 10 * DAY}, 10 * DAY, 0) == 0
    assert mark.see("p0", {"fast": 9 * DAY}, 10 * DAY, HOLD - 1) == 0, (
        "another file, from its start"
    )
    assert mark.see("p0", {}, 10 * DAY, HOLD) == 10 * DAY


def test_the_slowest_source_that_delivers_decides() -> None:
    mark = Watermark(SILENCE)
    mark.see("p0", {"fast": 10 * DAY, "slow": DAY}, 10 * DAY, 0)
    assert mark.see("p0", {}, 10 * DAY, HOLD) == DAY


def test_a_silent_source_holds_nobody_back() -> None:
    mark = Watermark(SILENCE)
    mark.see("p0", {"slow": DAY}, 10 * DAY, 0)
    mark.see("p1", {"fast": 9 * DAY}, 10 * DAY, SILENCE - 1)
    assert mark.see("p1", {"fast": 9 * DAY}, 10 * DAY, SILENCE + HOLD - 2) == DAY
    mark.see("p1", {"fast": 9 * DAY}, 10 * DAY, SILENCE + HOLD)
    assert mark.see("p1", {"fast": 9 * DAY}, 10 * DAY, SILENCE + 3 * HOLD) == 9 * DAY


def test_with_a_backlog_a_day_may_still_come() -> None:
    mark = Watermark(SILENCE)
    for second in range(120):
        found = mark.see("p0", {"a": 10 * DAY}, 10 * DAY, second * 1_000_000, more=True)
    assert found == 10 * DAY - BACKLOG
    mark.see("p0", {"a": 10 * DAY}, 10 * DAY, 121_000_000)
    assert mark.see("p0", {}, 10 * DAY, 121_000_000 + HOLD) == 10 * DAY


def test_a_clock_ahead_does_not_carry_time_away() -> None:
    mark = Watermark(SILENCE)
    mark.see("p0", {"wrong": 99 * DAY}, 2 * DAY, 0)
    assert mark.see("p0", {}, 2 * DAY, HOLD) == 2 * DAY


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["p0", "p1"]),
            st.dictionaries(st.sampled_from("abc"), st.integers(0, 20 * DAY), min_size=1),
            st.integers(0, SILENCE * 2),
            st.booleans(),
        )
    )
)
def test_it_never_goes_back(batches: list[tuple[str, dict[str, int], int, bool]]) -> None:
    mark, now, last = Watermark(SILENCE), 0, 0
    for partition, newest, passed, more in batches:
        now += passed
        found = mark.see(partition, newest, 15 * DAY, now, more=more)
        assert last <= found <= 15 * DAY
        last = found
    assert mark.advance(16 * DAY) == 16 * DAY
