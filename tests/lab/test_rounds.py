from tests.lab.conftest import History, written_by

from tocsin.lab.rounds import administrate, remote_desktop
from tocsin.lab.staff import employ
from tocsin.lab.world import DAY, World

ADMINS = {person.admin.name for person in employ() if person.admin}


def test_rounds_are_made_with_the_second_account(day: History) -> None:
    remote = [r for r in day.records if r["EventID"] == 4624 and r["LogonType"] == "10"]
    assert remote
    assert {r["TargetUserName"] for r in remote} <= ADMINS


def test_a_desktop_on_a_server_starts_at_the_own_desk(world: World) -> None:
    person = next(person for person in world.people if person.admin)
    station = world.station(person)
    desk = station.system["services.exe"]
    session, shell = remote_desktop(world, person, desk, world.hosts["FS01"])
    assert shell.session is session
    records = written_by(world)
    logon = next(r for r in records if r["EventID"] == 4624)
    assert (logon["LogonType"], logon["IpAddress"]) == ("10", station.address)
    explicit = next(r for r in records if r["EventID"] == 4648)
    assert explicit["TargetUserName"] == session.account.name


def test_nobody_works_from_an_empty_desk(world: World) -> None:
    person = next(person for person in world.people if person.admin)
    world.begin(administrate(world, person))
    world.run(world.now + DAY)
    assert written_by(world) == []
