"""Places, watchlists, windows and vulnerabilities of a day."""

import pytest
from tests.enrich.contexts import DAY, fact, ids, machine, person

from tocsin.enrich.context import ContextIndex, compile_index
from tocsin.errors import StorageError
from tocsin.model.context import (
    NOWHERE,
    Ambiguous,
    BusinessService,
    Lease,
    Place,
    Rating,
    Ratings,
    Vulnerability,
    Watched,
    Window,
    Zone,
)


def index(*facts):
    return ContextIndex(compile_index(facts))


def test_nothing_is_known_where_nothing_was_loaded():
    known = ContextIndex.empty()
    assert known.place("fs01", "corp\\anna", "10.0.0.1", 5) is NOWHERE
    assert known.asset("fs01", 5) is None
    assert known.windows(host="fs01", at=5) == ()
    assert known.vulnerabilities("fs01", 5) == ()


def test_what_is_no_index_is_refused():
    for data in (b"", b"TOCSINX1", b"TOCSINX1\x05\0\0\0hello", b"something else entirely"):
        with pytest.raises(StorageError):
            ContextIndex(data)


def test_the_place_is_that_of_the_host_then_of_the_user_then_of_the_segment():
    known = index(
        machine("fqdn:fs01.corp.example", "ip:10.1.0.5", unit="Finance"),
        person("account:corp\\anna", unit="Sales"),
        fact(Zone("office", ("10.1.0.0/16",), unit="Everybody"), key="office"),
        fact(Zone("servers", ("10.1.0.0/24",)), key="servers"),
    )
    assert known.place("FS01", "CORP\\anna", "", 5) == Place("Finance", "servers")
    assert known.place("", "CORP\\anna", "10.1.9.9", 5) == Place("Sales", "office")
    assert known.place("", "", "10.1.9.9", 5) == Place("Everybody", "office")
    assert known.place("", "", "10.1.0.5", 5) == Place("Finance", "servers")
    assert known.place("", "", "192.0.2.1", 5) is NOWHERE
    assert known.place("not an address", "", "not an address", 5) is NOWHERE


def test_places_change_with_the_day_though_they_are_remembered():
    known = index(
        machine("host:ws1", unit="Sales", until=10 * DAY),
        machine("host:ws1", unit="Legal", since=10 * DAY),
        fact(Zone("old", ("10.0.0.0/8",)), key="a", until=5 * DAY),
    )
    for _ in range(2):
        assert known.place("ws1", "", "10.0.0.1", 4 * DAY) == Place("Sales", "old")
        assert known.place("ws1", "", "10.0.0.1", 6 * DAY) == Place("Sales", "")
        assert known.place("ws1", "", "10.0.0.1", 10 * DAY) == Place("Legal", "")


def test_an_address_is_whose_lease_it_was():
    known = index(
        machine("host:ws1", "mac:00:00:00:00:00:01", key="1", unit="Sales"),
        machine("host:ws2", "ip:10.0.0.9", key="2", unit="Legal"),
        fact(Lease("10.0.0.9", "ws1", "00:00:00:00:00:01"), key="a", until=5 * DAY),
        fact(Lease("10.0.0.9", "ws2"), key="b", since=5 * DAY, until=6 * DAY),
        fact(Lease("10.0.0.8", "ws1"), key="c"),
        fact(Lease("10.0.0.8", "ws2"), key="d"),
    )
    assert known.asset("10.0.0.9", DAY).body.unit == "Sales"
    assert known.asset("10.0.0.9", 5 * DAY).body.unit == "Legal"
    assert known.asset("10.0.0.9", 7 * DAY).records == ("cmdb:2",)
    assert isinstance(known.asset("10.0.0.8", DAY), Ambiguous)
    assert known.asset("10.0.0.9", DAY).confidence <= 0.8


