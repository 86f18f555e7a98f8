"""OpenTelemetry logs over HTTP: `/v1/logs` in protobuf or JSON.

After the OpenTelemetry Protocol Specification 1.x, sections "OTLP/HTTP" and "Partial Success". A
record is kept as JSON in the protocol's own form, with the resource and scope that it came under:
`{"resource": ..., "scope": ..., "logRecord": ...}`.
"""

import base64
from collections.abc import Iterator
from typing import Any

import msgspec

from tocsin.collect.bodies import BodyRefused
from tocsin.collect.desk import Desk, Fate
from tocsin.collect.inbox import Part
from tocsin.collect.senders import NOBODY, Sender, Senders
from tocsin.collect.web import Answer, Head, json_answer
from tocsin.formats.records import Rejected

PATH = "/v1/logs"
RETRY_SECONDS = "5"
_PROTOBUF = "application/x-protobuf"
_MAX_DEPTH = 32
"""Values nested deeper are refused: protobuf itself ends at 100 messages within each other."""
_UNAVAILABLE, _INVALID, _UNAUTHENTICATED = 14, 3, 16
"""Codes of google.rpc.Code."""


class Otlp:
    """The protocol, as web.Speaker."""

    def __init__(self, senders: Senders, desk: Desk) -> None:
        self._senders = senders
        self._desk = desk

    def knows(self, path: str) -> bool:
        """`/v1/logs`."""
        return path.rstrip("/") == PATH

    def refuse(self, head: Head) -> Answer | None:
        """Whoever may not send, and everything while the disk is full."""
        if head.method != "POST":
            return _status(head, 405, _INVALID, "POST logs")
        if self._sender(head) is None:
            return _status(head, 401, _UNAUTHENTICATED, "a token is required")
        return _status(head, 503, _UNAVAILABLE, "busy") if self._desk.busy else None

    def unreadable(self, error: BodyRefused) -> Answer:
        """The reason as JSON, which every client shows."""
        busy = error.reason == "busy"
        status, code = (503, _UNAVAILABLE) if busy else (error.status, _INVALID)
        return json_answer(status, {"code": code, "message": str(error)})

    async def answer(self, head: Head, body: bytes) -> Answer:
        """Take in the records; those that are refused are counted in a partial success."""
        sender = self._sender(head)
        try:
            records = list(records_of(body, is_json=_is_json(head)))
        except BadRequest:
            return _status(head, 400, _INVALID, "the body is no ExportLogsServiceRequest")
        origin = f"otlp:{sender.name if sender else NOBODY}"
        raws, problems = self._desk.screen(origin, records)
        part = Part(origin, sender.source_id if sender else None, raws)
        if await self._desk.keep([part], problems) is not Fate.KEPT:
            return _status(head, 503, _UNAVAILABLE, "busy")
        return _success(head, problems)

    def _sender(self, head: Head) -> Sender | None:
        header = head.headers.get("authorization", "")
        if not header:
            return Sender(NOBODY) if self._senders.open else None
        return self._senders.of_header(header)


class BadRequest(ValueError):
    """A body that is no ExportLogsServiceRequest, or nests too deeply."""


def records_of(body: bytes, *, is_json: bool) -> Iterator[bytes]:
    """The records of a request, each as JSON with its resource and scope; raises BadRequest."""
    try:
        yield from _from_json(body) if is_json else _from_protobuf(body)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise BadRequest(str(error)) from error


def _from_json(body: bytes) -> Iterator[bytes]:
    request = msgspec.json.decode(body, type=_Request)
    for resource in request.resourceLogs:
        for scope in resource.scopeLogs:
            for record in scope.logRecords:
                yield _raw(resource.resource, scope.scope, record)


class _ScopeLogs(msgspec.Struct):
    scope: msgspec.Raw = msgspec.Raw(b"")
    logRecords: list[msgspec.Raw] = []  # noqa: N815 - the protocol's own name


