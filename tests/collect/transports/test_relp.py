import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.collect.pushing import Edge, edge

from tocsin.collect.transports.relp import BadFrame, Framer
from tocsin.formats.limits import Limits
from tocsin.settings import Limits as LimitSettings

SETTINGS = """
[[input]]
kind = "relp"
listen = "127.0.0.1:0"
"""
OPEN = b"1 open 51 relp_version=0\nrelp_software=test\ncommands=syslog\n"
OPEN = b"1 open %d %s\n" % (len(OPEN[10:-1]), OPEN[10:-1])


@pytest.fixture(scope="module")
def relp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("relp")
    with edge(folder, SETTINGS, limits=LimitSettings(record_bytes=1024, depth=20)) as running:
        yield running


def connect(running: Edge) -> socket.socket:
    return socket.create_connection(("127.0.0.1", running.port), timeout=5)


def answers(sender: socket.socket, end: bytes) -> bytes:
    found = b""
    while not found.endswith(end):
        data = sender.recv(65536)
        assert data, found
        found += data
    return found


def frame(number: int, message: bytes) -> bytes:
    return b"%d syslog %d %s\n" % (number, len(message), message)


def test_a_message_is_answered_once_it_is_durable(relp: Edge) -> None:
    before = len(relp.rows())
    with connect(relp) as sender:
        sender.sendall(OPEN)
        said = answers(sender, b"commands=syslog\n")
        assert said.startswith(b"1 rsp ")
        assert b"200 OK" in said
        relp.held.set()
        sender.sendall(frame(2, b"<34>first") + frame(3, b"<34>sec\nond"))
        sender.settimeout(0.1)
        with pytest.raises(TimeoutError):
            sender.recv(1)
        assert len(relp.rows()) == before
        relp.held.clear()
        sender.settimeout(5)
        assert answers(sender, b"3 rsp 6 200 OK\n") == b"2 rsp 6 200 OK\n3 rsp 6 200 OK\n"
        rows = relp.rows()[before:]
        assert [row["raw"] for row in rows] == [b"<34>first", b"<34>sec\nond"]
        assert {row["origin"] for row in rows} == {"relp:127.0.0.1@relp"}
        sender.sendall(frame(4, b"<34>last") + b"5 close 0\n")
        assert answers(sender, b"serverclose 0\n") == (
            b"4 rsp 6 200 OK\n5 rsp 0\n0 serverclose 0\n"
        )


def test_everything_at_once_is_the_same(relp: Edge) -> None:
    before = len(relp.rows())
    with connect(relp) as sender:
        sender.sendall(OPEN + frame(2, b"<34>a") + frame(3, b"") + b"4 close 0\n")
        said = answers(sender, b"serverclose 0\n")
    assert said.count(b" rsp 6 200 OK\n") == 2
    assert [row["raw"] for row in relp.rows()[before:]] == [b"<34>a"]


def test_what_is_too_large_is_kept_as_a_dead_letter_and_not_sent_again(relp: Edge) -> None:
    dead = len(relp.rows("dead"))
    with connect(relp) as sender:
        sender.sendall(OPEN + frame(2, b"x" * 300_000) + frame(3, b"y") + frame(4, b"[" * 30))
        said = answers(sender, b"4 rsp 6 200 OK\n")
    assert [b"%d rsp 6 200 OK\n" % n in said for n in (2, 3, 4)] == [True] * 3
    reasons = sorted(row["reason"] for row in relp.wait(dead + 2, "dead")[dead:])
    assert reasons == ["too-deep", "too-large"]


@pytest.mark.parametrize(
    "sent",
    [b"GET / HTTP/1.1\r\n\r\n", frame(1, b"before open"), OPEN + b"2 syslog 3 abcd\n", OPEN + OPEN],
)
def test_what_is_no_relp_ends_the_session(relp: Edge, sent: bytes) -> None:
    before = len(relp.rows())
    with connect(relp) as sender:
        sender.sendall(sent)
        assert answers(sender, b"0 serverclose 0\n")
        assert sender.recv(1) == b""
    assert len(relp.rows()) == before


def test_an_unanswered_message_is_not_lost_when_the_disk_comes_back(tmp_path: Path) -> None:
    with edge(tmp_path, SETTINGS) as running:
        running.held.set()
        running.inlet.transport._most = 1
        with connect(running) as sender:
            sender.sendall(OPEN)
            answers(sender, b"commands=syslog\n")
            for number in range(2, 6):
                sender.sendall(frame(number, b"<34>message"))
                time.sleep(0.02)
            running.held.clear()
            assert answers(sender, b"5 rsp 6 200 OK\n").count(b"200 OK") == 4
        assert len(running.rows()) == 4


_FRAMES = st.lists(
    st.tuples(st.integers(0, 999_999_999), st.sampled_from([b"syslog", b"open"]), st.binary()),
    max_size=6,
)


@given(_FRAMES, st.lists(st.integers(1, 12), max_size=60))
def test_frames_are_the_same_however_they_are_cut(
    frames: list[tuple[int, bytes, bytes]], sizes: list[int]
) -> None:
    data = b"".join(
        b"%d %s %d%s\n" % (number, command, len(content), b" " + content if content else b"")
        for number, command, content in frames
    )
    framer, found = Framer(Limits(max_record=200)), []
    while data:
        size = sizes.pop() if sizes else len(data)
        found += framer.feed(data[:size])
        data = data[size:]
    assert [(one.number, one.command, one.data) for one in found] == frames
    assert framer.pending == 0


@given(st.binary(max_size=60))
def test_any_bytes_are_frames_or_none(data: bytes) -> None:
    framer = Framer(Limits())
    try:
        list(framer.feed(data))
    except BadFrame:
        return
    assert framer.pending <= len(data) or framer.pending < 10**9
