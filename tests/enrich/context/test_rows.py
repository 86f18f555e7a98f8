"""Tables of a site: well-known headers, own headers, and bad lines that are told."""

import pytest

from tocsin.enrich.context.rows import KINDS, Defaults, read_rows
from tocsin.enrich.context.values import criticality_of, list_of, time_of, truth_of
from tocsin.formats.tables import BadRow, read_table
from tocsin.model.context import AccountKind, Criticality, Identifier


def read(kind, text, mapping=None, **defaults):
    headers, rows = read_table("t.csv", text.encode())
    plain = ((r.line, r.reason if isinstance(r, BadRow) else r.values) for r in rows)
    return read_rows(kind, "t.csv", headers, plain, mapping, Defaults(**defaults))


def test_machines_under_usual_headers():
    done = read(
        "assets",
        "Host Name;FQDN;IP Address;MAC;Business Unit;Criticality;Internet-Facing;Services\n"
        "FS01;fs01.corp.example;10.0.0.1|10.0.0.2;00-11-22-33-44-55;Finance;"
        "1 - most critical;no;payroll, shop\n",
    )
    (record,) = done.records
    assert record.key == "fqdn:fs01.corp.example"
    assert record.where == "t.csv:2"
    assert {(one.kind, one.value) for one in record.body.identifiers} == {
        ("host", "fs01"), ("fqdn", "fs01.corp.example"), ("ip", "10.0.0.1"), ("ip", "10.0.0.2"),
        ("mac", "00:11:22:33:44:55"),
    }  # fmt: skip
    assert record.body.criticality is Criticality.CRITICAL
    assert record.body.exposed is False
    assert record.body.services == ("payroll", "shop")


def test_people_with_and_without_a_domain():
    text = "user,email,display name,kind\nanna,anna@corp.example,Anna Falk,employee\n"
    (bare,) = read("identities", text).records
    assert Identifier("name", "anna") in bare.body.identifiers
    assert bare.body.kind is AccountKind.PERSON
    (scoped,) = read("identities", text, domain="CORP").records
    assert Identifier("account", "corp\\anna") in scoped.body.identifiers


def test_bad_lines_are_told_and_the_others_are_kept():
    done = read(
        "assets",
        "name,ip,criticality\nfs01,10.0.0.1,high\nfs02,999.1.1.1,high\nfs03,10.0.0.3\n,,\n"
        "fs04,10.0.0.4,enormous\nfs05,,low\n",
    )
    assert [one.key for one in done.records] == ["host:fs01", "host:fs04", "host:fs05"]
    told = {one.where: (one.severity, one.message) for one in done.problems}
    assert set(told) == {"t.csv:3", "t.csv:4", "t.csv:6"}
    assert told["t.csv:6"][0] == "warning"  # the machine is known, its criticality is not
    assert "2 values under 3 headers" in told["t.csv:4"][1]
    assert done.lost == 2


def test_the_same_key_twice_is_one_or_a_contradiction():
    done = read("units", "name,owner\nSales,A\nsales,A\nLegal,B\nLegal,C\n")
    assert [one.key for one in done.records] == ["sales", "legal"]
    (problem,) = [one for one in done.problems if one.where == "t.csv:5"]
    assert "t.csv:4" in problem.message


def test_own_headers_by_a_mapping():
    text = "Rechner,Abteilung\nfs01,Finanzen\n"
    with pytest.raises(ValueError, match="no column says"):
        read("assets", text)
    (record,) = read("assets", text, {"name": "Rechner", "unit": "Abteilung"}).records
    assert record.body.unit == "Finanzen"
    with pytest.raises(ValueError, match="is no field of assets"):
        read("assets", text, {"colour": "Rechner"})
    with pytest.raises(ValueError, match="there is no column"):
        read("assets", text, {"name": "Computer"})


ROWS = {
    "identities": "sid\nS-1-5-21-1-2-3-500\n",
    "assets": "instance id\ni-0123456789abcdef0\n",
    "units": "unit\nSales\n",
    "roles": "role,privileged\nadministrator,yes\n",
    "services": "id,name,operating hours,time zone,rto\nshop,Shop,mon-fri 08:00-18:00,UTC,30\n",
    "zones": "segment,subnets\ndmz,192.0.2.0/24; 2001:db8::/32\n",
    "watchlist": "list,subject,kind,expires\nvips,corp\\anna,user,2027-01-01\n",
    "vulnerabilities": "host,cve\nfs01,CVE-2021-44228\n",
    "windows": "scope,start,end\nhost:fs01,2026-03-02T20:00+01:00,2026-03-03\n",
    "leases": "ip,mac,start,end\n10.0.0.1,0011.2233.4455,2026-03-02,2026-03-02\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_table_is_read(kind):
    done = read(kind, ROWS[kind])
    assert done.problems == ()
    assert len(done.records) == 1


@pytest.mark.parametrize(
    ("kind", "text", "why"),
    [
        ("services", "name,hours\nshop,always open\n", "hours are written as"),
        ("services", "name,zone\nshop,Mars/Olympus\n", "no time zone"),
        ("zones", "name,cidr\ndmz,10.0.0.0/99\n", "10.0.0.0/99"),
        ("watchlist", "subject,kind\nanna,user\n", "no --list was given"),
        ("watchlist", "list,subject\nvips,anna\n", "say the kind"),
        ("vulnerabilities", "host,cve\nfs01,MS17-010\n", "needs a host and a CVE"),
        ("windows", "scope,start,end\nfs01,2026-03-03,2026-03-01\n", "ends later"),
        ("leases", "ip,host,start,end\nten,ws1,2026-03-02,2026-03-03\n", "no address"),
        ("identities", "user,since\nanna,whenever\n", "write a time as"),
    ],
)
def test_rows_that_say_nothing_usable_are_told(kind, text, why):
    done = read(kind, text)
    assert done.records == ()
    assert why in done.problems[0].message
    assert done.problems[0].where == "t.csv:2"


def test_tables_in_other_forms():
    headers, rows = read_table("x", "a\tb\r\n1\t2\r\n".encode("utf-16"))
    assert (headers, [r.values for r in rows]) == (("a", "b"), [{"a": "1", "b": "2"}])
    _, rows = read_table("x", b'\xef\xbb\xbfa,b\n"x\ny",2\n\xff,3\n4,5\n')
    found = list(rows)
    assert found[0].values == {"a": "x\ny", "b": "2"}
    assert isinstance(found[1], BadRow)
    assert "UTF-8" in found[1].reason
    assert found[2].values == {"a": "4", "b": "5"}


def test_values():
    assert time_of("2026-03-31", end=True) - time_of("2026-03-31") == 86_400_000_000
    assert time_of("2026-03-31T02:00:00+02:00") == time_of("2026-03-31")
    assert time_of("31.03.2026") == time_of("2026-03-31")
    assert list_of(" a; b|c,a ") == ("a", "b", "c")
    assert truth_of("") is None
    assert criticality_of("3 - less critical") is Criticality.MEDIUM
