import contextlib
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.pushing import Edge, edge
from tests.collect.transports.certificates import make_certificates

from tocsin.collect.transports.syslog import OctetFramer
from tocsin.formats.limits import Limits
from tocsin.formats.records import Block, Rejected
from tocsin.settings import Limits as LimitSettings

SETTINGS = """
[[input]]
kind = "syslog"
listen = "127.0.0.1:0"
connections = 3
"""
TCP = SETTINGS + 'protocol = "tcp"\n'
TLS = TCP + 'certificate = "server.pem"\nkey = "file:server.key"\nclient_ca = "ca.pem"\n'
LINE = b"<34>1 2026-01-05T08:00:00Z h app - - - "
SMALL = LimitSettings(record_bytes=1024, depth=20)


@pytest.fixture(scope="module")
def tcp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with edge(tmp_path_factory.mktemp("tcp"), TCP, limits=SMALL) as running:
        yield running


def send(running: Edge, *pieces: bytes) -> None:
    with socket.create_connection(("127.0.0.1", running.port), timeout=5) as sender:
        for piece in pieces:
            sender.sendall(piece)
            time.sleep(0.005)


def counted(*messages: bytes) -> bytes:
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


@pytest.mark.parametrize(
    ("pieces", "stored"),
    [
        ([b"<1>a\n<1>b\r\n\n<1>c"], [b"<1>a", b"<1>b", b"<1>c"]),
        ([b"<1", b">split\n"], [b"<1>split"]),
        ([counted(b"<1>a\nb", b"<1>c")], [b"<1>a\nb", b"<1>c"]),
        ([b"1", b"1", b" <1>s", b"plit up"], [b"<1>split up"]),
        ([b"5 <1>a\n\n5 <1>bc"], [b"<1>a", b"<1>bc"]),
        ([b"2026-01-05 08:00:00 no PRI\n123"], [b"2026-01-05 08:00:00 no PRI", b"123"]),
        ([b"12 monkeys\n"], [b"12 monkeys"]),
    ],
)
def test_framing_is_seen_from_the_connection(
    tcp: Edge, pieces: list[bytes], stored: list[bytes]
) -> None:
    before = len(tcp.rows())
    send(tcp, *pieces)
    rows = tcp.wait(before + len(stored))
    assert [row["raw"] for row in rows[before:]] == stored
    assert {row["origin"] for row in rows} == {"syslog+tcp:127.0.0.1@syslog"}


def test_a_message_that_is_cut_off_is_counted_and_kept(tcp: Edge) -> None:
    losses = tcp.inlet.listener.losses
    before, dead = losses["cut-off"], len(tcp.rows("dead"))
    send(tcp, counted(b"<1>whole") + b"100 <1>half")
    last = tcp.wait(dead + 1, "dead")[-1]
    assert (last["reason"], last["raw"]) == ("cut-off", b"100 <1>half")
    assert losses["cut-off"] == before + 1


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"<1>" + b"x" * 5000 + b"\n<1>next\n", "too-large"),
        (counted(b"<1>" + b"x" * 5000, b"<1>next"), "too-large"),
        (b"<1>" + b"[" * 30 + b"\n<1>next\n", "too-deep"),
        (counted(b"<1>next") + b"rubbish", "framing"),
    ],
)
def test_what_is_no_message_never_takes_others_with_it(tcp: Edge, sent: bytes, reason: str) -> None:
    before, dead = len(tcp.rows()), len(tcp.rows("dead"))
    send(tcp, sent)
    assert tcp.wait(before + 1)[-1]["raw"] == b"<1>next"
    assert tcp.wait(dead + 1, "dead")[-1]["reason"] == reason


def test_more_connections_than_allowed_are_turned_away(tcp: Edge) -> None:
    time.sleep(0.05)
    senders = [socket.create_connection(("127.0.0.1", tcp.port), timeout=5) for _ in range(4)]
    senders[3].settimeout(5)
    with contextlib.suppress(ConnectionResetError):
        assert senders[3].recv(1) == b""
    for sender in senders:
        sender.close()
    assert tcp.inlet.listener.losses["connection-refused"] == 1


def test_a_silent_connection_is_closed(tmp_path: Path) -> None:
    with edge(tmp_path, TCP + "idle_seconds = 1\n") as running:
        sender = socket.create_connection(("127.0.0.1", running.port), timeout=5)
        assert sender.recv(1) == b""
        sender.close()


