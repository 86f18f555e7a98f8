"""Syslog over UDP (RFC 5426), TCP (RFC 6587) and TLS (RFC 5425).

Over a connection a message is framed by its length in octets or by a line end; which of the two is
seen from the first bytes of the connection. Nothing is acknowledged, so what is lost can only be
counted: datagrams that the kernel dropped, and messages that a connection cut off.
"""

import asyncio
import re
import socket
import ssl
import struct
from collections import Counter
from collections.abc import Iterator

from tocsin.collect.addresses import bind, parse_listen, peer_text
from tocsin.collect.desk import Desk
from tocsin.collect.inbox import Part
from tocsin.collect.streams import Stream, Streams
from tocsin.formats.limits import Limits
from tocsin.formats.lines import LineFramer
from tocsin.formats.records import Block, Rejected
from tocsin.settings import SyslogInput

_OCTETS = re.compile(rb"\n?([1-9]\d{0,8}) ")
"""A length; a line end before it is what some senders write behind a message."""
_COUNTED = re.compile(rb"[1-9]\d{0,8} <")
_MAYBE = re.compile(rb"\n?(?:[1-9]\d{0,8} ?)?")
_LONGEST_COUNT = 10
_ENDS = b"\r\n\0"
_DATAGRAM = 65_535
_TURN = 512
"""Datagrams that are read before others have their turn."""
_MEMINFO = 55
"""SO_MEMINFO of Linux: nine numbers about a socket, the last is the datagrams dropped."""
_MEMINFO_FORM = struct.Struct("=9I")
_FULL = 2**32
_FORCED = 33
"""SO_RCVBUFFORCE of Linux: beyond the limit of the system, where one may."""
WATCH_SECONDS = 1.0


