import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.cisco import cisco_firewall


@pytest.mark.parametrize(
    ("head", "host"),
    [
        ("", None),
        ("<166>", None),
        ("<166>Mar 02 2026 09:14:10: ", None),
        ("<166>Mar 02 2026 09:14:10 fw1 : ", "fw1"),
        ("Mar  2 09:14:10 fw1 ", "fw1"),
        ("<166>2026-03-02T09:14:10Z fw1 : ", "fw1"),
        ("<166>1 2026-03-02T09:14:10Z fw1 - - - ", "fw1"),
        ("<166>: ", None),
    ],
)
def test_a_message_behind_any_header(head: str, host: str | None) -> None:
    fields = cisco_firewall(head + "%ASA-6-305011: Built something")
    assert fields is not None
    assert (fields["facility"], fields["level"], fields["message_id"]) == ("ASA", "6", "305011")
    assert fields["message"] == "Built something"
    assert fields.get("syslog_host") == host


def test_security_events_are_pairs() -> None:
    fields = cisco_firewall(
        "%FTD-1-430003: SrcIP: 10.0.0.1, Rule Action: <br/>Block, Rule Name: a, b, URL: "
    )
    assert fields is not None
    assert (fields["SrcIP"], fields["Rule Action"]) == ("10.0.0.1", "Block")
    assert fields["Rule Name"] == "a, b"
    assert "URL" not in fields


@pytest.mark.parametrize(
    "text", ["", "%SYS-5-CONFIG_I: x", "a user said %ASA-6-305011: a b", "%ASA-6-30501: x"]
)
def test_other_text_is_not_taken(text: str) -> None:
    assert cisco_firewall(text) is None


@given(st.text() | st.text("%ASA-6:, 1"))
def test_no_text_breaks_the_reader(text: str) -> None:
    for found in (cisco_firewall(text), cisco_firewall("%FTD-1-430003: " + text)):
        assert found is None or all(type(value) is str for value in found.values())
