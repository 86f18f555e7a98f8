"""A listener for connections that carry records one after the other: syslog and RELP."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from tocsin.collect.addresses import bind, parse_listen, peer_text
from tocsin.collect.desk import Desk
from tocsin.collect.inbox import Part
from tocsin.collect.tls import HANDSHAKE_SECONDS
from tocsin.formats.records import Rejected
from tocsin.settings import Listener

SWEEP_SECONDS = 5.0
"""How often connections on which nothing comes are looked for, at most."""

LAST_SECONDS = 0.2
"""At the end, what the kernel holds already is still read for so long."""


class Stream(asyncio.Protocol):
    """One connection. Subclasses cut what comes into records (`received`) and see its end."""

    def __init__(self, streams: "Streams") -> None:
        self.streams = streams
        self.desk = streams.desk
        self.peer = "unknown"
        self.transport: asyncio.Transport | None = None
        self.seen_at = 0.0

    def received(self, data: bytes) -> None:
        """Take in some bytes."""
        raise NotImplementedError

    def ended(self, *, clean: bool) -> None:
        """The connection is gone; `clean` when its sender ended it in order."""

    def hand_in(
        self,
        source_id: str | None,
        origin: str,
        raws: Sequence[bytes],
        problems: Sequence[Rejected],
        then: Callable[[], None] | None = None,
    ) -> None:
        """Give records to the inbox; while it has no room nothing more is read from the peer."""
        parts = [Part(origin, source_id, raws)] if raws else []
        found = self.desk.hand_in(parts, problems)
        if found is not None:
            if then is not None:
                found[1].add_done_callback(lambda _: then())
            return
        if self.transport is not None and not self.transport.is_closing():
            self.transport.pause_reading()
        self.streams.start(self._later(parts, problems, then))

    async def _later(
        self,
        parts: Sequence[Part],
        problems: Sequence[Rejected],
        then: Callable[[], None] | None,
    ) -> None:
        durable = await self.desk.hand_in_patiently(parts, problems)
        if then is not None:
            durable.add_done_callback(lambda _: then())
        if self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the loop."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrows the loop's type
        self.transport = transport
        self.peer = peer_text(transport.get_extra_info("peername"))
        self.seen_at = asyncio.get_running_loop().time()
        if not self.streams.admit(self):
            transport.abort()

    def data_received(self, data: bytes) -> None:
        """Called by the loop."""
        self.seen_at = asyncio.get_running_loop().time()
        self.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the loop."""
        if self.streams.dismiss(self):
            self.ended(clean=exc is None and not self.streams.closing)


class Streams:
    """The listener; `make` makes the protocol of a connection."""

    def __init__(
        self,
        one: Listener,
        desk: Desk,
        tls: ssl.SSLContext | None,
        make: Callable[["Streams"], Stream],
    ) -> None:
        self.desk = desk
        self.losses: Counter[str] = Counter()
        """What could not be taken, by what befell it."""
        self.port = 0
        """The port that is listened on, once it is open."""
        self.closing = False
        self._one = one
        self._tls = tls
        self._make = make
        self._open: set[Stream] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Bind and accept; raises OSError when the address is taken."""
        host, port = parse_listen(self._one.name, self._one.listen)
        bound = bind(host, port, socket.SOCK_STREAM)
        self.port = bound.getsockname()[1]
        self._server = await asyncio.get_running_loop().create_server(
            lambda: self._make(self),
            sock=bound,
            ssl=self._tls,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if self._tls else None,
        )
        self.start(self._sweep())

    async def close(self) -> None:
        """Accept nothing more and close every connection; what was received is handed in."""
        self.closing = True
        if self._server is not None:
            self._server.close()
        if self._open:
            await asyncio.sleep(LAST_SECONDS)
        for task in list(self._tasks):
            task.cancel()
        for stream in list(self._open):
            if stream.transport is not None:
                stream.transport.abort()
        while self._open:  # noqa: ASYNC110 - the loop calls connection_lost in its next turns
            await asyncio.sleep(0)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that ends with the listener at the latest."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def admit(self, stream: Stream) -> bool:
        """Whether there may be one more connection."""
        if len(self._open) >= self._one.connections:
            self.losses["connection-refused"] += 1
            return False
        self._open.add(stream)
        return True

    def dismiss(self, stream: Stream) -> bool:
        """A connection ended; False when it had not been admitted."""
        known = stream in self._open
        self._open.discard(stream)
        return known

    async def _sweep(self) -> None:
        """Close connections on which nothing came for long."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(min(SWEEP_SECONDS, self._one.idle_seconds / 2))
            before = loop.time() - self._one.idle_seconds
            for stream in [one for one in self._open if one.seen_at < before]:
                if stream.transport is not None and stream.transport.is_reading():
                    stream.transport.close()
