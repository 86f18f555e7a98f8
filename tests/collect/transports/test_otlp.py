import gzip
import json
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from tests.collect.pushing import Edge, edge

from tocsin.settings import Limits

SETTINGS = """
[[input]]
kind = "http"
listen = "127.0.0.1:0"
accept = ["otlp"]
[[input.tokens]]
name = "collector"
secret = "file:token"
"""
TOKEN = {"Authorization": "Bearer abc"}
PROTOBUF = TOKEN | {"Content_Type": "application/x-protobuf"}
JSON = TOKEN | {"Content_Type": "application/json"}


@pytest.fixture(scope="module")
def otlp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("otlp")
    (folder / "token").write_text("abc")
    with edge(folder, SETTINGS, limits=Limits(record_bytes=4096, depth=20)) as running:
        yield running


def request(*bodies: str) -> ExportLogsServiceRequest:
    made = ExportLogsServiceRequest()
    resource = made.resource_logs.add()
    resource.resource.attributes.append(
        KeyValue(key="host.name", value=AnyValue(string_value="web1"))
    )
    scope = resource.scope_logs.add()
    scope.scope.name = "filelog"
    for body in bodies:
        record = scope.log_records.add(time_unix_nano=1_700_000_000_000_000_000, severity_number=9)
        record.body.string_value = body
        record.trace_id = b"\x01" * 16
        record.attributes.add(key="n").value.int_value = 2**60
    return made


def test_records_of_both_encodings_are_kept_alike(otlp: Edge) -> None:
    status, answer = otlp.ask(
        "POST", "/v1/logs", request("from protobuf").SerializeToString(), **PROTOBUF
    )
    assert status == 200
    assert ExportLogsServiceResponse.FromString(answer) == ExportLogsServiceResponse()
    first = otlp.rows()[-1]
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": "web1"}}]}
    record = {
        "timeUnixNano": "1700000000000000000",
        "severityNumber": 9,
        "body": {"stringValue": "from protobuf"},
        "attributes": [{"key": "n", "value": {"intValue": str(2**60)}}],
        "traceId": "01" * 16,
    }
    expected = {"resource": resource, "scope": {"name": "filelog"}, "logRecord": record}
    assert json.loads(first["raw"]) == expected
    assert first["origin"] == "otlp:collector@http"
    sent = {
        "resourceLogs": [
            {
                "resource": resource,
                "scopeLogs": [{"scope": {"name": "filelog"}, "logRecords": [record]}],
            }
        ]
    }
    packed = gzip.compress(json.dumps(sent).encode())
    assert otlp.ask("POST", "/v1/logs", packed, Content_Encoding="gzip", **JSON) == (200, {})
    assert json.loads(otlp.raws()[-1]) == expected


def test_values_of_every_kind(otlp: Edge) -> None:
    made = request("x")
    record = made.resource_logs[0].scope_logs[0].log_records[0]
    inner = record.body.kvlist_value.values
    inner.add(key="b").value.bool_value = True
    inner.add(key="d").value.double_value = 1.5
    inner.add(key="raw").value.bytes_value = b"\x00\xff"
    inner.add(key="list").value.array_value.values.add().string_value = "y"
    inner.add(key="empty").value.CopyFrom(AnyValue())
    otlp.ask("POST", "/v1/logs", made.SerializeToString(), **PROTOBUF)
    body = json.loads(otlp.raws()[-1])["logRecord"]["body"]["kvlistValue"]["values"]
    assert [one["value"] for one in body] == [
        {"boolValue": True}, {"doubleValue": 1.5}, {"bytesValue": "AP8="},
        {"arrayValue": {"values": [{"stringValue": "y"}]}}, {},
    ]  # fmt: skip


def test_what_is_refused_is_told_as_partial_success_and_kept(otlp: Edge) -> None:
    body = request("good", "x" * 5000).SerializeToString()
    status, answer = otlp.ask("POST", "/v1/logs", body, **PROTOBUF)
    partial = ExportLogsServiceResponse.FromString(answer).partial_success
    assert (status, partial.rejected_log_records, partial.error_message) == (200, 1, "too-large")
    assert json.loads(otlp.raws()[-1])["logRecord"]["body"] == {"stringValue": "good"}
    assert otlp.rows("dead")[-1]["reason"] == "too-large"


def test_deep_values_are_refused(otlp: Edge) -> None:
    made = request("x")
    value = made.resource_logs[0].scope_logs[0].log_records[0].body
    for _ in range(40):
        value = value.array_value.values.add()
    assert otlp.ask("POST", "/v1/logs", made.SerializeToString(), **PROTOBUF)[0] == 400
    deep = '{"resourceLogs":' + "[" * 50_000
    assert otlp.ask("POST", "/v1/logs", deep, **JSON)[0] == 400


@pytest.mark.parametrize("headers", [PROTOBUF, JSON])
def test_what_is_no_request_is_refused(otlp: Edge, headers: dict[str, str]) -> None:
    before = len(otlp.rows())
    assert otlp.ask("POST", "/v1/logs", b"\xff\xff\xff", **headers)[0] == 400
    assert otlp.ask("POST", "/v1/logs", b"", **headers)[0] == (400 if headers is JSON else 200)
    assert otlp.ask("POST", "/v1/logs", b"", Authorization="Bearer no")[0] == 401
    assert otlp.ask("GET", "/v1/logs", **headers)[0] == 405
    assert len(otlp.rows()) == before
