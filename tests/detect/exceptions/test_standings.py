import pytest
from msgspec.structs import replace
from tests.detect.exceptions.stories import CREATED, DAY, finding, written

from tocsin.detect.exceptions import Exceptions, compile_exceptions, compile_standings
from tocsin.model.content import ContentFile
from tocsin.model.findings import Level, Standing

SCAN = {"User": "svc_scan"}
TWO = {"approved_by": "tobias"}


def good(*files: ContentFile) -> Exceptions:
    exceptions, problems = compile_exceptions(files)
    assert problems == []
    return exceptions


def test_what_it_covers_is_hidden_and_says_by_what() -> None:
    hidden = good(written()).apply(finding(), SCAN)
    assert (hidden.standing, hidden.exception) == (Standing.HIDDEN, "scanner")
    assert replace(hidden, standing=Standing.OPEN, exception="") == finding()


def test_what_it_does_not_cover_is_the_very_same() -> None:
    exceptions = good(written())
    one = finding()
    assert exceptions.apply(one, {"User": "eve"}) is one
    assert exceptions.apply(one, {}) is one
    other = finding(rule="rule-2")
    assert exceptions.apply(other, SCAN) is other


def test_lowering_keeps_the_level_of_the_rule() -> None:
    exceptions = good(written(effect="lower", level="low"))
    low = exceptions.apply(finding(level=Level.HIGH), SCAN)
    assert (low.level, low.rule_level, low.standing) == (Level.LOW, Level.HIGH, Standing.OPEN)
    already = finding(level=Level.LOW)
    assert exceptions.apply(already, SCAN) is already


@pytest.mark.parametrize(
    ("received", "covered"),
    [
        (CREATED - 1, False),
        (CREATED, True),
        (CREATED + 30 * DAY - 1, True),
        (CREATED + 30 * DAY, False),
    ],
)
def test_the_arrival_of_the_event_decides_about_the_dates(received: int, covered: bool) -> None:
    got = good(written()).apply(finding(received=received, time=0), SCAN)
    assert (got.standing is Standing.HIDDEN) is covered


def test_a_critical_finding_needs_two_persons_whatever_the_file_knew() -> None:
    critical = finding(level=Level.CRITICAL)
    assert good(written()).apply(critical, SCAN) is critical
    assert good(written(**TWO)).apply(critical, SCAN).standing is Standing.HIDDEN


def test_a_whole_source_can_be_hidden_by_two() -> None:
    exceptions = good(written(rules=None, source="linux", where=None, **TWO))
    assert exceptions.apply(finding(rule="any"), {}).standing is Standing.HIDDEN
    assert exceptions.apply(finding(source="okta"), {}).standing is Standing.OPEN


def test_hiding_goes_before_lowering_and_then_the_lowest() -> None:
    lower = written("exceptions/a.yaml", id="a", effect="lower", level="low")
    lowest = written("exceptions/b.yaml", id="b", effect="lower", level="informational")
    source = written("exceptions/z.yaml", id="z", rules=None, source="linux", **TWO)
    assert good(lower, lowest).apply(finding(), SCAN).exception == "b"
    assert good(lower, lowest, written()).apply(finding(), SCAN).exception == "scanner"
    assert good(source, lower).apply(finding(), SCAN).exception == "z"


def test_what_only_feeds_correlations_stays_so() -> None:
    building = replace(finding(), standing=Standing.BUILDING)
    assert good(written()).apply(building, SCAN) is building


def test_a_window_judges_the_time_of_the_event() -> None:
    exceptions = good(written(time={"from": "01:00", "to": "02:00"}))
    assert exceptions.apply(finding(time=CREATED), SCAN).standing is Standing.OPEN
    at_night = finding(time=CREATED + DAY // 24)
    assert exceptions.apply(at_night, SCAN).standing is Standing.HIDDEN


def test_rules_are_known_by_their_levels() -> None:
    _, problems = compile_exceptions([written(rules=["gone"])], {})
    assert [p.severity for p in problems] == ["warning"]
    exceptions, problems = compile_exceptions([written()], {"rule-1": Level.CRITICAL})
    assert "second person" in problems[0].message
    assert exceptions.entries == ()


def test_an_id_is_given_once_and_a_wrong_one_hides_nothing() -> None:
    exceptions, problems = compile_exceptions([written(), written("exceptions/b.yaml")])
    assert "already" in problems[0].message
    assert len(exceptions.entries) == 1
    exceptions, problems = compile_exceptions([written(effect="x")])
    assert problems
    assert exceptions.apply(finding(), SCAN).standing is Standing.OPEN


def staged(text: str) -> ContentFile:
    return ContentFile("rules/staged.txt", text.encode(), "site")


def test_a_rule_on_trial_makes_staged_findings() -> None:
    standings, problems = compile_standings(
        [staged("# trial\nrule-1  # The title\n\n"), written()], {"rule-1": Level.LOW}
    )
    assert problems == []
    assert standings.of(finding(), {}).standing is Standing.STAGED
    assert standings.of(finding(), SCAN).standing is Standing.HIDDEN
    other = finding(rule="rule-2")
    assert standings.of(other, SCAN) is other


def test_an_unknown_rule_on_trial_is_noticed() -> None:
    _, problems = compile_standings([staged("rule-9\n")], {"rule-1": Level.LOW})
    assert [(p.where, p.severity) for p in problems] == [("site/rules/staged.txt", "warning")]
