from tocsin.lab.people import SYSTEM, domain_account
from tocsin.lab.staff import employ


def test_twenty_people_in_two_units() -> None:
    people = employ()
    assert len(people) == 20
    assert {person.unit for person in people} == {"office", "engineering"}


def test_nothing_is_shared_between_people() -> None:
    people = employ()
    assert len({person.account.sid for person in people}) == 20
    assert len({person.workstation for person in people}) == 20
    admins = [person.admin.sid for person in people if person.admin]
    assert not set(admins) & {person.account.sid for person in people}


def test_only_those_who_run_the_servers_have_a_second_account() -> None:
    privileged = {person.role for person in employ() if person.admin}
    assert privileged == {"administrator", "operator"}
    assert all(person.admin.elevated for person in employ() if person.admin)


def test_names_of_accounts() -> None:
    assert SYSTEM.full == "NT AUTHORITY\\SYSTEM"
    assert domain_account("a.b", 1).full == "NORTHQUAY\\a.b"
