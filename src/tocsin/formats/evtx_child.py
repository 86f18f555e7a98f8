"""The process that parses EVTX chunks: limited in time and memory, and nobody else's loss.

python -I -m tocsin.formats.evtx_child, with a socket as standard input and output: the process
says `READY`, then a frame of an `Ask` is answered by a frame of a `Reply`. A frame is its size (8
bytes, little endian) and MessagePack.
"""

import io
import resource
import signal
import socket
from collections.abc import Callable

import msgspec
from evtx import PyEvtxParser

READY = b"ready\n"
MEMORY = 1024 * 1024 * 1024
"""Address space of the process in bytes; the answer to one chunk is far below it."""
_SIZE = 8
_MAX_RECORDS = 65536 // 24
"""A record is at least 24 bytes (MS-EVEN6, BinXml record header): more cannot be in one chunk."""
_MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of JSON that one chunk may become; a full real one becomes less than 1 MiB."""


class Ask(msgspec.Struct, frozen=True, array_like=True):
    """A file of one chunk, processor seconds it may take, and bounds of one record in bytes."""

    data: bytes
    seconds: float
    max_record: int
    kept_of_rejected: int


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """JSON of the records, and (reason, detail, raw) of the others; corrupt ones have no raw."""

    raws: list[bytes]
    problems: list[tuple[str, str, bytes]]


_encode = msgspec.msgpack.Encoder().encode
_ask = msgspec.msgpack.Decoder(Ask).decode


def records(ask: Ask) -> Reply:
    """Parse the one chunk."""
    raws: list[bytes] = []
    problems: list[tuple[str, str, bytes]] = []
    total = 0
    try:
        found = iter(PyEvtxParser(io.BytesIO(ask.data), 1).records_json())
    except (RuntimeError, OSError, ValueError) as error:
        return Reply(raws, [("corrupt", str(error)[:500], b"")])
    for _ in range(_MAX_RECORDS):
        try:
            record = next(found)  # the package's types allow None, its code never gives it
        except StopIteration:
            break
        except (RuntimeError, OSError, ValueError) as error:
            problems.append(("corrupt", str(error)[:500], b""))
            continue
        raw = record["data"].encode() if record else b""
        total += len(raw)
        if total > _MAX_ANSWER:
            problems.append(("corrupt", f"becomes more than {_MAX_ANSWER} bytes", b""))
            break
        if len(raw) > ask.max_record:
            problems.append(("too-large", f"{len(raw)} bytes", raw[: ask.kept_of_rejected]))
        else:
            raws.append(raw)
    return Reply(raws, problems)


def send(connection: socket.socket, message: Ask | Reply) -> None:
    """Write one frame."""
    data = _encode(message)
    connection.sendall(len(data).to_bytes(_SIZE, "little") + data)


def receive(connection: socket.socket) -> bytes:
    """The content of the next frame; empty when the other side is gone."""
    size = int.from_bytes(exactly(connection, _SIZE), "little")
    return exactly(connection, size)


def exactly(connection: socket.socket, size: int) -> bytes:
    """`size` bytes; none when the other side goes before it sent them all."""
    data = bytearray(size)
    left = memoryview(data)
    while left:
        count = connection.recv_into(left)
        if not count:
            return b""
        left = left[count:]
    return bytes(data)


def serve(parse: Callable[[Ask], Reply]) -> None:
    """Answer until the other side goes. What overruns its time ends the process by SIGPROF."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    with socket.socket(fileno=0) as connection:
        connection.sendall(READY)
        while data := receive(connection):
            ask = _ask(data)
            signal.setitimer(signal.ITIMER_PROF, ask.seconds)
            reply = parse(ask)
            signal.setitimer(signal.ITIMER_PROF, 0)
            send(connection, reply)


if __name__ == "__main__":
    serve(records)
