"""The enterprise's own tables can be loaded, and say the place of everybody and everything."""

import pytest

from tocsin.app.context import index_of, keep
from tocsin.app.feeds import Wish, read_file
from tocsin.app.site import open_site
from tocsin.lab import Enterprise
from tocsin.lab.context import write_context
from tocsin.lab.hosts import RandomFor, equip
from tocsin.model.context import Resolved

AT = 1_772_438_400_000_000  # 2026-03-02


@pytest.mark.parametrize("people", [20, 60])
def test_every_person_and_machine_has_its_place(tmp_path, people):
    (tmp_path / "tocsin.toml").write_text("")
    site = open_site(tmp_path, {})
    enterprise = Enterprise.of(people, 3)
    for path in write_context(tmp_path / "context", enterprise, 3, AT):
        done = keep(site, read_file(path, Wish(path.stem)))
        assert done.problems == (), path
    index = index_of(site)
    hosts = equip(enterprise.people, RandomFor(3, AT))
    for host in hosts.values():
        for name in (host.name, host.full_name, host.address):
            found = index.asset(name, AT)
            assert isinstance(found, Resolved), name
            assert found.body.name == host.name
        place = index.place(host.name, "", host.address, AT)
        assert place.unit == host.unit
        assert place.segment
    for person in enterprise.people:
        known = [person.account.full, person.account.sid, person.mail]
        found = [index.identity(name, AT) for name in known]
        assert {one.body.name for one in found} == {person.title}
        assert index.place("", person.account.full, "", AT).unit == person.unit
        if person.admin is not None:
            assert index.identity(person.admin.full, AT).body.name != person.title
    assert index.watchlists("host", "dc01", AT)[0].list == "crown-jewels"
    assert [one.cve for one in index.vulnerabilities("DC01", AT)] == ["CVE-2020-1472"]
