"""RELP, the Reliable Event Logging Protocol of rsyslog, over TCP or TLS.

After "RELP - The Reliable Event Logging Protocol (Specification)" of librelp: a frame is
`TXNR SP COMMAND SP DATALEN [SP DATA] LF`. A sender keeps a message until its number is answered
with 200, which is said when the message is durable; how many it sends ahead is its own window.
"""

import re
import ssl
from collections.abc import Iterator
from typing import NamedTuple

from tocsin.collect.desk import Desk
from tocsin.collect.streams import Stream, Streams
from tocsin.formats.limits import Limits
from tocsin.formats.records import Rejected
from tocsin.settings import RelpInput

_HEAD = re.compile(rb"(\d{1,9}) ([A-Za-z]{1,32}) (\d{1,9})(?= |\n)")
_PART_OF_HEAD = re.compile(rb"\d{0,9}(?: (?:[A-Za-z]{0,32}(?: \d{0,9})?)?)?")
OFFER = b"200 OK\nrelp_version=0\nrelp_software=tocsin\ncommands=syslog"
_CLOSED = b"0 serverclose 0\n"
_ENDS = b"\r\n\0"


class Frame(NamedTuple):
    """One frame; of one whose data is too large, `data` is the beginning and `size` says all."""

    number: int
    command: bytes
    data: bytes
    size: int


class BadFrame(ValueError):
    """What came is no RELP."""


class Framer:
    """Cuts frames out of what comes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._rest = b""
        self._skip = 0

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not whole yet."""
        return len(self._rest) + self._skip

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that `data` completes; raises BadFrame."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        data, self._rest = self._rest + data[skipped:], b""
        at = 0
        while (head := _HEAD.match(data, at)) is not None:
            size = int(head[3])
            start = head.end() + data.startswith(b" ", head.end())
            end = start + size
            if size > self._limits.max_record and len(data) > start:
                kept = data[start : min(end, start + self._limits.kept_of_rejected)]
                yield Frame(int(head[1]), head[2], kept, size)
                self._skip = max(0, end + 1 - len(data))
                at = min(len(data), end + 1)
                continue
            if end >= len(data):
                break
            if data[end : end + 1] != b"\n" or (size and start == head.end()):
                raise BadFrame
            yield Frame(int(head[1]), head[2], data[start:end], size)
            at = end + 1
        self._rest = data[at:]
        if head is None and self._rest and not _PART_OF_HEAD.fullmatch(self._rest):
            raise BadFrame


class Session(Stream):
    """One sender."""

    def __init__(self, streams: Streams, source_id: str | None, scheme: str) -> None:
        super().__init__(streams)
        self._source_id = source_id
        self._scheme = scheme
        self._framer = Framer(self.desk.limits)
        self._opened = False
        self._unanswered = 0
        self._closing = b""

    def received(self, data: bytes) -> None:
        """Take in frames; what is no RELP ends the session, and the sender keeps its messages."""
        frames: list[Frame] = []
        good = True
        try:
            frames.extend(self._framer.feed(data))
        except BadFrame:
            good = False
        messages: list[Frame] = []
        for frame in frames:
            if frame.command == b"syslog" and self._opened:
                messages.append(frame)
                continue
            self._take(messages)
            messages = []
            good = self._command(frame) and good
        self._take(messages)
        if not good:
            self.streams.losses["framing"] += 1
            self._say(_CLOSED)
            self._end()

    def ended(self, *, clean: bool) -> None:
        """What is not whole was not answered: the sender has it still."""

    def _take(self, frames: list[Frame]) -> None:
        if not frames:
            return
        origin = f"{self._scheme}:{self.peer}"
        limit = self.desk.limits.max_record
        raws, problems = self.desk.screen(
            origin, [f.data.rstrip(_ENDS) for f in frames if f.size <= limit]
        )
        problems += [
            Rejected(origin, 0, "too-large", f"{frame.size} bytes", frame.data)
            for frame in frames
            if frame.size > limit
        ]
        answers = b"".join(b"%d rsp 6 200 OK\n" % frame.number for frame in frames)
        self._unanswered += 1

        def durable() -> None:
            self._unanswered -= 1
            self._say(answers)
            if self._closing and not self._unanswered:
                self._say(self._closing)
                self._end()

        self.hand_in(self._source_id, origin, [raw for raw in raws if raw], problems, durable)

    def _command(self, frame: Frame) -> bool:
        """Answer a command that carries no message; False when it is out of place."""
        if frame.command == b"open" and not self._opened:
            if b"syslog" not in frame.data:
                self._say(b"%d rsp 28 500 syslog must be understood\n" % frame.number)
                return False
            self._opened = True
            self._say(b"%d rsp %d %s\n" % (frame.number, len(OFFER), OFFER))
            return True
        if frame.command == b"close":
            self._closing = b"%d rsp 0\n" % frame.number + _CLOSED
            if not self._unanswered:
                self._say(self._closing)
                self._end()
            return True
        return False

    def _say(self, answer: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(answer)

    def _end(self) -> None:
        if self.transport is not None:
            self.transport.close()


def relp_streams(one: RelpInput, desk: Desk, tls: ssl.SSLContext | None) -> Streams:
    """The listener."""
    scheme = "relp+tls" if tls is not None else "relp"
    return Streams(one, desk, tls, lambda streams: Session(streams, one.source, scheme))
