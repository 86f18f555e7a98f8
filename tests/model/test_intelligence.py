"""Worth, levels and how far intelligence may go."""

import pytest

from tocsin.model.findings import Finding, IndicatorMatch, Level
from tocsin.model.intelligence import DAY, Indicator, Tlp, level_of, may_leave, tlp_of, withheld

START = 1_795_000_000_000_000


def indicator(**more):
    return Indicator("acme", "indicator--1", "d", (), confidence=80, basis=START, **more)


def finding(tlp):
    match = IndicatorMatch("acme", "indicator--1", "Gull", "domain", "a.b", "a.b", 80, tlp=tlp)
    return Finding(
        "f", "indicator/acme/indicator--1", "d", "Indicator of Gull", Level.HIGH, ("T1071",), 1,
        ("e",), (), (), (), "s", "zeek", "c", indicator=match,
    )  # fmt: skip


def test_confidence_halves_with_every_half_life_and_never_before_it_began():
    one = indicator(half_life=10 * DAY, floor=15)
    assert [one.worth(START + days * DAY) for days in (-30, 0, 10, 20, 30)] == [80, 80, 40, 20, 0]


def test_nothing_holds_after_its_end_and_without_half_life_it_stays():
    one = indicator(until=START + DAY)
    assert one.worth(START + DAY - 1) == 80
    assert one.worth(START + DAY) == 0
    assert indicator().worth(START + 10_000 * DAY) == 80


@pytest.mark.parametrize(
    ("worth", "level"),
    [(100, Level.HIGH), (70, Level.HIGH), (69, Level.MEDIUM), (30, Level.MEDIUM), (29, Level.LOW),
     (1, Level.LOW), (0, Level.INFORMATIONAL)],
)  # fmt: skip
def test_levels_follow_the_scale_of_stix(worth, level):
    assert level_of(worth) is level


def test_red_never_leaves_and_what_leaves_in_its_place_says_nothing_of_it():
    assert not may_leave(finding("red"), Tlp.RED)
    assert not may_leave(finding("amber"))
    assert may_leave(finding("amber"), Tlp.AMBER)
    assert may_leave(finding("")), "the site's own may go anywhere"
    told = withheld(finding("red"))
    assert tlp_of(told) is Tlp.CLEAR
    for word in ("Gull", "a.b", "indicator--1", "acme"):
        assert word not in repr(told)
    assert "TLP:RED" in told.title
