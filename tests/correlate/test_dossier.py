import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.correlate.findings import T0, finding, host, user

from tocsin.correlate.dossier import MAX_ENTITIES, MAX_STEPS, Dossier
from tocsin.model.findings import SAME_IN_ALL, Entity, Finding, Level, Match

FINDINGS = st.builds(
    lambda number, time, rule, name: finding(number, time, host(name), rule=rule),
    st.integers(0, 2**64),
    st.integers(0, 1_000),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["x", "y"]),
)


def dossier(*findings: Finding) -> Dossier:
    filled = Dossier("default", findings[0].time, findings[0].time)
    for one in findings:
        filled.add(one)
    return filled


@given(
    findings=st.lists(FINDINGS, min_size=2, max_size=12, unique_by=lambda f: f.finding_id),
    data=st.data(),
)
def test_adding_and_merging_commute(findings: list[Finding], data: st.DataObject) -> None:
    whole = dossier(*findings)
    shuffled = data.draw(st.permutations(findings))
    cut = data.draw(st.integers(1, len(findings) - 1))
    merged = dossier(*shuffled[:cut])
    merged.merge(dossier(*shuffled[cut:]))
    assert merged == whole


def test_it_stays_small_whatever_comes() -> None:
    filled = dossier(
        *(
            finding(
                n, n, host(f"h{n}"), Entity("file", f"f{n}", f"f{n}"), rule=f"r{n}", level=Level.LOW
            )
            for n in range(500)
        ),
        finding(999, 999, rule="worst", level=Level.CRITICAL),
    )
    assert len(filled.steps) == MAX_STEPS
    assert len(filled.entities) == MAX_ENTITIES
    assert filled.count == 501
    assert any(step.rule_id == "worst" for step in filled.steps.values())


def test_what_says_most_is_the_detail() -> None:
    matched = (Match("EventID", "equals", "1"), Match("CommandLine", "contains", "whoami /all"))
    [step] = dossier(finding(1, 0, user("ann"), matched=matched)).steps.values()
    assert step.detail == "whoami /all"
    assert step.first == T0


@pytest.mark.parametrize(
    ("measure", "told"),
    [
        (Match("", "event_count gte 5 within 10m", "8"), "8 events within 10m"),
        (
            Match("User, Host", "value_count gte 5 within 1h", "9"),
            "9 different User, Host within 1h",
        ),
        (
            Match("", "temporal_ordered its condition on which rules occur within 5m", "2"),
            "2 kinds of event in order within 5m",
        ),
        (
            Match("size", "value_percentile 95 gt 7 within 1h", "9"),
            "value_percentile of size: 9 within 1h",
        ),
    ],
)
def test_a_correlation_tells_its_group_and_the_measure_with_its_word(
    measure: Match, told: str
) -> None:
    group = (Match("src", SAME_IN_ALL, "203.0.113.7"), Match("host", SAME_IN_ALL, "web07"))
    [step] = dossier(finding(1, 0, matched=(*group, measure))).steps.values()
    assert step.detail == f"src 203.0.113.7, host web07: {told}"
    [alone] = dossier(finding(1, 0, matched=(measure,))).steps.values()
    assert alone.detail == f"all together: {told}"


def test_a_service_that_is_installed_is_told_by_its_program() -> None:
    matched = (
        Match("Provider_Name", "equals", "Service Control Manager"),
        Match("Computer", "equals", "ws01"),
        Match("ImagePath", "contains", "C:\\Temp\\x.exe"),
    )
    [step] = dossier(finding(1, 0, matched=matched)).steps.values()
    assert step.detail == "C:\\Temp\\x.exe"
