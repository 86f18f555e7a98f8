"""What waits for the watermark, and when it stops waiting."""

from tests.correlate.findings import HOUR, MINUTE, T0, Desk, finding, host, process, rows_of, user
from tests.correlate.test_incidents import grouped

from tocsin.correlate.grouping import Grouping
from tocsin.correlate.incidents import IncidentFold
from tocsin.model.findings import Finding, Level


class Live:
    """A fold that is stepped as the service steps it."""

    def __init__(self) -> None:
        self.desk, self.state, self.fold = Desk(), None, IncidentFold()

    def see(self, watermark: int, *findings: Finding) -> int:
        """How many incidents there are after a step."""
        self.state, output = self.fold.step(
            self.state, rows_of(findings), watermark=T0 + watermark, now=0
        )
        self.desk.take(output)
        return len(self.desk.incidents)


def test_a_host_alone_joins_when_the_minute_is_settled_and_leaves_an_alias() -> None:
    live = Live()
    pair = [finding(n, n * MINUTE, host("ws01"), rule=f"r{n}") for n in range(2)]
    assert live.see(0, *pair) == 2
    assert live.see(6 * MINUTE) == 2
    assert live.see(7 * MINUTE + 1) == 1
    [incident] = live.desk.incidents.values()
    assert live.desk.alias == {incident.aliases[0]: incident.incident_id}
    assert live.see(3 * HOUR) == 1


def test_a_low_finding_attaches_to_what_came_before_as_soon_as_its_minutes_are_over() -> None:
    live = Live()
    attack = finding(1, 0, host("ws01"), user("ann"))
    low = finding(2, MINUTE, host("ws01"), user("ann"), rule="low", level=Level.LOW)
    assert live.see(0, attack, low) == 2
    assert live.see(6 * MINUTE) == 1


def test_a_low_finding_waits_for_what_comes_soon_and_then_no_longer() -> None:
    for gap, incidents in ((20 * MINUTE, 1), (50 * MINUTE, 2)):
        live = Live()
        low = finding(1, 0, host("ws01"), user("ann"), rule="low", level=Level.LOW)
        attack = finding(2, gap, host("ws01"), user("ann"))
        live.see(0, low)
        live.see(gap - MINUTE)
        live.see(gap, attack)
        assert live.see(gap + 3 * HOUR) == incidents


def test_a_low_finding_prefers_its_process_to_the_host() -> None:
    own = finding(1, 0, host("ws01"), process("g1"), rule="own")
    other = finding(2, 31 * MINUTE, host("ws01"), process("g9"), rule="other")
    low = finding(3, 32 * MINUTE, host("ws01"), process("g1"), rule="low", level=Level.LOW)
    assert frozenset({own.finding_id, low.finding_id}) in grouped(own, other, low).partition


def test_a_hub_is_one_no_longer_when_it_was_quiet_for_a_day() -> None:
    crowd = [
        finding(f"c{n}", n, host(f"pc{n}"), user("svc"), rule=f"r{n}")
        for n in range(Grouping().max_degree + 1)
    ]
    pair = [
        finding(f"p{n}", 30 * HOUR + n * MINUTE, host(f"ws{n}"), user("svc"), rule=f"r{n}")
        for n in range(2)
    ]
    parts = grouped(*crowd, *pair).partition
    assert frozenset({"p0", "p1"}) in parts
    assert len(parts) == len(crowd) + 1


def test_between_two_incidents_of_one_minute_the_choice_is_not_that_of_arrival() -> None:
    few = Grouping(max_degree=2)
    ann = finding("a", 0, host("ws01"), user("ann"), rule="ra")
    bob = finding("b", 0, host("ws01"), user("bob"), rule="rb")
    low = finding("low", 0, host("ws01"), rule="low", level=Level.LOW)
    crowd = finding("c", 3 * MINUTE, host("ws01"), user("cid"), rule="rc")
    expected = {frozenset({"a", "low"}), frozenset({"b"}), frozenset({"c"})}
    assert grouped(ann, bob, low, crowd, grouping=few).partition == expected
    assert grouped(bob, ann, low, crowd, grouping=few).partition == expected


def test_a_low_finding_twice_by_one_person_is_one_incident_from_the_start() -> None:
    live = Live()
    pair = [
        finding(n, n, host("ws01"), user("ann"), process(f"g{n}"), rule="accounts", level=Level.LOW)
        for n in range(2)
    ]
    assert live.see(0, *pair) == 1
    assert live.see(3 * HOUR) == 1


def test_repeats_of_a_low_finding_merge_though_one_followed_another_rule() -> None:
    child = process("g1", role="parent")
    stream = [
        finding(1, 0, host("ws01"), process("g1"), rule="shell", level=Level.LOW),
        finding(2, 6 * MINUTE, host("ws01"), process("g2"), child, rule="net", level=Level.LOW),
        finding(3, 6 * MINUTE, host("ws01"), process("g3"), rule="net", level=Level.LOW),
    ]
    assert len(grouped(*stream).partition) == 1
