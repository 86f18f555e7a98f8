"""Senders that keep sending while a service is killed, and know what they were told is safe.

Every record has an id of its own (host and record number, which its source declares to be its
identity), so that what was acknowledged and what is stored can be compared one by one.
"""

import base64
import gzip
import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.integration.service import Service, free_port

TOKEN = "9f86d081-884c-4d63-a1b1-93e5f1e0c002"
RULE_ID = "aaaaaaaa-0000-4000-8000-00000000000a"
RULE = f"""title: Marked
id: {RULE_ID}
status: test
logsource: {{category: process_creation, product: windows}}
detection: {{s: {{CommandLine|contains: marked}}, condition: s}}
level: low
"""
MARKED_EACH = 50
SETTINGS = """
[[input]]
kind = "http"
listen = "127.0.0.1:{http}"
[[input.tokens]]
name = "plain"
secret = "file:token"
[[input.tokens]]
name = "sure"
secret = "file:sure"
ack = true
[[input]]
kind = "syslog"
protocol = "tcp"
listen = "127.0.0.1:{syslog}"
"""
PATIENCE = 90.0
"""Seconds in which what is still open at the end must be acknowledged."""


def record(host: str, number: int) -> bytes:
    """A process start; each MARKED_EACH-th one is found by the rule."""
    at = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
    mark = " marked" if number % MARKED_EACH == 0 else ""
    fields = {
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": f"{host}.lumen.example",
        "RecordNumber": number,
        "EventTime": f"2026-01-05 {at}",
        "UtcTime": f"2026-01-05 {at}.000",
        "Image": "C:\\a.exe",
        "CommandLine": f"a.exe {number}{mark}",
    }
    return json.dumps(fields).encode()


def is_marked(raw: bytes) -> bool:
    """Whether the rule finds this record."""
    return b" marked" in raw


@dataclass(frozen=True)
class Ports:
    """Where the service of a test listens for records."""

    http: int
    syslog: int


def prepare(service: Service, *, extra: str = "") -> Ports:
    """Settings, tokens and the rule of a site that is sent to in four ways."""
    service.prepare()
    ports = Ports(free_port(), free_port())
    (service.folder / "token").write_text(TOKEN)
    (service.folder / "sure").write_text(TOKEN[::-1])
    (service.folder / "rules").mkdir()
    (service.folder / "rules" / "marked.yml").write_text(RULE)
    with (service.folder / "tocsin.toml").open("a") as settings:
        settings.write(SETTINGS.format(http=ports.http, syslog=ports.syslog) + extra)
    return ports


def post(port: int, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
    """Status and body of an answer; 0 when nobody answered. Every request has a connection."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body, names)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        connection.close()


@dataclass
class Sender:
    """One way to send, in a thread of its own: new records until `stopping`, then what is open."""

    host: str
    batch: int = 40
    pause: float = 0.2
    made: int = 0
    acknowledged: set[bytes] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    """Answers that were no success, by status; 0 for none."""
    stopping: threading.Event = field(default_factory=threading.Event)
    failed: str = ""
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name=self.host, daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Make nothing new, and wait until everything is acknowledged."""
        self.stopping.set()
        assert self._thread is not None
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), f"{self.host}: not everything was acknowledged"
        assert not self.failed, self.failed

    def make(self) -> list[bytes]:
        """The next records."""
        numbers = range(self.made + 1, self.made + 1 + self.batch)
        self.made = numbers[-1]
        return [record(self.host, number) for number in numbers]

    def _run(self) -> None:
        try:
            while not self.stopping.is_set():
                self.send(self.make())
                self.stopping.wait(self.pause)
            self.settle()
        except (OSError, ValueError, KeyError) as error:
            self.failed = f"{self.host}: {type(error).__name__}: {error}"

    def send(self, raws: list[bytes]) -> None:
        """Send some records."""
        raise NotImplementedError

    def settle(self) -> None:
        """Send again what was not acknowledged, until everything is."""


