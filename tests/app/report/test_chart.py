"""A mark for what was found when; its form alone tells the level."""

import pytest
from tests.app.report.hunts import SECOND, T0, finding

from tocsin.app.report.chart import MAX_LANES, NO_HOST, draw, shape
from tocsin.model.findings import Level


def host_of(one):
    return one.entities[0].name if one.entities else ""


def test_nothing_is_drawn_of_nothing():
    assert draw([], host_of) is None


def test_every_finding_is_in_one_mark_and_in_the_table():
    found = [finding(n, f"h{n % 3}", level=list(Level)[n % 5]) for n in range(40)]
    chart = draw(found, host_of)
    assert sum(lane.total for lane in chart.lanes) == 40
    assert sum(n for lane in chart.lanes for _, n in lane.counts) == 40
    assert [key.level for key in chart.keys] == [level.value for level in reversed(Level)]
    assert "40 findings" in chart.caption


def test_levels_differ_in_form():
    forms = {
        shape(level, 8, 8, 5).translate({ord(c): None for c in "0123456789.- "}) for level in Level
    }
    assert len(forms) == 4  # low is a ring, informational a dot: they differ in size and filling
    assert shape(Level.LOW, 8, 8, 5) != shape(Level.INFORMATIONAL, 8, 8, 5)


def test_many_hosts_become_one_lane_with_the_worst_first():
    found = [finding(n, f"host-{n}", level=Level.LOW) for n in range(30)]
    found.append(finding(99, "bad", level=Level.CRITICAL))
    chart = draw(found, host_of)
    assert len(chart.lanes) == MAX_LANES
    assert chart.lanes[0].name == "bad"
    assert chart.lanes[-1].name == "20 other hosts"
    assert chart.lanes[-1].total == 20


def test_findings_without_a_host_have_a_lane():
    assert draw([finding(1, entities=())], host_of).lanes[0].name == NO_HOST


@pytest.mark.parametrize("times", [(0, 0), (-(2**62), 2**62), (T0, T0 + 4 * 3_600 * SECOND)])
def test_any_times_can_be_drawn(times):
    chart = draw([finding(n, time=time) for n, time in enumerate(times)], host_of)
    assert all(0 <= tick.x <= chart.width for tick in chart.ticks)
