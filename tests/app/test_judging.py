"""Decisions of people reach the one fold, and the store says what the fold says."""

from pathlib import Path

import msgspec
import pytest
from tests.correlate.findings import HOUR, MINUTE, SECOND, T0, finding, host, process, session, user

from tocsin import flow
from tocsin.app.arrow import to_bytes
from tocsin.app.judging import Judge
from tocsin.app.workers import Reply
from tocsin.model.context import Record, Window
from tocsin.model.decisions import DecisionKind
from tocsin.model.findings import Finding, findings_to_arrow
from tocsin.model.quality import EMPTY
from tocsin.model.stages import Opened
from tocsin.store import State


class Hand:
    """A clock that is set by hand (us)."""

    time = T0 + HOUR

    def now(self) -> int:
        return self.time

    def monotonic(self) -> float:
        return self.time / 1e6


@pytest.fixture
def state(tmp_path: Path):
    opened = State(tmp_path / "state.db")
    yield opened
    opened.close()


class Desk:
    """A judge and what is kept of what it says."""

    def __init__(self, state: State) -> None:
        self.state, self.clock, self.last = state, Hand(), -1
        self.judge = Judge(state, "default", self.clock)

    def see(self, *findings: Finding, windows: object = ()) -> None:
        self.last += 1
        parts = {
            "identities": to_bytes(flow.NO_IDENTITIES),
            "rejects": to_bytes(flow.NO_REJECTS),
            "quality": to_bytes(EMPTY),
            "findings": to_bytes(findings_to_arrow([(self.last, one) for one in findings])),
        }
        received = max(one.time for one in findings)
        args = {
            "received_at": received, "counts": {}, "clocks": {}, "first": self.last,
            "last": self.last, "rows": len(findings), "windows": windows,
        }  # fmt: skip
        self.judge.judge("p0", Reply(0, args, parts))

    def restart(self) -> None:
        self.judge = Judge(self.state, "default", self.clock)

    @property
    def kept(self) -> dict[str, list[str]]:
        book = self.state.casebook
        return {
            one.incident_id: [f.finding_id for f in book.findings(one.incident_id)]
            for one in book.incidents(100)
        }

    def parts(self) -> set[frozenset[str]]:
        for one in self.state.casebook.incidents(100):
            assert one.finding_count == len(self.kept[one.incident_id])
        return {frozenset(names) for names in self.kept.values()}


ANN = finding("ann", 0, host("ws01"), user("ann"), session("ws01", 7), rule="a")
BOB = finding("bob", SECOND, host("ws01"), user("bob"), session("ws01", 7), process("g1"), rule="b")
FAR = finding("far", SECOND, host("ws09"), user("eve"), rule="c")


def test_a_split_reaches_the_fold_the_store_and_the_journal_and_outlives_a_restart(
    state: State,
) -> None:
    desk = Desk(state)
    desk.see(ANN, BOB)
    [name] = desk.kept
    made = state.casebook.split(name, ["bob"], reason="two people", by="maria", at=5)
    assert desk.parts() == {frozenset({"ann", "bob"})}
    desk.judge.let_time_pass()
    assert desk.kept == {name: ["ann"], made.blocks[1].incident_id: ["bob"]}
    head = [record for record in state.journal.tail(9) if record.kind == "incident-split"]
    assert [(record.actor, record.subject, record.at) for record in head] == [("maria", name, 5)]
    desk.restart()
    both = finding("both", MINUTE, host("ws01"), user("bob"), session("ws01", 7), rule="d")
    desk.see(both)
    assert desk.parts() == {frozenset({"ann"}), frozenset({"bob", "both"})}


def test_a_merge_gives_one_incident_and_the_other_id_stays_valid(state: State) -> None:
    desk = Desk(state)
    desk.see(ANN, BOB)
    desk.see(FAR)
    first, second = sorted(desk.kept, key=lambda name: len(desk.kept[name]), reverse=True)
    made = state.casebook.merge([second, first], reason="one attack", by="maria", at=5)
    assert made.kind is DecisionKind.MERGE
    desk.judge.let_time_pass()
    assert desk.kept == {first: ["ann", "bob", "far"]}
    merged = state.casebook.incident(second)
    assert merged is not None
    assert merged.incident_id == first
    assert state.casebook.decisions(first) == [made]


def test_what_was_parted_and_joins_again_by_a_merge_is_one(state: State) -> None:
    desk = Desk(state)
    desk.see(ANN, BOB)
    [name] = desk.kept
    made = state.casebook.split(name, ["bob"], reason="two", by="maria", at=5)
    desk.judge.let_time_pass()
    state.casebook.merge([name, made.blocks[1].incident_id], reason="after all", by="maria", at=6)
    desk.restart()
    desk.judge.let_time_pass()
    assert desk.kept == {name: ["ann", "bob"]}


def test_findings_that_came_before_the_side_they_belong_to_follow_it(state: State) -> None:
    """What joined the side that stayed moves when something stronger leads to the other."""
    desk = Desk(state)
    desk.see(ANN, BOB)
    [name] = desk.kept
    made = state.casebook.split(name, ["bob"], reason="two", by="maria", at=5)
    desk.judge.let_time_pass()
    desk.see(finding("c1", MINUTE, host("ws01"), user("cid"), session("ws01", 7), rule="d"))
    assert desk.kept[name] == ["ann", "c1"]
    child = process("g1", role="parent")
    desk.see(finding("c2", 2 * MINUTE, host("ws01"), user("cid"), child, rule="e"))
    assert desk.parts() == {frozenset({"ann"}), frozenset({"bob", "c1", "c2"})}
    assert made.blocks[1].incident_id in desk.kept


def test_windows_of_privileged_access_are_kept_and_known_after_a_restart(state: State) -> None:
    desk = Desk(state)
    body = Window("access", ("host:web01",), "root of web01", "mira", "ticket 4711")
    window = Record("w1", body, "stream", T0, T0 + 2 * HOUR)
    opened = msgspec.to_builtins([Opened(0, window), Opened(7, window)])
    desk.see(finding("f1", T0, host("web01")), windows=opened)
    assert [one.key for one in desk.judge.windows] == ["w1", "w1"]
    desk.restart()
    assert [one.key for one in desk.judge.windows] == ["w1", "w1"]
    desk.clock.time = T0 + 30 * HOUR
    desk.restart()
    assert desk.judge.windows == ()
