"""Splunk's HTTP Event Collector, so that its clients can be pointed here unchanged.

Paths, headers, codes and texts are those of "Troubleshoot HTTP Event Collector" and "About HTTP
Event Collector indexer acknowledgment" in Splunk's manual. Where Splunk says 200 before its
pipeline saw the event, this one says 200 after the event is durable; with `useACK` it answers at
once and the acknowledgement becomes true when it is.
"""

import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from tocsin.collect.bodies import BodyRefused
from tocsin.collect.desk import Desk, Fate
from tocsin.collect.inbox import Part
from tocsin.collect.senders import Sender, Senders
from tocsin.collect.web import Answer, Head, json_answer
from tocsin.formats.records import Rejected

TEXTS = {
    0: (200, "Success"),
    2: (401, "Token is required"),
    3: (401, "Invalid authorization"),
    4: (403, "Invalid token"),
    5: (400, "No data"),
    6: (400, "Invalid data format"),
    9: (503, "Server is busy"),
    10: (400, "Data channel is missing"),
    11: (400, "Invalid data channel"),
    12: (400, "Event field is required"),
    13: (400, "Event field cannot be blank"),
    14: (400, "ACK is disabled"),
    15: (400, "Error in handling indexed fields"),
    16: (400, "Query string authorization is not enabled"),
    17: (200, "HEC is healthy"),
    18: (503, "HEC is unhealthy, queues are full"),
}
"""Splunk's codes with HTTP status and text."""

MAX_CHANNELS = 1_024
MAX_ACKS = 10_000
"""Acknowledgements kept for one channel: older ones are forgotten, and their events sent again."""

_PREFIX = "/services/collector"
_EVENT = frozenset({"", "/event", "/event/1.0", "/1.0"})
_RAW = frozenset({"/raw", "/raw/1.0"})
_HEALTH = frozenset({"/health", "/health/1.0"})
_ACK = frozenset({"/ack", "/ack/1.0"})
_CHANNEL = re.compile(r"[0-9A-Za-z-]{1,64}")
_BETWEEN = re.compile(rb"\}\s*\{")
_AGAIN = re.compile(rb"(?<=\})\s*(?=\{)|\n")
"""Where good events may begin again behind a broken one."""
_METADATA = ("time", "host", "source", "sourcetype", "index")


class _Envelope(msgspec.Struct, frozen=True):
    """One event as it is sent; the values of metadata are kept as they are written."""

    event: msgspec.Raw = msgspec.Raw(b"")
    time: msgspec.Raw = msgspec.Raw(b"")
    host: msgspec.Raw = msgspec.Raw(b"")
    source: msgspec.Raw = msgspec.Raw(b"")
    sourcetype: msgspec.Raw = msgspec.Raw(b"")
    fields: msgspec.Raw = msgspec.Raw(b"")


_decode = msgspec.json.Decoder(_Envelope).decode
_object = msgspec.json.Decoder(dict[str, Any]).decode
_text = msgspec.json.Decoder(str).decode
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)
"""What a JSON decoder may raise about bytes that are none."""
_BLANK = (b"", b"null", b'""')


class Refused(NamedTuple):
    """An event that is not taken: its number in the request, Splunk's code, and its bytes."""

    number: int
    code: int
    raw: bytes


def events_of(body: bytes) -> tuple[list[bytes], list[Refused]]:
    """The records in a body of one or more JSON objects, and those that are none.

    A record is the object as it was sent: time, host and sourcetype are needed to understand the
    event. One that has nothing but an event is the event itself.
    """
    good: list[bytes] = []
    bad: list[Refused] = []
    for number, parts in enumerate(_pieces(body.strip())):
        piece = b"".join(parts).strip()
        found = _record(piece)
        if isinstance(found, bytes):
            good.append(found)
            continue
        bad.append(Refused(number, found, piece))
        good += [one for one in map(_record, _AGAIN.split(piece)) if isinstance(one, bytes)]
    return good, bad


