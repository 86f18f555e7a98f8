"""One answer of a REST interface: its items as they were written, and where the next page is."""

import re
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import orjson

from tocsin.collect.pollers.declaration import Poller
from tocsin.formats.depth import too_deep

ENVELOPE_DEPTH = 8
"""Nesting of an answer beyond that of a record."""
MAX_ITEMS = 100_000
_LINK = re.compile(r'<([^<>]{1,8192})>((?:\s*;\s*[\w*-]+\s*=\s*(?:"[^"]{0,512}"|[^\s",;]+))*)')
_NEXT = re.compile(r';\s*rel\s*=\s*"?(?:[^";]*\s)?next(?:\s[^";]*)?"?(?:\s*;|\s*$)', re.IGNORECASE)


class Odd(Exception):
    """An answer that is not what was declared; the text holds nothing of it but names."""


class Page(NamedTuple):
    """Items to the byte, and the next page as it was written (empty: this was the last)."""

    items: Sequence[bytes]
    after: str


def read_page(poller: Poller, body: bytes, link: str, depth: int) -> Page:
    """Take an answer apart; raises Odd. `link` is its `Link` header, `depth` a record's limit."""
    if too_deep(body, depth + ENVELOPE_DEPTH):
        raise Odd("the answer nests too deeply")
    try:
        items = msgspec.json.decode(_at(body, poller.items), type=list[msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Odd(f"no list of items at {poller.items or 'the top'}") from None
    if len(items) > MAX_ITEMS:
        raise Odd(f"more than {MAX_ITEMS:,} items in one answer")
    return Page([bytes(item) for item in items], _after(poller, body, link))


def _at(body: bytes, path: str) -> bytes | msgspec.Raw:
    """The JSON text at a dotted path; a name with dots in it (`@odata.nextLink`) is tried first."""
    if not path:
        return body
    found = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    if path in found:
        return found[path]
    name, _, rest = path.partition(".")
    if not rest or name not in found:
        raise msgspec.DecodeError(path)
    return _at(bytes(found[name]), rest)


def _after(poller: Poller, body: bytes, link: str) -> str:
    match poller.paging.kind:
        case "link":
            return next_link(link)
        case "url" | "token":
            try:
                found = msgspec.json.decode(_at(body, poller.paging.field))
            except (msgspec.DecodeError, UnicodeDecodeError):
                return ""
            if found is not None and not isinstance(found, str):
                raise Odd(f"{poller.paging.field} is no text")
            return found or ""
        case _:
            return ""


def next_link(header: str) -> str:
    """The target of `rel="next"` in a `Link` header (RFC 8288); empty without one."""
    for match in _LINK.finditer(header[:65_536]):
        if _NEXT.search(match[2]):
            return match[1]
    return ""


def fields_of(item: bytes) -> Mapping[str, Any]:
    """An item's fields; empty when it is no object."""
    try:
        found = orjson.loads(item)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def value_at(fields: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, or at a name with dots in it; None without one."""
    found: Any = fields
    if path in fields:
        return fields[path]
    for name in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(name)
    return found


def digest(poller: Poller, item: bytes, fields: Mapping[str, Any]) -> tuple[str, bool]:
    """What an item is remembered by, and whether it has the identity that was declared."""
    values = [value_at(fields, path) for path in poller.identity]
    known = bool(values) and None not in values
    what = orjson.dumps(values) if known else item
    return blake2b(what, digest_size=8).hexdigest(), known
