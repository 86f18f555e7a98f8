"""What all decisions together demand."""

from itertools import pairwise

from tests.correlate.findings import finding

from tocsin.model import decisions
from tocsin.model.decisions import Block, Constraints, Decision, DecisionKind, events_of, parted


def test_a_later_decision_beats_an_earlier_and_keeps_what_it_does_not_touch() -> None:
    def block(name: str, *events: str) -> Block:
        return Block(name, f"inc-{name}", events)

    def decision(number: int, *blocks: Block) -> Decision:
        apart = tuple((one.name, other.name) for one, other in pairwise(blocks))
        kind = DecisionKind.SPLIT if apart else DecisionKind.MERGE
        return Decision(number, kind, ("i",), "", "ann", 0, blocks, apart)

    first = decision(1, block("r", "1", "2"), block("s", "3"))
    second = decision(2, block("m", "3", "4"))
    third = decision(3, block("n", "1", "2", "3", "4"))
    constraints = Constraints([first, second])
    assert constraints.are_apart("m", "r")
    assert not any(
        Constraints([first, second, third]).are_apart(*names)
        for names in pairwise(["r", "m", "n", "r"])
    )


def test_a_finding_is_where_most_of_its_events_are_bound_and_with_the_elder_of_two() -> None:
    blocks = Block("a", "inc-a", ("e1", "e2")), Block("b", "inc-b", ("e3", "e4"))
    made = Decision(1, DecisionKind.SPLIT, ("i",), "", "ann", 0, blocks, (("a", "b"),))
    constraints = Constraints([made])

    def seen(*uids: str) -> str:
        one = finding(1, 0)
        return constraints.block_of(type(one)(**{**_fields(one), "event_uids": uids}))

    assert [seen("e1", "e3"), seen("e2", "e3", "e4"), seen("e9")] == ["a", "b", ""]


def _fields(one: object) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}


def test_a_decision_binds_a_bounded_number_of_events_the_earliest(monkeypatch) -> None:
    monkeypatch.setattr(decisions, "MAX_BOUND", 3)
    many = [finding(n, 10 - n) for n in range(10)]
    assert events_of(many) == ("e9", "e8", "e7")


def test_an_event_that_both_sides_have_findings_of_is_taken_out() -> None:
    one, other = finding(1, 0), finding(2, 1)
    stay, out = parted(1, "inc-a", [one, other], [other], "inc-b")
    assert (stay.events, out.events) == (("e1",), ("e2",))
    assert (stay.incident_id, out.incident_id) == ("inc-a", "inc-b")
