import socket
from pathlib import Path

import pytest

from tocsin.app.clock import SystemClock
from tocsin.app.inlets import inlets_of, refuse_taken
from tocsin.app.site import Site
from tocsin.errors import SettingsError
from tocsin.settings import load


def inlets(folder: Path, text: str, partitions: int = 1) -> dict[str, int]:
    (folder / "tocsin.toml").write_text(text)
    site = Site(folder, load(folder, {}), folder)
    return {one.name: one.partition for one in inlets_of(site, partitions, SystemClock())}


def test_an_input_has_its_partition_by_its_name(tmp_path: Path) -> None:
    text = '[[input]]\nkind = "relp"\n[[input]]\nkind = "syslog"\n[[input]]\npath = "logs"\n'
    first = inlets(tmp_path, text, 7)
    assert {"relp", "syslog", ""} <= first.keys()
    assert inlets(tmp_path, '[[input]]\nkind = "http"\n' + text, 7).items() >= first.items()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('kind = "relp"\n[[input]]\nkind = "relp"', "two have this name"),
        ('kind = "http"\nlisten = "0.0.0.0:8088"', "whoever reaches 0.0.0.0 could send"),
        ('kind = "http"\nlisten = "[::]:8088"', "could send"),
        ('kind = "syslog"\nlisten = "localhost:1"', "listen is an address and a port"),
        ('kind = "syslog"\nlisten = "127.0.0.1:70000"', "listen is an address and a port"),
        ('kind = "syslog"\ncertificate = "x.pem"', "certificate cannot be used: No such file"),
        ('kind = "syslog"\nclient_ca = "x.pem"', "need a certificate"),
        (
            'kind = "http"\n[[input.tokens]]\nname = "a"\nsecret = "file:no"',
            "secret file:no cannot be read: No such file",
        ),
        (
            'kind = "http"\n[[input.tokens]]\nname = "a"\nsecret = "env:NO_SUCH_NAME"',
            "secret env:NO_SUCH_NAME is empty or not there",
        ),
        ('path = "*/x.log"', "only understood in the last part"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        inlets(tmp_path, f"[[input]]\n{text}\n")
    assert says in str(caught.value)


def test_webhooks_alone_need_no_tokens(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("x")
    text = '[[input]]\nkind = "http"\nlisten = "0.0.0.0:0"\naccept = ["webhook"]\n'
    text += '[[input.hooks]]\nname = "h"\nsecret = "file:s"\n'
    assert "http" in inlets(tmp_path, text)


def test_an_address_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for protocol, fine in (("tcp", False), ("udp", True)):
            text = f'[[input]]\nkind = "syslog"\nprotocol = "{protocol}"\n'
            (tmp_path / "tocsin.toml").write_text(text + f'listen = "127.0.0.1:{port}"\n')
            site = Site(tmp_path, load(tmp_path, {}), tmp_path)
            if fine:
                refuse_taken(site)
                continue
            with pytest.raises(SettingsError, match=f"127.0.0.1:{port} cannot be used"):
                refuse_taken(site)