class OctetFramer:
    """Cuts `LENGTH SP MESSAGE` frames; `line` and `pending` as in LineFramer."""

    def __init__(self, origin: str, limits: Limits) -> None:
        self._origin = origin
        self._limits = limits
        self._rest = b""
        self._skip = 0
        self.broken = False
        """True once something stands where a length must: nothing behind it can be cut."""

    @property
    def pending(self) -> int:
        """Bytes of a frame that is not whole yet, or are still to be skipped."""
        return len(self._rest) + self._skip

    @property
    def tail(self) -> bytes:
        """What is there of such a frame."""
        return self._rest

    def feed(self, data: bytes) -> Iterator[Block | Rejected]:
        """The messages that `data` completes."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        data, self._rest = self._rest + data[skipped:], b""
        raws: list[bytes] = []
        at = 0
        while (frame := _OCTETS.match(data, at)) is not None:
            size = int(frame[1])
            if size > self._limits.max_record:
                kept = data[frame.end() : frame.end() + self._limits.kept_of_rejected]
                yield Rejected(self._origin, 0, "too-large", f"{size} bytes", kept)
                self._skip = max(0, frame.end() + size - len(data))
                at = min(len(data), frame.end() + size)
                continue
            if frame.end() + size > len(data):
                break
            at = frame.end() + size
            if message := data[frame.end() : at].rstrip(_ENDS):
                raws.append(message)
        self._rest = data[at:]
        if raws:
            yield Block(self._origin, range(len(raws)), raws)
        if self._rest and not (_OCTETS.match(self._rest) or _MAYBE.fullmatch(self._rest)):
            self.broken = True
            kept = self._rest[: self._limits.kept_of_rejected]
            yield Rejected(self._origin, 0, "framing", "no length where one must be", kept)
            self._rest = b""


class Connection(Stream):
    """One sender over TCP or TLS."""

    def __init__(self, streams: Streams, source_id: str | None, scheme: str) -> None:
        super().__init__(streams)
        self._source_id = source_id
        self._scheme = scheme
        self._framer: OctetFramer | LineFramer | None = None
        self._head = b""

    @property
    def origin(self) -> str:
        """Who sends, without the port: a sender that connects again is the same one."""
        return f"{self._scheme}:{self.peer}"

    def received(self, data: bytes) -> None:
        """Cut messages; nothing is read from a sender for which there is no room."""
        if self._framer is None:
            self._head += data
            self._framer = self._choose()
            if self._framer is None:
                return
            data, self._head = self._head, b""
        self._take(list(self._framer.feed(data)))
        if isinstance(self._framer, OctetFramer) and self._framer.broken and self.transport:
            self.streams.losses["framing"] += 1
            self.transport.close()

    def ended(self, *, clean: bool) -> None:
        """The last line may lack its end; what was cut off is counted, and kept as it is."""
        framer = self._framer or self._lines()
        self._take(list(framer.feed(self._head)))
        if isinstance(framer, LineFramer) and clean:
            self._take(list(framer.finish()))
        elif framer.pending:
            self.streams.losses["cut-off"] += 1
            kept = framer.tail[: self.desk.limits.kept_of_rejected]
            detail = "the connection ended within a message"
            self._take([Rejected(self.origin, 0, "cut-off", detail, kept)])

    def _choose(self) -> OctetFramer | LineFramer | None:
        """The framing that the first bytes show; None while they may be either."""
        if _COUNTED.match(self._head):
            return OctetFramer(self.origin, self.desk.limits)
        whole = len(self._head) > _LONGEST_COUNT or not _MAYBE.fullmatch(self._head)
        return self._lines() if whole else None

    def _lines(self) -> LineFramer:
        return LineFramer(self.origin, self.desk.limits)

    def _take(self, items: list[Block | Rejected]) -> None:
        raws: list[bytes] = []
        problems: list[Rejected] = []
        for item in items:
            if isinstance(item, Block):
                raws += [raw for raw in item.raws if raw.strip(_ENDS)]
            else:
                problems.append(item)
        if raws or problems:
            self.hand_in(self._source_id, self.origin, raws, problems)


def syslog_streams(one: SyslogInput, desk: Desk, tls: ssl.SSLContext | None) -> Streams:
    """The listener for TCP, or for TLS where there is a certificate."""
    scheme = "syslog+tls" if tls is not None else "syslog+tcp"
    return Streams(one, desk, tls, lambda streams: Connection(streams, one.source, scheme))


class Datagrams:
    """The listener for UDP."""

    def __init__(self, one: SyslogInput, desk: Desk) -> None:
        self.losses: Counter[str] = Counter()
        self.port = 0
        self._one = one
        self._desk = desk
        self._socket: socket.socket | None = None
        self._watching: asyncio.Task[None] | None = None
        self._waiting: asyncio.Task[None] | None = None
        self._dropped = 0

    async def open(self) -> None:
        """Bind with a large buffer; raises OSError when the address is taken."""
        host, port = parse_listen(self._one.name, self._one.listen)
        self._socket = bind(host, port, socket.SOCK_DGRAM)
        self.port = self._socket.getsockname()[1]
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _FORCED, self._one.buffer_bytes)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._one.buffer_bytes)
        asyncio.get_running_loop().add_reader(self._socket, self._readable, self._socket)
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Take in what the kernel still holds, and stop."""
        if self._socket is None:
            return
        for task in (self._watching, self._waiting):
            if task is not None:
                task.cancel()
        asyncio.get_running_loop().remove_reader(self._socket)
        while self._take(self._socket):
            pass
        self._count_drops(self._socket)
        self._socket.close()
        self._socket = None

    def _readable(self, reading: socket.socket) -> None:
        if self._desk.busy:
            # The kernel's buffer fills, and what it drops is counted.
            asyncio.get_running_loop().remove_reader(reading)
            self._waiting = asyncio.create_task(self._wait(reading))
            return
        self._take(reading)

    async def _wait(self, reading: socket.socket) -> None:
        while self._desk.busy:  # noqa: ASYNC110 - room is made by another thread
            await asyncio.sleep(0.02)
        asyncio.get_running_loop().add_reader(reading, self._readable, reading)

    def _take(self, reading: socket.socket) -> bool:
        """Read some datagrams and hand them in; False when there were none."""
        by_peer: dict[str, list[bytes]] = {}
        try:
            for _ in range(_TURN):
                data, address = reading.recvfrom(_DATAGRAM)
                if message := data.rstrip(_ENDS):
                    by_peer.setdefault(address[0], []).append(message)
        except BlockingIOError:
            pass
        if not by_peer:
            return False
        parts, problems = [], []
        for peer, messages in by_peer.items():
            origin = f"syslog+udp:{peer_text((peer,))}"
            raws, refused = self._desk.screen(origin, messages)
            parts.append(Part(origin, self._one.source, raws))
            problems += refused
        if self._desk.hand_in(parts, problems) is None:
            self.losses["no-room"] += sum(map(len, by_peer.values()))
        return True

    async def _watch(self) -> None:
        while self._socket is not None:
            self._count_drops(self._socket)
            await asyncio.sleep(WATCH_SECONDS)

    def _count_drops(self, reading: socket.socket) -> None:
        """Count what the kernel had no room for since the last look."""
        info = reading.getsockopt(socket.SOL_SOCKET, _MEMINFO, _MEMINFO_FORM.size)
        if len(info) == _MEMINFO_FORM.size:
            dropped = _MEMINFO_FORM.unpack(info)[-1]
            self.losses["socket-drop"] += (dropped - self._dropped) % _FULL
            self._dropped = dropped
