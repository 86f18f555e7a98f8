"""CMDB, changes, calendars, scans, ratings and directories as feeds give them."""

import io
import time

import pytest
from icalendar import Calendar

from tocsin.enrich.context.calendars import read_calendar
from tocsin.enrich.context.directory import Domain, guid_of, read_entries, sid_of
from tocsin.enrich.context.ratings import read_epss, read_kev
from tocsin.enrich.context.scans import scanned
from tocsin.enrich.context.servicenow import read_changes, read_cmdb
from tocsin.enrich.context.values import time_of
from tocsin.errors import InputError
from tocsin.formats.nessus import read_nessus
from tocsin.model.context import Asset, Criticality, Vulnerability

NOW = time_of("2026-03-10")
HOUR = 3_600_000_000


def cmdb(**fields):
    return {"result": [fields]}


def test_configuration_items_of_a_cmdb():
    tree = {
        "result": [
            {
                "sys_id": "a1", "name": "FS01", "fqdn": "fs01.corp.example",
                "ip_address": "10.0.0.1", "sys_class_name": "cmdb_ci_win_server",
                "business_unit": {"display_value": "Finance", "link": "x"},
                "owned_by": {"display_value": "Ines Falk", "value": "u1"},
                "busines_criticality": "1 - most critical", "operational_status": "1",
                "u_business_service": ["shop", "payroll"],
            },
            {"sys_id": "a2", "name": "old1", "operational_status": "Retired"},
            {"sys_id": "s1", "name": "Shop", "sys_class_name": "cmdb_ci_service",
             "busines_criticality": "2 - somewhat critical"},
            {"sys_id": "a3"},
            "no object",
        ]
    }  # fmt: skip
    done = read_cmdb("cmdb.json", tree)
    by = {record.key: record.body for record in done.records}
    assert by["a1"].unit == "Finance"
    assert by["a1"].owner == "Ines Falk"
    assert by["a1"].criticality is Criticality.CRITICAL
    assert by["a1"].services == ("shop", "payroll")
    assert by["a2"].retired
    assert by["s1"].criticality is Criticality.HIGH
    assert [one.where for one in done.problems] == ["cmdb.json item 4", "cmdb.json item 5"]
    for wrong in ({}, [], {"result": "x"}, 5):
        if wrong != []:
            with pytest.raises(ValueError, match="no list of records"):
                read_cmdb("x", wrong)


def test_changes_become_windows():
    tree = cmdb(
        number="CHG001", short_description="new kernel", start_date="2026-03-10 20:00:00",
        end_date="2026-03-10 22:00:00", cmdb_ci={"display_value": "fs01"}, state="Scheduled",
        business_service="shop",
    )  # fmt: skip
    (record,) = read_changes("c.json", tree).records
    assert (record.body.kind, record.body.scope) == ("change", ("host:fs01", "service:shop"))
    assert (record.since, record.until) == (NOW + 20 * HOUR, NOW + 22 * HOUR)
    tree["result"][0] |= {"state": "Canceled"}
    assert read_changes("c.json", tree).records == ()
    tree["result"][0] |= {"state": "Scheduled", "cmdb_ci": "", "business_service": ""}
    assert "neither" in read_changes("c.json", tree).problems[0].message


