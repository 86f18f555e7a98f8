"""The watermark follows the slowest source that delivers, and waits for no silent one."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.app.watermark import Watermark
from tocsin.flow import LATENESS

DAY = 86_400_000_000
SILENCE = 30_000_000


def test_the_slowest_source_that_delivers_decides() -> None:
    mark = Watermark(SILENCE)
    assert mark.see("p0", {"fast": 10 * DAY}, 10 * DAY, 0) == 10 * DAY - LATENESS
    behind = Watermark(SILENCE)
    assert behind.see("p0", {"fast": 10 * DAY, "slow": DAY}, 10 * DAY, 0) == DAY - LATENESS


def test_a_silent_source_holds_nobody_back() -> None:
    mark = Watermark(SILENCE)
    mark.see("p0", {"slow": DAY}, 10 * DAY, 0)
    assert mark.see("p1", {"fast": 9 * DAY}, 10 * DAY, SILENCE - 1) == DAY - LATENESS
    assert mark.see("p1", {"fast": 9 * DAY}, 10 * DAY, SILENCE + 1) == 9 * DAY - LATENESS


def test_a_clock_ahead_does_not_carry_time_away() -> None:
    mark = Watermark(SILENCE)
    assert mark.see("p0", {"wrong": 99 * DAY}, 2 * DAY, 0) == 2 * DAY - LATENESS


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["p0", "p1"]),
            st.dictionaries(st.sampled_from("abc"), st.integers(0, 20 * DAY), min_size=1),
            st.integers(0, SILENCE * 2),
        )
    )
)
def test_it_never_goes_back(batches: list[tuple[str, dict[str, int], int]]) -> None:
    mark, now, last = Watermark(SILENCE), 0, 0
    for partition, newest, passed in batches:
        now += passed
        found = mark.see(partition, newest, 15 * DAY, now)
        assert last <= found <= 15 * DAY
        last = found
    assert mark.advance(16 * DAY) == 16 * DAY - LATENESS
