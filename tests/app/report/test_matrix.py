"""Findings in the columns of the matrix, with and without a release."""

from tests.app.report.hunts import NOT_LOADED, finding
from tests.enrich.bundles import bundle

from tocsin.app.report import matrix
from tocsin.app.report.matrix import columns, order
from tocsin.enrich.attack import Labels, read_bundle
from tocsin.model.attack import Crosswalk, Move
from tocsin.model.findings import Level

RELEASE, _ = read_bundle(bundle(), "b")
LABELS = Labels(RELEASE, Crosswalk.of((Move("19", "defense-evasion", ("stealth",)),)))


def named(found):
    return {column.name: [cell.label.text for cell in column.cells] for column in found}


def test_columns_stand_in_the_release_s_order_and_newer_ones_after_their_kin():
    found = columns([finding(1, tactics=("stealth",), techniques=("T1600",))], LABELS)
    assert [column.name for column in found] == [
        "Initial Access",
        "Execution",
        "Defense Evasion",
        "Stealth",
    ]
    assert found[-1].note == "newer"


def test_a_technique_stands_only_where_it_belongs():
    one = finding(1, tactics=("initial-access", "execution"), techniques=("T1566", "T1059"))
    found = named(columns([one], LABELS))
    assert found["Initial Access"] == ["T1566"]
    assert found["Execution"] == ["T1059"]


def test_without_tactics_the_release_says_where():
    found = named(columns([finding(1, tactics=(), techniques=("T1600",))], LABELS))
    assert found["Execution"] == found["Defense Evasion"] == ["T1600"]
    assert named(columns([finding(1, tactics=())], NOT_LOADED))["No tactic named"] == ["T1059.001"]


def test_the_worst_and_commonest_come_first_and_count():
    found = [
        finding(1, techniques=("T1059",), level=Level.LOW),
        finding(2, techniques=("T1059.001",)),
        finding(3, techniques=("T1059",), level=Level.CRITICAL),
    ]
    column = next(one for one in columns(found, LABELS) if one.total)
    assert [(c.label.text, c.level, c.total) for c in column.cells] == [
        ("T1059", "critical", 2),
        ("T1059.001", "high", 1),
    ]
    assert column.total == 3


def test_without_a_release_both_ages_have_their_place():
    found = columns(
        [finding(1, tactics=("stealth",)), finding(2, tactics=("own-word",))], NOT_LOADED
    )
    names = [column.name for column in found]
    assert names.index("Stealth") == names.index("Defense evasion") + 1
    assert "Defense impairment" not in names
    assert names[-1] == "Own word"
    assert order(NOT_LOADED)[0] == "reconnaissance"


def test_a_column_is_bounded(monkeypatch):
    monkeypatch.setattr(matrix, "MAX_CELLS", 3)
    many = [finding(n, techniques=(f"T1{n:03}",)) for n in range(10)]
    column = next(one for one in columns(many, LABELS) if one.total)
    assert (len(column.cells), column.left_out) == (3, 7)
