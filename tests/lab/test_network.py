from tests.lab.conftest import written_by

from tocsin.lab.network import call, connect, reach, resolve
from tocsin.lab.world import World


def test_a_connection_is_seen_by_sysmon_and_the_filtering_platform(world: World) -> None:
    process = world.hosts["FS01"].system["svchost:netsvcs"]
    connect(world, process, "198.51.100.1", 443, "a.example")
    allowed, sysmon = sorted(written_by(world), key=lambda r: -r["EventID"])
    assert allowed["EventID"] == 5156
    assert allowed["DestAddress"] == sysmon["DestinationIp"] == "198.51.100.1"
    assert allowed["SourcePort"] == sysmon["SourcePort"]
    assert allowed["ProcessId"] == sysmon["ProcessId"]


def test_reaching_a_host_arrives_there(world: World) -> None:
    source, target = world.hosts["BK01"], world.hosts["FS01"]
    reach(world, source.system["svchost:netsvcs"], target, 445)
    arrived = [r for r in written_by(world) if r["Hostname"].startswith("FS01")]
    assert [r["EventID"] for r in arrived] == [5156]
    assert arrived[0]["Direction"] == "%%14592"
    assert arrived[0]["DestAddress"] == source.address


def test_the_scanner_leaves_traces_only_on_its_targets(world: World) -> None:
    call(world, world.hosts["SCAN01"], world.hosts["FS01"], 22)
    assert {r["Hostname"] for r in written_by(world)} == {"FS01.northquay.example"}


def test_a_name_is_resolved(world: World) -> None:
    resolve(world, world.hosts["FS01"].system["svchost:netsvcs"], "a.example", "198.51.100.1")
    assert written_by(world)[0]["QueryName"] == "a.example"
