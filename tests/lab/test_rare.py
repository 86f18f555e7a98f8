"""Errands, support and automation: what happens now and then, whatever the volume."""

from collections import Counter
from pathlib import Path

import msgspec
import orjson
from tests.lab.conftest import DAY, MONDAY, Whole, lines_of, written_by

from tocsin.lab import (
    Enterprise,
    acts,
    automation,
    cloudwork,
    errands,
    outside,
    plot,
    remoting,
    support,
    unixwork,
    write_history,
)
from tocsin.lab.desk import Desk
from tocsin.lab.world import HOUR, World


def rare(root: Path, density: float) -> int:
    """Wrong passwords and privileged shells of one day: none of it is routine."""
    enterprise = msgspec.structs.replace(
        Enterprise.of(120, 1), density=density, sources=("windows",), absence=0.0
    )
    write_history(root / "l", root / "t", 3, MONDAY, DAY, enterprise=enterprise)
    count = 0
    for path in (root / "l").glob("*-security.json"):
        for line in path.read_bytes().splitlines():
            record = orjson.loads(line)
            own = record["EventID"] == 4625 and record["LogonType"] == "2"
            count += own or record["EventID"] == 4648
    return count


def test_the_volume_does_not_change_how_often_rare_things_happen(tmp_path: Path) -> None:
    little, more = (rare(tmp_path / str(d), d) for d in (0.01, 0.1))
    assert little > 40
    assert 0.6 < little / more < 1.6


def test_every_errand_and_every_kind_of_support_can_be_done(large: World) -> None:
    coder = next(p for p in large.people if p.role == "developer")
    desk = Desk(large, coder, large.random_for("desk"))
    for errand in errands.ERRANDS:
        errand.act(desk)
    admin = next(p for p in large.people if p.role == "administrator")
    own = Desk(large, admin, large.random_for("own"))
    for rate, act, roles in support.WORK:
        hand = support.Hand(large, admin, own.shell, large.random_for("hand"), [], [])
        act(hand)
        hand.close()
        assert rate > 0
        assert roles
    kinds = {record["EventID"] for record in written_by(large) if "EventID" in record}
    assert {4624, 4625, 4648, 4697, 4698, 4720, 4724, 4728, 4732, 4771, 7045, 4104} <= kinds


def test_every_act_of_every_unit_can_be_done(large: World) -> None:
    for unit, (table, weights) in acts.ACTS.items():
        person = next(p for p in large.people if p.unit == unit)
        desk = Desk(large, person, large.random_for(unit))
        for act in table:
            act(desk)
        assert sum(weights) == 100
    large.run(large.now + HOUR)
    assert large.files.records > 100


def test_a_shell_elsewhere_is_closed_again(large: World) -> None:
    shell = large.hosts["BK01"].system["services.exe"]
    remote = remoting.by_service(large, shell, large.hosts["FS01"])
    remoting.leave(large, remote)
    records = [r for r in written_by(large) if r.get("Hostname", "").startswith("FS01")]
    numbers = Counter(r["EventID"] for r in records)
    assert numbers[4624] == numbers[4634] == 1
    assert numbers[1] == numbers[5] == 2
    assert remote.session.route.target == large.hosts["FS01"].address


def test_the_cellar_works(whole: Whole) -> None:
    replicated = list(whole.events("security", 4662))
    assert 40 <= len(replicated) <= 48
    coded = [r for r in whole.events("sysmon", 1) if "-EncodedCommand" in r["CommandLine"]]
    assert {r["User"] for r in coded} >= {"NORTHQUAY\\svc_automation"}
    old = [r for r in whole.events("security", 4769) if r["TicketEncryptionType"] == "0x17"]
    assert any(r["TargetUserName"].startswith("MOD-") for r in old)


def test_a_small_enterprise_has_none_of_it(world: World) -> None:
    before = len(world._queue)
    for part in (unixwork, cloudwork, outside):
        part.begin(world)
    assert len(world._queue) == before
    automation.begin(world)
    assert len(world._queue) - before == 1 + sum(host.logs for host in world.hosts.values())


def test_picks_are_always_the_same(large: World) -> None:
    assert plot.pick(large, ("trader",), "x") == plot.pick(large, ("trader",), "x")
    assert plot.pick(large, ("nobody",), "x") in large.people
    assert plot.pick_admin(large, "x").admin is not None


def test_syslog_and_audit_come_from_every_linux_server(large: World) -> None:
    unixwork.begin(large)
    large.run(large.now + 7 * HOUR)
    for name in unixwork.SERVERS:
        assert lines_of(large, f"{name}-audit.log")
        assert lines_of(large, f"{name}-syslog.log")
