"""`pollers/NAME.yaml`: how one REST interface is asked for records.

A declaration is data: templates put values in, and can do nothing else.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Literal
from urllib.parse import quote, urlsplit

import msgspec
from msgspec import Meta

from tocsin.collect.addresses import is_local
from tocsin.errors import ContentError
from tocsin.formats.located_yaml import LocatedDocument, load_located
from tocsin.model.content import ContentFile, Problem

FOLDER = "pollers/"
Id = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_]{0,62}$")]
_HOLE = re.compile(r"\{([a-z_]+)\}")
_GIVEN = frozenset({"since", "until"})
"""What every template may have beside the declaration's own parameters."""
_VALUE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class Auth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the site proves itself: a header with its token, or OAuth 2.0 client credentials."""

    scheme: Literal["header", "client_credentials"] = "header"
    header: Annotated[str, Meta(pattern="^[A-Za-z0-9-]{1,64}$")] = "Authorization"
    prefix: str = "Bearer "
    token_url: str = ""
    scope: str = ""


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is sent. Values may have `{since}`, `{until}` and `{PARAMETER}`."""

    path: Annotated[str, Meta(pattern="^/")]
    query: dict[str, str] = {}
    headers: dict[str, str] = {}


class Paging(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where the next page is.

    `link`: the header `Link` with `rel="next"` (RFC 8288). `url`: a whole URL in the answer, at
    `field`. `token`: a token at `field` that goes into the query as `parameter`.
    """

    kind: Literal["none", "link", "url", "token"] = "none"
    field: str = ""
    parameter: str = ""


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far one has come: the latest time at `field` of an item.

    Each round asks `overlap` seconds further back, for what appeared late. With `follow` the last
    link to a next page is kept and asked again in the next round, where servers promise that.
    """

    field: str
    format: Literal["iso", "epoch", "epoch_ms"] = "iso"
    overlap: Annotated[int, Meta(ge=0, le=86_400)] = 60
    follow: bool = False


class Poller(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One declaration. `every` is seconds, `items` and the fields are dotted paths."""

    id: Id
    title: str
    request: Request
    cursor: Cursor
    source: str | None = None
    url: str = ""
    auth: Auth = Auth()
    paging: Paging = Paging()
    items: str = ""
    identity: tuple[str, ...] = ()
    parameters: tuple[Id, ...] = ()
    every: Annotated[int, Meta(ge=1, le=86_400)] = 60
    per_minute: Annotated[int, Meta(ge=1, le=6_000)] = 60


def parse_poller(file: ContentFile) -> Poller:
    """One file; raises ContentError with its place."""
    document = load_located(file.data, file.where)
    try:
        poller = msgspec.convert(document.value, Poller)
    except msgspec.ValidationError as error:
        raise ContentError(document.at(_path(str(error))), str(error)) from None
    _prove(poller, document, file)
    return poller


def _path(text: str) -> tuple[str | int, ...]:
    """The place that an error of msgspec names, as keys."""
    _, _, place = text.partition(" - at `$.")
    return tuple(place.rstrip("`").split(".")) if place else ()


def _prove(poller: Poller, document: LocatedDocument, file: ContentFile) -> None:
    """What types do not say."""
    name = file.path.rpartition("/")[2].rpartition(".")[0]
    if poller.id != name:
        raise document.error(("id",), f"the file is called {name}, the poller {poller.id}")
    request, paging = poller.request, poller.paging
    for where, text in [("path", request.path), *request.query.items()]:
        if unknown := set(_HOLE.findall(text)) - _GIVEN - set(poller.parameters):
            raise document.error(("request",), f"{where}: nothing is called {min(unknown)}")
    if paging.kind in ("url", "token") and not paging.field:
        raise document.error(("paging",), f"{paging.kind} needs `field`")
    if paging.kind == "token" and not paging.parameter:
        raise document.error(("paging",), "token needs `parameter`")
    if poller.cursor.follow and paging.kind not in ("link", "url"):
        raise document.error(("cursor",), "follow needs paging by link or url")
    if poller.auth.scheme == "client_credentials" and not poller.auth.token_url:
        raise document.error(("auth",), "client_credentials needs `token_url`")
    for key, url in (("url", poller.url), ("auth", poller.auth.token_url)):
        if url and (why := why_not(url)):
            raise document.error((key,), why)


def pollers_of(files: Iterable[ContentFile]) -> dict[str, Poller]:
    """All declarations by id; raises ContentError for the first that is wrong."""
    found = [parse_poller(file) for file in files if _is_one(file)]
    return {poller.id: poller for poller in found}


def check_pollers(files: Iterable[ContentFile]) -> list[Problem]:
    """What is wrong with the declarations."""
    problems = []
    for file in files:
        if not _is_one(file):
            continue
        try:
            parse_poller(file)
        except ContentError as error:
            problems.append(Problem(error.where, error.message))
    return problems


def _is_one(file: ContentFile) -> bool:
    return file.path.startswith(FOLDER) and file.path.endswith((".yaml", ".yml"))


def fill(text: str, values: Mapping[str, str], *, quoted: bool = False) -> str:
    """A template with its values in; `quoted` as a part of a path."""
    return _HOLE.sub(
        lambda hole: quote(values[hole[1]], safe="") if quoted else values[hole[1]], text
    )


def is_value(text: str) -> bool:
    """Whether a parameter may have this value: nothing that means something in a URL."""
    return _VALUE.fullmatch(text) is not None


def why_not(url: str) -> str:
    """Why a URL must not be asked; empty when it may: HTTPS, or plain HTTP on this machine."""
    parts = urlsplit(url)
    if parts.username or parts.password or parts.fragment:
        return f"{parts.hostname}: no credentials and no fragment belong into a URL"
    if parts.scheme not in ("https", "http") or not parts.hostname:
        return "a URL begins with https:// and a host"
    if parts.scheme == "http" and not is_local(parts.hostname):
        return f"{parts.hostname}: a token would be readable on the way; use https"
    return ""
