"""Ways in by which a test event goes."""

import socket
from pathlib import Path

import pytest

from tocsin.app.probe_ways import fitting, ways
from tocsin.app.site import Site, open_site
from tocsin.errors import InputError, UsageError

SETTINGS = """
site = "x"
[[input]]
path = "one.log"
[[input]]
path = "folder"
[[input]]
path = "some/app-*.log"
source = "okta_system_log"
[[input]]
path = "once.log"
follow = false
[[input]]
kind = "syslog"
protocol = "{protocol}"
listen = "127.0.0.1:{port}"
[[input]]
kind = "http"
listen = "127.0.0.1:1"
[[input.tokens]]
name = "mine"
secret = "file:token"
"""


def site(folder: Path, protocol: str = "udp", port: int = 5514) -> Site:
    (folder / "tocsin.toml").write_text(SETTINGS.format(protocol=protocol, port=port))
    (folder / "token").write_text("s3cret")
    return open_site(folder)


def test_what_is_read_once_is_no_way(tmp_path: Path) -> None:
    names = [way.name for way in ways(site(tmp_path))]
    assert names == ["one.log", "folder", "some/app-*.log", "syslog", "http/mine"]


def test_the_first_that_fits_is_taken_unless_one_is_named(tmp_path: Path) -> None:
    here = site(tmp_path)
    assert fitting(here, "zeek", None).name == "one.log"
    assert fitting(here, "zeek", "http").name == "http/mine"
    with pytest.raises(UsageError, match="okta_system_log"):
        fitting(here, "zeek", "some/app-*.log")
    with pytest.raises(UsageError, match="no input nowhere"):
        fitting(here, "zeek", "nowhere")


def test_a_line_is_appended_on_a_line_of_its_own(tmp_path: Path) -> None:
    here = site(tmp_path)
    (tmp_path / "one.log").write_bytes(b"half a line")
    (tmp_path / "folder").mkdir()
    (tmp_path / "some").mkdir()
    for name in ("one.log", "folder", "some/app-*.log"):
        next(way for way in ways(here) if way.name == name).send(b"RECORD", "tocsin-test-1")
    assert (tmp_path / "one.log").read_bytes() == b"half a line\nRECORD\n"
    assert (tmp_path / "folder" / "tocsin-test-1.log").read_bytes() == b"RECORD\n"
    assert (tmp_path / "some" / "app-tocsin-test-1.log").read_bytes() == b"RECORD\n"


def test_syslog_over_tcp_has_its_length_before_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        [way] = [one for one in ways(site(tmp_path, "tcp", port)) if one.kind == "syslog"]
        way.send(b"<13>hello", "m")
        peer, _ = server.accept()
        with peer:
            assert peer.recv(100) == b"9 <13>hello"


def test_nobody_who_listens_is_told(tmp_path: Path) -> None:
    for way in ways(site(tmp_path, "tcp", 1)):
        if way.kind in ("HEC", "syslog"):
            with pytest.raises(InputError):
                way.send(b"{}", "m")
