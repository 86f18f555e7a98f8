"""What a finding rests on is shown, bounded, with what matched marked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.app.report.hunts import NOT_LOADED, T0, finding

from tocsin.app.report import evidence
from tocsin.app.report.evidence import evidence_of, within
from tocsin.model.findings import EventCopy, Match, VendorAlert


def shown(raw, *matches):
    copy = EventCopy("e", T0, "c", raw, "a.zip!b.json", 7)
    one = finding(1, events=(copy,), matched=matches)
    return evidence_of(one, NOT_LOADED, host="h", repeats=2, also_in=["c.json"])


def test_what_matched_is_marked_and_first():
    view = shown(
        '{"A": 1, "Event": {"Image": "x.exe", "B": [1]}}', Match("Image", "is 'x'", "x.exe")
    )
    assert [(f.name, f.value, f.matched) for f in view.fields] == [
        ("Event.Image", "x.exe", True),
        ("A", "1", False),
        ("Event.B", "[1]", False),
    ]
    assert view.place == "a.zip!b.json:7"
    assert view.also_in == "c.json"


@pytest.mark.parametrize("raw", ["<Event/>", "{", '{"a": ', "[1]", "", "{" * 10_000])
def test_what_is_no_json_is_shown_as_text(raw):
    view = shown(raw)
    assert view.fields == ()
    assert view.raw == (raw if len(raw) <= evidence.MAX_RAW else raw[: evidence.MAX_RAW] + "…")


def test_the_alert_of_another_tool_is_told_in_its_words():
    alert = VendorAlert("acme_edr", "al-17", "https://x.example/1", "New", "P1", over=True)
    view = evidence_of(finding(1, vendor=alert), NOT_LOADED, host="", repeats=0, also_in=[])
    assert view.vendor == "acme_edr alert al-17, severity P1, closed there as New"
    assert view.link == "https://x.example/1"
    own = evidence_of(finding(1, vendor=None), NOT_LOADED, host="", repeats=0, also_in=[])
    assert (own.vendor, own.link) == ("", "")


def test_everything_is_bounded():
    raw = '{"long": "' + "x" * 9_000 + '", ' + ", ".join(f'"k{n}": {n}' for n in range(200)) + "}"
    view = shown(raw, *(Match("f", "p", "v" * 5_000) for _ in range(50)))
    assert (len(view.fields), view.fields_left) == (60, 141)
    assert (len(view.matches), view.matches_left) == (20, 30)
    assert view.raw_cut == f"the first 3,000 of {len(raw):,} characters"
    assert view.size < 8_000


def test_a_finding_without_an_event_is_told():
    view = evidence_of(finding(1, events=()), NOT_LOADED, host="", repeats=0, also_in=[])
    assert (view.raw, view.place) == ("", "")


def test_a_page_has_a_budget():
    views = [shown("x" * 100) for _ in range(5)]
    kept, left, refused = within(views, 250)
    assert (len(kept), left, refused) == (2, 50, 3)


@given(st.text(max_size=200))
def test_any_record_can_be_shown(raw):
    shown(raw)
    shown('{"a": ' + raw + "}")
