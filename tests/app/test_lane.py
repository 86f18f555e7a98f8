"""A lake that refuses bounds what waits for it, and is tried again."""

import pytest

from tocsin.app.lane import BEHIND, MOST_WAITING, RETRY, Lane
from tocsin.app.workers import AHEAD, Reply
from tocsin.settings import Lake

LAKE = Lake(commit_seconds=30, commit_rows=100)


class Recorder:
    """Stands where the worker stands; keeps what it is asked."""

    def __init__(self):
        self.kinds = []

    def send(self, request):
        self.kinds.append(request.kind)


def lane() -> Lane:
    return Lane("p0", Recorder(), judged=-1, upto=-1, last_flush=0.0)


def refuse(one: Lane, now: float) -> None:
    one.open.clear()
    one.flushed(Reply(0, error="disk full"), now, LAKE)


def test_it_commits_when_enough_waits_or_waited_long_enough():
    one = lane()
    one.flush_if_due(100.0, LAKE, at_once=False)
    one.rows_settled = 99
    one.flush_if_due(29.0, LAKE, at_once=False)
    assert one.worker.kinds == []
    one.flush_if_due(30.0, LAKE, at_once=False)
    assert one.worker.kinds == ["flush"]
    one.flush_if_due(31.0, LAKE, at_once=False)
    assert one.worker.kinds == ["flush"], "one commit at a time"


def test_a_refusal_is_tried_again_after_a_pause():
    one = lane()
    one.rows_settled = 150
    one.flush_if_due(1.0, LAKE, at_once=False)
    refuse(one, 1.0)
    one.flush_if_due(1.0 + RETRY - 0.1, LAKE, at_once=False)
    assert one.worker.kinds == ["flush"]
    one.flush_if_due(1.0 + RETRY, LAKE, at_once=False)
    assert one.worker.kinds == ["flush", "flush"]


def test_beyond_the_bound_events_stay_in_the_spool_and_the_lane_begins_anew():
    one = lane()
    one.rows_settled = MOST_WAITING * LAKE.commit_rows
    refuse(one, 1.0)
    assert one.worker.kinds == ["forget"]
    one.open.clear()
    one.settled(Reply(1, {"settled": 0, "stored": 0}))
    assert one.waiting == 0
    assert one.may_observe(1.0), "detection goes on"
    assert not one.is_due(1.0 + BEHIND - 1)
    assert one.is_due(1.0 + BEHIND)
    assert not one.may_observe(1.0 + BEHIND), "it becomes idle to be made anew"


def test_no_more_is_asked_ahead_than_agreed():
    one = lane()
    while one.may_observe(0.0):
        one.ask("observe")
    assert one.worker.kinds == ["observe"] * AHEAD


def test_events_that_were_let_go_are_never_said_to_be_in_the_lake():
    one = lane()
    one.rows_settled = MOST_WAITING * LAKE.commit_rows
    refuse(one, 1.0)
    one.settled(Reply(1, {"settled": 50}))  # a settle that was under way before the forget
    one.flush_if_due(1.0 + RETRY, LAKE, at_once=False)
    one.flush_if_due(2.0, LAKE, at_once=True)
    assert one.worker.kinds == ["forget"]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_what_waits_is_known_whichever_answer_overtakes_the_other(order: tuple[int, int]) -> None:
    one = lane()
    one.settled(Reply(1, {"settled": 50}))
    one.flushing = True
    answers = [
        lambda: one.settled(Reply(2, {"settled": 80})),
        lambda: one.flushed(Reply(3, {"upto": 7, "stored": 50}), 1.0, LAKE),
    ]
    for number in order:
        answers[number]()
    assert one.waiting == 30
