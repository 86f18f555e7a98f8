import json
import re
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.records import NativeRecord, Undecodable
from tocsin.model.sources import (
    IdentitySpec,
    PatternSpec,
    ProductSpec,
    ShapeSpec,
    SourceSpec,
    TimeSpec,
)
from tocsin.normalize import Normalizer
from tocsin.normalize.recognizer import Recognizer

FLAT = {"EventID": 4624, "Channel": "Security", "Hostname": "h1", "TargetUserName": "a"}


def decode(normalizer: Normalizer, document: object) -> NativeRecord | Undecodable:
    return normalizer.decode(orjson.dumps(document), None)


@pytest.mark.parametrize(
    ("channel", "source_id"),
    [
        ("Security", "windows_security"),
        ("security", "windows_security"),
        ("SYSTEM", "windows_system"),
        ("Windows PowerShell", "windows_powershell"),
        ("Microsoft-Windows-PowerShell/Operational", "windows_powershell"),
        ("Microsoft-Windows-Sysmon/Operational", "windows_sysmon"),
        ("Microsoft-Windows-Bits-Client/Operational", "windows_eventlog"),
    ],
)
def test_a_channel_in_any_case_is_its_source(
    normalizer: Normalizer, channel: str, source_id: str
) -> None:
    record = decode(normalizer, FLAT | {"Channel": channel})
    assert isinstance(record, NativeRecord)
    assert (record.source_id, record.shape) == (source_id, "flat")
    assert record.fields["TargetUserName"] == "a"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"  \r\n", "empty"),
        (b"[1]", "not-an-object"),
        (b"7", "not-an-object"),
        (b'{"a": NaN}', "not-json"),
        (b'{"a": 1', "not-json"),
        (b'{"a": "\\ud800"}', "unrecognized"),
        (b'{"a": "\\ud800", "b": NaN}', "not-json"),
        (b'{"a": "\\ud8"}', "not-json"),
        (b'{"a": "\\ud80', "not-json"),
        (b'{"a": \\ud800}', "not-json"),
        (b'{"a": "\\', "not-json"),
        (b'{"a": "\xed\xa0\x80"}', "not-utf-8"),
        (b'{"a": "\\ud800", "b": "\xed\xa0\x80"}', "not-utf-8"),
        (b"[" * 5000, "not-json"),
        (b'{"a": "\xff"}', "not-utf-8"),
        (b"\xef\xbb\xbf{}", "byte-order-mark"),
        (b"{}", "unrecognized"),
        (b'{"Channel": "Security", "EventID": 1}', "unrecognized"),
        (b'{"Channel": 5, "EventID": 1, "Hostname": "h"}', "unrecognized"),
        (b'{"Channel": ["Security"], "EventID": 1, "Hostname": "h"}', "unrecognized"),
        (b'{"Event": 5}', "unrecognized"),
        (b'{"Event": {"System": {"Channel": null}}}', "unrecognized"),
    ],
)
def test_what_cannot_be_read_says_why(normalizer: Normalizer, raw: bytes, reason: str) -> None:
    found = normalizer.decode(raw, None)
    assert isinstance(found, Undecodable)
    assert found.reason == reason
    assert found.detail


def test_an_unrecognized_record_shows_its_keys(normalizer: Normalizer) -> None:
    found = decode(normalizer, {"zeek": 1, "uid": 2})
    assert found == Undecodable(
        "unrecognized", "no source knows a record with these keys: uid, zeek"
    )


def test_a_declared_source_is_not_overruled(normalizer: Normalizer) -> None:
    raw = orjson.dumps(FLAT)
    assert isinstance(normalizer.decode(raw, "windows_security"), NativeRecord)
    found = normalizer.decode(raw, "windows_sysmon")
    assert isinstance(found, Undecodable)
    assert found.reason == "other-source"


def event(system: dict[str, object], **parts: object) -> dict[str, object]:
    head = {"Channel": "Security", "Computer": "h1", "EventID": 4624}
    return {"Event": {"System": head | system, **parts}}