def test_watchlists_expire_and_know_every_name():
    known = index(
        person("account:corp\\anna", "mail:anna@corp.example"),
        person("account:lab\\anna", feed="lab"),
        fact(Watched("vips", "user", "anna@corp.example", "soc"), key="a", until=10 * DAY),
        fact(Watched("leavers", "user", "anna"), key="b"),
        fact(Watched("scanners", "address", "10.9.0.0/24"), key="c"),
        fact(Watched("hashes", "value", "ABCDEF"), key="d"),
    )
    assert [one.list for one in known.watchlists("user", "CORP\\Anna", 5)] == ["vips"]
    assert known.watchlists("user", "CORP\\Anna", 10 * DAY) == ()
    assert known.watchlists("user", "LAB\\anna", 5) == ()
    assert [one.list for one in known.watchlists("address", "10.9.0.77", 5)] == ["scanners"]
    assert known.watchlists("address", "10.9.1.77", 5) == ()
    assert [one.list for one in known.watchlists("value", "abcdef", 5)] == ["hashes"]
    assert known.entries("VIPs", 5) == ("anna@corp.example",)
    assert known.entries("vips", 10 * DAY) == ()


def test_windows_are_in_force_for_what_they_name():
    known = index(
        machine("fqdn:fs01.corp.example", unit="Finance", services=("payroll",)),
        person("account:corp\\anna", "upn:anna@corp.example"),
        person("account:lab\\anna", feed="lab"),
        fact(Window("maintenance", ("host:fs01",)), key="host", since=1, until=DAY),
        fact(Window("change", ("service:Payroll",)), key="service", since=1, until=DAY),
        fact(Window("change", ("unit:finance",)), key="unit", since=1, until=DAY),
        fact(Window("access", ("user:anna@corp.example",)), key="user", since=1, until=DAY),
        fact(Window("access", ("user:anna",)), key="bare", since=1, until=DAY),
        fact(Window("maintenance", ("all",)), key="all", since=2 * DAY, until=3 * DAY),
    )
    keys = lambda **asked: [one.key for one in known.windows(**asked)]  # noqa: E731 - short here
    assert keys(host="FS01", at=5) == ["host", "service", "unit"]
    assert keys(user="CORP\\anna", at=5) == ["user"]
    assert keys(user="LAB\\anna", at=5) == []
    assert keys(host="other", at=5) == []
    assert keys(host="FS01", at=DAY) == []
    assert keys(host="other", at=2 * DAY) == ["all"]


def seen(*names, cve="CVE-2021-44228", **fields):
    return Vulnerability(ids(*names), cve, **fields)


def test_vulnerabilities_of_the_day_with_what_the_world_said_then():
    known = index(
        machine("fqdn:web1.corp.example", "ip:10.0.0.1"),
        machine("fqdn:web1.lab.example", key="2"),
        fact(seen("fqdn:web1.corp.example"), key="a", since=DAY, until=9 * DAY),
        fact(seen("host:web1", cve="CVE-2020-1472"), key="b"),
        fact(seen("ip:10.0.0.1", cve="CVE-2019-0708"), key="c"),
        fact(
            Ratings("kev", (Rating("CVE-2021-44228", exploited=3 * DAY, ransomware=True),)),
            feed="kev", key="kev",
        ),
        fact(Ratings("epss", (Rating("CVE-2021-44228", 0.5, 0.9), Rating("CVE-1999-0001", 0.1, 0))),
             feed="epss", key="epss", until=5 * DAY),
        fact(Ratings("epss", (Rating("CVE-2021-44228", 0.97, 0.99),)),
             feed="epss", key="epss", since=5 * DAY),
    )  # fmt: skip
    host = "web1.corp.example"
    early = {one.cve: one for one in known.vulnerabilities(host, 2 * DAY)}
    assert set(early) == {"CVE-2021-44228", "CVE-2020-1472", "CVE-2019-0708"}
    assert early["CVE-2021-44228"].exploited is None
    assert early["CVE-2021-44228"].score == 0.5
    later = known.vulnerabilities(host, 6 * DAY)[0]
    assert (later.cve, later.exploited, later.score) == ("CVE-2021-44228", 3 * DAY, 0.97)
    assert later.ransomware
    assert [v.cve for v in known.vulnerabilities(host, 10 * DAY)] == [
        "CVE-2019-0708", "CVE-2020-1472",
    ]  # fmt: skip
    assert [v.cve for v in known.vulnerabilities("web1.lab.example", 6 * DAY)] == ["CVE-2020-1472"]
    assert known.vulnerabilities("web1", 6 * DAY) == ()


def test_named_things():
    known = index(fact(BusinessService("Payroll", level="gold"), key="svc-1", until=DAY))
    assert known.service("SVC-1", 5).level == "gold"
    assert known.service("svc-1", DAY) is None
    assert known.unit("none", 5) is None
