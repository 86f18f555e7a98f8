"""What people decided holds, whatever comes after it and in whatever order it came."""

from collections.abc import Sequence

import msgspec
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.correlate.findings import (
    HOUR,
    MINUTE,
    T0,
    Desk,
    finding,
    host,
    process,
    rows_of,
    session,
    user,
)
from tests.correlate.test_incidents import LATENESS, LAWFUL, streams
from tests.laws import arrival, cuts

from tocsin.correlate.grouping import Grouping
from tocsin.correlate.incidents import END, IncidentFold
from tocsin.model.decisions import Constraints, Decision, DecisionKind, merged, parted
from tocsin.model.findings import Entity, Finding, Level

FEW = Grouping(max_degree=2)


class Service:
    """A fold and a desk as the service runs them: decisions come in between."""

    def __init__(self, known: Sequence[Finding], decisions: Sequence[Decision] = ()) -> None:
        self.decisions = list(decisions)
        self.state: bytes | None = None
        self.desk = Desk(known, Constraints(decisions))

    def see(self, findings: Sequence[Finding], watermark: int) -> None:
        fold = IncidentFold(FEW, Constraints(self.decisions))
        self.state, output = fold.step(self.state, rows_of(findings), watermark=watermark, now=0)
        self.desk.take(output)
        self.check()

    def decide(self, decision: Decision) -> None:
        fold = IncidentFold(FEW, Constraints(self.decisions))
        self.decisions.append(decision)
        constraints = Constraints(self.decisions)
        self.desk.constraints = constraints
        named = {self.desk.resolve(name) for name in decision.incident_ids}
        bodies = {name: self.desk.findings(name) for name in sorted(named)}
        self.state, output = fold.decide(self.state, constraints, bodies)
        self.desk.take(output)
        self.check()

    def merge(self, *names: str) -> None:
        number = len(self.decisions) + 1
        whole = [one for name in names for one in self.desk.findings(name)]
        blocks = merged(number, names, whole)
        self.decide(Decision(number, DecisionKind.MERGE, names, "one story", "ann", 0, blocks))

    def split(self, name: str, taken: set[str]) -> None:
        number = len(self.decisions) + 1
        whole = self.desk.findings(name)
        out = [one for one in whole if one.finding_id in taken]
        kept = [one for one in whole if one.finding_id not in taken]
        blocks = parted(number, name, kept, out, f"inc-split-{number}")
        apart = ((blocks[0].name, blocks[1].name),)
        self.decide(Decision(number, DecisionKind.SPLIT, (name,), "two", "ann", 0, blocks, apart))

    def check(self) -> None:
        """What is told of the incidents adds up, and every id leads to one that stands."""
        for name, members in self.desk.members.items():
            if members:
                assert self.desk.incidents[name].finding_count == len(members)
        for name in [*self.desk.alias, *self.desk.incidents]:
            assert self.desk.resolve(name) in self.desk.incidents
        held = [n for members in self.desk.members.values() for n in members]
        assert len(held) == len(set(held))


def live(stream: list[Finding], data: st.DataObject) -> Service:
    """A stream in lawful order, with decisions of a person in between."""
    service = Service(stream)
    times = [one.time for one in stream]
    order = arrival(times, data, LATENESS)
    seen = 0
    for start, end in cuts(len(order), data):
        seen = max(seen, end)
        newest = max((times[n] for n in order[:seen]), default=0)
        service.see([stream[n] for n in order[start:end]], newest - LATENESS)
        standing = sorted(name for name, members in service.desk.members.items() if members)
        choice = data.draw(st.sampled_from(["wait", "merge", "split"]), label="what a person does")
        if choice == "merge" and len(standing) > 1:
            service.merge(*data.draw(st.permutations(standing), label="incidents")[:2])
        elif choice == "split" and standing:
            name = data.draw(st.sampled_from(standing), label="incident")
            members = service.desk.members[name]
            taken = data.draw(st.sets(st.sampled_from(members), min_size=1), label="taken out")
            if len(taken) < len(members):
                service.split(name, taken)
    service.see([], END)
    return service


def replayed(stream: list[Finding], decisions: list[Decision], data: st.DataObject) -> Service:
    """The same stream through a fold that knows all decisions from the start."""
    service = Service(stream, decisions)
    times = [one.time for one in stream]
    order = arrival(times, data, LATENESS)
    for start, end in cuts(len(order), data):
        newest = max((times[n] for n in order[:end]), default=0)
        service.see([stream[n] for n in order[start:end]], newest - LATENESS)
    service.see([], END)
    return service


@settings(LAWFUL, max_examples=150)
@given(stream=streams(), data=st.data())
def test_a_replay_that_knows_the_decisions_comes_to_the_same_incidents(
    stream: list[Finding], data: st.DataObject
) -> None:
    first = live(stream, data)
    again = replayed(stream, first.decisions, data)
    assert again.desk.partition == first.desk.partition


@settings(LAWFUL, max_examples=80)
@given(stream=streams(), data=st.data())
def test_what_was_bound_stays_together_and_what_was_parted_stays_apart(
    stream: list[Finding], data: st.DataObject
) -> None:
    service = live(stream, data)
    of = {n: name for name, members in service.desk.members.items() for n in members}
    last = service.decisions[-1:]
    by_event = {uid: one.finding_id for one in stream for uid in one.event_uids}
    for decision in last:
        homes = [{of[by_event[uid]] for uid in block.events} for block in decision.blocks]
        assert all(len(home) == 1 for home in homes if home)
        if decision.kind is DecisionKind.SPLIT:
            assert homes[0].isdisjoint(homes[1])