@dataclass
class HecSender(Sender):
    """A HEC client with `useACK`. It does not notice by itself that a service was started again.

    What an acknowledgement does not become true for within `again` seconds is sent again.
    """

    port: int = 0
    again: float = 3.0
    _open: list[tuple[int, float, list[bytes]]] = field(default_factory=list)

    def send(self, raws: list[bytes]) -> None:
        """One request; then a question about all that is open."""
        body = b"".join(b'{"event":%s}' % raw for raw in raws)
        status, answer = self._post("event", gzip.compress(body, 1), Content_Encoding="gzip")
        number = json.loads(answer)["ackId"] if status == 200 else -1
        self.refused[status] += status != 200
        self._open.append((number, time.monotonic(), raws))
        self._ask()

    def settle(self) -> None:
        """Ask and send again until nothing is open."""
        while self._open:
            time.sleep(0.1)
            self._ask()

    def _ask(self) -> None:
        asked = sorted({number for number, _, _ in self._open if number >= 0})
        status, answer = self._post("ack", json.dumps({"acks": asked}).encode())
        acks = json.loads(answer)["acks"] if status == 200 else {}
        late = time.monotonic() - self.again
        waiting, self._open = self._open, []
        for number, since, raws in waiting:
            if acks.get(str(number)):
                self.acknowledged.update(raws)
            elif since < late or number < 0:
                self.send_again(raws)
            else:
                self._open.append((number, since, raws))

    def send_again(self, raws: list[bytes]) -> None:
        """The same records under a new number."""
        body = b"".join(b'{"event":%s}' % raw for raw in raws)
        status, answer = self._post("event", body)
        number = json.loads(answer)["ackId"] if status == 200 else -1
        self.refused[status] += status != 200
        self._open.append((number, time.monotonic(), raws))

    def _post(self, path: str, body: bytes, **headers: str) -> tuple[int, bytes]:
        token = f"Splunk {TOKEN[::-1]}"
        return post(
            self.port, f"/services/collector/{path}", body,
            Authorization=token, X_Splunk_Request_Channel="c-1", **headers,
        )  # fmt: skip


@dataclass
class BulkSender(Sender):
    """A shipper to `_bulk`: what an item's answer does not call created is sent again."""

    port: int = 0
    _open: list[bytes] = field(default_factory=list)

    def send(self, raws: list[bytes]) -> None:
        """One request with what is open and what is new."""
        self._open += raws
        self._try()

    def settle(self) -> None:
        """Until everything was created."""
        while self._open:
            self._try()
            time.sleep(0.1)

    def _try(self) -> None:
        now, later = self._open[:1_000], self._open[1_000:]
        body = b"".join(b'{"create":{"_index":"logs"}}\n%s\n' % raw for raw in now)
        key = base64.b64encode(f"plain:{TOKEN}".encode()).decode()
        status, answer = post(
            self.port, "/_bulk", body,
            Authorization=f"ApiKey {key}", Content_Type="application/x-ndjson",
        )  # fmt: skip
        self.refused[status] += status != 200
        if status != 200:
            return
        items = json.loads(answer)["items"]
        kept = [item["create"]["status"] == 201 for item in items]
        self.acknowledged.update(raw for raw, ok in zip(now, kept, strict=True) if ok)
        self._open = [raw for raw, ok in zip(now, kept, strict=True) if not ok] + later


@dataclass
class FileSender(Sender):
    """A program that appends to a file: what is written there must be read."""

    path: Path = Path()

    def send(self, raws: list[bytes]) -> None:
        """Append, with line ends."""
        with self.path.open("ab") as file:
            file.write(b"".join(raw + b"\n" for raw in raws))
        self.acknowledged.update(raws)


@dataclass
class SyslogSender(Sender):
    """Lines over TCP, of which nobody says that they came; what a call took counts as sent."""

    port: int = 0
    sent: set[bytes] = field(default_factory=set)
    broken: int = 0
    """Connections that broke."""
    _socket: socket.socket | None = None

    def send(self, raws: list[bytes]) -> None:
        """Into the connection; with none, these are not sent at all."""
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            self._socket.sendall(b"".join(raw + b"\n" for raw in raws))
            self.sent.update(raws)
        except OSError:
            self.broken += self._socket is not None
            self._close()

    def settle(self) -> None:
        """Nothing to wait for."""
        self._close()

    def _close(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.close()
        self._socket = None


@dataclass
class Load:
    """All four at once."""

    sure: list[Sender]
    """Those that are told what is safe."""
    syslog: SyslogSender

    @classmethod
    def of(cls, service: Service, ports: Ports, *, pause: float = 0.2) -> "Load":
        """Senders to this service."""
        return cls(
            [
                HecSender("ws-hec", pause=pause, port=ports.http),
                BulkSender("ws-bulk", pause=pause, port=ports.http),
                FileSender("ws-file", pause=pause, path=service.logs / "app.json"),
            ],
            SyslogSender("ws-syslog", pause=pause, port=ports.syslog),
        )

    def start(self) -> None:
        """Begin to send."""
        for sender in (*self.sure, self.syslog):
            sender.start()

    def finish(self) -> None:
        """Make nothing new; wait until what was made is acknowledged."""
        for sender in (*self.sure, self.syslog):
            sender.stopping.set()
        for sender in (*self.sure, self.syslog):
            sender.finish()

    @property
    def acknowledged(self) -> set[bytes]:
        """Everything that somebody was told is safe."""
        return set().union(*(sender.acknowledged for sender in self.sure))


def doubled(found: Iterable[tuple[str, str]]) -> int:
    """How many findings are there more than once."""
    return sum(n - 1 for n in Counter(found).values())
