"""What a hunt tells stays readable whatever came in."""

import io

from msgspec.structs import replace
from tests.store.stories import finding

from tocsin.app.hunt import Report, Unrecognized
from tocsin.cli.screen import Screen
from tocsin.cli.tell import ALERTS, REASONS, finding_json, tell_report, tell_vendors
from tocsin.model.findings import VendorAlert


def told(reasons):
    kept_out = [Unrecognized(f"reason-{n}", 100 - n, "f:1", "seen") for n in range(reasons)]
    out = io.StringIO()
    tell_report(Screen(out), Report({}, [], [], {}, {}, [], kept_out, 1.0, 1), top=1)
    return out.getvalue()


def test_few_reasons_are_all_shown():
    assert told(REASONS).count("reason-") == REASONS
    assert "more reasons" not in told(REASONS)


def test_of_many_reasons_the_commonest_are_shown_and_the_rest_counted():
    assert told(REASONS + 3).count("reason-") == REASONS
    assert "and 3 more reasons" in told(REASONS + 3)


def test_alerts_of_other_tools_are_shown_in_their_words_each_once():
    alert = VendorAlert("acme_edr", "al-\x1b[2J17", "https://siem.example/al-17", "New", "P1")
    one = replace(finding("f1"), vendor=alert)
    out = io.StringIO()
    tell_vendors(Screen(out), [one, replace(one, finding_id="f2"), finding("f3")])
    assert out.getvalue().count("alert al-\\x1b[2J17, severity P1, open there as New") == 1
    assert "      https://siem.example/al-17" in out.getvalue()
    many = [replace(one, vendor=replace(alert, uid=str(n))) for n in range(ALERTS + 2)]
    tell_vendors(Screen(out), many)
    assert "and 2 more" in out.getvalue()


def test_a_finding_in_json_keeps_tool_link_status_and_severity_apart():
    alert = VendorAlert(
        "acme_edr", "al-17", "https://x.example/1", "New", "P1", "c", 10**15, over=True
    )
    assert finding_json(replace(finding("f1"), vendor=alert))["vendor"] == {
        "tool": "acme_edr", "id": "al-17", "link": "https://x.example/1", "severity": "P1",
        "status": "New", "over": True, "updated": "2001-09-09T01:46:40Z", "incident": "c",
    }  # fmt: skip
    assert finding_json(finding("f1"))["vendor"] is None
