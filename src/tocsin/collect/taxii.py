"""A client of TAXII 2.1 (OASIS): discovery, API roots, collections, and their objects by pages.

Credentials go to the origin that was configured and nowhere else: a server that names API roots
elsewhere is refused, and redirects are not followed. What a server sends is bounded before it is
read. Requests that fail in passing are sent again, with pauses that grow.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
import msgspec
import stamina

from tocsin.errors import InputError

MEDIA = "application/taxii+json;version=2.1"
PAGE = 1_000
MAX_PAGE_BYTES = 64 * 1024 * 1024
MAX_PAGES = 20_000
MAX_COLLECTIONS = 1_000
"""Objects asked for at a time; bytes of an answer, and pages and collections that are read."""

ATTEMPTS = 4
BUSY = frozenset({429, 500, 502, 503, 504})
"""Answers after which it is worth to ask again."""
LONGEST_WAIT = 30.0
"""Seconds that `Retry-After` is heeded for."""

T = TypeVar("T")


class Collection(NamedTuple):
    """A collection of an API root."""

    api_root: str
    collection_id: str
    title: str


class Page(NamedTuple):
    """Objects as they came (a TAXII envelope); `added_last` is when the last of them was added."""

    body: bytes
    added_last: str


class _Discovery(msgspec.Struct):
    default: str = ""
    api_roots: list[str] = []


class _Collection(msgspec.Struct):
    id: str
    title: str = ""
    can_read: bool = False


class _Collections(msgspec.Struct):
    collections: list[_Collection] = []


class _Envelope(msgspec.Struct):
    more: bool = False
    next: str | None = None


class _Busy(Exception):
    """The server asked to come again."""


class TaxiiClient:
    """One server; close it after use. Methods raise InputError that says what failed where."""

    def __init__(self, url: str, *, auth: tuple[str, str] | None = None, token: str = "") -> None:
        """`url` is the discovery (or, with `collections(root)`, anything of the same origin)."""
        self._url = url
        headers = {"Accept": MEDIA}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(
            auth=auth, headers=headers, timeout=30.0, follow_redirects=False, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def collections(self, api_root: str = "") -> list[Collection]:
        """The readable collections of one API root, or of all that the discovery names."""
        found: list[Collection] = []
        for root in [self._here(api_root)] if api_root else self._roots():
            listed = self._decoded(urljoin(root, "collections/"), _Collections)
            found += [
                Collection(root, one.id, one.title) for one in listed.collections if one.can_read
            ]
        return found[:MAX_COLLECTIONS]

    def objects(self, collection: Collection, added_after: str) -> Iterator[Page]:
        """Pages of what was added after a time (as the server wrote it; empty: everything)."""
        where = urljoin(collection.api_root, f"collections/{collection.collection_id}/objects/")
        params = {"limit": str(PAGE)} | ({"added_after": added_after} if added_after else {})
        for _ in range(MAX_PAGES):
            body, headers = self._get(where, params)
            envelope = _read(body, _Envelope, where)
            yield Page(body, headers.get("X-TAXII-Date-Added-Last", ""))
            if not envelope.more:
                return
            last = headers.get("X-TAXII-Date-Added-Last", "")
            if envelope.next:
                params["next"] = envelope.next
            elif last and last != params.get("added_after"):
                params["added_after"] = last  # a server that pages without `next`
            else:
                raise InputError("taxii", f"{where}: more is promised, but not where")
        raise InputError("taxii", f"{where}: more than {MAX_PAGES:,} pages")

    def _roots(self) -> list[str]:
        found = self._decoded(self._url, _Discovery)
        roots = [self._here(root) for root in found.api_roots or [found.default] if root]
        if not roots:
            raise InputError("taxii", f"{self._url}: it names no API root")
        return list(dict.fromkeys(roots))

    def _here(self, root: str) -> str:
        """An API root as a whole URL of the configured origin."""
        whole = urljoin(self._url, root if root.endswith("/") else root + "/")
        if urlsplit(whole)[:2] != urlsplit(self._url)[:2]:
            raise InputError("taxii", f"{self._url}: the API root {whole} is elsewhere")
        return whole

    def _decoded(self, url: str, kind: type[T]) -> T:
        return _read(self._get(url, {})[0], kind, url)

    def _get(self, url: str, params: dict[str, str]) -> tuple[bytes, httpx.Headers]:
        try:
            for attempt in stamina.retry_context(
                on=_again, attempts=ATTEMPTS, timeout=120.0, wait_initial=0.2, wait_max=10.0
            ):
                with attempt:
                    return self._once(url, params)
        except (httpx.HTTPError, _Busy) as error:
            reason = str(error) or type(error).__name__
            raise InputError("taxii", f"{url}: {reason}") from None
        raise AssertionError  # retry_context ends with an answer or an exception

    def _once(self, url: str, params: dict[str, str]) -> tuple[bytes, httpx.Headers]:
        with self._client.stream("GET", url, params=params) as answer:
            if answer.status_code in BUSY:
                raise _Wait(f"the server answers {answer.status_code}", _pause(answer.headers))
            if answer.status_code != httpx.codes.OK:
                raise InputError("taxii", f"{url}: the server answers {answer.status_code}")
            parts, size = [], 0
            for part in answer.iter_bytes():
                size += len(part)
                if size > MAX_PAGE_BYTES:
                    raise InputError("taxii", f"{url}: more than {MAX_PAGE_BYTES:,} bytes")
                parts.append(part)
            return b"".join(parts), answer.headers


class _Wait(_Busy):
    def __init__(self, text: str, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


def _again(error: Exception) -> bool | timedelta:
    """Whether to ask again, and when, where the server says so."""
    if isinstance(error, _Wait) and error.seconds:
        return timedelta(seconds=error.seconds)
    return isinstance(error, httpx.TransportError | _Busy)


def _pause(headers: httpx.Headers) -> float:
    text = headers.get("Retry-After", "")
    return min(LONGEST_WAIT, float(text)) if text.isdecimal() else 0.0


def _read(body: bytes, kind: type[T], where: str) -> T:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError("taxii", f"{where}: no TAXII 2.1 answer: {error}") from None