def test_positions_never_repeat_over_restarts(tmp_path: Path) -> None:
    found: list[int] = []
    for _ in range(3):
        with edge(tmp_path, TCP) as running:
            send(running, b"<1>a\n<1>b\n")
            found = [row["position"] for row in running.wait(len(found) + 2)]
    assert len(set(found)) == 6
    assert found == sorted(found)
    assert [found[n + 1] - found[n] for n in (0, 2, 4)] == [1, 1, 1]


def _until_it_blocks(sender: socket.socket) -> int:
    """Send messages of 1,000 bytes until nobody reads them; the bytes that went."""
    sent = 0
    with contextlib.suppress(TimeoutError):
        while sent < 50_000_000:
            sent += sender.send(b"<1>" + b"x" * 996 + b"\n")
    assert sent < 50_000_000
    return sent


def test_while_there_is_no_room_the_sender_is_not_read(tmp_path: Path) -> None:
    with edge(tmp_path, TCP) as running:
        running.held.set()
        running.inlet.transport._most = 1000
        sender = socket.create_connection(("127.0.0.1", running.port), timeout=5)
        sender.settimeout(0.3)
        whole = _until_it_blocks(sender) // 1000
        running.held.clear()
        running.wait(whole)
        sender.close()


def test_tls_with_client_certificates(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    with edge(tmp_path, TLS) as running:
        context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        context.load_cert_chain(tmp_path / "client.pem", tmp_path / "client.key")
        with (
            socket.create_connection(("127.0.0.1", running.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname="127.0.0.1") as sender,
        ):
            sender.sendall(counted(b"<1>over TLS"))
            row = running.wait(1)[0]
        assert (row["raw"], row["origin"]) == (b"<1>over TLS", "syslog+tls:127.0.0.1@syslog")
        nobody = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        with (
            contextlib.suppress(ssl.SSLError, ConnectionResetError),
            socket.create_connection(("127.0.0.1", running.port), timeout=5) as plain,
            nobody.wrap_socket(plain, server_hostname="127.0.0.1") as sender,
        ):
            sender.sendall(counted(b"<1>nobody"))
            assert sender.recv(1) == b""
        assert len(running.rows()) == 1


def test_udp(tmp_path: Path) -> None:
    with edge(tmp_path, SETTINGS + 'source = "linux_syslog"\n') as running:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for message in (LINE + b"one\n", b"\n", LINE + b"two\0", b"[" * 200):
                sender.sendto(message, ("127.0.0.1", running.port))
        rows = running.wait(2)
        assert [row["raw"] for row in rows] == [LINE + b"one", LINE + b"two"]
        assert rows[0]["origin"] == "syslog+udp:127.0.0.1@syslog"
        assert rows[0]["source_id"] == "linux_syslog"
        assert running.wait(1, "dead")[0]["reason"] == "too-deep"


def test_datagrams_that_the_kernel_dropped_are_counted(tmp_path: Path) -> None:
    with edge(tmp_path, SETTINGS + "buffer_bytes = 4096\n") as running:
        running.held.set()
        running.inlet.transport._most = 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(LINE, ("127.0.0.1", running.port))
            time.sleep(0.05)
            for _ in range(300):
                sender.sendto(LINE + b"x" * 900, ("127.0.0.1", running.port))
        running.held.clear()
        losses = running.inlet.listener.losses
        deadline = time.monotonic() + 5
        while losses["socket-drop"] + len(running.rows()) + losses["no-room"] < 301:
            assert time.monotonic() < deadline, losses
            time.sleep(0.05)
        assert losses["socket-drop"] > 200
        assert losses["socket-drop"] + losses["no-room"] + len(running.rows()) == 301


_MESSAGES = st.lists(
    st.binary(min_size=1, max_size=30).filter(lambda m: m.rstrip(b"\r\n\0") == m), max_size=8
)


@given(_MESSAGES, st.lists(st.integers(1, 9), max_size=40))
def test_octet_counting_is_the_same_however_it_is_cut(
    messages: list[bytes], sizes: list[int]
) -> None:
    data = counted(*messages)
    framer = OctetFramer("o", Limits(max_record=20))
    raws: list[bytes] = []
    refused = 0
    while data:
        size = sizes.pop() if sizes else len(data)
        for item in framer.feed(data[:size]):
            if isinstance(item, Block):
                raws += item.raws
            else:
                assert isinstance(item, Rejected)
                refused += 1
        data = data[size:]
    assert raws == [message for message in messages if len(message) <= 20]
    assert refused == sum(len(message) > 20 for message in messages)
    assert not framer.broken
    assert framer.pending == 0