def _record(piece: bytes) -> bytes | int:
    """The record, or the code that says why there is none."""
    try:
        envelope = _decode(piece)
        event = bytes(envelope.event)
        if event in _BLANK:
            return 13 if event else 12
        if bytes(envelope.fields) not in _BLANK:
            inner = _object(envelope.fields)
            if any(isinstance(value, dict) for value in inner.values()):
                return 15
        elif not (envelope.time or envelope.host or envelope.source or envelope.sourcetype):
            return _text(event).encode() if event[:1] == b'"' else event
    except _UNREADABLE:
        return 6
    return piece


def _pieces(body: bytes) -> Iterator[list[bytes]]:
    """The objects of a body, which follow each other with or without white space between.

    Cut is at every `}{`. Within a string such a cut is none: its parts belong together, until the
    string ends or a line does, which no string outlives. Each byte is looked at once.
    """
    start = 0
    parts: list[bytes] = []
    is_open = False
    for match in _BETWEEN.finditer(body):
        part = body[start : match.end() - 1]
        parts.append(part)
        is_open = (is_open ^ _odd_quotes(part)) and b"\n" not in match[0]
        start = match.end() - 1
        if not is_open:
            yield parts
            parts = []
    parts.append(body[start:])
    yield parts


def _odd_quotes(part: bytes) -> bool:
    """Whether an odd number of quotes that are not escaped is in it."""
    if b"\\" in part:
        part = part.replace(b"\\\\", b"").replace(b'\\"', b"")
    return part.count(b'"') % 2 == 1


@dataclass(slots=True)
class _Channel:
    """Acknowledgements of one channel of one sender: number -> whether it is durable."""

    acks: OrderedDict[int, bool] = field(default_factory=OrderedDict)