def test_event_data_is_lifted_beside_system(normalizer: Normalizer) -> None:
    system = {
        "Provider": {"#attributes": {"Name": "P", "Guid": "G"}},
        "EventID": {"#attributes": {"Qualifiers": 7}, "#text": 4625},
        "TimeCreated": {"#attributes": {"SystemTime": "2026-03-02T09:14:10Z"}},
        "Execution": {"#attributes": {"ProcessID": 1, "ThreadID": 2}},
        "Correlation": None,
        "Security": {"#attributes": {"UserID": "S-1-5-18"}},
    }
    data = {
        "LogonType": 3,
        "Channel": "inner",
        "Threat Name": "t",
        "Empty": {"#attributes": {}},
        "Text": {"#text": "x", "#attributes": {"a": 1}},
        "#attributes": {"Name": "N"},
    }
    record = decode(normalizer, event(system, EventData=data))
    assert isinstance(record, NativeRecord)
    assert record.shape == "evtx"
    assert record.fields == {
        "Channel": "Security",
        "Computer": "h1",
        "EventID": 4625,
        "EventID_Qualifiers": 7,
        "Provider_Name": "P",
        "Provider_Guid": "G",
        "TimeCreated": "2026-03-02T09:14:10Z",
        "ExecutionProcessID": 1,
        "ThreadID": 2,
        "UserID": "S-1-5-18",
        "LogonType": 3,
        "EventData_Channel": "inner",
        "Threat Name": "t",
        "ThreatName": "t",
        "Empty": None,
        "Text": "x",
        "EventData_Name": "N",
    }


def test_a_trace_without_channel_is_an_event_log_of_some_kind(normalizer: Normalizer) -> None:
    document = {"Event": {"System": {"EventID": 5, "Channel": None, "Computer": ""}}}
    record = decode(normalizer, document)
    assert isinstance(record, NativeRecord)
    assert record.source_id == "windows_eventlog"


def test_user_data_stands_one_level_deeper(normalizer: Normalizer) -> None:
    user_data = {"LogFileCleared": {"#attributes": {"xmlns": "x"}, "SubjectUserName": "a"}}
    record = decode(normalizer, event({}, UserData=user_data))
    assert isinstance(record, NativeRecord)
    assert record.fields["SubjectUserName"] == "a"


def test_lists_of_data_stay_lists(normalizer: Normalizer) -> None:
    data = {"Data": [{"#text": "a", "#attributes": {}}, "b", {"#attributes": {}}]}
    record = decode(normalizer, event({}, EventData=data))
    assert isinstance(record, NativeRecord)
    assert record.fields["Data"] == ["a", "b", None]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(json_values, json_values, json_values)
def test_no_nested_document_makes_the_reader_fail(
    normalizer: Normalizer, system: object, data: object, user_data: object
) -> None:
    head = {"Channel": "Security"}
    merged = head | system if isinstance(system, dict) else system
    document = {"Event": {"System": merged, "EventData": data, "UserData": user_data}}
    assert decode(normalizer, document) is not None


@given(st.binary(max_size=200))
def test_no_bytes_make_decoding_fail(normalizer: Normalizer, raw: bytes) -> None:
    assert isinstance(normalizer.decode(raw, None), NativeRecord | Undecodable)


def test_flat_fields_are_not_copied(normalizer: Normalizer) -> None:
    reader = normalizer.decode(orjson.dumps(FLAT), None)
    assert isinstance(reader, NativeRecord)
    assert list(reader.fields) == list(FLAT)


def written(value: str) -> bytes:
    """A record whose user name is written so in JSON."""
    return json.dumps(FLAT | {"TargetUserName": "@"}).replace("@", value).encode()


@pytest.mark.parametrize(
    ("value", "reads"),
    [
        (r"a\ud800b", "a\ufffdb"),
        (r"\uDfFf", "\ufffd"),
        (r"\udc00\ud800", "\ufffd\ufffd"),
        (r"\ud800\u0041", "\ufffdA"),
        (r"\ud800\n\"", '\ufffd\n"'),
        (r"\ud83d\ude00\ud83d", "\U0001f600\ufffd"),
        (r"\ud83d\ud83d\ude00", "\ufffd\U0001f600"),
        (r"\uD83D\uDE00\ude00", "\U0001f600\ufffd"),
        (r"\\ud800 \ud800", r"\ud800 " + "\ufffd"),
        (r"\\\ud800\\", "\\\ufffd\\"),
        (r"\\\\ud800 \udc00", r"\\ud800 " + "\ufffd"),
        ("\u00e9\U0001f600\\ud800", "\u00e9\U0001f600\ufffd"),
    ],
)
def test_half_a_pair_reads_as_the_replacement_character(
    normalizer: Normalizer, value: str, reads: str
) -> None:
    record = normalizer.decode(written(value), None)
    assert isinstance(record, NativeRecord)
    assert record.fields["TargetUserName"] == reads


def test_half_a_pair_in_a_name_hides_no_record(normalizer: Normalizer) -> None:
    record = normalizer.decode(json.dumps(FLAT | {"\ud800": 1}).encode(), None)
    assert isinstance(record, NativeRecord)
    assert record.fields["\ufffd"] == 1


