"""Thresholds are content: the site over what ships; what is wrong is told with its place."""

import pytest

from tocsin.content import load
from tocsin.errors import ContentError
from tocsin.model.content import ContentFile
from tocsin.model.readiness import Use
from tocsin.normalize.quality.thresholds import MEASURES, check_thresholds, load_thresholds


def site(text: str) -> list[ContentFile]:
    own = ContentFile("readiness/mine.yaml", text.encode(), "site")
    return [*load(None).under("readiness/"), own]


def test_what_ships_asks_for_every_measure_somewhere():
    found = load_thresholds(load(None).files)
    assert set(found.measures) == set(MEASURES)
    assert found.limit("any", "history", Use.AUTONOMY) == 81
    assert found.limit("any", "history", Use.DETECTION) is None


def test_a_site_changes_what_it_names_and_nothing_else():
    found = load_thresholds(
        site(
            "measures:\n  clock: {detection: 60}\n"
            "sources:\n  zeek:\n    clock: {autonomy: off}\n    lost: {autonomy: 0.5}\n"
            "holidays: [2026-12-25]\n"
        )
    )
    assert found.limit("x", "clock", Use.DETECTION) == 60
    assert found.limit("x", "clock", Use.AUTONOMY) == 300
    assert found.limit("zeek", "clock", Use.AUTONOMY) is None
    assert found.least("zeek", "clock") == 60
    assert found.holidays == {20_812}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("measures:\n  clok: {detection: 1}\n", "no measure 'clok'"),
        ("measures:\n  clock: {detection: -1}\n", "expected a number"),
        ("measures:\n  clock: {detection: fast}\n", "expected a number"),
        ("measures:\n  clock: {robots: 1}\n", "robots"),
        ("measures: 5\n", "mapping of measure"),
        ("holidays: [soon]\n", "'soon' is not a day"),
        ("valid_hours: 0\n", "valid_hours"),
        ("valid: 5\n", "no key 'valid'"),
        ("- 1\n", "expected a mapping"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text, said):
    with pytest.raises(ContentError, match=r"site/readiness/mine\.yaml") as caught:
        load_thresholds(site(text))
    assert said in str(caught.value)
    [problem] = check_thresholds(site(text))
    assert said in problem.message
