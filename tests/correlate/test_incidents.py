"""The invariants of correlate.incidents, by name, and what should and should not be grouped."""

import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.correlate.findings import (
    HOUR,
    MINUTE,
    SECOND,
    T0,
    Desk,
    address,
    desk_of,
    file_hash,
    finding,
    host,
    process,
    rows_of,
    session,
    user,
)
from tests.laws import check_fold

from tocsin.correlate.grouping import Grouping, is_core
from tocsin.correlate.incidents import END, IncidentFold, rank
from tocsin.model.findings import Entity, Finding, Level, findings_from_arrow

LATENESS = 20 * MINUTE

LAWFUL = settings(report_multiple_bugs=False, phases=(Phase.reuse, Phase.generate, Phase.shrink))
"""A stream that breaks a law is made small, without the long search for what else breaks it."""

NAMES = st.sampled_from(["ws01", "ws02", "ws03", "dc01"])


@st.composite
def streams(
    draw: st.DrawFn,
    roles: tuple[str, ...] = ("source", "subject", "destination"),
    eras: tuple[int, ...] = (0,),
) -> list[Finding]:
    """Up to 30 findings over minutes or hours with few hosts, users and processes: many links.

    With more than one of `eras` (microseconds) they are hours, days or years apart besides.
    """
    size = draw(st.integers(1, 30))
    span = draw(st.sampled_from([15, 90, 8 * 60]))
    found = []
    for number in range(size):
        name = draw(NAMES)
        entities: list[Entity] = [host(name)] if draw(st.integers(0, 9)) else []
        if draw(st.booleans()):
            entities.append(user(draw(st.sampled_from(["ann", "bob", "cid"]))))
        if draw(st.booleans()):
            entities.append(process(f"{name}-{draw(st.integers(1, 4))}"))
        if draw(st.booleans()):
            parent = f"{name}-{draw(st.integers(1, 4))}"
            entities.append(process(parent, role="parent"))
        if not draw(st.integers(0, 3)):
            entities.append(session(name, draw(st.integers(1, 2))))
        if not draw(st.integers(0, 3)):
            role = draw(st.sampled_from(roles))
            entities.append(address(draw(st.sampled_from(["10.0.0.5", "10.0.0.9"])), role))
        if not draw(st.integers(0, 5)):
            entities.append(host(draw(NAMES), "source"))
        if not draw(st.integers(0, 5)):
            entities.append(file_hash(draw(st.sampled_from(["aa" * 16, "bb" * 16]))))
        time = draw(st.integers(0, span)) * MINUTE + draw(st.integers(0, 59)) * SECOND
        time += draw(st.sampled_from(eras)) if len(eras) > 1 else 0
        level = draw(st.sampled_from([Level.LOW, Level.INFORMATIONAL, Level.MEDIUM, Level.HIGH]))
        rule = draw(st.sampled_from(["r1", "r2", "r3"]))
        named = draw(st.lists(st.sampled_from(["execution", "discovery", "impact"]), max_size=2))
        tactics = tuple(named)
        found.append(finding(number, time, *entities, rule=rule, level=level, tactics=tactics))
    return found


def grouped(*findings: Finding, grouping: Grouping | None = None) -> Desk:
    """All findings in one batch, then the end of the input."""
    fold = IncidentFold(grouping)
    state, first = fold.step(None, rows_of(findings), watermark=T0 - HOUR, now=0)
    _, last = fold.step(state, rows_of([]), watermark=END, now=0)
    return desk_of([first, last])


@settings(LAWFUL, max_examples=120)
@given(stream=streams(), data=st.data())
def test_the_grouping_is_the_same_for_every_order_and_split(
    stream: list[Finding], data: st.DataObject
) -> None:
    few = Grouping(max_degree=2)
    check_fold(
        lambda: IncidentFold(few),
        rows_of(stream),
        lambda outputs: desk_of(outputs).partition,
        data,
        lateness=LATENESS,
    )


@settings(LAWFUL, max_examples=60)
@given(stream=streams(), data=st.data())
def test_what_is_shown_does_not_depend_on_the_order(
    stream: list[Finding], data: st.DataObject
) -> None:
    def shown(outputs: list[pa.RecordBatch]) -> set[tuple[object, ...]]:
        return {
            (i.title, i.level, i.first, i.last, i.finding_count, i.rules, i.timeline, i.story)
            for i in desk_of(outputs).incidents.values()
        }

    check_fold(IncidentFold, rows_of(stream), shown, data, lateness=LATENESS)