def test_many_escapes_cost_time_in_proportion(normalizer: Normalizer) -> None:
    """A way that looks back or tries again would not end here."""
    for piece in (r"\ud800", r"\\\\", r"\ud83d\ude00", r"\u0041", "a"):
        many = piece * (1_000_000 // len(piece))
        assert isinstance(normalizer.decode(written(many + r"\ud800"), None), NativeRecord)
        assert isinstance(normalizer.decode(written(many + r"\ud8"), None), Undecodable)


def replaced(value: Any) -> Any:
    """The same with every half of a pair made U+FFFD, by Python's own strings."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, list):
        return [replaced(item) for item in value]
    if isinstance(value, dict):
        return {replaced(name): replaced(item) for name, item in value.items()}
    return value


any_text = st.text(st.characters(exclude_categories=[]) | st.sampled_from("\ud800\udbff\udc00\\u"))


@given(st.dictionaries(any_text, any_text | st.lists(any_text), max_size=4))
def test_any_string_of_utf_16_units_decodes(
    normalizer: Normalizer, document: dict[str, Any]
) -> None:
    raw = json.dumps(document | FLAT).encode()
    record = normalizer.decode(raw, None)
    assert isinstance(record, NativeRecord)
    assert record.fields == replaced(json.loads(raw))


@given(any_text)
def test_bytes_of_half_a_pair_are_no_utf_8(normalizer: Normalizer, text: str) -> None:
    raw = json.dumps({"a": text + "\ud800"}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    found = normalizer.decode(raw, None)
    assert isinstance(found, Undecodable)
    assert found.reason == "not-utf-8"


PIECES = ["\\", "u", "d", "8", "c", "0", r"\ud800", r"\udc00", '"', "x"]


@given(st.lists(st.sampled_from(PIECES)))
def test_what_is_no_json_stays_none(normalizer: Normalizer, pieces: list[str]) -> None:
    raw = written("".join(pieces))
    found = normalizer.decode(raw, None)
    try:
        wanted = replaced(json.loads(raw))
    except ValueError:
        assert isinstance(found, Undecodable)
        assert found.reason == "not-json"
    else:
        assert isinstance(found, NativeRecord)
        assert found.fields == wanted


def text_source(name: str, expression: str, *, required: bool = True) -> SourceSpec:
    """A source of plain lines that `expression` tells."""
    patterns = PatternSpec("message", "event", {"seen": expression}, required)
    shape = ShapeSpec("line", "message", (TimeSpec("time"),), patterns=patterns)
    product = ProductSpec(name, "Northquay")
    return SourceSpec(name, name, product, ("file",), (shape,), IdentitySpec())


def test_each_of_several_text_sources_takes_its_own_lines() -> None:
    gates, doors = (
        text_source("gates", r"^gate (?P<n>\d+)"),
        text_source("doors", r"^door (?P<n>\d)"),
    )
    recognizer = Recognizer((gates, doors))
    for raw, source_id in ((b"gate 12 open", "gates"), (b"door 3 shut", "doors")):
        record = recognizer.decode(raw, None)
        assert isinstance(record, NativeRecord)
        assert record.source_id == source_id
        assert record.fields["event"] == "seen"
    assert isinstance(recognizer.decode(b"window 1", None), Undecodable)
    declared = recognizer.decode(b"window 1", "doors")
    assert isinstance(declared, NativeRecord)
    assert declared.fields == {"message": "window 1"}


def test_a_source_that_takes_any_line_comes_last() -> None:
    any_line = text_source("any", "^any (?P<x>.)", required=False)
    for sources in (
        (any_line, text_source("gates", "^gate (?P<gate>.)")),
        (text_source("gates", "^gate (?P<gate>.)"), any_line),
    ):
        recognizer = Recognizer(sources)
        found = [recognizer.decode(raw, None) for raw in (b"gate 1", b"window 1")]
        assert [r.source_id for r in found if isinstance(r, NativeRecord)] == ["gates", "any"]


def test_a_row_without_its_header_says_so(normalizer: Normalizer) -> None:
    found = normalizer.decode(b"1763883010.120000\tC9aaaaaaaaaaaaaaa\t198.51.100.24", None)
    assert isinstance(found, Undecodable)
    assert found.reason == "no-header"


def test_a_dotted_key_stands_for_itself(normalizer: Normalizer) -> None:
    record = {"ts": 1.5, "uid": "C1", "conn_state": "SF", "id.orig_h": "192.0.2.1"}
    found = decode(normalizer, record)
    assert isinstance(found, NativeRecord)
    assert (found.source_id, found.fields["_path"]) == ("zeek", "conn")
