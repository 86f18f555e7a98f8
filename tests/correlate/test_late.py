"""Findings later than the watermark: they join what is near their own time, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.correlate.findings import (
    HOUR,
    MINUTE,
    T0,
    desk_of,
    finding,
    host,
    process,
    rows_of,
    user,
)
from tests.correlate.test_incidents import LAWFUL, streams
from tests.correlate.test_settle import Live
from tests.laws import check_chained, run_late

from tocsin.correlate import board as boards
from tocsin.correlate.board import Board, Mark, Marks, Ref
from tocsin.correlate.grouping import (
    Grouping,
    host_of,
    is_core,
    noise_key,
    ties,
    traces,
    window_of,
)
from tocsin.correlate.incidents import _UPGRADES, IncidentFold
from tocsin.model.findings import Finding, Level
from tocsin.model.stages import pack_state, unpack_state

WINDOWS = Grouping()
YEARS = 2 * 365 * 24 * HOUR
ERAS = (0, 2 * HOUR, 30 * HOUR, YEARS)

LOW_CELL = 5 * MINUTE
"""Low findings are placed by the end of their five minutes; what is shared, by the minute."""


class Links:
    """Which findings share something within its window, told from the findings alone."""

    def __init__(self, stream: list[Finding]) -> None:
        self._by_id = {one.finding_id: one for one in stream}
        self._ties = {n: {t.key: t.window for t in ties(f, WINDOWS)} for n, f in self._items()}
        self._traces = {n: self._led(f) for n, f in self._items()}

    def _items(self) -> list[tuple[str, Finding]]:
        return list(self._by_id.items())

    def _led(self, one: Finding) -> set[str]:
        """What it shares, and the hosts that its addresses lead to."""
        keys = {trace.key for trace in traces(one, WINDOWS)}
        owners = {
            f"h|{host_of(other)}"
            for other in self._by_id.values()
            for entity in other.entities
            if entity.kind == "address" and entity.role == "subject"
            if {f"a|{entity.key}", f"d|{entity.key}"} & keys
            if abs(other.time - one.time) <= WINDOWS.degree_window + MINUTE
        }
        return keys | owners

    def linked(self, one: str, other: str) -> bool:
        """True when a single link can lead from one to the other."""
        pair = self._by_id[one], self._by_id[other]
        gap = abs(pair[0].time - pair[1].time)
        if not all(map(is_core, pair)):
            gap -= LOW_CELL
        held = self._ties[one]
        if any(gap <= held[key] for key in held.keys() & self._ties[other].keys()):
            return True
        gap -= MINUTE
        shared = self._traces[one] & self._traces[other]
        if any(gap <= window_of(key, WINDOWS) for key in shared):
            return True
        repeats = not any(map(is_core, pair)) and noise_key(pair[0]) == noise_key(pair[1])
        return repeats and gap <= WINDOWS.repeat_window


@LAWFUL
@given(stream=streams(eras=ERAS), data=st.data())
def test_a_chain_of_near_links_leads_through_every_incident_however_late(
    stream: list[Finding], data: st.DataObject
) -> None:
    outputs = check_chained(
        IncidentFold,
        rows_of(stream),
        lambda outputs: desk_of(outputs).partition,
        Links(stream).linked,
        data,
    )
    incidents = desk_of(outputs).incidents.values()
    assert sum(incident.finding_count for incident in incidents) == len(stream)


@LAWFUL
@given(stream=streams(roles=("source", "destination"), eras=ERAS), data=st.data())
def test_late_low_findings_never_make_one_incident_of_two(
    stream: list[Finding], data: st.DataObject
) -> None:
    """Each incident's findings of medium level and above are linked without the low ones."""
    core = [one for one in stream if is_core(one)]
    links, names = Links(core), {one.finding_id for one in core}
    outputs = run_late(lambda: IncidentFold(Grouping(max_degree=1_000)), rows_of(stream), data)
    for part in desk_of(outputs).partition:
        loose = set(part & names)
        reached = [loose.pop()] if loose else []
        for name in reached:
            near = {other for other in loose if links.linked(name, other)}
            loose -= near
            reached.extend(near)
        assert not loose


@pytest.mark.parametrize("level", [Level.LOW, Level.HIGH])
@pytest.mark.parametrize("gap", [2 * HOUR, YEARS])
def test_an_old_finding_that_comes_late_joins_no_new_incident(level: Level, gap: int) -> None:
    live = Live()
    assert live.see(gap, finding(1, gap, host("dc01"), user("ann"))) == 1
    live.see(gap + 2 * HOUR)
    old = finding(2, 0, host("dc01"), user("bob"), rule="old", level=level)
    assert live.see(gap + 2 * HOUR, old) == 2
    assert live.see(gap + 9 * HOUR) == 2


