"""An LDAP client that reads: people, machines and groups of a directory, page by page.

Simple bind over TLS, simple paged results (RFC 2696), no referrals. Nothing is ever written.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tocsin.collect.secrets import secret_bytes
from tocsin.errors import InputError, SettingsError
from tocsin.settings import Directory

PAGE = 500
"""Entries of one answer; Active Directory gives at most 1,000."""

LOCAL = ("127.0.0.1", "localhost", "[::1]", "::1")
FILTER = (
    "(|(objectClass=person)(objectClass=posixAccount)(objectClass=account)"
    "(objectClass=computer)(objectClass=device)(objectClass=msDS-GroupManagedServiceAccount)"
    "(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))"
)
MAX_VALUE = 64 * 1024
"""Bytes of one value; a longer one is left out."""

Entry = Mapping[str, Sequence[bytes]]


class Answered(NamedTuple):
    """What a directory said: entries (attributes in small letters, `dn` among them), its domain."""

    entries: tuple[Entry, ...]
    netbios: str
    dns: str


def read_directory(one: Directory, attributes: Sequence[str], folder: Path) -> Answered:
    """Everything below the base, whole or not at all.

    `folder` is where relative files of the settings lie. Raises SettingsError when the settings
    cannot work, InputError when the directory refuses, fails, or holds more than is allowed.
    """
    from ldap3.core.exceptions import (  # type: ignore[import-untyped]  # noqa: PLC0415  # ships none
        LDAPException,
    )

    try:
        connection = _connect(one, folder)
        try:
            entries = tuple(_entries(connection, one, attributes))
            netbios, dns = _domain(connection, one)
        finally:
            connection.unbind()
    except LDAPException as error:
        text = " ".join(str(error).split())[:300]
        raise InputError("directory", f"{one.url}: {text or type(error).__name__}") from error
    return Answered(entries, one.domain or netbios, dns)


def _connect(one: Directory, folder: Path) -> Any:
    import ssl  # noqa: PLC0415  # only here

    import ldap3  # type: ignore[import-untyped]  # noqa: PLC0415  # ships none, and slow to load

    host = one.url.partition("://")[2].rpartition(":")[0] or one.url.partition("://")[2]
    if one.tls == "none" and host.strip("/") not in LOCAL:
        raise SettingsError(f"directory {one.name}: without TLS only a server of this machine")
    if one.tls == "ldaps" and not one.url.startswith("ldaps://"):
        raise SettingsError(f"directory {one.name}: its url begins with ldaps://, or set tls")
    ca = str(folder / one.ca) if one.ca else None
    tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=ca)
    server = ldap3.Server(
        one.url, tls=None if one.tls == "none" else tls, connect_timeout=one.seconds,
        get_info=ldap3.DSA,
    )  # fmt: skip
    password = secret_bytes(one.password, folder).decode() if one.password else None
    connection = ldap3.Connection(
        server,
        user=one.user or None,
        password=password,
        auto_referrals=False,
        receive_timeout=one.seconds,
        raise_exceptions=True,
        read_only=True,
    )
    connection.open()
    if one.tls == "starttls":
        connection.start_tls()
    connection.bind()
    return connection


def _entries(connection: Any, one: Directory, attributes: Sequence[str]) -> Iterator[Entry]:
    wanted = list(dict.fromkeys((*attributes, one.unit)))
    found = connection.extend.standard.paged_search(
        one.base, FILTER, attributes=wanted, paged_size=PAGE, generator=True
    )
    count = 0
    for item in found:
        if item.get("type") != "searchResEntry":
            continue
        count += 1
        if count > one.entries:
            raise InputError("directory", f"{one.url}: more than {one.entries:,} entries")
        yield _entry(item)


def _entry(item: Mapping[str, Any]) -> Entry:
    found: dict[str, list[bytes]] = {"dn": [str(item["dn"]).encode()]}
    for name, values in item["raw_attributes"].items():
        found[name.lower()] = [bytes(value) for value in values if len(value) <= MAX_VALUE]
    return found


def _domain(connection: Any, one: Directory) -> tuple[str, str]:
    """NetBIOS and DNS name of the domain that the base lies in, as Active Directory keeps them."""
    info = connection.server.info
    contexts = info.other.get("configurationNamingContext", []) if info else []
    if not contexts:
        return "", ""
    connection.search(
        f"CN=Partitions,{contexts[0]}",
        "(&(objectClass=crossRef)(nETBIOSName=*))",
        attributes=["nETBIOSName", "dnsRoot", "nCName"],
    )
    for item in connection.response or ():
        entry = _entry(item) if item.get("type") == "searchResEntry" else {}
        naming = _text(entry, "ncname").lower()
        if naming and one.base.lower().endswith(naming):
            return _text(entry, "netbiosname"), _text(entry, "dnsroot")
    return "", ""


def _text(entry: Entry, name: str) -> str:
    values = entry.get(name, ())
    return values[0].decode("utf-8", "replace") if values else ""
