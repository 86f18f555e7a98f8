"""Real senders and clients in their shape, against a whole service; some while it is killed."""

import base64
import gzip
import http.client
import json
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from tests.collect.transports.certificates import make_certificates
from tests.integration.programs import need
from tests.integration.service import Service, free_port

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

TOKEN = "9f86d081-884c-4d63-a1b1-93e5f1e0c001"
HTTP = """
[[input]]
kind = "http"
listen = "127.0.0.1:{port}"
[[input.tokens]]
name = "client"
secret = "file:token"
[[input.tokens]]
name = "sure"
secret = "file:sure"
ack = true
"""


def line(number: int) -> str:
    """What sshd writes, different each time."""
    at = f"{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}"
    return f"Jan  5 {at} web1 sshd[{number}]: Failed password for root from 192.0.2.7 port 22 ssh2"


def prepare(service: Service, text: str) -> int:
    """Settings with one more input, which listens on the port that is returned."""
    service.prepare()
    port = free_port()
    (service.folder / "token").write_text(TOKEN)
    (service.folder / "sure").write_text(TOKEN[::-1])
    with (service.folder / "tocsin.toml").open("a") as settings:
        settings.write(text.format(port=port))
    return port


@contextmanager
def rsyslog(folder: Path, target: str) -> Iterator[Path]:
    """A running rsyslog that sends every line of the file it gives to `target`."""
    program = need("rsyslogd", "rsyslog", "rsyslog-relp", "rsyslog-gnutls")
    folder.mkdir()
    source = folder / "in.log"
    source.write_text("")
    (folder / "rsyslog.conf").write_text(
        f"""
        global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{folder}/../ca.pem"
               defaultNetstreamDriverCertFile="{folder}/../client.pem"
               defaultNetstreamDriverKeyFile="{folder}/../client.key")
        module(load="imfile") module(load="omrelp")
        input(type="imfile" File="{source}" Tag="sshd[42]:" facility="auth" severity="info")
        action({target} action.resumeRetryCount="-1" action.resumeInterval="1"
               template="RSYSLOG_SyslogProtocol23Format"
               queue.type="LinkedList" queue.size="100000")
        """
    )
    command = [program, "-n", "-f", str(folder / "rsyslog.conf"), "-i", str(folder / "pid")]
    with (folder / "out.log").open("wb") as out:
        running = subprocess.Popen(command, stdout=out, stderr=out)
    try:
        yield source
    finally:
        running.terminate()
        running.wait(timeout=20)


def feed(source: Path, count: int, pause: float) -> None:
    with source.open("a") as file:
        for number in range(count):
            file.write(f"Failed password for root from 192.0.2.7 port {number} ssh2\n")
            if number % 50 == 0:
                file.flush()
                time.sleep(pause)


def ports(service: Service) -> set[int]:
    """The numbers of the messages of `feed` that are stored."""
    return {int(raw.rsplit(b" ", 2)[1]) for raw in service.stored()}


def wait(service: Service, done: Callable[[], bool], within: float = 60.0) -> None:
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, service.log()[-2000:]
        time.sleep(0.3)


