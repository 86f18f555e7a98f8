"""The one way out: HTTP to a configured base URL, and to nothing else.

- The URL of a call is the base URL with a path behind it; a path that leads elsewhere is refused.
- Redirects are not followed and no proxy of the environment is used.
- Every address of the host must be public, unless the site says that the system is `private`;
  link-local addresses (where clouds keep credentials) are refused always. Plain HTTP needs
  `private`: otherwise the certificate must be valid for the name, so that an answer of another
  address (DNS rebinding) leads nowhere.
- What changes nothing is tried again at once; a change is sent once, and the caller reads back.
- Answers are bounded.
"""

import socket
from collections.abc import Callable, Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import orjson
import stamina

from tocsin.connectors.errors import Busy, ConnectorError, Denied, NotSent, Refused, Stale, Unknown

TIMEOUT = 10.0
"""Seconds for each phase of a call: to connect, to send, to wait for the next bytes."""

MAX_ANSWER = 8 * 1024 * 1024
"""Bytes of an answer that are read."""

READS = 3
"""Times that a read is tried."""

DEFAULT_PAUSE = 30.0
LONGEST_PAUSE = 3600.0
"""Seconds after which a busy system is asked again when it says nothing, and at most."""

_SHOWN = 200

Headers = Callable[[], Mapping[str, str]]


class Reply(NamedTuple):
    """A successful answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The body as JSON; raises Unknown when it is none: then nobody knows what was done."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise Unknown("the answer is no JSON") from error

    def lines(self) -> list[Any]:
        """The body as JSON, one value a line; raises Unknown."""
        try:
            return [orjson.loads(line) for line in self.body.splitlines() if line.strip()]
        except orjson.JSONDecodeError as error:
            raise Unknown("the answer is no JSON") from error


class Gateway:
    """Calls one system. `headers` are made at each call: that is where secrets are resolved."""

    def __init__(
        self,
        name: str,
        base_url: str,
        headers: Headers,
        *,
        private: bool = False,
        timeout: float = TIMEOUT,
    ) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("https", "http") or not parts.hostname or parts.query:
            raise Refused(f"{name}: {base_url} is no base URL")
        if parts.username or parts.password:
            raise Refused(f"{name}: the URL must not hold credentials")
        if parts.scheme == "http" and not private:
            raise Refused(f"{name}: plain http needs `private = true`")
        self._name = name
        self._base = base_url.rstrip("/")
        self._host = parts.hostname
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._headers = headers
        self._private = private
        self._client = httpx.Client(timeout=timeout, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        """Close open connections."""
        self._client.close()

    def read(self, method: str, path: str, **content: Any) -> Reply:
        """A call that changes nothing (a search may be a POST): tried again where that helps."""
        for attempt in stamina.retry_context(
            on=(NotSent, Unknown), attempts=READS, wait_initial=0.1, wait_max=1.0, timeout=None
        ):
            with attempt:
                return self._call(method, path, content)
        raise AssertionError  # pragma: no cover - the last attempt returns or raises

    def change(self, method: str, path: str, **content: Any) -> Reply:
        """A call that changes something: sent once."""
        return self._call(method, path, content)

    def _call(self, method: str, path: str, content: Mapping[str, Any]) -> Reply:
        if not path.startswith("/") or path.startswith("//") or ".." in path or "\\" in path:
            raise Refused(f"{self._name}: {path[:_SHOWN]} is no path")
        self._guard()
        headers = dict(self._headers())
        try:
            with self._client.stream(
                method, self._base + path, headers=headers, **content
            ) as answer:
                body = self._bounded(answer)
                return self._judged(answer, body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise NotSent(f"{self._name}: no connection: {_why(error)}") from error
        except httpx.InvalidURL as error:
            raise Refused(f"{self._name}: {error}") from error
        except httpx.HTTPError as error:
            raise Unknown(f"{self._name}: no answer: {_why(error)}") from error

    def _bounded(self, answer: httpx.Response) -> bytes:
        found = bytearray()
        for part in answer.iter_bytes():
            found += part
            if len(found) > MAX_ANSWER:
                raise Unknown(f"{self._name}: the answer is longer than {MAX_ANSWER:,} bytes")
        return bytes(found)

    def _judged(self, answer: httpx.Response, body: bytes) -> Reply:
        status = answer.status_code
        if answer.is_success:
            return Reply(status, body)
        said = f"{self._name}: HTTP {status} {body[:_SHOWN].decode('utf-8', 'replace')}".strip()
        raise _error(status, said, answer.headers.get("retry-after", ""))

    def _guard(self) -> None:
        """Refuse a host that is not where the site said it is."""
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise NotSent(f"{self._name}: {self._host} has no address: {_why(error)}") from error
        for *_, where in found:
            address = ip_address(str(where[0]).partition("%")[0])
            if not _may_reach(address, private=self._private):
                way_out = "" if address.is_link_local else "; `private = true` allows it"
                raise Refused(f"{self._name}: {self._host} is {address}, not public{way_out}")


def _may_reach(address: IPv4Address | IPv6Address, *, private: bool) -> bool:
    plain = getattr(address, "ipv4_mapped", None) or address
    if plain.is_link_local or plain.is_multicast or plain.is_unspecified:
        return False
    return private or plain.is_global


def _error(status: int, said: str, retry_after: str) -> ConnectorError:
    """What an answer that is no success means for what comes next."""
    if status in (429, 503):
        return Busy(said, _pause(retry_after))
    if status in (409, 412):
        return Stale(said)
    if status in (401, 403):
        return Denied(said)
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Unknown(said)
    return Refused(said)


def _pause(written: str) -> float:
    """Seconds out of `Retry-After`; a date or nothing gives the usual pause."""
    seconds = float(written) if written.isdigit() else DEFAULT_PAUSE
    return min(LONGEST_PAUSE, max(1.0, seconds))


def _why(error: Exception) -> str:
    return str(error)[:_SHOWN] or type(error).__name__
