r"""Names of users and hosts as telemetry and feeds write them, folded so that they compare.

Two names are the same only when their folded identifiers are. A qualified name (`DOMAIN\user`,
`user@domain`) is never cut down to a bare one: `LAB\anna` is not `CORP\anna`.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import NamedTuple

from tocsin.model.context import MAX_TEXT, Asset, Identifier, Identity

_SID = re.compile(r"s-1-[0-9]+(?:-[0-9]+){1,15}", re.IGNORECASE)
_UUID = re.compile(r"\{?([0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12})\}?", re.IGNORECASE)
_OKTA = re.compile(r"00u[0-9A-Za-z]{17}")
"""Okta's user ids: twenty letters and digits that begin with 00u (Okta API reference, Users)."""
_INSTANCE = re.compile(r"i-(?:[0-9a-f]{8}|[0-9a-f]{17})", re.IGNORECASE)
"""Instance ids of EC2, old and new form (AWS, resource ids)."""
_MAC = re.compile(
    r"(?:[0-9a-f]{2}([:-]))(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|(?:[0-9a-f]{4}\.){2}[0-9a-f]{4}",
    re.IGNORECASE,
)


class Tie(NamedTuple):
    """How well an identifier tells things apart.

    Records that share one of a lower `tier` are joined first; `confidence` orders links.
    """

    tier: int
    confidence: float


IDENTITY_TIES = {
    "sid": Tie(1, 1.0),
    "directory": Tie(1, 1.0),
    "okta": Tie(1, 1.0),
    "upn": Tie(2, 0.95),
    "account": Tie(2, 0.95),
    "mail": Tie(3, 0.85),
    "name": Tie(4, 0.7),
}
ASSET_TIES = {
    "sid": Tie(1, 1.0),
    "directory": Tie(1, 1.0),
    "instance": Tie(1, 1.0),
    "fqdn": Tie(2, 0.95),
    "mac": Tie(3, 0.85),
    "host": Tie(4, 0.7),
}
WEAKER = {"label": 0.6, "ip": 0.6}
"""Identifiers that a name may be looked up by, and that never join records."""

WEAKEST_TIER = 4


def folded(text: str) -> str:
    """A text as it is compared: no space around it, small letters, bounded."""
    return text.strip()[:MAX_TEXT].lower()


def user_identifiers(text: str) -> tuple[Identifier, ...]:
    """What a user's name in telemetry can be, the surest first; nothing for an empty one."""
    name = text.strip()[:MAX_TEXT]
    if not name:
        return ()
    if _SID.fullmatch(name):
        return (Identifier("sid", name.lower()),)
    if found := _UUID.fullmatch(name):
        return (Identifier("directory", found[1].lower()),)
    if _OKTA.fullmatch(name):
        return (Identifier("okta", name),)
    domain, slash, user = name.lower().rpartition("\\")
    if "@" in user:
        return _mail_like(user)
    if slash and domain and user:
        return _in_domain(domain.rstrip("."), user)
    return (Identifier("name", user),) if user else ()


def _mail_like(name: str) -> tuple[Identifier, ...]:
    user, _, domain = name.rpartition("@")
    found = [Identifier("upn", name), Identifier("mail", name)]
    if user and domain:
        found.append(Identifier("account", f"{domain}\\{user}"))
        if "." not in domain:
            found.append(Identifier("label", f"{domain}\\{user}"))
    return tuple(found)


def _in_domain(domain: str, user: str) -> tuple[Identifier, ...]:
    found = [Identifier("account", f"{domain}\\{user}")]
    if "." in domain:
        found.append(Identifier("upn", f"{user}@{domain}"))
    else:
        found.append(Identifier("label", f"{domain}\\{user}"))
    return tuple(found)


def host_identifiers(text: str) -> tuple[Identifier, ...]:
    """What a host's name, address or id in telemetry can be; nothing for an empty one."""
    name = folded(text).removeprefix("\\\\").rstrip(".").removesuffix("$")
    if not name:
        return ()
    if address := address_of(name):
        return (Identifier("ip", address),)
    if _MAC.fullmatch(name):
        return (Identifier("mac", mac_of(name)),)
    if _INSTANCE.fullmatch(name):
        return (Identifier("instance", name),)
    if _SID.fullmatch(name):
        return (Identifier("sid", name),)
    if found := _UUID.fullmatch(name):
        return (Identifier("directory", found[1]),)
    return (Identifier("fqdn" if "." in name else "host", name),)


def address_of(text: str) -> str:
    """An address in its shortest form, IPv4 out of IPv6; empty when it is none."""
    if ":" not in text and not text.replace(".", "").isdigit():
        return ""
    try:
        address = ip_address(text.strip().partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def mac_of(text: str) -> str:
    """A hardware address as twelve digits in pairs; empty when it is none."""
    digits = re.sub(r"[^0-9a-f]", "", text.lower())
    if len(digits) != 12 or not _MAC.fullmatch(text.strip()):  # noqa: PLR2004 - digits of EUI-48
        return ""
    return ":".join(digits[n : n + 2] for n in range(0, 12, 2))


def all_identifiers(body: Asset | Identity) -> tuple[Identifier, ...]:
    """What a record can be found by: its own identifiers and those that follow from them."""
    derived = _derived_host if isinstance(body, Asset) else _derived_user
    return tuple(dict.fromkeys((*body.identifiers, *derived(body.identifiers))))


def derived_host(identifiers: Iterable[Identifier]) -> tuple[Identifier, ...]:
    """The identifiers of a host and the short names that follow from them."""
    given = tuple(identifiers)
    return tuple(dict.fromkeys((*given, *_derived_host(given))))


def _derived_host(identifiers: Iterable[Identifier]) -> Iterator[Identifier]:
    for one in identifiers:
        if one.kind == "fqdn":
            yield Identifier("host", one.value.partition(".")[0])


def _derived_user(identifiers: Iterable[Identifier]) -> Iterator[Identifier]:
    for one in identifiers:
        if one.kind == "account":
            domain, _, user = one.value.rpartition("\\")
            yield Identifier("name", user)
            yield Identifier("label", f"{domain.partition('.')[0]}\\{user}")
        elif one.kind in ("upn", "mail"):
            user, _, domain = one.value.rpartition("@")
            yield Identifier("label", f"{domain.partition('.')[0]}\\{user}")


def domains_of(body: Identity) -> frozenset[str]:
    """The domains of an identity's accounts, as they were written."""
    found = (one.value for one in body.identifiers if one.kind == "account")
    return frozenset(value.rpartition("\\")[0] for value in found)


def strongest(body: Asset | Identity) -> Identifier:
    """The identifier that tells a record apart best; the first in order among equals."""
    ties = ASSET_TIES if isinstance(body, Asset) else IDENTITY_TIES
    return min(body.identifiers, key=lambda one: (ties.get(one.kind, Tie(9, 0.0)).tier, one))
