from itertools import pairwise

from tests.lab.conftest import History, written_by

from tocsin.lab.campaign import MOVES, RENAME, SPAN, intrude
from tocsin.lab.intruder import VICTIM
from tocsin.lab.world import HOUR, World

QUIET = {"attachment arrives", "named pipe of the tool", "remote desktop used"}


def test_every_step_is_in_the_truth(day: History) -> None:
    planned = [move.step.name for move in MOVES] + [RENAME.name]
    told = list(dict.fromkeys(line["step"] for line in day.truth))
    assert told == planned


def test_the_quiet_steps_are_marked(day: History) -> None:
    assert {line["step"] for line in day.truth if line["quiet"]} == QUIET


def test_it_takes_about_forty_minutes(day: History) -> None:
    times = [line["time"] for line in day.truth]
    assert 38 <= (max(times) - min(times)) / 60_000_000 <= SPAN / 60_000_000


def test_steps_follow_each_other() -> None:
    minutes = [move.minute for move in MOVES]
    assert all(a < b for a, b in pairwise(minutes))


def test_it_stops_before_the_mass_of_the_data(day: History) -> None:
    renamed = [line for line in day.truth if line["step"] == "rename documents"]
    assert len(renamed) == 60


def test_it_moves_from_a_workstation_to_two_servers(day: History) -> None:
    hosts = list(dict.fromkeys(line["host"].partition(".")[0] for line in day.truth))
    assert set(hosts) == {"WS-OFF03", "DC01", "FS01", "BK01"}
    assert hosts.index("WS-OFF03") < hosts.index("FS01") < hosts.index("BK01")


def test_it_needs_nobody_at_the_desk(world: World) -> None:
    assert VICTIM not in world.desks
    world.begin(intrude(world))
    world.run(world.now + HOUR)
    assert any(r["EventID"] == 1102 for r in written_by(world))


def test_nothing_outside_the_campaign_is_labelled(day: History) -> None:
    labelled = {(line["file"], line["record_number"]) for line in day.truth}
    backup = {
        (name, r["RecordNumber"])
        for name, records in day.files.items()
        for r in records
        if r.get("SubjectUserName") in ("svc_backup", "svc_deploy")
    }
    assert not labelled & backup
