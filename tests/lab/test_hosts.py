from hypothesis import given
from hypothesis import strategies as st
from tests.lab.conftest import MONDAY

from tocsin.lab.hosts import Host, RandomFor, equip
from tocsin.lab.people import SYSTEM, domain_account
from tocsin.lab.staff import employ


def started(seed: int = 1) -> Host:
    host = Host("H1", "10.0.0.1", "server", "operations", RandomFor(seed, MONDAY)("h"))
    host.start(MONDAY)
    return host


@given(st.integers(0, 2**32), st.integers(1, 300))
def test_pids_in_use_are_never_given_twice(seed: int, count: int) -> None:
    host = started(seed)
    session = host.session(SYSTEM, 5)
    running = [host.process(MONDAY, "a.exe", "a", session, None, "System") for _ in range(count)]
    taken = [p.pid for p in running] + [p.pid for n, p in host.system.items() if n != "System"]
    assert len(set(taken)) == len(taken)
    assert all(pid % 4 == 0 for pid in taken)


def test_a_released_pid_may_return_but_the_guid_does_not() -> None:
    host = started()
    session = host.session(SYSTEM, 5)
    seen: set[str] = set()
    for _ in range(5000):
        process = host.process(MONDAY, "a.exe", "a", session, None, "System")
        assert process.guid not in seen
        seen.add(process.guid)
        host.release(process)


def test_guids_look_like_sysmons() -> None:
    process = started().system["lsass.exe"]
    assert [len(part) for part in process.guid.strip("{}").split("-")] == [8, 4, 4, 4, 12]


def test_a_session_has_one_guid_and_no_other_session_has_it() -> None:
    host = started()
    sessions = [host.session(SYSTEM, 3) for _ in range(50)]
    assert sessions[0].guid == sessions[0].guid
    assert len({session.guid for session in sessions}) == 50


def test_logon_ids_rise_and_desktops_are_numbered() -> None:
    host = started()
    account = domain_account("a", 1)
    first, second, network = (host.session(account, kind) for kind in (2, 10, 3))
    assert first.logon_id < second.logon_id < network.logon_id
    assert (first.number, second.number, network.number) == (1, 2, 0)


def test_everybody_has_a_machine_and_only_the_scanner_is_silent() -> None:
    people = employ()
    hosts = equip(people, RandomFor(1, MONDAY))
    assert {person.workstation for person in people} <= hosts.keys()
    assert [host.name for host in hosts.values() if not host.logs] == ["SCAN01"]
    assert len({host.address for host in hosts.values()}) == len(hosts)
    assert len({host.account.sid for host in hosts.values()}) == len(hosts)


def test_streams_are_independent_by_name() -> None:
    streams = RandomFor(1, MONDAY)
    assert streams("a").random() == RandomFor(1, MONDAY)("a").random()
    assert streams("a").random() != streams("b").random()
    assert streams("a").random() != RandomFor(2, MONDAY)("a").random()