class _ResourceLogs(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw(b"")
    scopeLogs: list[_ScopeLogs] = []  # noqa: N815 - the protocol's own name


class _Request(msgspec.Struct):
    resourceLogs: list[_ResourceLogs] = []  # noqa: N815 - the protocol's own name


def _raw(resource: bytes, scope: bytes, record: bytes) -> bytes:
    """One record with what it came under; each part is JSON already."""
    parts = [b'"resource":' + resource] * bool(resource) + [b'"scope":' + scope] * bool(scope)
    return b"{" + b",".join([*parts, b'"logRecord":' + record]) + b"}"


def _from_protobuf(body: bytes) -> Iterator[bytes]:
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]  # noqa: PLC0415 - no types; only where OTLP is spoken
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (  # noqa: PLC0415 - the same
        ExportLogsServiceRequest,
    )

    request = ExportLogsServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise ValueError("no protobuf of this kind") from error
    encode = msgspec.json.encode
    for resource in request.resource_logs:
        around = encode({"attributes": _attributes(resource.resource.attributes)})
        for scope in resource.scope_logs:
            named = {"name": scope.scope.name, "version": scope.scope.version}
            within = encode({key: value for key, value in named.items() if value})
            for record in scope.log_records:
                yield _raw(around, within, encode(_record(record)))


def _record(record: Any) -> dict[str, Any]:
    """A LogRecord as the protocol writes it in JSON; what is not set stays out."""
    found = {
        "timeUnixNano": str(record.time_unix_nano) if record.time_unix_nano else "",
        "observedTimeUnixNano": str(record.observed_time_unix_nano or ""),
        "severityNumber": record.severity_number,
        "severityText": record.severity_text,
        "body": _value(record.body, 0) if record.HasField("body") else None,
        "attributes": _attributes(record.attributes),
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
        "eventName": record.event_name,
    }
    return {key: value for key, value in found.items() if value}


def _attributes(pairs: Any, depth: int = 0) -> list[dict[str, Any]]:
    return [{"key": pair.key, "value": _value(pair.value, depth + 1)} for pair in pairs]


def _value(value: Any, depth: int) -> dict[str, Any]:
    """An AnyValue as the protocol writes it in JSON."""
    if depth > _MAX_DEPTH:
        raise ValueError("nests too deeply")
    match value.WhichOneof("value"):
        case "string_value":
            return {"stringValue": value.string_value}
        case "bool_value":
            return {"boolValue": value.bool_value}
        case "int_value":
            return {"intValue": str(value.int_value)}
        case "double_value":
            return {"doubleValue": value.double_value}
        case "array_value":
            inner = [_value(one, depth + 1) for one in value.array_value.values]
            return {"arrayValue": {"values": inner}}
        case "kvlist_value":
            return {"kvlistValue": {"values": _attributes(value.kvlist_value.values, depth)}}
        case "bytes_value":
            return {"bytesValue": base64.b64encode(value.bytes_value).decode()}
        case _:
            return {}


def _is_json(head: Head) -> bool:
    return head.headers.get("content-type", "").lower().startswith("application/json")


def _success(head: Head, refused: list[Rejected]) -> Answer:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (  # noqa: PLC0415 - only where OTLP is spoken
        ExportLogsServiceResponse,
    )

    why = ", ".join(sorted({problem.reason for problem in refused}))
    if _is_json(head):
        partial = {"rejectedLogRecords": str(len(refused)), "errorMessage": why}
        return json_answer(200, {"partialSuccess": partial} if refused else {})
    answer = ExportLogsServiceResponse()
    if refused:
        answer.partial_success.rejected_log_records = len(refused)
        answer.partial_success.error_message = why
    return Answer(200, answer.SerializeToString(), _PROTOBUF)


def _status(head: Head, status: int, code: int, text: str) -> Answer:
    """A failure as google.rpc.Status in the encoding of the request."""
    headers = (("Retry-After", RETRY_SECONDS),) if code == _UNAVAILABLE else ()
    if _is_json(head):
        return json_answer(status, {"code": code, "message": text}, headers)
    said = text.encode()
    body = bytes((0x08, code, 0x12, len(said))) + said
    return Answer(status, body, _PROTOBUF, headers)
