"""Asking a REST interface: one request at a time, to one origin, within what it allows.

Redirects are not followed and links to other origins are refused: the token goes nowhere else. No
error tells more of an answer than its status.
"""

import contextlib
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec

from tocsin.collect.pollers.declaration import Poller, why_not
from tocsin.errors import SettingsError
from tocsin.model.ports import Clock

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer, unpacked."""
TIMEOUT = 30.0
"""Seconds to connect, and between two pieces of an answer."""
WHOLE = 300.0
"""Seconds that a whole answer may take."""
LONGEST_WAIT = 3600.0
"""Seconds that a server can make us wait."""
EARLY = 60.0
"""Seconds before its end at which a token is replaced."""
_UNAUTHORIZED, _FORBIDDEN, _BUSY, _UNAVAILABLE, _SERVER = 401, 403, 429, 503, 500
_DIGITS = 12
"""Of a number of seconds; a longer one is nonsense."""


class Failed(Exception):
    """One request failed; `reason` is stable, `wait` what the server asks for (seconds)."""

    def __init__(self, reason: str, text: str, wait: float = 0.0) -> None:
        super().__init__(text)
        self.reason = reason
        self.wait = wait


class Answer(NamedTuple):
    """A good answer; `wait` is how long the interface wants to be left alone after it (seconds)."""

    body: bytes
    link: str
    wait: float


class _Token(msgspec.Struct):
    access_token: str
    expires_in: int | float | str = 0


class Credentials(NamedTuple):
    """What proves the site. `secret` is resolved when it is used."""

    secret: Callable[[], str]
    client: str = ""
    token_url: str = ""
    scope: str = ""


class Asker:
    """One interface at one base URL; close it after use. It is used by one thread."""

    def __init__(
        self, poller: Poller, base: str, credentials: Credentials, clock: Clock,
        ca: str | None = None,
    ) -> None:  # fmt: skip
        self._poller = poller
        self._base = base.rstrip("/")
        self._credentials = credentials
        self._clock = clock
        verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=ca) if ca else True
        self._client = httpx.Client(
            timeout=TIMEOUT, follow_redirects=False, trust_env=False, verify=verify,
            headers={"User-Agent": "tocsin", "Accept": "application/json"},
        )  # fmt: skip
        self._token = ""
        self._until = 0.0

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def first(self, path: str, query: Mapping[str, str]) -> Answer:
        """The first page; raises Failed."""
        return self._ask(self._base + path, dict(query))

    def page(self, link: str) -> Answer:
        """A page by the link that the page before it had; raises Failed."""
        url = urljoin(self._base + "/", link)
        if _origin(url) != _origin(self._base) or why_not(url):
            raise Failed("elsewhere", "the next page is at another origin")
        return self._ask(url, None)

    def _ask(self, url: str, query: dict[str, str] | None) -> Answer:
        try:
            return self._once("GET", url, self._headers(), params=query)
        except Failed as error:
            if error.reason != "denied" or not self._token:
                raise
        self._token = ""  # it may have been taken back before its end
        return self._once("GET", url, self._headers(), params=query)

    def _headers(self) -> dict[str, str]:
        auth = self._poller.auth
        if auth.scheme == "client_credentials":
            if not self._token or self._clock.monotonic() >= self._until:
                self._fetch_token()
            token = self._token
        else:
            token = self._secret()
        return {**self._poller.request.headers, auth.header: f"{auth.prefix}{token}"}

    def _secret(self) -> str:
        try:
            return self._credentials.secret()
        except SettingsError as error:  # it was there when the input was made
            raise Failed("denied", str(error)) from None

    def _fetch_token(self) -> None:
        """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""
        form = {
            "grant_type": "client_credentials", "client_id": self._credentials.client,
            "client_secret": self._secret(), "scope": self._credentials.scope,
        }  # fmt: skip
        try:
            answer = self._once("POST", self._credentials.token_url, {}, data=form)
            found = msgspec.json.decode(answer.body, type=_Token)
            lasts = float(found.expires_in)
        except Failed as error:
            refused = error.reason in ("denied", "refused")
            raise Failed(
                "denied" if refused else error.reason, f"no token: {error}", error.wait
            ) from None
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError):
            raise Failed("denied", "no token: the answer holds none") from None
        self._token = found.access_token
        self._until = self._clock.monotonic() + max(0.0, lasts - EARLY)

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], *,
        params: Mapping[str, str] | None = None, data: Mapping[str, str] | None = None,
    ) -> Answer:  # fmt: skip
        place = urlsplit(url).hostname
        try:
            with self._client.stream(
                method, url, headers=dict(headers), params=params, data=data
            ) as answer:
                self._judge(answer)
                body = self._bounded(answer)
                link = ", ".join(answer.headers.get_list("link"))
                return Answer(body, link, _pause(answer.headers, self._clock.now()))
        except httpx.HTTPError as error:
            raise Failed("unreachable", f"{place}: {type(error).__name__}") from None
        except (httpx.InvalidURL, UnicodeError, ValueError):
            raise Failed("schema", f"{place}: the URL or a header cannot be sent") from None

    def _bounded(self, answer: httpx.Response) -> bytes:
        found, began = bytearray(), self._clock.monotonic()
        for part in answer.iter_bytes():
            found += part
            if len(found) > MAX_ANSWER:
                raise Failed("too-large", f"the answer is longer than {MAX_ANSWER:,} bytes")
            if self._clock.monotonic() - began > WHOLE:
                raise Failed("unreachable", f"the answer takes longer than {WHOLE:.0f} s")
        return bytes(found)

    def _judge(self, answer: httpx.Response) -> None:
        """Raise Failed for all but success."""
        status, said = answer.status_code, f"the server answers {answer.status_code}"
        if answer.is_success:
            return
        wait = _pause(answer.headers, self._clock.now())
        if status in (_BUSY, _UNAVAILABLE) or (status == _FORBIDDEN and wait):
            raise Failed("busy", said, wait)
        if status in (_UNAUTHORIZED, _FORBIDDEN):
            raise Failed("denied", said)
        if status >= _SERVER:
            raise Failed("server", said, wait)
        if answer.is_redirect:
            raise Failed("elsewhere", f"{said}: redirects are not followed")
        raise Failed("refused", said)


def _origin(url: str) -> tuple[str, str | None, int]:
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    return parts.scheme, parts.hostname, port or (443 if parts.scheme == "https" else 80)


def _pause(headers: httpx.Headers, now: int) -> float:
    """Seconds to leave the interface alone: `Retry-After` (RFC 9110), or until its limit is reset.

    `X-Rate-Limit-Reset` (Okta) and `X-RateLimit-Reset` (GitHub) are seconds since 1970 on the
    server's clock, which `Date` shows.
    """
    clock = _date(headers.get("date", "")) or now / 1_000_000
    wait = 0.0
    if after := headers.get("retry-after", ""):
        plain = after.isdecimal() and len(after) <= _DIGITS
        wait = float(after) if plain else (_date(after) or clock) - clock
    for name in ("x-rate-limit", "x-ratelimit"):
        reset = headers.get(f"{name}-reset", "")
        spent = headers.get(f"{name}-remaining", "").strip() == "0"
        if spent and reset.isdecimal() and len(reset) <= _DIGITS:
            wait = max(wait, float(reset) - clock + 1)
    return min(max(wait, 0.0), LONGEST_WAIT)


def _date(text: str) -> float | None:
    with contextlib.suppress(ValueError, OverflowError):
        at = parsedate_to_datetime(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    return None
