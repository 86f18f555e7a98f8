"""What becomes of another tool's alert."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.vendor import alert_of, finding_of, sources_of_alerts_only
from tocsin.detect.vendor.alerts import level_of, slug
from tocsin.model.findings import EventCopy, Level, Standing
from tocsin.model.sources import IdentitySpec, ProductSpec, SourceSpec

ALERT = {
    "finding_info": {
        "uid": "al-17",
        "title": "Credential dumping on \x1b[31mfs01",
        "desc": "lsass was read",
        "analytic": {"uid": "LSASS Read/7", "name": "LSASS read"},
        "src_url": "https://siem.example/alerts/al-17",
        "modified_time": 1_772_000_000_000,
        "attacks": [
            {"technique": {"uid": "T1003"}},
            {"sub_technique": {"uid": "t1003.001", "name": "LSASS Memory"}},
            {"tactic": {"name": "CredentialAccess"}},
        ],
    },
    "attacks": [{"tactic": {"uid": "TA0008"}}],
    "vendor_attributes": {"severity": "P1"},
    "severity": "High",
    "severity_id": 4,
    "status": "In Progress",
    "status_id": 2,
    "status_code": "Active",
    "metadata": {"uid": "event-1", "correlation_uid": "case-9"},
    "tocsin_time": 1_771_999_000_000_000,
}
COPY = EventCopy("event-1", ALERT["tocsin_time"], "detection_finding", "{}", "file", 1)


def finding(event, source="acme_edr", class_name="detection_finding"):
    parts = alert_of(class_name, event, source)
    return finding_of(parts, COPY, (), site="lab", content_id="c", received_at=5)


def test_an_alert_is_repeated_as_a_finding_with_the_vendors_words_beside_ours():
    found = finding(ALERT)
    assert found.rule_id == "vendor/acme_edr/lsass-read-7"
    assert found.title == "Credential dumping on \\x1b[31mfs01"
    assert found.level is Level.HIGH
    assert found.techniques == ("T1003.001",)
    assert found.tactics == ("credential-access", "lateral-movement")
    assert found.vendor.uid == "al-17"
    assert (found.vendor.severity, found.vendor.status) == ("P1", "Active")
    assert found.vendor.link == "https://siem.example/alerts/al-17"
    assert found.vendor.updated == 1_772_000_000_000_000
    assert [e.key for e in found.entities] == ["acme_edr|case-9"]
    assert found.standing is Standing.OPEN


def test_a_changed_alert_is_the_same_finding_and_another_vendors_is_not():
    changed = {**ALERT, "status_id": 4, "severity_id": 2, "metadata": {"uid": "event-2"}}
    assert finding(changed).finding_id == finding(ALERT).finding_id
    assert finding(ALERT, "other_edr").finding_id != finding(ALERT).finding_id


def test_the_cves_that_an_alert_names_are_kept_each_once():
    info = {
        **ALERT["finding_info"],
        "title": "Exploit of CVE-2021-44228",
        "desc": "cve-2021-44228 after CVE_2019_0708" + " CVE-2020-1000" * 50,
    }
    named = ("CVE-2021-44228", "CVE-2019-0708", "CVE-2020-1000")
    assert finding({**ALERT, "finding_info": info}).cves == named
    assert finding(ALERT).cves == ()
    many = {**info, "desc": " ".join(f"CVE-2020-{n}" for n in range(1000, 1100))}
    assert len(finding({**ALERT, "finding_info": many}).cves) == 32
    told = {"is_alert": True, "firewall_rule": {"name": "ET EXPLOIT CVE-2021-44228"}}
    assert finding(told, "nids", "network_activity").cves == ("CVE-2021-44228",)


def test_what_is_over_already_counts_and_opens_nothing():
    assert finding({**ALERT, "status_id": 4}).standing is Standing.HISTORY
    assert finding({**ALERT, "status_id": 4}).vendor.over
    assert finding({**ALERT, "status_id": 3}).standing is Standing.HISTORY
    assert finding({**ALERT, "status_id": 3}, class_name="incident_finding").standing is (
        Standing.OPEN
    )


def test_only_findings_are_alerts():
    assert alert_of("process_activity", ALERT, "acme_edr") is None


def test_a_sensors_alert_about_a_connection_is_one_for_all_its_packets():
    event = {
        "is_alert": True,
        "firewall_rule": {"uid": "2010937", "name": "Scan of port 3306"},
        "connection_info": {"uid": "77"},
        "severity_id": 3,
        "metadata": {"uid": "event-1"},
    }
    first = finding(event, "nids", "network_activity")
    again = finding({**event, "metadata": {"uid": "event-2"}}, "nids", "network_activity")
    other = finding({**event, "connection_info": {"uid": "78"}}, "nids", "network_activity")
    assert first.rule_id == "vendor/nids/2010937"
    assert first.title == "Scan of port 3306"
    assert first.finding_id == again.finding_id != other.finding_id


def test_a_link_that_is_no_address_of_the_web_is_left_out():
    for link in ("javascript:alert(1)", "https://a b", "https://x\ny", "ftp://x/y"):
        event = {**ALERT, "finding_info": {**ALERT["finding_info"], "src_url": link}}
        assert finding(event).vendor.link == ""


def test_levels_follow_the_normalized_severity():
    assert [level_of(n).value for n in (1, 2, 3, 4, 5, 6)] == [
        "informational", "low", "medium", "high", "critical", "critical",
    ]  # fmt: skip
    assert {level_of(odd) for odd in (0, 99, None, "4", True)} == {Level.MEDIUM}


def test_a_slug_is_short_and_plain():
    assert slug("  Multi-stage: «x» / ../etc ") == "multi-stage-x-..-etc"
    assert slug("¡!") == "unnamed"
    assert len(slug("a" * 10_000)) == 120


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*ALERT, *ALERT["finding_info"], "technique", "uid", "name"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(list(ALERT)), junk))
def test_no_content_breaks_it(event):
    parts = alert_of("detection_finding", event, "acme_edr")
    assert parts.title.isprintable()
    assert parts.rule_id.startswith("vendor/acme_edr/")


def test_a_site_that_has_alerts_only_is_told_so():
    sources = [
        SourceSpec(name, name, ProductSpec("p", "v"), (), (), IdentitySpec(), alerts=alerts)
        for name, alerts in (("edr", True), ("siem", True), ("sysmon", False))
    ]
    assert sources_of_alerts_only(sources, ["edr"]) == ({"edr"}, frozenset())
    assert sources_of_alerts_only(sources, ["edr", "sysmon"]) == ({"edr"}, {"sysmon"})
