"""Elasticsearch's `_bulk`, for Beats, Elastic Agent, Logstash and everything else that speaks it.

Only what a shipper needs is here: it asks who is there and whether templates, policies and data
streams are, all of which this side has no use for and confirms; then it sends documents. A document
is kept as it was sent. Each item has its own answer: 201 is said after it is durable, 429 when it
was not taken and shall come again (Elasticsearch's Bulk API and "Retry and backoff" of its
clients).
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from tocsin.collect.bodies import BodyRefused
from tocsin.collect.desk import Desk, Fate
from tocsin.collect.inbox import Part
from tocsin.collect.senders import NOBODY, Sender, Senders
from tocsin.collect.web import Answer, Head, json_answer
from tocsin.formats.records import Rejected

VERSION = "8.17.0"
"""The version that is claimed: shippers of major version 7 to 9 talk to it."""
CLUSTER = "dG9jc2luLWluZ2VzdC0wMQ"
_PRODUCT = (("X-Elastic-Product", "Elasticsearch"),)
"""Without this header official clients since 7.14 refuse to talk."""
_BULK = re.compile(r"/(?:(?P<index>[^/_][^/]{0,254})/)?(?:_doc/)?_bulk/?")
_SETUP = re.compile(
    r"/(?:_license|_xpack|_cluster/health|_nodes(?:/.{0,100})?|_cat/.{0,100}"
    r"|_(?:index_|component_)?template/[^/]{1,255}|_ilm/policy/[^/]{1,255}"
    r"|_data_stream/[^/]{1,255}|_ingest/pipeline(?:/[^/]{1,255})?|_alias/[^/]{1,255}"
    r"|[^/_][^/]{0,254}(?:/_alias/[^/]{1,255})?)/?"
)
"""What shippers ask before they send; the last line is an index, an alias or a data stream."""


class _Action(msgspec.Struct, frozen=True):
    """The line before a document: one of these has a value."""

    create: dict[str, Any] | None = None
    index: dict[str, Any] | None = None
    update: dict[str, Any] | None = None
    delete: dict[str, Any] | None = None


class Item(NamedTuple):
    """One operation: what to do, into what, the document, and why it is not taken."""

    action: str
    into: str
    document: bytes
    wrong: str = ""


_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What a JSON decoder may raise about bytes that are none."""
_decode_action = msgspec.json.Decoder(_Action).decode
_decode_document = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def items_of(body: bytes, index: str = "") -> Iterator[Item]:
    """The operations of a body in order; `index` is that of the path, for items without one."""
    lines = iter(body.split(b"\n"))
    for line in lines:
        if not line or line.isspace():
            continue
        try:
            found = _decode_action(line)
        except _UNREADABLE:
            yield Item("index", index, line, "malformed action line")
            continue
        if found.delete is not None:
            yield Item("delete", str(found.delete.get("_index", index)), b"", "only adding works")
            continue
        if found.create is not None:
            action, about = "create", found.create
        elif found.index is not None:
            action, about = "index", found.index
        else:
            yield Item("update", index, next(lines, b""), "only adding works")
            continue
        document = next(lines, b"").removesuffix(b"\r")
        yield Item(action, str(about.get("_index", index)), document, _wrong(document))


def _wrong(document: bytes) -> str:
    """Why a document is none; empty when it is one."""
    try:
        _decode_document(document)
    except _UNREADABLE:
        return "the document is no JSON object"
    return ""