ICAL = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:weekly
SUMMARY:CHG12345 patch day
DTSTART;TZID=Europe/Berlin:20260302T200000
DTEND;TZID=Europe/Berlin:20260302T220000
RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=6
EXDATE;TZID=Europe/Berlin:20260316T200000
DESCRIPTION:Updates\\nScope: host:fs01\\, service:shop
END:VEVENT
BEGIN:VEVENT
UID:weekly
RECURRENCE-ID;TZID=Europe/Berlin:20260323T200000
SUMMARY:patch day, moved
DTSTART;TZID=Europe/Berlin:20260324T200000
DTEND;TZID=Europe/Berlin:20260324T220000
X-TOCSIN-SCOPE:all
END:VEVENT
BEGIN:VEVENT
UID:off
STATUS:CANCELLED
DTSTART:20260310T000000Z
DTEND:20260311T000000Z
END:VEVENT
BEGIN:VEVENT
UID:silent
SUMMARY:team lunch
DTSTART:20260310T110000Z
DTEND:20260310T120000Z
END:VEVENT
END:VCALENDAR
"""


def calendar(text):
    return Calendar.from_ical(text.replace("\n", "\r\n"))


def test_calendars_recur_on_the_clock_of_their_zone():
    done = read_calendar("c.ics", calendar(ICAL), NOW)
    starts = sorted(record.since for record in done.records)
    days = ("2026-03-02T19:00Z", "2026-03-09T19:00Z", "2026-03-24T19:00Z",
            "2026-03-30T18:00Z", "2026-04-06T18:00Z")  # fmt: skip
    assert starts == [time_of(one.replace("Z", ":00+00:00")) for one in days]
    first = done.records[0]
    assert first.until - first.since == 2 * HOUR
    assert first.body.scope == ("host:fs01", "service:shop")
    assert first.body.reference == "CHG12345"
    assert {one.body.scope for one in done.records} == {("host:fs01", "service:shop"), ("all",)}
    (problem,) = done.problems
    assert "team lunch" in problem.message
    assert "says no scope" in problem.message
    given = read_calendar("c.ics", calendar(ICAL), NOW, "segment:dmz")
    assert given.problems == ()


@pytest.mark.parametrize(
    "rule",
    ["FREQ=SECONDLY", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31",
     "FREQ=DAILY;COUNT=99999999", "FREQ=DAILY;INTERVAL=0"],
)  # fmt: skip
@pytest.mark.parametrize("year", [1900, 2022])
def test_rules_without_end_are_bounded(rule, year):
    text = ICAL.replace("FREQ=WEEKLY;BYDAY=MO;COUNT=6", rule).replace("20260302T2", f"{year}0302T2")
    before = time.process_time()
    done = read_calendar("c.ics", calendar(text), NOW)
    assert time.process_time() - before < 5
    assert len(done.records) <= 2_001


NESSUS = """<?xml version="1.0"?>
<NessusClientData_v2><Policy><policyName>x</policyName></Policy><Report name="weekly">
<ReportHost name="10.0.0.1"><HostProperties>
<tag name="host-ip">10.0.0.1</tag><tag name="host-fqdn">web1.corp.example</tag>
<tag name="netbios-name">CORP\\WEB1</tag><tag name="mac-address">00:11:22:33:44:55</tag>
<tag name="operating-system">Linux</tag><tag name="HOST_END">Tue Mar 10 02:00:00 2026</tag>
</HostProperties>
<ReportItem port="443" protocol="tcp" severity="4" pluginID="156014" pluginName="Log4Shell">
<cve>CVE-2021-44228</cve><cve>CVE-2021-45046</cve><risk_factor>Critical</risk_factor></ReportItem>
<ReportItem port="0" protocol="tcp" severity="0" pluginID="1" pluginName="Ping"></ReportItem>
</ReportHost>
<ReportHost name="10.0.0.2"><HostProperties/></ReportHost>
</Report></NessusClientData_v2>"""


def test_a_scan_names_hosts_and_what_they_have():
    reading, ended = scanned("s.nessus", read_nessus("s.nessus", io.BytesIO(NESSUS.encode())))
    assert ended == NOW + 2 * HOUR
    assets = [one.body for one in reading.records if isinstance(one.body, Asset)]
    found = [one.body for one in reading.records if isinstance(one.body, Vulnerability)]
    assert {(one.kind, one.value) for one in assets[0].identifiers} == {
        ("ip", "10.0.0.1"), ("fqdn", "web1.corp.example"), ("host", "web1"),
        ("mac", "00:11:22:33:44:55"),
    }  # fmt: skip
    assert [one.cve for one in found] == ["CVE-2021-44228", "CVE-2021-45046"]
    assert (found[0].title, found[0].severity, found[0].port) == (
        "Log4Shell",
        "critical",
        "443/tcp",
    )
    assert {one.scope for one in reading.records} == {"fqdn:web1.corp.example", "ip:10.0.0.2"}


BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>
<NessusClientData_v2>&b;</NessusClientData_v2>"""


@pytest.mark.parametrize(
    "text",
    [BOMB, "<html/>", "", "not xml", NESSUS[:-20], "<NessusClientData_v2>" + "<a>" * 40,
     '<!DOCTYPE x SYSTEM "file:///etc/passwd"><NessusClientData_v2/>'],
)  # fmt: skip
def test_what_is_no_scan_is_refused(text):
    with pytest.raises(InputError):
        list(read_nessus("s.nessus", io.BytesIO(text.encode())))


