import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.records import NativeRecord, Position, Undecodable
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer
from tocsin.normalize.wrapped import meant, unwrap

SSHD = "Jan  5 08:00:01 web1 sshd[42]: Failed password for root from 192.0.2.7 port 22 ssh2"
WINDOWS = {"EventID": 4624, "Channel": "Security", "Hostname": "h1", "TargetUserName": "a"}


def decode(normalizer: Normalizer, document: Any) -> NativeRecord:
    found = normalizer.decode(orjson.dumps(document), None)
    assert isinstance(found, NativeRecord), found
    return found


def otlp(body: Any, attributes: Any = (), **more: Any) -> dict[str, Any]:
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": "web9"}}]}
    record = {"body": body, "attributes": list(attributes), **more}
    return {"resource": resource, "scope": {"name": "x"}, "logRecord": record}


WRAPPED = [
    {"event": SSHD, "host": "web9", "sourcetype": "linux_secure", "fields": {"dc": "east"}},
    otlp({"stringValue": SSHD}),
    {"@timestamp": "2026-01-05T08:00:02Z", "message": SSHD + "\n", "host": {"name": "web9"}},
    {"@timestamp": "2026-01-05T08:00:02Z", "event": {"original": SSHD}, "message": "short"},
    {"log": SSHD + "\n", "stream": "stdout", "time": "2026-01-05T08:00:02Z"},
]


@pytest.mark.parametrize("document", WRAPPED)
def test_what_is_inside_is_recognized_as_if_it_came_alone(
    normalizer: Normalizer, document: dict[str, Any]
) -> None:
    alone = normalizer.decode(SSHD.encode(), None)
    assert isinstance(alone, NativeRecord)
    found = decode(normalizer, document)
    assert (found.source_id, found.shape) == (alone.source_id, alone.shape)
    own = {key: value for key, value in found.fields.items() if not key.startswith("envelope.")}
    assert own == alone.fields
    assert own["host"] == "web1", "the record's own host counts more"


def test_an_object_inside_is_recognized_too(normalizer: Normalizer) -> None:
    by_hec = decode(normalizer, {"event": WINDOWS, "host": "other", "time": 1.5, "index": "w"})
    pairs = [{"key": key, "value": {"stringValue": str(v)}} for key, v in WINDOWS.items()]
    by_otlp = decode(normalizer, otlp({"kvlistValue": {"values": pairs}}))
    in_attributes = decode(normalizer, otlp({"stringValue": "logged on"}, pairs))
    sources = {one.source_id for one in (by_hec, by_otlp, in_attributes)}
    assert sources == {"windows_security"}
    assert by_hec.fields["envelope.index"] == "w"
    assert by_hec.fields["Hostname"] == "h1"


def test_a_declared_source_may_come_wrapped(normalizer: Normalizer) -> None:
    raw = orjson.dumps({"event": WINDOWS, "time": 1})
    found = normalizer.decode(raw, "windows_security")
    assert isinstance(found, NativeRecord)
    assert found.source_id == "windows_security"


def moment(normalizer: Normalizer, document: dict[str, Any]) -> tuple[int, Any, Any]:
    place = Position("s", "p0", 1, 1_800_000_000_000_000, "o", 1)
    raw = orjson.dumps(document)
    record = decode(normalizer, document)
    context = ContextSnapshot("s", "c")
    ((_, event),) = normalizer.events([record], [place], [raw], context)
    return event["tocsin_time"], event["metadata"].get("labels"), event.get("device")


def test_host_and_time_of_the_forwarder_stand_in_where_the_record_has_none(
    normalizer: Normalizer,
) -> None:
    system = {"EventID": 4624, "Channel": "Security"}
    bare = {"Event": {"System": system, "EventData": {"TargetUserName": "a"}}}
    at, labels, device = moment(normalizer, {"event": bare, "host": "dc1", "time": "1700000000.5"})
    assert at == 1_700_000_000_500_000
    assert "time:forwarder" in labels
    assert device["hostname"] == "dc1"
    nano = {"timeUnixNano": "1700000000500000000"}
    at, _, device = moment(normalizer, otlp({"stringValue": json.dumps(bare)}, **nano))
    assert (at, device["hostname"]) == (1_700_000_000_500_000, "web9")
    late = moment(normalizer, {"event": bare, "time": 1e300})
    assert late[0] == 1_800_000_000_000_000, "what is no time is not taken for one"


@pytest.mark.parametrize(
    "document",
    [
        {"event": "nobody knows this", "host": "h"},
        {"event": {"a": {"event": SSHD, "host": "h"}}, "host": "h"},
        {"event": {"event": SSHD, "host": "h"}, "host": "h"},
        {"event": SSHD, "host": "h", "more": 1},
        {"event": [SSHD], "host": "h"},
        {"message": SSHD},
        otlp({"intValue": "1"}),
        otlp(None),
    ],
)
def test_what_is_not_known_stays_unknown(normalizer: Normalizer, document: dict[str, Any]) -> None:
    assert isinstance(normalizer.decode(orjson.dumps(document), None), Undecodable)


@pytest.mark.parametrize(
    ("kind", "source_id"),
    [
        ("cisco:asa", "cisco_firewall"),
        ("pan:traffic", "paloalto_firewall"),
        ("fgt_traffic", "fortinet_fortigate"),
        ("windows_sysmon", "windows_sysmon"),
    ],
)
def test_source_types_hint_at_sources(kind: str, source_id: str) -> None:
    assert source_id in meant(kind)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["event", "host", "time", "fields", "key", "value", "values", "stringValue", "x",
             "kvlistValue", "arrayValue", "intValue", "attributes", "body", "original"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(_JSON, _JSON, st.sampled_from(["event", "logRecord", "message", "log"]))
def test_any_wrapping_is_read_without_a_crash(inner: Any, other: Any, key: str) -> None:
    names = {"message": "@timestamp", "log": "stream", "logRecord": "resource"}
    found = unwrap({key: inner, names.get(key, "time"): other})
    assert found is None or isinstance(found.inside, str | dict)
    json.dumps(found and found.around, default=str)
