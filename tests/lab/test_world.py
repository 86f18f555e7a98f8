from collections.abc import Iterator
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from tests.lab.conftest import MONDAY, written_by

from tocsin.lab.enterprise import Enterprise
from tocsin.lab.windows import LOGOFF
from tocsin.lab.world import DAY, HOUR, MINUTE, World


def ticking(world: World, seen: list[int], every: int) -> Iterator[int]:
    while True:
        yield every
        seen.append(world.now)


def test_habits_run_in_order_of_time(world: World) -> None:
    seen: list[int] = []
    world.begin(ticking(world, seen, 3 * MINUTE))
    world.begin(ticking(world, seen, 2 * MINUTE), after=MINUTE)
    world.run(MONDAY + 10 * MINUTE)
    assert seen == sorted(seen)
    assert len(seen) == 3 + 4
    assert world.now == MONDAY + 10 * MINUTE


def test_nothing_happens_at_or_after_the_end(world: World) -> None:
    seen: list[int] = []
    world.begin(ticking(world, seen, MINUTE))
    world.run(MONDAY + MINUTE)
    assert seen == []
    world.run(MONDAY + MINUTE + 1)
    assert seen == [MONDAY + MINUTE]


def test_a_habit_that_ends_is_forgotten(world: World) -> None:
    world.begin(iter(()))
    world.run(MONDAY + DAY)


def test_stamps_keep_their_order_in_milliseconds(world: World) -> None:
    stamps = [world.stamp() for _ in range(50)]
    assert all(b // 1000 > a // 1000 for a, b in pairwise(stamps))
    assert stamps[-1] - MONDAY < 1_000_000


def test_a_host_without_logs_writes_nothing(world: World) -> None:
    world.log(world.hosts["SCAN01"], LOGOFF, {})
    assert written_by(world) == []


@given(hour=st.floats(0, 23.99), now=st.integers(0, 3 * DAY))
def test_waiting_for_an_hour_ends_at_that_hour(hour: float, now: int) -> None:
    world = World.__new__(World)
    world.enterprise = Enterprise()
    world.now = MONDAY + now
    wait = world.until_hour(hour)
    assert 0 <= wait <= 24 * HOUR
    _, shown = world.local(world.now + wait)
    assert min(abs(shown - hour), 24 - abs(shown - hour)) < 1e-3


def test_work_stops_at_the_weekend(world: World) -> None:
    days = []
    for day in range(7):
        world.now = MONDAY + day * DAY + HOUR
        days.append(world.workday())
    assert days == [True] * 5 + [False] * 2
