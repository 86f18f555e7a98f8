"""Windows events as XML."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.normalize.readers.windows import windows_flat
from tocsin.normalize.readers.windows_xml import windows_xml

EVENT = (
    '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System>'
    '<Provider Name="P" Guid="{1}"/><EventID Qualifiers="0">4688</EventID>'
    '<TimeCreated SystemTime="2026-01-01T00:00:00Z"/><Execution ProcessID="4" ThreadID="8"/>'
    "<Channel>Security</Channel><Computer>ws-1</Computer></System>"
    '<EventData><Data Name="CommandLine">a &amp; b</Data><Data>loose</Data></EventData>'
    "<RenderingInfo><Message>said</Message></RenderingInfo></Event>"
)


@pytest.mark.parametrize("header", ["", "<13>Jan  1 00:00:00 ws-1 "])
def test_an_event_has_the_fields_of_one_from_a_file(header: str) -> None:
    fields = windows_xml(header + EVENT)
    assert fields is not None
    assert fields["EventID"] == 4688
    assert fields["Provider_Name"] == "P"
    assert fields["ExecutionProcessID"] == "4"
    assert fields["Channel"] == "Security"
    assert fields["CommandLine"] == "a & b"
    assert fields["Data"] == ["loose"]
    assert fields["Message"] == "said"


@pytest.mark.parametrize(
    "text",
    [
        "no event",
        EVENT[:200],
        '<!DOCTYPE x [<!ENTITY a "b">]>' + EVENT,
        "<Event >" + "<a>" * 50,
        '<Event x="1">&unknown;</Event>',
        '<Event x="1"><Other/></Event>' * 2,
    ],
)
def test_what_is_broken_or_hostile_is_no_event(text: str) -> None:
    fields = windows_xml(text)
    assert fields is None or "EventID" not in fields or "DOCTYPE" in text


@given(st.text(alphabet="<Event System/>='\"& a", max_size=80))
def test_text_never_raises(text: str) -> None:
    fields = windows_xml(f"<Event {text}")
    assert fields is None or isinstance(fields, dict)


def test_sysmons_own_process_is_taken_from_its_message() -> None:
    record = {
        "Hostname": "ws-1",
        "SourceName": "Microsoft-Windows-Sysmon",
        "ProcessID": 900,
        "Message": "Dns query:\r\nProcessId: 4200\r\nUser: LUMEN\\mira\r\n",
    }
    fields = windows_flat(record)
    assert fields is not None
    assert (fields["ProcessId"], fields["User"]) == ("4200", "LUMEN\\mira")
    assert fields["Channel"] == "Microsoft-Windows-Sysmon/Operational"
    assert windows_flat({"SourceName": "x"}) is None


def test_powershell_says_which_program_it_ran_in() -> None:
    context = "  Severity = x\r\n   Host Application = C:\\x\\powershell.exe -File a.ps1\r\n"
    fields = windows_flat({"Hostname": "ws-1", "ContextInfo": context})
    assert fields is not None
    assert fields["HostProcess"] == "C:\\x\\powershell.exe"
    assert fields["HostApplication"].endswith("-File a.ps1")