class Bulk:
    """The protocol, as web.Speaker."""

    def __init__(self, senders: Senders, desk: Desk) -> None:
        self._senders = senders
        self._desk = desk

    def knows(self, path: str) -> bool:
        """`/_bulk`, and what shippers ask before."""
        return path == "/" or bool(_BULK.fullmatch(path) or _SETUP.fullmatch(path))

    def refuse(self, head: Head) -> Answer | None:
        """Whoever may not send; and what needs no body."""
        if self._sender(head) is None:
            challenge = ("WWW-Authenticate", 'Basic realm="tocsin" charset="UTF-8"')
            text = "missing or invalid credentials"
            return _error(401, "security_exception", text, challenge)
        if _BULK.fullmatch(head.path):
            if head.method not in ("POST", "PUT"):
                return _error(405, "method_not_allowed", "POST documents to _bulk")
            return _busy() if self._desk.busy else None
        return _set_up(head)

    def unreadable(self, error: BodyRefused) -> Answer:
        """The error in the shape of Elasticsearch."""
        if error.reason == "busy":
            return _busy()
        return _error(error.status, "parse_exception", str(error))

    async def answer(self, head: Head, body: bytes) -> Answer:
        """Take in the documents."""
        path = _BULK.fullmatch(head.path)
        sender = self._sender(head)
        if path is None or sender is None:
            return json_answer(200, {"acknowledged": True}, _PRODUCT)
        origin = f"bulk:{sender.name}"
        items = list(items_of(body, path["index"] or ""))
        if not items:
            return _error(400, "parse_exception", "request body is required")
        good = [item.document for item in items if not item.wrong]
        raws, problems = self._desk.screen(origin, good)
        problems += [self._dead_letter(origin, item) for item in items if item.wrong]
        fate = await self._desk.keep([Part(origin, sender.source_id, raws)], problems)
        return _answer(items, kept=fate is Fate.KEPT)

    def _sender(self, head: Head) -> Sender | None:
        header = head.headers.get("authorization", "")
        if not header:
            return Sender(NOBODY) if self._senders.open else None
        return self._senders.of_header(header)

    def _dead_letter(self, origin: str, item: Item) -> Rejected:
        return self._desk.refused(origin, "bulk-item", item.wrong, item.document)


def _answer(items: list[Item], *, kept: bool) -> Answer:
    """The answer to each item: 201 (durable), 400 (a dead letter), or 429 (to come again)."""
    answers = []
    for item in items:
        told: dict[str, Any] = {"_index": item.into, "_id": ""}
        if not kept:
            told |= {"status": 429, "error": _cause("es_rejected_execution_exception", "busy")}
        elif item.wrong:
            told |= {"status": 400, "error": _cause("document_parsing_exception", item.wrong)}
        else:
            told |= _CREATED
        answers.append({item.action: told})
    errors = not kept or any(item.wrong for item in items)
    return json_answer(200, {"took": 0, "errors": errors, "items": answers}, _PRODUCT)


_CREATED = {
    "_version": 1,
    "result": "created",
    "status": 201,
    "_shards": {"total": 1, "successful": 1, "failed": 0},
}


def _cause(kind: str, reason: str) -> dict[str, str]:
    return {"type": kind, "reason": reason}


def _error(status: int, kind: str, reason: str, *headers: tuple[str, str]) -> Answer:
    cause = _cause(kind, reason)
    content = {"error": {"root_cause": [cause], **cause}, "status": status}
    return json_answer(status, content, (*_PRODUCT, *headers))


def _busy() -> Answer:
    return _error(429, "es_rejected_execution_exception", "busy; try again")


def _set_up(head: Head) -> Answer | None:
    """What a shipper asks before it sends; None: its body is to be read first."""
    if head.method not in ("GET", "HEAD"):
        return None
    known = {
        "/": {
            "name": "tocsin",
            "cluster_name": "tocsin",
            "cluster_uuid": CLUSTER,
            "version": {
                "number": VERSION,
                "build_flavor": "default",
                "minimum_wire_compatibility_version": "7.17.0",
                "minimum_index_compatibility_version": "7.0.0",
            },
            "tagline": "You Know, for Search",
        },
        "/_license": {"license": {"status": "active", "uid": CLUSTER, "type": "basic"}},
        "/_xpack": {
            "license": {"type": "basic", "mode": "basic", "status": "active"},
            "features": {"ilm": {"available": True, "enabled": True}},
        },
        "/_cluster/health": {"cluster_name": "tocsin", "status": "green"},
    }
    content: Any = known.get(head.path.rstrip("/") or "/", {})
    if head.method == "HEAD":
        return Answer(200, headers=_PRODUCT)
    return json_answer(200, content, _PRODUCT)