@settings(LAWFUL, max_examples=60)
@given(stream=streams(), size=st.integers(1, 7))
def test_the_counts_of_all_incidents_add_up_to_the_findings(
    stream: list[Finding], size: int
) -> None:
    fold, state, desk, known = IncidentFold(), None, Desk(), set()
    for start in range(0, len(stream), size):
        part = stream[start : start + size]
        state, output = fold.step(state, rows_of(part), watermark=T0 - HOUR, now=0)
        desk.take(output)
        known |= {f.finding_id for f in part}
        assert sum(i.finding_count for i in desk.incidents.values()) == len(known)
        members = [name for ids in desk.members.values() for name in ids]
        assert sorted(members) == sorted(known)
        for name, incident in desk.incidents.items():
            assert incident.finding_count == len(desk.members[name])
            assert sum(rule.count for rule in incident.rules) == incident.finding_count


@settings(LAWFUL, max_examples=60)
@given(stream=streams(), size=st.integers(1, 5))
def test_an_incident_gets_its_id_once_and_the_older_stays(stream: list[Finding], size: int) -> None:
    fold, state, desk = IncidentFold(), None, Desk()
    ever: set[str] = set()
    for start in range(0, len(stream) + size, size):
        part = stream[start : start + size]
        watermark = END if not part else T0 - HOUR
        before = {name: incident.first for name, incident in desk.incidents.items()}
        state, output = fold.step(state, rows_of(part), watermark=watermark, now=0)
        desk.take(output)
        ever |= set(desk.incidents)
        for name, older in ((n, desk.resolve(n)) for n in before):
            living = desk.incidents[older]
            assert living.first <= before[name]
            if older != name:
                assert name in living.aliases
    for name in ever:
        assert desk.resolve(name) in desk.incidents
    for name, incident in desk.incidents.items():
        assert set(incident.aliases) == {n for n in ever if n != name and desk.resolve(n) == name}


def test_a_known_finding_changes_nothing() -> None:
    stream = [finding(n, n * MINUTE, host("ws01"), user("ann")) for n in range(4)]
    fold = IncidentFold()
    state, _ = fold.step(None, rows_of(stream), watermark=T0, now=0)
    again, output = fold.step(state, rows_of(stream[:3]), watermark=T0, now=0)
    assert output.num_rows == 0
    assert again == state


@settings(LAWFUL, max_examples=80)
@given(stream=streams(roles=("source", "destination")))
def test_low_findings_never_make_one_incident_of_two(stream: list[Finding]) -> None:
    """What they teach (who is a hub, whose an address is) is left out: it is not sharing."""
    no_hubs = Grouping(max_degree=1_000)
    core = [f for f in stream if is_core(f)]
    names = {f.finding_id for f in core}
    with_low = {part & names for part in grouped(*stream, grouping=no_hubs).partition}
    assert with_low - {frozenset()} == grouped(*core, grouping=no_hubs).partition


def test_a_process_and_its_child_are_one_incident_with_the_reason() -> None:
    parent = finding(1, 0, host("ws01"), process("g1", "winword.exe"), rule="a")
    child = finding(
        2, 9 * HOUR, host("ws01"), process("g2"), process("g1", "winword.exe", "parent")
    )
    [incident] = grouped(parent, child).incidents.values()
    assert incident.finding_count == 2
    assert [link.reason for link in incident.links] == ["child of process winword.exe (g1) on ws01"]


@pytest.mark.parametrize(
    ("shared", "gap", "together"),
    [
        ((session("ws01", 0x77),), 3 * HOUR, True),
        ((session("ws01", 0x77),), 5 * HOUR, False),
        ((user("ann"),), 29 * MINUTE, True),
        ((user("ann"),), 31 * MINUTE, False),
        ((), 5 * MINUTE, True),
        ((), 7 * MINUTE, False),
        ((process("ws01#44"),), 9 * MINUTE, True),
        ((process("ws01#44"),), 40 * MINUTE, False),
    ],
)
def test_windows_on_one_host(shared: tuple[Entity, ...], gap: int, *, together: bool) -> None:
    pair = [finding(n, n * gap, host("ws01"), *shared, rule=f"r{n}") for n in range(2)]
    assert (len(grouped(*pair).partition) == 1) is together