def test_ratings_are_one_release():
    rows = [
        (1, {"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10",
             "knownRansomwareCampaignUse": "Known"}),
        (2, {"cveID": "nothing", "dateAdded": "2021-12-10"}),
    ]  # fmt: skip
    done = read_kev("kev.json", rows)
    (rating,) = done.records[0].body.ratings
    assert rating.exploited == time_of("2021-12-10")
    assert rating.ransomware
    assert done.problems[0].where == "kev.json:2"
    scores = [(3, {"cve": "CVE-2021-44228", "epss": "0.97", "percentile": "0.99"}),
              (4, {"cve": "CVE-2021-44228", "epss": "7", "percentile": "0.99"}),
              (5, "broken")]  # fmt: skip
    done = read_epss("epss.csv", scores)
    assert done.records[0].body.ratings[0].score == 0.97
    assert [one.where for one in done.problems] == ["epss.csv:4", "epss.csv:5"]


def entry(dn, **attributes):
    found = {name: [value] if isinstance(value, bytes) else
             [one.encode() for one in ([value] if isinstance(value, str) else value)]
             for name, value in attributes.items()}  # fmt: skip
    return {"dn": [dn.encode()], **found}


SID = bytes.fromhex("010500000000000515000000010000000200000003000000f4010000")


def test_entries_of_active_directory():
    assert sid_of(SID) == "s-1-5-21-1-2-3-500"
    assert guid_of(bytes(range(16))) == "03020100-0504-0706-0809-0a0b0c0d0e0f"
    entries = [
        entry("CN=Anna\\, F,OU=Staff,DC=corp,DC=example", objectclass=["top", "person", "user"],
              objectsid=SID, samaccountname="anna", userprincipalname="anna.f@corp.example",
              mail="anna@mail.example", department="Finance", useraccountcontrol="514",
              memberof="CN=Domain Admins,CN=Users,DC=corp,DC=example",
              manager="CN=Max Boss,DC=corp", accountexpires="133800000000000000"),
        entry("CN=FS01,DC=corp", objectclass=["top", "person", "user", "computer"],
              samaccountname="FS01$", dnshostname="fs01.corp.example", useraccountcontrol="4096"),
        entry("CN=x,DC=corp", objectclass=["user"], objectsid=b"short", samaccountname="x"),
        entry("OU=Staff,DC=corp", objectclass=["organizationalUnit"]),
    ]  # fmt: skip
    done = read_entries("ad", entries, Domain("CORP", "corp.example"), "department")
    anna, host = (one.body for one in done.records)
    assert {(one.kind, one.value) for one in anna.identifiers} == {
        ("sid", "s-1-5-21-1-2-3-500"), ("account", "corp\\anna"), ("upn", "anna@corp.example"),
        ("upn", "anna.f@corp.example"), ("mail", "anna@mail.example"),
    }  # fmt: skip
    assert (anna.enabled, anna.unit, anna.manager) == (False, "Finance", "Max Boss")
    assert anna.groups == ("Domain Admins",)
    assert done.records[0].until == time_of("2024-12-30T02:40:00")
    assert ("fqdn", "fs01.corp.example") in [(one.kind, one.value) for one in host.identifiers]
    assert "objectSid" in done.problems[0].message


def test_entries_of_openldap():
    entries = [
        entry("uid=anna,ou=people,dc=x", objectclass=["inetOrgPerson"], uid="anna",
              departmentnumber="7", entryuuid="6F9619FF-8B86-D011-B42D-00C04FC964FF",
              pwdaccountlockedtime="000001010000Z"),
        entry("cn=staff,dc=x", objectclass=["groupOfNames"], cn="staff",
              member="uid=anna,ou=people,dc=x"),
    ]  # fmt: skip
    (record,) = read_entries("ldap", entries, Domain(), "departmentNumber").records
    assert record.key == "6f9619ff-8b86-d011-b42d-00c04fc964ff"
    assert (record.body.enabled, record.body.unit, record.body.groups) == (False, "7", ("staff",))
    assert ("name", "anna") in [(one.kind, one.value) for one in record.body.identifiers]
