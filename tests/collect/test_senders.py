import base64
from pathlib import Path

import pytest

from tocsin.collect.addresses import is_loopback, parse_listen, peer_text
from tocsin.collect.senders import NOBODY, Senders
from tocsin.errors import SettingsError
from tocsin.settings import Secret
from tocsin.settings.inputs import Token


@pytest.fixture
def senders(tmp_path: Path) -> Senders:
    (tmp_path / "a").write_text("s3cret\n")
    (tmp_path / "b").write_text("id:key")
    tokens = [
        Token(name="a", secret=Secret("file:a"), source="okta_system_log", ack=True),
        Token(name="b", secret=Secret("file:b")),
    ]
    return Senders(tokens, tmp_path)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Splunk s3cret", "a"),
        ("Bearer s3cret", "a"),
        ("ApiKey " + base64.b64encode(b"id:key").decode(), "b"),
        ("ApiKey " + base64.b64encode(b"a:s3cret").decode(), "a"),
        (basic("a:s3cret"), "a"),
        (basic("x:s3cret"), "a"),
        (basic("b:s3cret"), None),
        (basic("s3cret"), None),
        ("Basic \xff", None),
        ("Splunk", None),
        ("Splunk S3CRET", None),
        ("", None),
    ],
)
def test_a_secret_is_known_in_every_form(senders: Senders, header: str, name: str | None) -> None:
    found = senders.of_header(header)
    assert (found.name if found else None) == name


def test_what_a_token_says_goes_with_its_records(senders: Senders) -> None:
    found = senders.find(b"s3cret")
    assert found is not None
    assert (found.source_id, found.ack) == ("okta_system_log", True)
    assert not senders.open


def test_without_tokens_everybody_may_send(tmp_path: Path) -> None:
    senders = Senders([], tmp_path)
    assert senders.open
    assert {senders.of_header(h).name for h in ("", basic("x:y"), "Splunk a")} == {NOBODY}


def test_addresses() -> None:
    assert parse_listen("n", "127.0.0.1:0") == ("127.0.0.1", 0)
    assert parse_listen("n", "[::1]:99") == ("::1", 99)
    for wrong in ("", "80", "host:80", "127.0.0.1", "127.0.0.1:x", "::1", "127.0.0.1:-1"):
        with pytest.raises(SettingsError, match="input n"):
            parse_listen("n", wrong)
    assert [is_loopback(host) for host in ("127.0.0.9", "::1", "0.0.0.0", "::")] == [  # noqa: S104 - only looked at
        True, True, False, False,
    ]  # fmt: skip
    assert peer_text(("::ffff:10.0.0.5", 1, 0, 0)) == "10.0.0.5"
    assert peer_text(None) == "unknown"