@pytest.mark.parametrize(
    ("shared", "gap", "together"),
    [
        (user("ann"), 14 * MINUTE, True),
        (user("ann"), 17 * MINUTE, False),
        (user("administrator"), 1 * MINUTE, False),
        (user("ann", "ws01"), 1 * MINUTE, False),
        (address("10.0.0.5"), 14 * MINUTE, True),
        (address("10.0.0.5", "destination"), 1 * MINUTE, False),
        (address("203.0.113.9", "destination"), 20 * MINUTE, False),
        (address("8.8.8.8", "destination"), 14 * MINUTE, True),
        (file_hash("ab" * 32), 10 * HOUR, True),
        (host("ws09", "source"), 14 * MINUTE, True),
        (host("ws09", "destination"), 1 * MINUTE, False),
        (Entity("user", "builtin:system", "SYSTEM"), 0, False),
    ],
)
def test_what_leads_from_host_to_host(shared: Entity, gap: int, *, together: bool) -> None:
    own = {"ws01", "ws02"}
    pair = [
        finding(n, n * gap, host(name), shared, rule=f"r{n}") for n, name in enumerate(sorted(own))
    ]
    assert (len(grouped(*pair).partition) == 1) is together


@pytest.mark.parametrize(
    ("shared", "gap", "together"),
    [((), 29, True), ((), 31, False), ((user("ann"),), 59, True), ((user("ann"),), 62, False)],
)
@pytest.mark.parametrize("forward", [True, False])
def test_what_goes_on_in_the_order_of_tactics_may_pause_longer(
    shared: tuple[Entity, ...], gap: int, *, together: bool, forward: bool
) -> None:
    names = ["execution", "credential-access"]
    steps = names if forward else names[::-1]
    hosts = ["ws01", "ws02" if shared else "ws01"]
    pair = [
        finding(n, n * gap * MINUTE, host(hosts[n]), *shared, rule=f"r{n}", tactics=(steps[n],))
        for n in range(2)
    ]
    desk = grouped(*pair)
    assert (len(desk.partition) == 1) is (together and forward)
    for incident in desk.incidents.values():
        for link in incident.links:
            assert link.reason.endswith(", credential-access after execution")


def test_a_connection_leads_to_the_host_that_called_the_address_its_own() -> None:
    own = address("10.0.0.5", "subject")
    attack = finding(1, 0, host("ws01"), address("10.0.0.5", "destination"), rule="a")
    talk = finding(2, MINUTE, host("ws02"), own, rule="low", level=Level.LOW)
    arrival = finding(3, 3 * MINUTE, host("ws02"), rule="b")
    assert len(grouped(attack, talk, arrival).partition) == 1
    assert len(grouped(attack, arrival).partition) == 2


def test_a_low_finding_that_a_host_always_makes_attaches_by_process_alone() -> None:
    usual = [
        finding(f"low{n}", n * HOUR, host("ws01"), user("ann"), rule="low", level=Level.LOW)
        for n in range(6)
    ]
    again = finding(
        "own", 5 * HOUR + MINUTE, host("ws01"), process("g"), rule="low", level=Level.LOW
    )
    attack = finding("attack", 5 * HOUR, host("ws01"), user("ann"), process("g"))
    new = finding("new", 5 * HOUR, host("ws01"), rule="rare", level=Level.LOW)
    parts = grouped(*usual, again, new, attack).partition
    assert frozenset({"attack", "own", "new"}) in parts


def test_an_address_leads_to_the_host_that_called_it_its_own() -> None:
    own = address("10.0.0.5", "subject")
    attack = finding(1, 0, host("ws01"), user("ann"), rule="a")
    talk = finding(2, MINUTE, host("ws01"), own, rule="low", level=Level.LOW)
    arrival = finding(3, 3 * MINUTE, host("ws02"), address("10.0.0.5"), rule="b")
    assert len(grouped(attack, talk, arrival).partition) == 1
    assert len(grouped(attack, arrival).partition) == 2


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 2, 0)])
def test_a_chain_holds_in_whatever_order_its_findings_come(order: tuple[int, ...]) -> None:
    logon = session("ws01", 0x77)
    chain = [finding(n, n * 3 * HOUR, host("ws01"), logon, rule=f"r{n}") for n in range(3)]
    assert len(grouped(*(chain[n] for n in order)).partition) == 1


