"""Entries of an LDAP directory (Active Directory, Samba, OpenLDAP) as identities and assets.

Attributes are those of MS-ADTS and of RFC 4519, 2798 and 4530. A security identifier is read as
[MS-DTYP] 2.4.2.2 has it, a GUID as 2.3.4.2.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from tocsin.enrich.context.names import folded, host_identifiers
from tocsin.enrich.context.rows import Reading, unique
from tocsin.enrich.context.values import microseconds, text_of
from tocsin.model.content import Problem
from tocsin.model.context import (
    MAX_VALUES,
    AccountKind,
    Asset,
    Identifier,
    Identity,
    Record,
)

ATTRIBUTES = (
    "objectClass", "objectSid", "objectGUID", "entryUUID", "sAMAccountName", "userPrincipalName",
    "uid", "cn", "displayName", "mail", "company", "department", "departmentNumber", "ou", "title",
    "employeeType", "manager", "managedBy", "memberOf", "userAccountControl", "accountExpires",
    "pwdAccountLockedTime", "whenCreated", "createTimestamp", "dNSHostName", "operatingSystem",
    "member", "uniqueMember", "memberUid",
)  # fmt: skip
"""What is asked of a directory; nothing secret is among it."""

DISABLED = 0x2
"""Bit ACCOUNTDISABLE of userAccountControl (MS-ADTS 2.2.16)."""

LOCKED_FOR_GOOD = "000001010000Z"
"""pwdAccountLockedTime of an account that an administrator locked (OpenLDAP, slapo-ppolicy)."""

_SERVICE_CLASSES = frozenset(
    {
        "msds-groupmanagedserviceaccount",
        "msds-managedserviceaccount",
        "msds-delegatedmanagedserviceaccount",
    }
)
_PEOPLE = frozenset({"user", "inetorgperson", "person", "posixaccount", "account"})
_MACHINES = frozenset({"computer", "device", "iphost"})
_FILETIME_EPOCH = 11_644_473_600_000_000
"""Microseconds from 1601 to 1970: where the times of Active Directory begin."""

_NEVER = (0, 0x7FFFFFFFFFFFFFFF)
_SID_HEAD = 8

Entry = Mapping[str, Sequence[bytes]]
"""Attributes of one entry in small letters, with `dn` among them."""


_Groups = dict[str, list[str]]


class Domain(NamedTuple):
    """The domain of a directory: NetBIOS name and DNS name, empty where it has none."""

    netbios: str = ""
    dns: str = ""


def read_entries(where: str, entries: Iterable[Entry], domain: Domain, unit: str) -> Reading:
    """Identities of people's and services' accounts, assets of machines.

    `unit` is the attribute that says the business unit. Groups come as names on their members.
    """
    listed = list(entries)
    groups = _groups(listed)
    records: list[Record] = []
    problems: list[Problem] = []
    for entry in listed:
        classes = {one.lower() for one in _all(entry, "objectclass")}
        place = f"{where} {_one(entry, 'dn')[:200]}"
        try:
            if classes & _MACHINES:
                records.append(_asset(entry, place, unit))
            elif classes & (_PEOPLE | _SERVICE_CLASSES):
                records.append(_identity(entry, classes, place, domain, unit, groups))
        except ValueError as error:
            problems.append(Problem(place, str(error), "error"))
    return unique(records, problems)


def _identity(
    entry: Entry, classes: set[str], where: str, domain: Domain, unit: str, groups: _Groups
) -> Record:
    identifiers = tuple(dict.fromkeys(_user_names(entry, domain)))
    if not identifiers:
        raise ValueError("an account without a name")
    dn = folded(_one(entry, "dn"))
    member_of = [_rdn(one) for one in _all(entry, "memberof")]
    member_of += groups.get(dn, []) + groups.get(f"uid={folded(_one(entry, 'uid'))}", [])
    body = Identity(
        identifiers,
        name=text_of(_one(entry, "displayname") or _one(entry, "cn")),
        kind=AccountKind.SERVICE if classes & _SERVICE_CLASSES else AccountKind.UNKNOWN,
        role=text_of(_one(entry, "title") or _one(entry, "employeetype")),
        unit=text_of(_one(entry, unit.lower())),
        department=text_of(_one(entry, "department") or _one(entry, "departmentnumber")),
        manager=text_of(_rdn(_one(entry, "manager"))),
        groups=tuple(sorted({text_of(one) for one in member_of if one}))[:MAX_VALUES],
        enabled=_enabled(entry),
    )
    return Record(_key(entry), body, where, _created(entry), _expires(entry))


def _user_names(entry: Entry, domain: Domain) -> Iterable[Identifier]:
    yield from _ids(entry)
    name = folded(_one(entry, "samaccountname") or _one(entry, "uid"))
    if name and domain.netbios:
        yield Identifier("account", f"{folded(domain.netbios)}\\{name}")
    elif name:
        yield Identifier("name", name)
    if name and domain.dns:
        yield Identifier("upn", f"{name}@{folded(domain.dns)}")
    for attribute, kind in (("userprincipalname", "upn"), ("mail", "mail")):
        yield from (Identifier(kind, folded(one)) for one in _all(entry, attribute) if one.strip())


def _asset(entry: Entry, where: str, unit: str) -> Record:
    name = _one(entry, "samaccountname").removesuffix("$") or _one(entry, "cn")
    found = [*_ids(entry), *host_identifiers(_one(entry, "dnshostname")), *host_identifiers(name)]
    identifiers = tuple(dict.fromkeys(found))
    if not identifiers:
        raise ValueError("a machine without a name")
    body = Asset(
        identifiers,
        name=text_of(name),
        unit=text_of(_one(entry, unit.lower())),
        owner=text_of(_rdn(_one(entry, "managedby"))),
        os=text_of(_one(entry, "operatingsystem")),
        retired=_enabled(entry) is False,
    )
    return Record(_key(entry), body, where, _created(entry), None)


def _ids(entry: Entry) -> Iterable[Identifier]:
    for value in entry.get("objectsid", ())[:1]:
        yield Identifier("sid", sid_of(value))
    for value in entry.get("objectguid", ())[:1]:
        yield Identifier("directory", guid_of(value))
    if uuid := folded(_one(entry, "entryuuid")):
        yield Identifier("directory", uuid)


def sid_of(value: bytes) -> str:
    """`s-1-5-21-...` of the bytes of an objectSid; ValueError when they are none."""
    if value[:2].lower() == b"s-":
        return value.decode("ascii", "replace").lower()
    if len(value) < _SID_HEAD or len(value) != _SID_HEAD + 4 * value[1]:
        raise ValueError("objectSid is no security identifier")
    parts = (value[n : n + 4] for n in range(_SID_HEAD, len(value), 4))
    numbers = "".join(f"-{int.from_bytes(part, 'little')}" for part in parts)
    return f"s-{value[0]}-{int.from_bytes(value[2:8], 'big')}{numbers}"


def guid_of(value: bytes) -> str:
    """The usual text of the bytes of an objectGUID; ValueError when they are none."""
    if len(value) != 16:  # noqa: PLR2004 - bytes of a GUID
        raise ValueError("objectGUID is no GUID")
    groups = (value[3::-1], value[5:3:-1], value[7:5:-1], value[8:10], value[10:])
    return "-".join(group.hex() for group in groups)


def _groups(entries: Iterable[Entry]) -> _Groups:
    """Names of groups by folded DN (or `uid=`) of members: not every directory has memberOf."""
    found: _Groups = {}
    for entry in entries:
        members = [*_all(entry, "member"), *_all(entry, "uniquemember")]
        members += [f"uid={one}" for one in _all(entry, "memberuid")]
        name = _one(entry, "cn")
        for member in members:
            found.setdefault(folded(member), []).append(name)
    return found


def _enabled(entry: Entry) -> bool | None:
    control = _one(entry, "useraccountcontrol")
    if control.lstrip("-").isdigit():
        return not int(control) & DISABLED
    if _one(entry, "pwdaccountlockedtime") == LOCKED_FOR_GOOD:
        return False
    return None


def _expires(entry: Entry) -> int | None:
    text = _one(entry, "accountexpires")
    if not text.isdigit() or int(text) in _NEVER:
        return None
    return max(0, int(text) // 10 - _FILETIME_EPOCH)


def _created(entry: Entry) -> int | None:
    """A generalized time such as 20260302080000.0Z; None where there is none."""
    found = re.match(r"([0-9]{14})", _one(entry, "whencreated") or _one(entry, "createtimestamp"))
    if found is None:
        return None
    try:
        return microseconds(datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC))
    except ValueError:
        return None


def _key(entry: Entry) -> str:
    ids = list(_ids(entry))
    best = next((one.value for one in ids if one.kind == "directory"), "")
    return best or (ids[0].value if ids else folded(_one(entry, "dn")))


def _rdn(dn: str) -> str:
    """The first value of a DN: `Anna Falk` of `CN=Anna Falk,OU=Staff,DC=corp`."""
    first = re.match(r"[^=,]+=((?:[^,\\]|\\.)*)", dn)
    return re.sub(r"\\(.)", r"\1", first[1]) if first else dn


def _one(entry: Entry, name: str) -> str:
    return next(iter(_all(entry, name)), "")


def _all(entry: Entry, name: str) -> list[str]:
    return [value.decode("utf-8", "replace") for value in entry.get(name, ())[:MAX_VALUES]]
