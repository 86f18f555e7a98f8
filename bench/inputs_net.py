"""What a record costs that comes over the network: from the socket until it is durable.

    python -m bench.inputs_net [EVENTS]        (default 200,000)

CPU seconds of the receiving process, which is all of the edge: HTTP, cutting, spool, fsync. The
sender is another process.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.collect import OPTIONS, SystemClock
from tocsin.app.inlets import inlets_of
from tocsin.app.site import Site
from tocsin.collect.network import Network
from tocsin.collect.runner import Runner
from tocsin.collect.spool import Spool
from tocsin.settings import load

BATCH = 500
"""Events in a request, and messages in a write."""
LINE = "Jan  5 08:00:01 web1 sshd[%d]: Failed password for root from 192.0.2.7 port 22 ssh2"
_SECONDS = 120.0


def main() -> None:
    """Measure each way in."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 200_000
    for name in WAYS:
        measure(name, events // ALONE if name == "hec-one-by-one" else events)


def measure(name: str, events: int) -> None:
    """Run the sender in a process of its own, and print what receiving cost."""
    settings, _, _ = WAYS[name]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "tocsin.toml").write_text(f"[[input]]\n{settings}\n")
        site = Site(root, load(root, {}), root)
        rung = threading.Event()
        inlets = inlets_of(site, 1, SystemClock(), rung.set)
        inlet = next(one for one in inlets if one.listener is not None)
        network = Network([inlet.listener])
        network.open()
        with (
            Spool(root / "spool", "net", options=OPTIONS) as spool,
            Spool(root / "spool", "dead", options=OPTIONS) as dead,
        ):
            runner = Runner(
                inlet.transport, spool, dead, clock=SystemClock(), pause=lambda _: True, name=name
            )
            words = [sys.executable, "-m", "bench.inputs_net", name, str(inlet.listener.port)]
            cpu = time.process_time()
            sender = subprocess.Popen([*words, str(events)])  # noqa: S603 - ourselves
            while not runner.counts.received:
                rung.wait(0.05)
                runner.step()
            last = wall = time.perf_counter()
            while runner.counts.received < events and time.perf_counter() - last < 1:
                before = runner.counts.received
                rung.wait(0.05)
                rung.clear()
                runner.step()
                if runner.counts.received > before:
                    last = time.perf_counter()
            count = runner.counts.received
            cpu, wall = time.process_time() - cpu, last - wall
            sender.wait(_SECONDS)
            network.close()
        lost = dict(inlet.listener.losses)
        rates = f"{count / cpu:>10,.0f} events/s per CPU second {count / wall:>10,.0f} per second"
        print(f"{name:<16}{rates}  {runner.counts.received:,} of {events:,} {lost or ''}")


def _hec(number: int) -> bytes:
    return json.dumps(
        {"time": 1767600000 + number, "host": "web1", "event": LINE % number}
    ).encode()


def _bulk(number: int) -> bytes:
    document = {"@timestamp": "2026-01-05T08:00:00Z", "message": LINE % number}
    return b'{"create":{}}\n' + json.dumps(document).encode() + b"\n"


def _otlp(first: int) -> bytes:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (  # noqa: PLC0415 - the sender alone
        ExportLogsServiceRequest,
    )

    request = ExportLogsServiceRequest()
    records = request.resource_logs.add().scope_logs.add().log_records
    for number in range(first, first + BATCH):
        records.add(time_unix_nano=number).body.string_value = LINE % number
    return request.SerializeToString()


def _octets(number: int) -> bytes:
    message = b"<38>" + (LINE % number).encode()
    return b"%d %s" % (len(message), message)


def _relp(number: int) -> bytes:
    message = b"<38>" + (LINE % number).encode()
    return b"%d syslog %d %s\n" % (number % 999_999_999 + 1, len(message), message)


def _each(make: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda first: b"".join(make(number) for number in range(first, first + BATCH))


HTTP = 'kind = "http"\nlisten = "127.0.0.1:0"\n'
SYSLOG = 'kind = "syslog"\nlisten = "127.0.0.1:0"\n'
WAYS: dict[str, tuple[str, str, Callable[[int], bytes]]] = {
    "hec": (HTTP, "/services/collector/event", _each(_hec)),
    "hec-one-by-one": (HTTP, "/services/collector/event", _hec),
    "bulk": (HTTP, "/_bulk", _each(_bulk)),
    "otlp": (HTTP, "/v1/logs", _otlp),
    "syslog-tcp": (SYSLOG + 'protocol = "tcp"\n', "", _each(_octets)),
    "syslog-udp": (SYSLOG, "", _hec),
    "relp": ('kind = "relp"\nlisten = "127.0.0.1:0"\n', "", _each(_relp)),
}
"""By name: the settings, the path for HTTP, and what makes a message from a number."""

SENDERS = 32
"""Connections of the sender: each waits for its answer before it sends again."""
ALONE = 10
"""So many times fewer events where each is a request."""


async def send(name: str, port: int, events: int) -> None:
    """Body of the sender."""
    _, path, make = WAYS[name]
    one_by_one = make is _hec
    if name == "syslog-udp":
        await _datagrams(port, events)
        return
    step = 1 if one_by_one else BATCH
    starts = iter(range(0, events, step))
    await asyncio.gather(*(_connection(name, port, path, make, starts) for _ in range(SENDERS)))


async def _datagrams(port: int, events: int) -> None:
    loop = asyncio.get_running_loop()
    sender, _ = await loop.create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", port)
    )
    for number in range(events):
        sender.sendto(b"<38>" + (LINE % number).encode())
        if not number % 200:
            await asyncio.sleep(0.005)
    sender.close()


async def _connection(
    name: str, port: int, path: str, make: Callable[[int], bytes], starts: Iterator[int]
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    if name == "relp":
        writer.write(b"1 open 15 commands=syslog\n")
        await reader.readuntil(b"commands=syslog\n")
    kind = b"application/x-protobuf" if name == "otlp" else b"application/json"
    for first in starts:
        body = make(first)
        if path:
            head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % (path.encode(), kind, len(body)) + body)
            await _answer(reader)
        else:
            writer.write(body)
            await writer.drain()
        if name == "relp":
            for _ in range(BATCH):
                await reader.readline()
    writer.close()


async def _answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(head.decode())
    size = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    await reader.readexactly(size)


if __name__ == "__main__":
    if len(sys.argv) > 2:  # noqa: PLR2004 - name, port, events: the sender
        asyncio.run(send(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
    else:
        main()