def test_a_remote_logon_joins_the_host_it_came_from() -> None:
    first = finding(1, 0, host("ws01"), user("ann"), rule="a")
    second = finding(2, 3 * MINUTE, host("ws02"), user("bob"), host("ws01", "source"), rule="b")
    [incident] = grouped(first, second).incidents.values()
    assert {e.key for e in incident.entities if e.kind == "host"} == {"ws01", "ws02"}


@pytest.mark.parametrize("shared", [address("10.0.0.5"), user("svc"), file_hash("ab" * 16)])
def test_a_hub_joins_nothing_by_itself(shared: Entity) -> None:
    hosts = Grouping().max_degree + 1
    many = [finding(n, n * SECOND, host(f"ws{n}"), shared, rule=f"r{n}") for n in range(hosts)]
    assert len(grouped(*many).partition) == hosts
    assert len(grouped(*many[:-1]).partition) == 1


def test_a_hub_by_name_joins_nothing_by_itself() -> None:
    named = Grouping(hubs=frozenset({"dc01", "10.0.0.5"}))
    pair = [
        finding(n, n * MINUTE, host("dc01"), user(name), address("10.0.0.5"), rule=name)
        for n, name in enumerate(["ann", "bob"])
    ]
    assert len(grouped(*pair).partition) == 1
    assert len(grouped(*pair, grouping=named).partition) == 2


def test_a_host_that_many_people_use_is_a_hub() -> None:
    people = Grouping().max_degree + 1
    many = [
        finding(n, n * SECOND, host("dc01"), user(f"u{n}"), rule=f"r{n}") for n in range(people)
    ]
    assert len(grouped(*many).partition) == people


def test_low_findings_attach_to_what_came_before_or_comes_soon() -> None:
    attack = finding(1, HOUR, host("ws01"), user("ann"), rule="a")
    before = finding(2, HOUR - 20 * MINUTE, host("ws01"), rule="low1", level=Level.LOW)
    after = finding(3, HOUR + 20 * MINUTE, host("ws01"), rule="low2", level=Level.INFORMATIONAL)
    early = finding(4, 0, host("ws01"), rule="low3", level=Level.LOW)
    desk = grouped(attack, before, after, early)
    names = [f.finding_id for f in (attack, before, after)]
    assert desk.partition == {frozenset(names), frozenset([early.finding_id])}


def test_low_noise_of_a_whole_day_swallows_no_host() -> None:
    noise = [
        finding(n, n * 10 * MINUTE, host("ws01"), rule=f"low{n % 3}", level=Level.LOW)
        for n in range(140)
    ]
    attacks = [
        finding(f"attack{n}", n * 8 * HOUR, host("ws01"), user(name), rule=name)
        for n, name in enumerate(["ann", "bob", "cid"])
    ]
    desk = grouped(*noise, *attacks)
    worst = [i for i in desk.incidents.values() if i.level is Level.HIGH]
    assert len(worst) == 3
    assert max(i.finding_count for i in worst) < 10


def test_a_storm_of_one_finding_is_one_incident_with_a_count_and_little_state() -> None:
    fold, state, desk, sizes = IncidentFold(), None, Desk(), []
    for batch in range(20):
        storm = [
            finding(batch * 500 + n, batch * 30 * SECOND + n, host("ws01"), user("ann"))
            for n in range(500)
        ]
        state, output = fold.step(state, rows_of(storm), watermark=T0, now=0)
        desk.take(output)
        sizes.append(len(state) - sum(map(len, fold._last[1].known.values())))
    [incident] = desk.incidents.values()
    assert incident.finding_count == 10_000
    assert [moment.count for moment in incident.timeline] == [10_000]
    assert sizes[-1] < sizes[0] + 5_000


