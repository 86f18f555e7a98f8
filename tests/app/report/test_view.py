"""What a page shows is what the hunt found; what it leaves out, it says."""

import pytest
from tests.app.report.hunts import SECOND, T0, about, changed, finding, incident, page, report
from tests.enrich.bundles import bundle

from tocsin.app.hunt import Unrecognized
from tocsin.app.report import view
from tocsin.app.report.view import view_of
from tocsin.enrich.attack import Labels, read_bundle
from tocsin.model.attack import Crosswalk, Move
from tocsin.model.findings import Level, Standing
from tocsin.model.rules import RuleState, RuleStatus

RELEASE, _ = read_bundle(bundle(), "b")
LABELS = Labels(RELEASE, Crosswalk.of((Move("19", "defense-evasion", ("stealth",)),)))


def shown(hunt):
    return view_of(hunt, about())


def test_the_title_is_the_answer():
    assert shown(report()).title == "1 high incident"
    assert shown(report(findings=0)).title == "No incident in 5 events"
    low = incident([finding(9, level=Level.LOW)])
    two = report(incidents=[incident([finding(1)]), incident([finding(2)]), low])
    assert shown(two).title == "2 high incidents and 1 of lower level"


def test_silence_is_not_called_safe():
    assert "not proof" in shown(report(findings=0)).lead
    assert "That is not proof" in page(findings=0)


def test_what_could_not_be_judged_is_said():
    rules = [RuleStatus("a", "a", RuleState.UNSUPPORTED, "r", "w")]
    aside = [finding(1, standing=Standing.HIDDEN), finding(2, standing=Standing.STAGED)]
    many = [Unrecognized(f"reason-{n}", 3, "e", "d") for n in range(60)]
    hunt = report(findings=0, rules=rules, unrecognized=many)
    hunt = shown(changed(hunt, findings=aside))
    told = " ".join(f"{one.title} {one.detail}" for one in hunt.limits)
    assert "180 records or files were not used" in told
    assert "1 rules are not supported" in told
    assert "2 findings were set aside" in told
    assert "1 hidden, 1 staged" in told
    assert "labels were not checked" in told
    assert (len(hunt.refused), hunt.refused_left) == (40, 20)


def test_a_complete_hunt_has_nothing_to_confess():
    hunt = report(rules=[RuleStatus("a", "a", RuleState.ACTIVE, "", "w")], unrecognized=[])
    assert view_of(hunt, about(labels=LABELS)).limits == ()


def test_long_hunts_are_cut_with_a_statement(monkeypatch):
    found = [finding(n, f"rule {n}") for n in range(20)]
    told = [incident([one]) for one in found]
    for name in ("MAX_FINDINGS", "MAX_LISTED", "MAX_RULES"):
        monkeypatch.setattr(view, name, 5)
    made = shown(changed(report(), findings=found, incidents=told, members={}))
    assert (len(made.findings), made.findings_left) == (5, 15)
    assert (len(made.listed), made.listed_left) == (5, 15)
    assert (len(made.rules), made.rules_left) == (5, 15)


def test_the_worst_findings_are_kept():
    found = [finding(n, level=level) for n, level in enumerate([Level.LOW, Level.CRITICAL])]
    made = shown(changed(report(findings=0), findings=found))
    assert [line.level for line in made.findings] == ["critical", "low"]
    assert [one.total for one in made.finding_levels] == ["1", "0", "0", "1", "0"]


def test_labels_that_need_a_word_have_one():
    found = [finding(1, techniques=("T1086", "T1601", "T1566"), tactics=("stealth",))]
    made = view_of(changed(report(), findings=found), about(labels=LABELS))
    states = {one.text: one.state for one in made.labels}
    assert states == {"stealth": "newer", "T1086": "now T1059.001", "T1601": "newer"}
    assert made.label_counts == "2 newer, 1 renamed, 1 current"


@pytest.mark.parametrize("time", [0, -(10**17), 10**18, 2**62])
def test_times_that_no_calendar_has_are_shown(time):
    found = [finding(1, time=time), finding(2, time=T0 + SECOND)]
    hunt = changed(report(), findings=found, incidents=[incident(found)])
    assert shown(hunt).chart is not None