class Hec:
    """The protocol, as web.Speaker."""

    def __init__(self, senders: Senders, desk: Desk, first_ack: int = 0) -> None:
        """`first_ack` must be larger than any number that was given before a restart.

        Splunk counts each channel from 0. A client that did not notice a restart would take the
        acknowledgement of a new request for that of an old one, whose events are gone.
        """
        self._senders = senders
        self._desk = desk
        self._next = first_ack
        self._channels: OrderedDict[tuple[str, str], _Channel] = OrderedDict()

    def knows(self, path: str) -> bool:
        """Paths below `/services/collector`."""
        rest = path.removeprefix(_PREFIX).rstrip("/") if path.startswith(_PREFIX) else None
        return rest is not None and rest in _EVENT | _RAW | _HEALTH | _ACK

    def refuse(self, head: Head) -> Answer | None:
        """Health, and whoever has no token."""
        kind = _kind(head)
        if kind in _HEALTH:
            return _says(18 if self._desk.busy else 17)
        if head.method not in ("POST", "PUT"):
            return json_answer(405, {"text": "Method not allowed", "code": 5})
        sender = self._sender(head)
        if isinstance(sender, int):
            return _says(sender)
        channel = _channel(head)
        if channel is None:
            return _says(11)
        if kind in _ACK and not sender.ack:
            return _says(14)
        if not channel and (sender.ack or kind in _ACK):
            return _says(10)
        if kind not in _ACK and self._desk.busy:
            return _says(9)
        return None

    def unreadable(self, error: BodyRefused) -> Answer:
        """Splunk's words for a body that cannot be read."""
        if error.reason == "busy":
            return _says(9)
        return json_answer(error.status, {"text": f"Invalid data format: {error}", "code": 6})

    async def answer(self, head: Head, body: bytes) -> Answer:
        """Take in events, raw lines, or a question about acknowledgements."""
        sender = self._sender(head)
        if isinstance(sender, int):
            return _says(sender)
        kind = _kind(head)
        if kind in _ACK:
            return self._acks(sender, _channel(head) or "", body)
        if not body.strip():
            return _says(5)
        origin = f"hec:{sender.name}"
        found, refused = (_lines(head, body), []) if kind in _RAW else events_of(body)
        raws, problems = self._desk.screen(origin, found)
        problems += [self._dead_letter(origin, one) for one in refused]
        part = Part(origin, sender.source_id, raws)
        code = refused[0].code if refused else 0
        more = {"invalid-event-number": refused[0].number} if refused else {}
        if sender.ack:
            return self._promise(sender, _channel(head) or "", part, problems, _Says(code, more))
        if await self._desk.keep([part], problems) is not Fate.KEPT:
            return _says(9)
        return _says(code, more)

    def _sender(self, head: Head) -> Sender | int:
        """Who sends, or the code that says why nobody may."""
        header = head.headers.get("authorization", "")
        if not header:
            if self._senders.open:
                return self._senders.find(b"") or 4
            return 16 if "token" in head.query else 2
        if " " not in header.strip() and not self._senders.open:
            return 3
        return self._senders.of_header(header) or 4

    def _dead_letter(self, origin: str, one: Refused) -> Rejected:
        return self._desk.refused(origin, "hec-event", TEXTS[one.code][1], one.raw)

    def _promise(
        self, sender: Sender, name: str, part: Part, problems: list[Rejected], says: "_Says"
    ) -> Answer:
        """Answer at once; the acknowledgement becomes true when everything is durable."""
        found = self._desk.hand_in([part], problems)
        if found is None:
            return _says(9)
        channel = self._of(sender, name)
        number = self._next
        self._next += 1
        channel.acks[number] = False
        if len(channel.acks) > MAX_ACKS:
            channel.acks.popitem(last=False)

        def durable(_: object) -> None:
            if number in channel.acks:
                channel.acks[number] = True

        found[1].add_done_callback(durable)
        return _says(says.code, {**says.more, "ackId": number})

    def _of(self, sender: Sender, name: str) -> _Channel:
        key = (sender.name, name)
        channel = self._channels.setdefault(key, _Channel())
        self._channels.move_to_end(key)
        if len(self._channels) > MAX_CHANNELS:
            self._channels.popitem(last=False)
        return channel

    def _acks(self, sender: Sender, name: str, body: bytes) -> Answer:
        """Which acknowledgements are true; one that was told as true is forgotten."""
        try:
            asked = msgspec.json.decode(body, type=_Asked).acks[:MAX_ACKS]
        except _UNREADABLE:
            return _says(6)
        found = self._channels.get((sender.name, name))
        acks = found.acks if found is not None else OrderedDict[int, bool]()
        answer = {str(number): acks.get(number, False) for number in asked}
        for number in asked:
            if acks.get(number):
                del acks[number]
        return json_answer(200, {"acks": answer})


class _Says(NamedTuple):
    code: int
    more: dict[str, Any]


class _Asked(msgspec.Struct):
    acks: list[int]


def _says(code: int, more: dict[str, Any] | None = None) -> Answer:
    status, text = TEXTS[code]
    return json_answer(status, {"text": text, "code": code, **(more or {})})


def _kind(head: Head) -> str:
    return head.path.removeprefix(_PREFIX).rstrip("/")


def _channel(head: Head) -> str | None:
    """The data channel, from the header or the query; empty without one, None for none it can be.

    Clients use a GUID; whatever is as plain as one is taken.
    """
    found = head.headers.get("x-splunk-request-channel") or head.query.get("channel", "")
    return found if not found or _CHANNEL.fullmatch(found) else None


def _lines(head: Head, body: bytes) -> list[bytes]:
    """The lines of a raw body; with metadata in the query each becomes what `/event` sends."""
    lines = [line.removesuffix(b"\r") for line in body.split(b"\n")]
    lines = [line for line in lines if line and not line.isspace()]
    known = {name: head.query[name] for name in _METADATA if head.query.get(name)}
    if not known.keys() - {"index"}:
        return lines
    encode = msgspec.json.encode
    return [encode({**known, "event": line.decode("utf-8", "backslashreplace")}) for line in lines]