def test_two_attacks_with_common_servers_stay_apart_and_one_that_moves_is_one() -> None:
    """Two attacks on different hosts, both through the domain controller and scanned by the same
    scanner, among single findings; the first moves on to another host."""
    day = [
        finding(
            f"single{n}",
            n * 11 * MINUTE,
            host(f"pc{n:02}"),
            user(f"p{n:02}"),
            address("10.9.9.9"),
            rule="scan",
        )
        for n in range(20)
    ]
    logons = [
        finding(
            f"logon{n}",
            n * 11 * MINUTE,
            host("dc01"),
            user(f"p{n:02}"),
            host(f"pc{n:02}", "source"),
            rule="odd logon",
            level=Level.MEDIUM,
        )
        for n in range(20)
    ]
    first = [
        finding("a1", 3 * HOUR, host("ws01"), user("ann"), process("a1"), rule="macro"),
        finding(
            "a2",
            3 * HOUR + MINUTE,
            host("ws01"),
            user("ann"),
            process("a2"),
            process("a1", role="parent"),
            rule="shell",
        ),
        finding(
            "a3",
            3 * HOUR + 9 * MINUTE,
            host("dc01"),
            user("ann"),
            host("ws01", "source"),
            rule="odd logon",
            level=Level.MEDIUM,
        ),
        finding(
            "a4",
            3 * HOUR + 12 * MINUTE,
            host("srv7"),
            user("svc-sql"),
            host("ws01", "source"),
            rule="service",
        ),
        finding("a5", 3 * HOUR + 13 * MINUTE, host("srv7"), rule="dump"),
        finding("a6", 3 * HOUR + 15 * MINUTE, host("ws01"), address("10.9.9.9"), rule="scan"),
    ]
    second = [
        finding(
            "b1", 3 * HOUR + 2 * MINUTE, host("ws02"), user("bob"), process("b1"), rule="macro"
        ),
        finding(
            "b2",
            3 * HOUR + 8 * MINUTE,
            host("dc01"),
            user("bob"),
            host("ws02", "source"),
            rule="odd logon",
            level=Level.MEDIUM,
        ),
        finding(
            "b3",
            3 * HOUR + 11 * MINUTE,
            host("ws02"),
            user("bob"),
            address("10.9.9.9"),
            rule="scan",
        ),
    ]
    stream = [*day, *logons, *first, *second]
    for hubs, background in ((frozenset(), 16), (frozenset({"dc01", "10.9.9.9"}), 20)):
        parts = grouped(*stream, grouping=Grouping(hubs=hubs)).partition
        assert frozenset(f.finding_id for f in first) in parts
        assert frozenset(f.finding_id for f in second) in parts
        assert len(parts) == 2 + background, (
            "without a name, a hub joins the five that it met first"
        )


def test_a_closed_incident_is_forgotten_and_what_follows_is_new() -> None:
    fold = IncidentFold()
    state, first = fold.step(
        None, rows_of([finding(1, 0, host("ws01"), user("ann"))]), watermark=T0, now=0
    )
    later = finding(2, 40 * HOUR, host("ws01"), user("ann"))
    state, second = fold.step(state, rows_of([later]), watermark=T0 + 40 * HOUR, now=0)
    assert len(desk_of([first, second]).partition) == 2
    assert len(fold._last[1].groups) == 1


def test_sites_are_apart() -> None:
    rows = rows_of([finding(1, 0, host("a"), site="x"), finding(2, 0, host("a"), site="y")])
    assert IncidentFold().key(rows).to_pylist() == ["x", "y"]


def test_the_worst_comes_first() -> None:
    desk = grouped(
        finding(1, 0, host("a"), level=Level.MEDIUM, tactics=("execution", "persistence")),
        finding(2, 0, host("b"), level=Level.HIGH, tactics=("execution",)),
        finding(3, 0, host("c"), level=Level.HIGH, tactics=("execution", "discovery")),
        finding(4, 0, host("d"), level=Level.CRITICAL),
    )
    ordered = sorted(desk.incidents.values(), key=rank, reverse=True)
    assert [incident.title[-1] for incident in ordered] == ["d", "c", "b", "a"]


def test_hostile_times_and_texts_do_no_harm() -> None:
    far = [
        finding(n, time - T0, host("ws01\x1b[2J"), rule="r\u202e")
        for n, time in enumerate([-(2**62), -1, 0, 2**62, 2**63 - 1])
    ]
    desk = grouped(*far)
    assert sum(i.finding_count for i in desk.incidents.values()) == len(far)
    for incident in desk.incidents.values():
        assert "\x1b" not in incident.story + incident.title
        assert "\u202e" not in incident.story + incident.title
    assert len(findings_from_arrow(rows_of(far))) == len(far)
