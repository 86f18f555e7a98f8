"""Loads of a site: dated, journaled, refused when they would empty a feed."""

import dataclasses
import io
import tarfile

import msgspec
import orjson
import pyarrow as pa
import pytest

from tocsin import flow
from tocsin.app.content import disk_content
from tocsin.app.context import (
    Given,
    index_in_force,
    index_of,
    keep,
    loads_of,
    write_lists,
)
from tocsin.app.feeds import Wish, read_file
from tocsin.app.parts import build, prepare
from tocsin.app.site import open_site
from tocsin.app.surroundings import open_index
from tocsin.enrich.context.rows import Reading
from tocsin.enrich.context.values import time_of
from tocsin.errors import StorageError, TocsinError, UsageError
from tocsin.model.content import ContentSet
from tocsin.model.context import Identifier as Name
from tocsin.model.context import Identity, Record, Resolved
from tocsin.model.envelope import RAW
from tocsin.model.findings import findings_from_arrow
from tocsin.model.stages import ContextSnapshot
from tocsin.store import State

DAY = 86_400_000_000


@pytest.fixture
def site(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    return open_site(tmp_path, {})


def table(site, text, form, name="feed.csv", **more):
    path = site.folder / name
    path.write_text(text)
    return keep(site, read_file(path, Wish(form, **more)))


def test_a_load_is_dated_indexed_and_journaled(site):
    assert index_in_force(site) is None
    assert index_of(site).asset("fs01", 5) is None
    table(site, "name,unit\nfs01,Sales\n", "assets", as_of=10 * DAY)
    first = index_in_force(site)
    table(site, "name,unit\nfs01,Legal\nfs02,Sales\n", "assets", as_of=20 * DAY)
    index = index_of(site)
    assert index.asset("fs01", 15 * DAY).body.unit == "Sales"
    assert index.asset("fs01", 20 * DAY).body.unit == "Legal"
    assert index.index_id == loads_of(site)[0].index_id
    assert open_index(first).asset("fs01", 20 * DAY).body.unit == "Sales"
    (load,) = loads_of(site)
    assert (load.appeared, load.changed, load.unchanged) == (1, 1, 0)
    state = State(site.state)
    kinds = [record.kind for record in state.journal.tail(10)]
    assert kinds == ["context-loaded", "context-loaded"]
    assert state.journal.verify() is None
    state.close()


def test_feeds_live_side_by_side(site):
    table(site, "name,unit\nfs01,Sales\n", "assets")
    table(site, "user,list,kind\ncorp\\anna,vips,user\n", "watchlist")
    table(site, "name,os\nfs01,Linux\n", "assets", feed="scan")
    found = index_of(site).asset("fs01", 5)
    assert (found.body.unit, found.body.os) == ("Sales", "Linux")
    assert [(one.feed, one.kind) for one in loads_of(site)] == [
        ("assets", "asset"), ("scan", "asset"), ("watchlist", "watched"),
    ]  # fmt: skip


def test_a_load_that_would_empty_a_feed_changes_nothing(site):
    many = "name\n" + "".join(f"h{n}\n" for n in range(50))
    table(site, many, "assets")
    before = index_of(site).index_id
    with pytest.raises(UsageError, match="49 of 50 facts would end"):
        table(site, "name\nh0\n", "assets")
    with pytest.raises(UsageError, match="nothing that can be used"):
        table(site, "name\n", "assets")
    assert index_of(site).index_id == before
    assert table(site, "name\nh0\n", "assets", confirmed=True).loads[0].vanished == 49
    assert table(site, "name\nh1\n", "assets", partial=True).loads[0].vanished == 0


def test_of_a_load_with_bad_lines_nothing_ends(site):
    table(site, "name,ip\nfs01,10.0.0.1\nfs02,10.0.0.2\n", "assets")
    done = table(site, "name,ip\nfs01,10.0.0.1\nfs02,ten\n", "assets")
    assert (done.kept, done.loads[0].vanished, done.loads[0].unreadable) == (1, 0, 1)
    assert isinstance(index_of(site).asset("fs02", 1 << 60), Resolved)
    assert index_of(site).asset("fs02", 1 << 60).former is None


def test_loads_of_a_feed_go_forward(site):
    table(site, "name\nfs01\n", "assets", as_of=10 * DAY)
    with pytest.raises(UsageError, match="forward in time"):
        table(site, "name\nfs01\n", "assets", as_of=9 * DAY)
    table(site, "name\nfs01\n", "assets", as_of=9 * DAY, feed="other")


def test_an_index_that_was_changed_or_lost_is_told(site):
    table(site, "name\nfs01\n", "assets")
    path = index_in_force(site)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + b"x")
    with pytest.raises(StorageError, match="was changed on disk"):
        open_index(path)
    path.write_bytes(b"")
    with pytest.raises(StorageError, match="cannot be read"):
        open_index(path)
    path.unlink()
    with pytest.raises(StorageError, match="cannot be read"):
        open_index(path)
    table(site, "name\nfs01\n", "assets")
    assert index_of(site).asset("fs01", 5)


