"""Whose state holds when an alert is changed here and there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.findings import VendorAlert
from tocsin.model.incidents import Grade
from tocsin.model.writeback import (
    CAUSES,
    Cause,
    Closing,
    Order,
    Side,
    Upstream,
    closing_of,
    settle_sides,
)

CLOSE = closing_of(Grade.FALSE_POSITIVE)


def order(at=100, *, opens=False, comment="a scanner", seen=10, over=False):
    alert = VendorAlert("siem", "a", status="New", updated=seen, over=over)
    closing = None if opens else CLOSE
    return Order("f", "inc", alert, opens, closing, comment, "tom", at)


def theirs(updated=10, status="New", *, opens=True, closing=None, automatic=False):
    return Upstream("a", opens, status, closing, updated, "x", automatic)


def test_where_only_we_changed_ours_holds():
    assert settle_sides(order(), theirs()).side is Side.OURS
    assert not settle_sides(order(), theirs()).conflict


def test_where_both_say_the_same_nothing_is_sent():
    closed = theirs(50, "Closed", opens=False, closing=CLOSE)
    assert settle_sides(order(), closed).side is Side.AGREED


def test_a_persons_closure_with_a_reason_wins_over_automation():
    changed = theirs(500, "In Progress", automatic=True)
    found = settle_sides(order(100), changed)
    assert (found.side, found.conflict) == (Side.OURS, True)
    assert settle_sides(order(100, comment=""), changed).side is Side.THEIRS


def test_otherwise_the_later_change_wins_and_ours_on_a_tie():
    other = closing_of(Grade.TRUE_POSITIVE)
    for at, side in ((50, Side.OURS), (100, Side.OURS), (101, Side.THEIRS)):
        changed = theirs(at, "Closed", opens=False, closing=other)
        assert settle_sides(order(100), changed).side is side
        assert settle_sides(order(100), changed).conflict


def test_a_touch_that_changed_no_status_is_no_conflict():
    assert settle_sides(order(), theirs(500)).side is Side.OURS


def test_opening_again_meets_a_closure_of_theirs():
    back = order(100, opens=True, over=True)
    assert settle_sides(back, theirs(opens=False, closing=CLOSE)).side is Side.OURS
    assert settle_sides(back, theirs(90)).side is Side.AGREED


@given(st.sampled_from(Grade), st.sampled_from(Cause) | st.none())
def test_a_cause_fits_its_grade_or_is_refused(grade, cause):
    if cause is None or cause in CAUSES[grade]:
        made = closing_of(grade, cause)
        assert made.cause in (*CAUSES[grade], None)
        assert made == Closing(grade, cause or next(iter(CAUSES[grade]), None))
    else:
        with pytest.raises(ValueError, match="is no cause of"):
            closing_of(grade, cause)


def test_order_of_sides_is_total():
    """Whatever comes, somebody's state holds."""
    for opens in (True, False):
        for at in (5, 100, 500):
            for there in (theirs(at, "X", opens=True), theirs(at, "X", opens=False)):
                assert settle_sides(order(opens=opens), there).reason
