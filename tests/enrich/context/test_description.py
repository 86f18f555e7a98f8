"""What a finding carries of its host and user."""

from hypothesis import given
from hypothesis import strategies as st
from tests.enrich.contexts import DAY, fact, ids, machine, person

from tocsin.enrich.context import (
    ContextIndex,
    compile_index,
    describe,
    placed,
    placeholder_lists,
)
from tocsin.enrich.context.description import EXPLOITING
from tocsin.model.context import (
    MAX_NOTES,
    AccountKind,
    BusinessService,
    ContextNote,
    Criticality,
    Place,
    Rating,
    Ratings,
    Role,
    Vulnerability,
    Watched,
    Window,
    Zone,
    cves_in,
    merged_notes,
)
from tocsin.model.findings import Entity

LOG4J = "CVE-2021-44228"
HOST = Entity("host", "web1", "WEB1.corp.example")
USER = Entity("user", "corp\\anna", "CORP\\Anna")
SYSTEM = Entity("user", "builtin:system", "SYSTEM")
MONDAY = 4 * DAY  # 1970-01-05


def index(*facts):
    return ContextIndex(compile_index(facts))


KNOWN = (
    machine(
        "fqdn:web1.corp.example", "ip:10.0.0.1", name="web1", unit="Sales", services=("shop",),
        criticality=Criticality.HIGH, role="web server",
    ),
    person("account:corp\\anna", kind=AccountKind.SHARED, owner="Ops", enabled=False, role="dba"),
    fact(Role("DBA", Criticality.CRITICAL, privileged=True), key="dba"),
    fact(Zone("dmz", ("10.0.0.0/24",), exposed=True, scopes=("PCI DSS",)), key="dmz"),
    fact(
        BusinessService("Shop", hours=("mon-fri 08:00-18:00",), zone="Europe/Berlin",
                        level="gold", minutes=30, scopes=("GDPR",)),
        key="shop",
    ),
    fact(Watched("crown-jewels", "host", "web1", "soc", "the shop"), key="w"),
    fact(Window("change", ("host:web1",), "new kernel", "ops", "CHG1"), key="c", since=1),
    fact(Vulnerability(ids("host:web1"), LOG4J, "Log4Shell", "critical", "Nessus"), key="v"),
    fact(Vulnerability(ids("host:web1"), "CVE-2019-0001"), key="v2"),
    fact(Vulnerability(ids("host:web1"), "CVE-2020-0002"), key="v3"),
    fact(
        Ratings("kev", (Rating(LOG4J, exploited=DAY), Rating("CVE-2020-0002", exploited=DAY))),
        feed="kev", key="kev",
    ),
    fact(Ratings("epss", (Rating(LOG4J, 0.97, 0.99),)), feed="epss", key="epss"),
)  # fmt: skip


def noted(notes):
    return {(note.kind, note.value) for note in notes}


def test_a_host_and_a_user_with_all_that_is_known():
    notes = describe((HOST, USER, SYSTEM), MONDAY + 10 * 3_600_000_000, index(*KNOWN))
    assert noted(notes) == {
        ("criticality", "high"), ("criticality", "critical"), ("role", "web server"),
        ("role", "dba"), ("service", "shop"), ("exposure", "internet"), ("scope", "PCI DSS"),
        ("scope", "GDPR"), ("watchlist", "crown-jewels"), ("window", "CHG1"),
        ("state", "shared"), ("state", "disabled"),
    }  # fmt: skip
    text = {note.kind: note.text for note in notes}
    assert text["service"].startswith("needed by Shop: in its operating hours, ")
    assert "service level gold" in text["service"]
    assert text["watchlist"] == "on crown-jewels (of soc): the shop"
    night = describe((HOST,), MONDAY + 20 * 3_600_000_000, index(*KNOWN))
    assert any("outside its operating hours" in note.text for note in night)


def test_a_detection_on_a_host_with_a_matching_exploited_cve_carries_it():
    first = describe((HOST,), 5 * DAY, index(*KNOWN), cves=(LOG4J,))[0]
    assert (first.kind, first.value, first.matched) == ("vulnerability", LOG4J, "cve")
    assert first.exploited
    assert first.epss == 0.97
    assert "known to be exploited since 1970-01-02" in first.text
    assert "Log4Shell" in first.text
    other = describe((HOST,), 5 * DAY, index(*KNOWN), cves=("CVE-2014-6271",))
    assert not [note for note in other if note.kind == "vulnerability"]
    elsewhere = Entity("host", "web2", "web2.corp.example")
    assert describe((elsewhere,), 5 * DAY, index(*KNOWN), cves=(LOG4J,)) == ()


def test_a_technique_that_exploits_brings_what_is_known_to_be_exploited():
    assert "T1190" in EXPLOITING
    notes = describe((HOST,), 5 * DAY, index(*KNOWN), techniques=("T1190",))
    found = [(n.value, n.matched) for n in notes if n.kind == "vulnerability"]
    assert found == [(LOG4J, "technique"), ("CVE-2020-0002", "technique")]
    plain = describe((HOST,), 5 * DAY, index(*KNOWN), techniques=("T1059.001",))
    assert not [n for n in plain if n.kind == "vulnerability"]


def test_the_place_of_a_finding():
    assert placed((SYSTEM, USER, HOST), 5, index(*KNOWN)) == Place("Sales", "dmz")
    assert placed((), 5, index(*KNOWN)) == Place()


def test_who_left_and_who_fits_several_is_said():
    known = index(
        person("account:corp\\anna", until=2 * DAY, name="Anna"),
        person("account:a\\bob", key="2"),
        person("account:b\\bob", key="3"),
    )
    gone = describe((USER,), 3 * DAY, known)
    assert ("state", "left") in noted(gone)
    assert "1970-01-03" in gone[0].text
    unsure = describe((Entity("user", "x\\bob", "bob"),), 3 * DAY, known)
    assert unsure[0].kind == "ambiguous"
    assert unsure[0].confidence == 0


def test_watchlists_fill_placeholders_of_rules():
    known = index(*KNOWN, fact(Watched("VIP users", "user", "corp\\x"), key="o", until=DAY))
    assert placeholder_lists(known, 5) == {"crown_jewels": ("web1",), "vip_users": ("corp\\x",)}
    assert placeholder_lists(known, DAY) == {"crown_jewels": ("web1",)}


def test_cves_in_tags_and_texts():
    assert cves_in("cve.2021-44228") == (LOG4J,)
    assert cves_in("cve.2021.44228") == (LOG4J,)
    assert cves_in("Exploit of CVE-2021-44228, CVE_2019_0708!") == (LOG4J, "CVE-2019-0708")
    assert cves_in("attack.t1190 xcve-2021-44228 CVE-2021-123 CVE-2021-12345678") == ()


NOTES = st.builds(
    ContextNote, st.sampled_from(["vulnerability", "role", "other"]), st.sampled_from("ab"),
    st.integers(0, 60).map(str), st.just("t"), st.just(1.0), st.sampled_from(["", "cve"]),
    st.sampled_from([None, 0.5]), st.booleans(),
)  # fmt: skip


@given(st.lists(NOTES, max_size=100), st.randoms(use_true_random=False))
def test_notes_of_several_findings_are_one_bounded_list(notes, shuffle):
    other = list(notes) + notes[:5]
    shuffle.shuffle(other)
    assert merged_notes(notes) == merged_notes(other)
    assert len(merged_notes(notes)) <= MAX_NOTES
    assert merged_notes(merged_notes(notes)) == merged_notes(notes)
