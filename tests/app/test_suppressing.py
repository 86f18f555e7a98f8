from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.app.stored import NOW, PACKING, fill, fill_lake, join, new_site, packing

from tocsin.app import content, suppressing
from tocsin.app.site import Site
from tocsin.detect.exceptions import Effect
from tocsin.errors import UsageError
from tocsin.model.findings import Finding, Level
from tocsin.model.incidents import Grade, Verdict
from tocsin.store import State

DAY = 86_400_000_000
WISH = suppressing.Wish(
    rule=PACKING[:8],
    where=("User=NQ\\partner.sync",),
    reason="The nightly report for partners.",
    owner="mira",
    days=30,
)
Stored = tuple[Site, list[Finding]]


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Stored:
    site = new_site(tmp_path_factory.mktemp("suppressing") / "soc")
    records = [packing("NQ\\partner.sync", hour) for hour in range(5)]
    findings = fill(site, [*records, packing("NQ\\eve", 7)])
    assert {finding.rule_id for finding in findings} == {PACKING}
    join(site, "incident-a", findings[:2])
    join(site, "incident-b", findings[5:])
    return site, findings


def test_a_preview_says_what_would_have_been_hidden(stored: Stored) -> None:
    made = suppressing.draft(stored[0], WISH, NOW)
    preview = made.preview
    assert (preview.of, preview.covered, preview.unreadable) == (6, 5, 0)
    assert preview.by_day == (("2026-11-18", 5),)
    assert preview.hosts[0][1] == 5
    assert [(one.incident_id, one.findings) for one in preview.incidents] == [("incident-a", 2)]
    assert made.entry.effect is Effect.HIDE
    assert made.entry.expires - made.entry.created == 30 * DAY
    assert "partner.sync" in str(made.entry.covers[0][1])
    assert "eve" in str(made.entry.leaves[0][1])


def test_the_file_passes_the_check_of_the_site(stored: Stored) -> None:
    site, _ = stored
    path = suppressing.write(site, suppressing.draft(site, WISH, NOW))
    try:
        about = [p for p in content.problems_of(site) if "exceptions/" in p.where]
        assert [p for p in about if p.severity == "error"] == []
        second = suppressing.draft(site, WISH, NOW)
        assert second.file.path != f"exceptions/{path.name}"
    finally:
        path.unlink()


def test_the_value_may_come_from_a_finding(stored: Stored) -> None:
    site, findings = stored
    eve = next(f for f in findings if "eve" in f.events[0].raw)
    wish = replace(WISH, where=("User", "CommandLine"), example=eve.finding_id[:10])
    made = suppressing.draft(site, wish, NOW)
    assert made.preview.covered == 1
    assert [c.field for c in made.entry.conditions] == ["User", "CommandLine"]


@pytest.mark.parametrize(
    ("where", "covered"),
    [
        ("User^=nq\\part", 5),
        ("User$=.sync", 5),
        ("CommandLine*=-hpsecret", 6),
        ("User~=(?i)nq.(partner.sync|eve)", 6),
        ("entity:host*=fs01", 6),
    ],
)
def test_conditions_can_be_written(stored: Stored, where: str, covered: int) -> None:
    assert (
        suppressing.draft(stored[0], replace(WISH, where=(where,)), NOW).preview.covered == covered
    )


