import hashlib
import hmac
import time
from collections.abc import Iterator

import pytest
from tests.collect.pushing import Edge, edge

SETTINGS = """
[[input]]
kind = "http"
listen = "127.0.0.1:0"
accept = ["webhook"]
request_bytes = 10000
"""
HOOK = """
[[input.hooks]]
name = "{0}"
scheme = "{0}"
secret = "file:secret"
"""
SECRET = b"it is a secret"


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    folder = tmp_path_factory.mktemp("hooks")
    (folder / "secret").write_bytes(SECRET + b"\n")
    text = SETTINGS + "".join(map(HOOK.format, ("github", "slack", "bearer", "hmac")))
    text += 'timestamp_header = "X-Time"\nheader = "X-Sign"\nsource = "okta_system_log"\n'
    with edge(folder, text) as running:
        yield running


def sign(text: bytes, secret: bytes = SECRET) -> str:
    return hmac.new(secret, text, hashlib.sha256).hexdigest()


def timed(body: bytes, at: float) -> dict[str, str]:
    stamp = str(int(at))
    return {"X_Time": stamp, "X_Sign": sign(stamp.encode() + b"." + body)}


def test_github(hooks: Edge) -> None:
    body = b'{"action": "created"}'
    right = {"X_Hub_Signature_256": "sha256=" + sign(body)}
    for _ in range(2):  # without a time that is signed, equal requests are two events
        assert hooks.ask("POST", "/hooks/github", body, **right) == (200, {"status": "kept"})
    assert hooks.raws()[-2:] == [body, body]
    assert hooks.rows()[-1]["origin"] == "webhook:github@http"


@pytest.mark.parametrize(
    "signature",
    ["", "sha256=", "sha256=" + "0" * 64, "sha256=" + sign(b"other"), "é", sign(b"x", b"guess")],
)
def test_a_wrong_signature_is_refused(hooks: Edge, signature: str) -> None:
    before = len(hooks.rows())
    assert hooks.ask("POST", "/hooks/github", b"x", X_Hub_Signature_256=signature)[0] == 401
    assert len(hooks.rows()) == before


def test_slack(hooks: Edge) -> None:
    now, body = str(time.time_ns() // 10**9), b'{"type": "event_callback"}'
    right = {
        "X_Slack_Request_Timestamp": now,
        "X_Slack_Signature": "v0=" + sign(b"v0:" + now.encode() + b":" + body),
    }
    assert hooks.ask("POST", "/hooks/slack", body, **right)[0] == 200
    later = right | {"X_Slack_Request_Timestamp": str(int(now) + 1)}
    assert hooks.ask("POST", "/hooks/slack", body, **later)[0] == 401


def test_a_signed_time_ends_replays(hooks: Edge) -> None:
    body, now = b'{"n": 1}', time.time_ns() / 1e9
    before = len(hooks.rows())
    assert hooks.ask("POST", "/hooks/hmac", body, **timed(body, now))[1] == {"status": "kept"}
    assert hooks.ask("POST", "/hooks/hmac", body, **timed(body, now))[1] == {"status": "known"}
    for at in (now - 400, now + 400):
        assert hooks.ask("POST", "/hooks/hmac", body, **timed(body, at))[0] == 401
    wrong = timed(body, now) | {"X_Time": "1e9"}
    assert hooks.ask("POST", "/hooks/hmac", body, **wrong)[0] == 401
    rows = hooks.rows()
    assert len(rows) == before + 1
    assert rows[-1]["source_id"] == "okta_system_log"


def test_okta_verifies_and_sends(hooks: Edge) -> None:
    path = "/hooks/bearer"
    challenge = {"X_Okta_Verification_Challenge": "abc"}
    assert hooks.ask("GET", path, **challenge)[0] == 401
    secret = {"Authorization": SECRET.decode()}
    assert hooks.ask("GET", path, **secret, **challenge) == (200, {"verification": "abc"})
    assert hooks.ask("POST", path, b"{}", **secret)[0] == 200
    assert hooks.ask("POST", path, b"{}", Authorization="it is no secret")[0] == 401


def test_limits_and_unknown_hooks(hooks: Edge) -> None:
    body = b"x" * 10_001
    right = {"X_Hub_Signature_256": "sha256=" + sign(body)}
    assert hooks.ask("POST", "/hooks/github", body, **right)[0] == 413
    assert hooks.ask("POST", "/hooks/other", b"x")[0] == 404
    empty = {"X_Hub_Signature_256": "sha256=" + sign(b"")}
    assert hooks.ask("POST", "/hooks/github", b"", **empty)[0] == 400
    assert hooks.ask("PUT", "/hooks/github", b"x")[0] == 405