def test_rsyslog_over_relp_and_tls_loses_nothing_to_kills(service: Service, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    port = prepare(
        service,
        f"""
        [[input]]
        kind = "relp"
        listen = "127.0.0.1:{{port}}"
        certificate = "{tmp_path}/server.pem"
        key = "file:{tmp_path}/server.key"
        client_ca = "{tmp_path}/ca.pem"
        """,
    )
    target = (
        f'type="omrelp" target="127.0.0.1" port="{port}" tls="on" tls.authMode="name" '
        f'tls.permittedPeer=["server"] tls.caCert="{tmp_path}/ca.pem" '
        f'tls.myCert="{tmp_path}/client.pem" tls.myPrivKey="{tmp_path}/client.key"'
    )
    service.start()
    with rsyslog(tmp_path / "rsyslog", target) as source:
        feeding = threading.Thread(target=feed, args=(source, 3000, 0.05))
        feeding.start()
        for _ in range(2):
            time.sleep(1.0)
            service.kill_part("edge")
        feeding.join()
        wait(service, lambda: len(ports(service)) == 3000)
    (origin,) = {finding.source_id for finding in service.findings()} or {"linux_sshd"}
    assert origin == "linux_sshd"
    service.stop()


def test_rsyslog_over_syslog_tls(service: Service, tmp_path: Path) -> None:
    make_certificates(tmp_path)
    port = prepare(
        service,
        f"""
        [[input]]
        kind = "syslog"
        protocol = "tcp"
        listen = "127.0.0.1:{{port}}"
        certificate = "{tmp_path}/server.pem"
        key = "file:{tmp_path}/server.key"
        client_ca = "{tmp_path}/ca.pem"
        """,
    )
    target = (
        f'type="omfwd" target="127.0.0.1" port="{port}" protocol="tcp" StreamDriver="gtls" '
        'StreamDriverMode="1" StreamDriverAuthMode="x509/name" '
        'StreamDriverPermittedPeers="server" TCP_Framing="octet-counted"'
    )
    service.start()
    with rsyslog(tmp_path / "rsyslog", target) as source:
        feed(source, 1000, 0.0)
        wait(service, lambda: len(ports(service)) == 1000)
    assert service.stored().total() == 1000
    service.stop()


def test_stopping_loses_nothing_of_what_has_come(service: Service) -> None:
    text = """
    [[input]]
    kind = "syslog"
    protocol = "tcp"
    listen = "127.0.0.1:{port}"
    """
    port = prepare(service, text)
    service.start()
    with socket.create_connection(("127.0.0.1", port), timeout=10) as sender:
        sender.sendall("".join(f"<38>{line(n)}\n" for n in range(5000)).encode())
        service.stop()
    service.start()
    wait(service, lambda: service.stored().total() == 5000)
    assert service.stored().keys() == {f"<38>{line(n)}".encode() for n in range(5000)}
    service.stop()


class Client:
    """Requests to one port, over a connection that is made again when it breaks."""

    def __init__(self, port: int, **headers: str) -> None:
        self.port = port
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.connection: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Let go of the connection."""
        if self.connection is not None:
            self.connection.close()
            self.connection = None

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Status and body; 0 when nobody answered."""
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
            self.connection.request(method, path, body, self.headers | names)
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return 0, b""


def test_a_hec_client_with_acknowledgements_loses_nothing_to_kills(service: Service) -> None:
    port = prepare(service, HTTP)
    service.start()
    client = Client(port, Authorization=f"Splunk {TOKEN[::-1]}", X_Splunk_Request_Channel="c-1")
    waiting = {n: json.dumps({"event": line(n), "host": "web1"}).encode() for n in range(4000)}
    everything = set(waiting.values())
    open_acks: dict[int, list[int]] = {}
    killed = 0
    deadline = time.monotonic() + 120
    while waiting:
        assert time.monotonic() < deadline, len(waiting)
        numbers = [n for n in waiting if not any(n in a for a in open_acks.values())][:200]
        if numbers:
            body = gzip.compress(b"".join(waiting[n] for n in numbers))
            status, answer = client.ask(
                "POST", "/services/collector/event", body, Content_Encoding="gzip"
            )
            if status == 200:
                open_acks[json.loads(answer)["ackId"]] = numbers
        if len(waiting) < 3000 - 1000 * killed and killed < 2:
            service.kill_part("edge")
            open_acks.clear()  # a client asks in vain, and sends again
            killed += 1
        status, answer = client.ask(
            "POST", "/services/collector/ack", json.dumps({"acks": list(open_acks)}).encode()
        )
        if status != 200:
            open_acks.clear()
            time.sleep(0.1)
            continue
        for number, durable in json.loads(answer)["acks"].items():
            if durable:
                for n in open_acks.pop(int(number)):
                    del waiting[n]
    client.close()
    wait(service, lambda: set(service.stored()) == everything)
    service.stop()


def test_a_beats_shaped_client(service: Service) -> None:
    port = prepare(service, HTTP)
    service.start()
    key = base64.b64encode(f"client:{TOKEN}".encode()).decode()
    client = Client(port, Authorization=f"ApiKey {key}", Content_Type="application/json")
    status, answer = client.ask("GET", "/")
    assert status == 200
    assert json.loads(answer)["version"]["number"] >= "8"
    for method, path in (
        ("GET", "/_license"),
        ("GET", "/_ilm/policy/filebeat"),
        ("HEAD", "/_index_template/filebeat-8.17.0"),
        ("GET", "/_data_stream/filebeat-8.17.0"),
    ):
        assert client.ask(method, path)[0] == 200, path
    documents = [
        {
            "@timestamp": "2026-01-05T08:00:00.000Z", "message": line(n),
            "agent": {"type": "filebeat", "version": "8.17.0"}, "host": {"name": "web1"},
            "log": {"file": {"path": "/var/log/auth.log"}, "offset": n},
        }
        for n in range(1000)
    ]  # fmt: skip
    for start in range(0, 1000, 50):
        pairs = [
            ({"create": {"_index": "filebeat-8.17.0"}}, d) for d in documents[start : start + 50]
        ]
        lines = "".join(json.dumps(part) + "\n" for pair in pairs for part in pair)
        status, answer = client.ask(
            "POST", "/_bulk", gzip.compress(lines.encode()), Content_Encoding="gzip"
        )
        told: Any = json.loads(answer)
        assert (status, told["errors"]) == (200, False)
        assert [item["create"]["status"] for item in told["items"]] == [201] * 50
    client.close()
    wait(service, lambda: service.stored().total() == 1000)
    assert {json.loads(raw)["message"] for raw in service.stored()} == set(map(line, range(1000)))
    service.stop()


def test_an_otlp_exporter(service: Service) -> None:
    port = prepare(service, HTTP)
    service.start()
    client = Client(port, Authorization=f"Bearer {TOKEN}", Content_Type="application/x-protobuf")
    for start in range(0, 1000, 100):
        request = ExportLogsServiceRequest()
        group = request.resource_logs.add()
        name = group.resource.attributes.add(key="host.name")
        name.value.string_value = "web1"
        scope = group.scope_logs.add()
        for n in range(start, start + 100):
            record = scope.log_records.add(time_unix_nano=1_767_600_000 * 10**9 + n)
            record.body.string_value = line(n)
        status, answer = client.ask("POST", "/v1/logs", request.SerializeToString())
        assert status == 200
        assert not ExportLogsServiceResponse.FromString(answer).HasField("partial_success")
    client.close()
    wait(service, lambda: service.stored().total() == 1000)
    assert service.dead_letters() == []
    service.stop()
