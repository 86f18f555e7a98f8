"""The words of other tools are told as theirs, and do nothing to a screen."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tocsin.app.vendors import changed_at, vendor_says
from tocsin.model.findings import VendorAlert

ALERT = VendorAlert(
    "acme_edr",
    "al-17",
    "https://siem.example/al-17",
    "Active",
    "P1",
    "case-9",
    1_772_000_000_000_000,
)


def test_an_alert_is_told_with_all_that_is_known_of_it():
    assert vendor_says(ALERT) == (
        "acme_edr alert al-17, severity P1, open there as Active, "
        "last changed there 2026-02-25T06:13:20Z, of its incident case-9"
    )
    assert "closed there as Active" in vendor_says(replace(ALERT, over=True))
    assert vendor_says(VendorAlert("acme_edr", "1")) == "acme_edr alert 1, no severity, open there"


texts = st.text(max_size=300)


@given(st.builds(VendorAlert, texts, texts, texts, texts, texts, texts, st.integers()))
def test_whatever_a_tool_says_stays_one_harmless_line(alert):
    assert vendor_says(alert).isprintable()
    assert len(vendor_says(alert)) < 900
    assert changed_at(alert).isprintable()