def test_a_load_is_whole_or_not_at_all(site, monkeypatch):
    table(site, "name\nfs01\n", "assets")

    class Broken(Exception):
        pass

    def fail(*_):
        raise Broken

    monkeypatch.setattr("tocsin.store.context.ContextStore._tell", fail)
    with pytest.raises(Broken):
        table(site, "name\nfs01\nfs02\n", "assets")
    monkeypatch.undo()
    state = State(site.state)
    assert [fact.key for _, fact in state.context.facts()] == ["host:fs01"]
    state.close()
    assert index_of(site).asset("fs02", 5) is None


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("assets", ""), ("assets", "colour\nred\n"), ("cmdb", "{"), ("cmdb", "{}"),
        ("nessus", "<x/>"), ("ical", "BEGIN:VCALENDAR"), ("ical", "nothing"), ("kev", "{}"),
        ("epss", "#x\ncve\n"), ("nonsense", "x\n"), ("changes", '{"result": 5}'),
    ],
)  # fmt: skip
def test_what_is_not_what_it_is_loaded_as_is_refused(site, form, text):
    with pytest.raises(TocsinError):
        table(site, text, form)
    assert index_in_force(site) is None


def test_a_file_may_be_packed_and_columns_may_be_named(site):
    columns = site.folder / "columns.yaml"
    columns.write_text("name: Rechner\n")
    data = b"Rechner\nfs01\n"
    path = site.folder / "x.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("assets.csv")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    given = read_file(path, Wish("assets", columns=columns))
    assert [one.key for one in given.reading.records] == ["host:fs01"]


@pytest.mark.data
def test_eighteen_months_of_a_real_directory_with_who_left(site, shared_data):
    """CERT's LDAP exports of December 2009 to May 2011, of every third month for the time."""
    with tarfile.open(shared_data / "ueba/cert_r5.2_ldap.tar.xz") as archive:
        months = {m.name[-11:-4]: archive.extractfile(m).read() for m in archive if m.isfile()}
    chosen = sorted(months)[::3]
    people = {}
    for month in chosen:
        path = site.folder / "ldap.csv"
        path.write_bytes(months[month])
        given = read_file(path, Wish("identities", domain="DTAA", as_of=time_of(f"{month}-01")))
        people[month] = {one.key.rpartition("\\")[2] for one in given.reading.records}
        assert given.reading.problems == ()
        keep(site, given)
    index = index_of(site)
    first, last = chosen[0], chosen[-1]
    left = people[first] - people[last]
    assert len(left) > 150
    for user in sorted(left)[:40]:
        gone = next(m for m in chosen if user not in people[m])
        before = index.identity(f"DTAA\\{user}", time_of(f"{first}-15"))
        assert before.former is None
        assert before.body.unit.startswith(("1", "2", "3", "4", "5"))
        after = index.identity(f"DTAA\\{user}", time_of(f"{last}-15"))
        assert after.former == time_of(f"{gone}-01")
    stayed = sorted(people[first] & people[last])[:40]
    assert all(index.identity(f"dtaa\\{u}", time_of(f"{last}-15")).former is None for u in stayed)
    assert index.identity("OTHER\\" + stayed[0], time_of(f"{last}-15")) is None


