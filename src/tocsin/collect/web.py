"""HTTP for senders: one listener, on which several protocols answer by path.

A request is judged by its head first: who may not send is refused before a body is read. Bodies
are bounded as they come and as they unpack, one by one and all together.
"""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qs

import msgspec
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tocsin.collect.addresses import bind, parse_listen, peer_text
from tocsin.collect.bodies import BodyRefused, Unpacker
from tocsin.settings import HttpInput

HEAD_BYTES = 64 * 1024
"""Bytes of request line and headers."""
HEAD_SECONDS = 15.0
"""Seconds from the start of a request, or of a connection, to the end of the headers."""
DRAIN_BYTES, DRAIN_SECONDS = 4 * 1024 * 1024, 2.0
"""What is still read of a body that is refused: closed at once, many clients miss the answer."""
HELD_BYTES = 256 * 1024 * 1024
"""Bytes of all bodies that are being read or wait for durability at the same time."""
MAX_QUERY_FIELDS = 64

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Head:
    """A request before its body. Header names are lower case, one value each (the first)."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    peer: str


class Answer(NamedTuple):
    """What is sent back."""

    status: int
    body: bytes = b""
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


def json_answer(status: int, content: Any, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """An answer in JSON."""
    return Answer(status, msgspec.json.encode(content), headers=headers)


class Speaker(Protocol):
    """One protocol over HTTP."""

    def knows(self, path: str) -> bool:
        """Whether a path is one of this protocol."""

    def refuse(self, head: Head) -> Answer | None:
        """An answer that needs no body: who may not send, what is asked too often or in vain."""

    def unreadable(self, error: BodyRefused) -> Answer:
        """How this protocol says that a body is too large, cannot be unpacked, or comes too early.

        `error.status` is 413, 400 or 415, and 503 where other bodies leave no room.
        """

    async def answer(self, head: Head, body: bytes) -> Answer:
        """Take in a body; the answer may say success only when all of it is durable."""


class Web:
    """The listener."""

    def __init__(
        self, one: HttpInput, speakers: Sequence[Speaker], tls: ssl.SSLContext | None, ratio: int
    ) -> None:
        self._one = one
        self._speakers = speakers
        self._tls = tls
        self._ratio = ratio
        self._held = _Held()
        self._server: uvicorn.Server | None = None
        self._running: asyncio.Task[None] | None = None
        self.losses: Counter[str] = Counter()
        self.port = 0
        """The port that is listened on, once it is open."""

    async def open(self) -> None:
        """Bind and serve; raises OSError when the address is taken."""
        host, port = parse_listen(self._one.name, self._one.listen)
        config = uvicorn.Config(
            self.application,
            http=_limited(self._one.connections),
            ws="none",
            loop="none",
            lifespan="off",
            interface="asgi3",
            proxy_headers=False,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=self._one.idle_seconds,
            timeout_graceful_shutdown=2,
        )
        config.load()
        config.ssl = self._tls
        self._server = uvicorn.Server(config)
        bound = bind(host, port, socket.SOCK_STREAM)
        self.port = bound.getsockname()[1]
        self._running = asyncio.create_task(self._server.serve([bound]))
        while not self._server.started and not self._running.done():  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """Stop; requests that wait for durability get no answer."""
        if self._server is not None and self._running is not None:
            self._server.should_exit = True
            await self._running

    async def application(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, in the form of ASGI."""
        head = _head(scope)
        speaker = next((one for one in self._speakers if one.knows(head.path)), None)
        if speaker is None:
            await _send(send, json_answer(404, {"error": "nothing is here"}), receive)
            return
        if (refusal := speaker.refuse(head)) is not None:
            await _send(send, refusal, receive if _has_body(head) else None)
            return
        body = bytearray()
        try:
            await self._read(head, receive, body)
            answer = await speaker.answer(head, bytes(body))
        except BodyRefused as error:
            await _send(send, speaker.unreadable(error), receive)
        except _Gone:
            return
        else:
            await _send(send, answer)
        finally:
            self._held.size -= len(body)

    async def _read(self, head: Head, receive: Receive, body: bytearray) -> None:
        """Read a body, unpacked; what is in `body` counts as held."""
        encoding = head.headers.get("content-encoding", "")
        unpacker = Unpacker(encoding, self._one.request_bytes, self._ratio)
        more = True
        while more:
            try:
                async with asyncio.timeout(self._one.idle_seconds):
                    message = await receive()
            except TimeoutError:
                raise BodyRefused(408, "too-slow", "the body did not come") from None
            if message["type"] == "http.disconnect":
                raise _Gone
            more = message.get("more_body", False)
            for piece in unpacker.take(message["body"]):
                self._held.take(len(piece))
                body += piece
        unpacker.end()


class _Gone(Exception):
    """The sender left before its request was whole."""


@dataclass(slots=True)
class _Held:
    """What all bodies hold together."""

    size: int = 0

    def take(self, size: int) -> None:
        """Raises BodyRefused (503) when it is too much."""
        if self.size + size > HELD_BYTES:
            raise BodyRefused(503, "busy", "too many requests at once")
        self.size += size


def _head(scope: Scope) -> Head:
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        headers.setdefault(name.decode("latin-1"), value.decode("latin-1"))
    query: dict[str, str] = {}
    if scope["query_string"]:
        text = scope["query_string"].decode("latin-1")
        try:
            fields = parse_qs(text, keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
        except ValueError:
            fields = {}
        query = {name: values[0] for name, values in fields.items()}
    return Head(scope["method"], scope["path"], query, headers, peer_text(scope["client"]))


def _has_body(head: Head) -> bool:
    return "transfer-encoding" in head.headers or head.headers.get("content-length", "0") != "0"


async def _send(send: Send, answer: Answer, unread: Receive | None = None) -> None:
    """Send an answer; what is left of an `unread` body is drained, and the connection closed."""
    headers = [
        (b"content-type", answer.kind.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers),
    ]
    if unread is not None:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body, "more_body": unread is not None})
    if unread is not None:
        await _drain(unread)
        await send({"type": "http.response.body", "body": b""})


async def _drain(receive: Receive) -> None:
    """Read on a little, and forget it."""
    left = DRAIN_BYTES
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return


class _Limited(HttpToolsProtocol):
    """The HTTP protocol with limits for connections, and for the size and time of heads."""

    most = 0
    _head_size = 0
    _in_head = True
    _ended = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        else:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._ended = False
        super().data_received(data)
        if self._in_head and not self._ended:
            self._head_size += len(data)
            if self._head_size > HEAD_BYTES:
                self.transport.abort()

    def on_message_begin(self) -> None:
        self._in_head, self._head_size = True, 0
        self._arm()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._disarm()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_size, self._ended = True, 0, True

    def _arm(self) -> None:
        self._disarm()
        self._timer = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _limited(connections: int) -> type[HttpToolsProtocol]:
    return type("Limited", (_Limited,), {"most": connections})
