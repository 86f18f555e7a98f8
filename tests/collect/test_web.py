import contextlib
import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.collect.pushing import Edge, edge
from tests.collect.transports.certificates import make_certificates

from tocsin.collect import web
from tocsin.collect.bodies import RATIO_FLOOR, BodyRefused, Unpacker

SETTINGS = """
[[input]]
kind = "http"
listen = "127.0.0.1:0"
connections = 4
idle_seconds = 1
request_bytes = 100000
"""
POST = b"POST /services/collector/raw HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with edge(tmp_path_factory.mktemp("web"), SETTINGS) as running:
        yield running


def talk(running: Edge, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Everything that is said until the connection ends."""
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as sender:
        found = b""
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                sender.sendall(piece)
                time.sleep(pause)
            while data := sender.recv(65536):
                found += data
    return found


def test_a_kept_connection_carries_many_requests_and_ends_when_idle(http: Edge) -> None:
    before = len(http.rows())
    request = POST + b"Content-Length: 100\r\n\r\n" + b"x" * 99 + b"\n"
    assert talk(http, request * 3).count(b'"Success"') == 3
    assert len(http.rows()) == before + 3


def test_chunked_bodies(http: Edge) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert b" 200 " in talk(http, head, b"5\r\none\nt\r\n2\r\nwo\r\n0\r\n\r\n")
    assert http.raws()[-2:] == [b"one", b"two"]


def test_large_bodies_of_one_connection_are_not_taken_for_a_head(http: Edge) -> None:
    request = POST + b"Content-Length: 90000\r\n\r\n" + b"x" * 89_999 + b"\n"
    assert talk(http, request, request).count(b" 200 ") == 2


def test_an_endless_head_and_rubbish_are_cut_off(http: Edge) -> None:
    assert b"200" not in talk(http, POST, *[b"X-A: " + b"x" * 9_000 + b"\r\n"] * 60)
    assert b"400" in talk(http, b"\x16\x03\x01\x02\x00 rubbish\r\n\r\n")


def test_a_slow_head_is_cut_off(http: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "HEAD_SECONDS", 0.2)
    began = time.monotonic()
    assert talk(http, POST, b"X", pause=0.4) == b""
    assert time.monotonic() - began < 3


def test_a_body_that_does_not_come_is_given_up(http: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "DRAIN_SECONDS", 0.1)
    assert b" 408 " in talk(http, POST + b"Content-Length: 10\r\n\r\nabc")


def test_there_are_only_so_many_connections(http: Edge) -> None:
    held = [socket.create_connection(("127.0.0.1", http.port), timeout=5) for _ in range(4)]
    time.sleep(0.1)
    assert talk(http, POST + b"Content-Length: 2\r\n\r\nx\n") == b""
    for one in held:
        one.close()
    time.sleep(0.1)
    assert b" 200 " in talk(http, POST + b"Connection: close\r\nContent-Length: 2\r\n\r\nx\n")


def test_all_bodies_together_are_bounded(http: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "HELD_BYTES", 1_000)
    assert http.ask("POST", "/services/collector/raw", b"x" * 2_000)[1]["code"] == 9
    assert http.ask("POST", "/services/collector/raw", b"x" * 500)[0] == 200


def test_many_at_once(http: Edge) -> None:
    before = len(http.rows())
    done: list[int] = []

    def send(number: int) -> None:
        path = "/services/collector/raw"
        done.extend(http.ask("POST", path, f"{number}-{n}\n" * 5)[0] for n in range(20))

    senders = [threading.Thread(target=send, args=(number,)) for number in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert done == [200] * 60
    assert len(http.rows()) == before + 300


def test_tls_with_a_key_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_certificates(tmp_path)
    monkeypatch.setenv("SERVER_KEY", (tmp_path / "server.key").read_text())
    with edge(
        tmp_path, SETTINGS + 'certificate = "server.pem"\nkey = "env:SERVER_KEY"\n'
    ) as running:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with (
            socket.create_connection(("127.0.0.1", running.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as sender,
        ):
            sender.sendall(POST + b"Content-Length: 2\r\n\r\nx\n")
            assert b" 200 " in sender.recv(1000)
        assert b"HTTP" not in talk(running, POST + b"Content-Length: 2\r\n\r\nx\n")


def test_a_stream_that_unpacks_too_much_is_refused_where_it_is() -> None:
    packed = gzip.compress(b"\0" * (RATIO_FLOOR * 4))
    unpacker = Unpacker("gzip", 10**10, 200)
    pieces = (packed[start : start + 1_000] for start in range(0, len(packed), 1_000))
    sizes: list[int] = []
    with pytest.raises(BodyRefused) as caught:
        sizes.extend(sum(map(len, unpacker.take(piece))) for piece in pieces)
    assert caught.value.status == 413
    assert sum(sizes) <= RATIO_FLOOR + 1
