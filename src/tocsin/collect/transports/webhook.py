"""Signed webhooks at `/hooks/NAME`: one record for each request.

    github  `X-Hub-Signature-256: sha256=HEX` over the body (GitHub: "Validating deliveries")
    slack   `X-Slack-Signature: v0=HEX` over `v0:TIME:BODY` (Slack: "Verifying requests from Slack")
    hmac    a header of your choice, over the body, or over `TIME.BODY` where a time is sent
    bearer  `Authorization` holds the secret, with or without `Bearer` (Okta event hooks)

All are HMAC-SHA256 and compared in constant time. Where the sender signs a time, an old request is
refused, and a signature that was used within the window is a repeat: it is answered and not kept
again. Without a signed time nothing can be called a repeat: two events may be equal. Okta's
verification of a new hook (a GET with `X-Okta-Verification-Challenge`) is answered.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from tocsin.collect.bodies import BodyRefused
from tocsin.collect.desk import Desk, Fate
from tocsin.collect.inbox import Part
from tocsin.collect.secrets import secret_bytes
from tocsin.collect.web import Answer, Head, json_answer
from tocsin.model.ports import Clock
from tocsin.settings.inputs import Hook

MAX_REMEMBERED = 100_000
"""Signatures that are remembered, of all hooks together."""
_PREFIX = "/hooks/"
_CHALLENGE = "x-okta-verification-challenge"
_SECOND = 1_000_000


class Webhook:
    """The protocol, as web.Speaker."""

    def __init__(self, hooks: Sequence[Hook], folder: Path, desk: Desk, clock: Clock) -> None:
        """Resolves the secrets; raises SettingsError when a reference leads nowhere."""
        self._hooks = {hook.name: (hook, secret_bytes(hook.secret, folder)) for hook in hooks}
        self._desk = desk
        self._clock = clock
        self._used: OrderedDict[bytes, int] = OrderedDict()
        """Signature -> until when (us) it may not come again."""

    def knows(self, path: str) -> bool:
        """The hooks that were set up, and no others."""
        return path.startswith(_PREFIX) and path.removeprefix(_PREFIX) in self._hooks

    def refuse(self, head: Head) -> Answer | None:
        """What can be refused without a body, and the challenge of a new hook."""
        hook, secret = self._of(head)
        if hook.scheme == "bearer" and not _bears(head, secret):
            return _denied()
        if head.method == "GET" and _CHALLENGE in head.headers:
            return json_answer(200, {"verification": head.headers[_CHALLENGE][:1024]})
        if head.method != "POST":
            return json_answer(405, {"error": "POST events"})
        if hook.scheme != "bearer" and not _signature(hook, head):
            return _denied()
        return _busy() if self._desk.busy else None

    def unreadable(self, error: BodyRefused) -> Answer:
        """The reason, as JSON."""
        return (
            _busy() if error.reason == "busy" else json_answer(error.status, {"error": str(error)})
        )

    async def answer(self, head: Head, body: bytes) -> Answer:
        """Check the signature and keep the body."""
        hook, secret = self._of(head)
        now = self._clock.now()
        signature = b""
        timed = hook.scheme == "slack" or bool(hook.timestamp_header)
        if hook.scheme != "bearer":
            signature = _signed(hook, secret, head, body)
            if not _is_right(signature, hook, head) or not _is_fresh(hook, head, now):
                return _denied()
            if timed and self._is_replay(signature, now):
                return json_answer(200, {"status": "known"})
        if not body.strip():
            return json_answer(400, {"error": "no data"})
        origin = f"webhook:{hook.name}"
        raws, problems = self._desk.screen(origin, [body])
        if await self._desk.keep([Part(origin, hook.source, raws)], problems) is not Fate.KEPT:
            return _busy()
        if timed:
            self._used[signature] = now + 2 * hook.window_seconds * _SECOND
        return json_answer(200, {"status": "kept"})

    def _of(self, head: Head) -> tuple[Hook, bytes]:
        return self._hooks[head.path.removeprefix(_PREFIX)]

    def _is_replay(self, signature: bytes, now: int) -> bool:
        """Whether a signature was used within its window; forgets those that are too old."""
        while self._used and (
            len(self._used) > MAX_REMEMBERED or next(iter(self._used.values())) < now
        ):
            self._used.popitem(last=False)
        return self._used.get(signature, 0) >= now


def _signature(hook: Hook, head: Head) -> str:
    """The signature as it was sent, without its mark; empty when there is none."""
    match hook.scheme:
        case "github":
            return head.headers.get("x-hub-signature-256", "").removeprefix("sha256=")
        case "slack":
            return head.headers.get("x-slack-signature", "").removeprefix("v0=")
        case _:
            return head.headers.get(hook.header.lower(), "").removeprefix("sha256=")


def _signed(hook: Hook, secret: bytes, head: Head, body: bytes) -> bytes:
    """The signature as it should be."""
    text = body
    if hook.scheme == "slack":
        text = b"v0:" + _time(hook, head).encode("latin-1") + b":" + body
    elif hook.scheme == "hmac" and hook.timestamp_header:
        text = _time(hook, head).encode("latin-1") + b"." + body
    return hmac.new(secret, text, hashlib.sha256).digest()


def _is_right(signature: bytes, hook: Hook, head: Head) -> bool:
    sent = _signature(hook, head).strip().lower().encode("latin-1")
    return hmac.compare_digest(signature.hex().encode(), sent)


def _time(hook: Hook, head: Head) -> str:
    if hook.scheme == "slack":
        return head.headers.get("x-slack-request-timestamp", "")
    return head.headers.get(hook.timestamp_header.lower(), "") if hook.timestamp_header else ""


def _is_fresh(hook: Hook, head: Head, now: int) -> bool:
    """Whether the signed time, where there is one, lies within the window around now (us)."""
    if hook.scheme != "slack" and not hook.timestamp_header:
        return True
    written = _time(hook, head)
    if not written.isascii() or not written.isdecimal() or len(written) > len("1767600000"):
        return False
    return abs(now - int(written) * _SECOND) <= hook.window_seconds * _SECOND


def _bears(head: Head, secret: bytes) -> bool:
    sent = head.headers.get("authorization", "").encode("latin-1")
    return hmac.compare_digest(sent.removeprefix(b"Bearer "), secret)


def _denied() -> Answer:
    return json_answer(401, {"error": "not signed as agreed"})


def _busy() -> Answer:
    return json_answer(503, {"error": "busy"}, (("Retry-After", "5"),))
