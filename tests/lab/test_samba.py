import orjson
from tests.lab.conftest import Whole, lines_of

from tocsin.lab import directory, logons, samba
from tocsin.lab.people import Person
from tocsin.lab.world import World


def person_of(world: World, unit: str) -> Person:
    return next(person for person in world.people if person.unit == unit)


def admin_of(world: World) -> Person:
    return next(person for person in world.people if person.role == "administrator")


def told(world: World) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in lines_of(world, samba.FILE)]


def test_the_imaging_unit_has_its_own_controller(large: World) -> None:
    imaging, office = person_of(large, "imaging"), person_of(large, "office")
    for person in (imaging, office):
        station = large.station(person)
        logons.log_on(large, station, person.account, 2, station)
    (record,) = told(large)
    assert record["type"] == "Authentication"
    assert record["Authentication"]["clientAccount"] == imaging.account.name
    assert record["Authentication"]["status"] == "NT_STATUS_OK"
    asked = lines_of(large, "DC01-security.json")
    assert all(imaging.account.name.encode() not in line for line in asked)


def test_changes_are_told_with_who_made_them(large: World) -> None:
    admin = admin_of(large)
    directory.reset_password(large, admin, person_of(large, "imaging"))
    directory.add_to_group(large, admin, person_of(large, "office"), "Server Operators", "549")
    directory.create_account(large, admin, "new.starter1")
    records = {record["type"]: record[record["type"]] for record in told(large)}
    assert set(records) == {"passwordChange", "groupChange", "dsdbChange"}
    assert {body["userSid"] for body in records.values()} == {admin.admin.sid}
    assert records["passwordChange"]["action"] == "Reset"


def test_every_line_names_its_kind(whole: Whole) -> None:
    records = whole.json(samba.FILE)
    assert records
    assert all(record["type"] in record for record in records)