def pair(service: Service) -> tuple[str, str]:
    first, second = sorted(n for n, members in service.desk.members.items() if members)
    return first, second


def test_a_merge_holds_for_late_data_that_would_have_joined_elsewhere() -> None:
    a = finding("a", 0, host("ws01"), user("ann"), rule="a")
    b = finding("b", 0, host("ws02"), user("bob"), rule="b")
    more = finding("c", 9 * MINUTE, host("ws02"), user("bob"), process("g"), rule="c")
    service = Service([a, b, more])
    service.see([a, b], T0)
    service.merge(*pair(service))
    service.see([more], T0)
    service.see([], END)
    assert service.desk.partition == {frozenset("abc")}
    [incident] = service.desk.incidents.values()
    assert "merge by ann" in {link.reason for link in incident.links}


def cut_in_two(*later: Finding) -> Service:
    """One incident of two people on a host, taken apart; then more comes."""
    a = finding("a", 0, host("ws01"), user("ann"), session("ws01", 7), rule="a")
    b = finding("b", MINUTE, host("ws01"), user("bob"), session("ws01", 7), rule="b")
    service = Service([a, b, *later])
    service.see([a, b], T0)
    [name] = service.desk.members
    service.split(name, {"b"})
    assert service.desk.partition == {frozenset("a"), frozenset("b")}
    service.see(later, T0)
    service.see([], END)
    return service


def test_what_shares_with_both_sides_goes_with_the_stronger_and_joins_them_never() -> None:
    bobs = finding("c", 2 * MINUTE, host("ws01"), user("bob"), session("ws01", 7), rule="c")
    assert cut_in_two(bobs).desk.partition == {frozenset("a"), frozenset("bc")}


def test_what_shares_the_same_with_both_sides_goes_with_the_one_that_stayed() -> None:
    nobody = finding("c", 2 * MINUTE, host("ws01"), session("ws01", 7), rule="c")
    assert cut_in_two(nobody).desk.partition == {frozenset("ac"), frozenset("b")}


def test_what_follows_from_the_side_that_was_taken_out_follows_it() -> None:
    moved = finding("c", 5 * MINUTE, host("ws02"), user("bob"), rule="c")
    on = finding("d", 9 * MINUTE, host("ws02"), user("bob"), process("g"), rule="d")
    assert cut_in_two(moved, on).desk.partition == {frozenset("a"), frozenset("bcd")}


def test_another_rule_about_the_same_event_goes_where_the_event_is() -> None:
    other = finding("c", MINUTE, host("ws01"), user("ann"), session("ws01", 7), rule="c")
    same = Finding(
        **{n: getattr(other, n) for n in other.__struct_fields__} | {"event_uids": ("eb",)}
    )
    assert cut_in_two(same).desk.partition == {frozenset("a"), frozenset("bc")}


def test_every_id_stays_valid_and_the_one_that_stayed_keeps_its_own() -> None:
    service = cut_in_two()
    [kept] = [name for name, members in service.desk.members.items() if members == ["a"]]
    assert kept.startswith("inc-")
    assert "inc-split-1" in service.desk.incidents
    service.merge(kept, "inc-split-1")
    assert service.desk.partition == {frozenset("ab")}
    assert service.desk.resolve("inc-split-1") == kept


def test_a_closed_incident_can_still_be_taken_apart() -> None:
    a = finding("a", 0, host("ws01"), user("ann"), rule="a")
    b = finding("b", MINUTE, host("ws01"), user("ann"), rule="b")
    service = Service([a, b])
    service.see([a, b], T0)
    service.see([], T0 + 60 * HOUR)
    [name] = service.desk.members
    service.split(name, {"b"})
    assert service.desk.partition == {frozenset("a"), frozenset("b")}


def test_an_amended_finding_is_refreshed_and_counted_once() -> None:
    fold = IncidentFold()
    first = finding("f", 0, host("ws01"), user("ann"), rule="many")
    grown = msgspec.structs.replace(
        first,
        event_uids=("e1", "e2"),
        time=first.time + MINUTE,
        entities=(*first.entities, process("g9")),
    )
    state, output = fold.step(None, rows_of([first]), watermark=T0, now=0)
    desk = Desk().take(output)
    outputs: list[pa.RecordBatch] = []
    for _ in range(2):
        state, output = fold.step(state, rows_of([grown]), watermark=T0, now=0)
        outputs.append(output)
        desk.take(output)
    [incident] = desk.incidents.values()
    assert incident.finding_count == 1
    assert incident.last == grown.time
    assert any(entity.kind == "process" for entity in incident.entities)


def test_a_low_finding_settles_the_same_before_and_after_a_merge_with_an_incident() -> None:
    place = host("ws01")
    low = finding("a", 0, place, rule="low", level=Level.LOW)
    core = finding("b", 0, Entity("address", "10.0.0.9", "10.0.0.9", "source"), rule="core")
    again = finding("c", 27 * MINUTE, place, rule="low", level=Level.LOW)
    stream = [low, core, again]
    after = T0 + 40 * MINUTE
    service = Service(stream)
    service.see(stream, after)
    assert service.desk.partition == {frozenset("a"), frozenset("b"), frozenset("c")}
    service.merge(*(name for name, members in service.desk.members.items() if members != ["c"]))
    service.see([], END)
    known = Service(stream, service.decisions)
    known.see(stream, after)
    known.see([], END)
    assert service.desk.partition == known.desk.partition == {frozenset("abc")}
