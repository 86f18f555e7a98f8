from collections import Counter

import pytest
from tests.lab.conftest import MONDAY

from tocsin.lab.hosts import RandomFor, equip
from tocsin.lab.people import found
from tocsin.lab.staff import NETS, UNITS, employ


def test_two_hundred_people_in_five_units() -> None:
    units = Counter(person.unit for person in employ(200, 1))
    assert set(units) == set(NETS) == {unit.name for unit in UNITS}
    assert min(units.values()) >= 15


def test_nothing_is_shared_and_every_machine_has_its_address() -> None:
    people = employ(200, 1)
    hosts = equip(people, RandomFor(1, MONDAY))
    accounts = [p.account for p in people] + [p.admin for p in people if p.admin]
    assert len({account.sid for account in accounts}) == len(accounts)
    assert len({account.name for account in accounts}) == len(accounts)
    assert len({host.address for host in hosts.values()}) == len(hosts)
    assert len({host.account.sid for host in hosts.values()}) == len(hosts)


def test_the_first_twenty_are_always_the_same() -> None:
    assert employ(200, 1)[:20] == employ(20, 9) == found()
    assert employ(200, 1) == employ(200, 1)
    assert employ(200, 1) != employ(200, 2)


def test_units_differ_in_their_habits() -> None:
    people = employ(200, 1)
    nights = {p.unit for p in people if p.ends < p.begins}
    weekends = {p.unit for p in people if set(p.days) & {5, 6}}
    short = [p for p in people if len(p.days) < 5]
    assert {"imaging", "operations"} <= nights
    assert weekends == {"imaging", "operations"}
    assert 10 <= len(short) <= 70


@pytest.mark.parametrize("count", [1, 19, 21, 500])
def test_any_number_can_be_employed(count: int) -> None:
    people = employ(count, 3)
    assert len(people) == count
    assert len({person.workstation for person in people}) == count