def test_a_directory_of_many_is_kept_in_time(site):
    """A hundredth of the size of the measurement in the page on context: it must not be slow."""
    records = tuple(
        Record(str(n), Identity((Name("upn", f"u{n}@x.y"),), unit=f"unit {n % 9}"), "f")
        for n in range(2_000)
    )
    given = Given("many", "ldap", frozenset({"identity"}), "ldap", "", Reading(records, ()))
    assert keep(site, given).loads[0].appeared == 2_000
    again = msgspec.structs.replace(given, as_of=1 << 61)
    assert keep(site, again).loads[0].unchanged == 2_000
    assert index_of(site).place("", "u1234@x.y", "", 5).unit == "unit 1"


RULE = """title: Dump of a process
id: 7a8c1f0e-0000-4000-8000-000000000001
status: test
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection:
    CommandLine|contains: MiniDump
    Hostname|expand: '%crown_jewels%'
  condition: selection
tags: [attack.t1003.001, cve.2021-44228]
"""
EVENT = {
    "EventID": 1, "Channel": "Microsoft-Windows-Sysmon/Operational",
    "SourceName": "Microsoft-Windows-Sysmon", "SourceModuleType": "im_msvistalog",
    "Hostname": "web1.corp.example", "EventTime": "2026-01-05 09:00:00",
    "UtcTime": "2026-01-05 09:00:00.123", "RecordNumber": 7, "ProcessId": "4242",
    "Image": "C:\\Windows\\System32\\rundll32.exe", "User": "CORP\\anna",
    "CommandLine": "rundll32.exe comsvcs.dll, MiniDump 624",
}  # fmt: skip


def test_a_finding_on_a_watched_host_carries_its_exploited_cve(site):
    """Scan, KEV and watchlist in; a rule that asks for the list and names the CVE; the finding."""
    table(site, "host,cve\nweb1.corp.example,CVE-2021-44228\n", "vulnerabilities")
    kev = '{"vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}]}'
    table(site, kev, "kev", "kev.json")
    table(site, "kind,subject\nhost,web1.corp.example\n", "watchlist", list="crown-jewels")
    table(site, "fqdn,unit\nweb1.corp.example,Sales\n", "assets")
    path, lists = write_lists(site, time_of("2026-01-05"))
    assert lists == {"crown_jewels": ("web1.corp.example",)}
    (path.parent / "rule.yml").write_text(RULE)
    whole = disk_content(site)
    content = ContentSet.of(f for f in whole.files if "windows" in f.path or "watchlists" in f.path)
    setup = prepare(content, [(f.where, f.data) for f in content.under("rules/watchlists/")],
                    site.plans)  # fmt: skip
    compiled = dataclasses.replace(build(setup), surroundings=index_of(site))
    raw = pa.RecordBatch.from_pylist(
        [{
            "site": "s", "partition": "p", "offset": 0, "source_id": None, "received_at": 1,
            "origin": "x", "position": 1, "raw": orjson.dumps(EVENT),
        }], schema=RAW,
    )  # fmt: skip
    observed = flow.observe(raw, compiled, ContextSnapshot("s", content.content_id))
    (finding,) = findings_from_arrow(observed.hits)
    assert (finding.unit, finding.cves) == ("Sales", ("CVE-2021-44228",))
    first = finding.context[0]
    assert (first.kind, first.value, first.exploited) == ("vulnerability", "CVE-2021-44228", True)
    assert ("watchlist", "crown-jewels") in {(one.kind, one.value) for one in finding.context}