def test_a_late_finding_joins_what_is_remembered_around_its_time() -> None:
    live = Live()
    live.see(0, finding(1, 0, host("ws01"), user("ann"), rule="a"))
    live.see(3 * HOUR, finding(2, 3 * HOUR, host("ws01"), user("bob"), rule="b"))
    live.see(3 * HOUR + 40 * MINUTE)
    late = [
        finding("near b", 3 * HOUR - 5 * MINUTE, host("ws01"), user("cid"), rule="c"),
        finding("low", 3 * HOUR + 9 * MINUTE, host("ws01"), rule="d", level=Level.LOW),
        finding("alone", 90 * MINUTE, host("ws01"), user("dan"), rule="e"),
    ]
    live.see(3 * HOUR + 40 * MINUTE, *late)
    live.see(9 * HOUR)
    b, a = finding(2, 0).finding_id, finding(1, 0).finding_id
    assert live.desk.partition == {
        frozenset({a}),
        frozenset({b, "near b", "low"}),
        frozenset({"alone"}),
    }


def test_late_findings_of_one_time_join_each_other_beside_what_is_newer() -> None:
    live = Live()
    live.see(YEARS, finding("new", YEARS, host("ws01"), user("ann"), rule="a"))
    live.see(YEARS + HOUR)
    for number, name in enumerate(["bob", "cid", "dan"]):
        when = number * 5 * MINUTE
        live.see(YEARS + HOUR, finding(name, when, host("ws01"), user(name), rule=name))
    now = finding("now", YEARS + 5 * MINUTE, host("ws01"), user("eve"), rule="b")
    live.see(YEARS + HOUR, now)
    assert live.desk.partition == {frozenset({"bob", "cid", "dan"}), frozenset({"new", "now"})}


def test_late_findings_are_counted_and_what_they_left_is_forgotten(monkeypatch) -> None:
    monkeypatch.setattr(boards, "MAX_LATE", 50)
    fold = IncidentFold()
    state, _ = fold.step(None, rows_of([finding("new", YEARS, host("ws"))]), watermark=T0, now=0)
    assert fold.late == 0
    state, _ = fold.step(state, rows_of([]), watermark=T0 + YEARS + HOUR, now=0)
    for part in range(20):
        level = Level.LOW if part % 2 else Level.HIGH
        some = [
            finding(f"{part} {n}", n, host(f"h{n}"), process(f"{part}{n}"), level=level)
            for n in range(10)
        ]
        state, _ = fold.step(state, rows_of(some), watermark=T0 + YEARS + HOUR, now=0)
        assert fold.late == 10
    board = fold._last[1]
    kept = [board.marks, board.trails, board.noise, board.shared]
    assert all(len(marks.last) + len(marks.late) <= 130 for marks in kept)
    assert len(board.groups) <= 70
    state, _ = fold.step(state, rows_of([]), watermark=T0 + YEARS + 3 * HOUR, now=0)
    assert fold.late == 0
    board = fold._last[1]
    kept = [board.marks, board.trails, board.noise, board.shared]
    assert [len(marks.late) for marks in kept] == [0, 0, 0, 0]
    assert set(board.shared.last) == {"h|ws"}
    assert len(board.groups) == 1


def test_marks_never_move_backwards() -> None:
    marks = Marks()
    for cell in (10, 30, 20, 5):
        marks.note("k", Mark(cell, Ref(str(cell), cell)))
    assert [mark.cell for mark in marks.of("k")] == [30, 5]
    assert sorted(marks.groups()) == [5, 30]
    marks.forget(lambda _: 6)
    assert [mark.cell for mark in marks.of("k")] == [30]
    assert marks.of("other") == []


def test_a_state_of_the_first_version_is_read() -> None:
    ref = ["old", 0]
    plain = {
        "marks": {"h|ws01": [9, ref]},
        "trails": {},
        "noise": {"rule|ws01": [9, ref]},
        "seen": {"h|ws01": [{"u:ann": 9}, -1, [9, ref]], "h|ws02": [{}, 7, None]},
        "waiting": {"low": [9, [ref, "rule|ws01", []]]},
        "minutes": {9: [{}, {}, {"low": [ref, "rule|ws01", []]}, {}, True, True]},
        "groups": {0: ["inc-0", ["default", 5, 9, 1, {}, {}, []], ["inc-1"]]},
    }
    old = unpack_state(pack_state(1, plain), Board, IncidentFold.version, _UPGRADES)
    assert (old.groups[0].first, old.groups[0].last) == (5, 9)
    assert set(old.groups[0].names) == {"inc-0", "inc-1"}
    assert old.groups[0].cells[""].count == 1
    assert [mark.cell for mark in old.shared.of("h|ws01")] == [9]
    assert [mark.cell for mark in old.noise.of("rule|ws01")] == [9]
    assert old.seen["h|ws02"].hub_until == 7
    assert old.waiting == {"low": 9}
    assert not old.minutes[9].lows["low"].placed


def test_a_state_of_the_third_version_knows_which_groups_are_incidents() -> None:
    spans = [{}, [], {}, "", {}]
    groups = {
        0: ["inc-0", "default", 5, 9, *spans, True],
        2: ["inc-2", "default", 5, 9, *spans, False],
    }
    plain = {"groups": groups, "parent": {1: 0, 3: 2}}
    old = unpack_state(pack_state(3, plain), Board, IncidentFold.version, _UPGRADES)
    assert [old.is_incident(Ref("f", number)) for number in range(4)] == [True, True, False, False]