def test_lowering_is_written_with_its_level(stored: Stored) -> None:
    made = suppressing.draft(stored[0], replace(WISH, lower=Level.LOW), NOW)
    assert (made.entry.effect, made.entry.level) == (Effect.LOWER, Level.LOW)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"rule": "nothing"}, "no active rule"),
        ({"rule": ""}, "begin"),
        ({"where": ("User",)}, "FIELD=VALUE"),
        ({"where": ("User=nobody",)}, "covers none of 6"),
        ({"where": ("User~=(?=x)",)}, "linear time"),
        ({"where": ()}, "second person"),
        ({"days": 91}, "1 to 90 days"),
        ({"reason": " "}, "`reason:` needs a text"),
        ({"approved_by": "Mira"}, "not the owner"),
        ({"example": "zz"}, "no finding begins"),
    ],
)
def test_what_cannot_be_is_said(stored: Stored, changes: dict[str, object], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        suppressing.draft(stored[0], replace(WISH, **changes), NOW)


def test_everything_of_a_rule_can_be_hidden_by_two(stored: Stored) -> None:
    made = suppressing.draft(stored[0], replace(WISH, where=(), approved_by="tobias"), NOW)
    assert made.preview.covered == 6
    assert made.entry.approved


def test_what_covers_all_that_a_rule_says_is_told_and_can_be_hidden_by_two(tmp_path: Path) -> None:
    site = new_site(tmp_path / "soc")
    fill(site, [packing("NQ\\partner.sync", hour) for hour in range(3)])
    wish = replace(WISH, where=(r"CommandLine~=(?i).*\sa\s.*",))
    with pytest.raises(UsageError, match=r"covers all 3 findings.*--approved-by"):
        suppressing.draft(site, wish, NOW)
    made = suppressing.draft(site, replace(wish, approved_by="tobias"), NOW)
    assert (made.preview.covered, made.entry.approved) == (3, True)
    path = suppressing.write(site, made)
    about = [p for p in content.problems_of(site) if path.name in p.where]
    assert [p for p in about if p.severity == "error"] == []


def test_what_hid_a_true_positive_is_refused_without_two(tmp_path: Path) -> None:
    site = new_site(tmp_path / "soc")
    findings = fill(site, [packing("NQ\\partner.sync")])
    join(site, "incident-a", findings)
    state = State(site.state)
    state.casebook.give(Verdict("incident-a", Grade.TRUE_POSITIVE, "it was", "tobias", NOW))
    state.close()
    for wish in (WISH, replace(WISH, forced=True), replace(WISH, approved_by="tobias")):
        with pytest.raises(UsageError, match="true-positive"):
            suppressing.draft(site, wish, NOW)
    made = suppressing.draft(site, replace(WISH, forced=True, approved_by="tobias"), NOW)
    assert made.preview.true_positives[0].incident_id == "incident-a"
    assert made.entry.leaves, "made from the rule's own tests"


def test_without_stored_findings_there_is_nothing_to_go_by(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing is stored"):
        suppressing.draft(new_site(tmp_path / "soc"), WISH, NOW)


@pytest.mark.parametrize(
    ("stored", "again", "covered"), [([], 4, 3), ([5], 3, 2), ([3, 5], 3, 2), ([0, 5], 0, 0)]
)
def test_stored_events_count_where_no_finding_is_stored(
    tmp_path: Path, stored: list[int], again: int, covered: int
) -> None:
    site = new_site(tmp_path / "soc")
    sync = [packing("NQ\\partner.sync", hour) for hour in (0, 1, 5)]
    fill_lake(site, [*sync, packing("NQ\\eve", 2)])
    fill(site, [packing("NQ\\partner.sync", hour) for hour in stored])
    preview = suppressing.draft(site, WISH, NOW + DAY).preview
    assert (preview.of, preview.covered) == (len(stored), len(stored))
    assert (preview.again, preview.again_covered) == (again, covered)
    assert sum(n for _, n in preview.by_day) == preview.covered + preview.again_covered


def test_events_of_long_ago_do_not_count(tmp_path: Path) -> None:
    site = new_site(tmp_path / "soc")
    fill_lake(site, [packing("NQ\\partner.sync", hour) for hour in (0, 1)])
    fill(site, [packing("NQ\\partner.sync", 5)])
    later = NOW + DAY + suppressing.LOOKED_BACK
    assert suppressing.draft(site, WISH, NOW + DAY).preview.again == 2
    assert suppressing.draft(site, WISH, later).preview.again == 0
