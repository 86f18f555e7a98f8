"""What an event is about: the things that findings can share.

The events are sparse OCSF 1.8.0 dictionaries. A key is folded and, where a name means nothing
outside its host (process number, logon id, local account), scoped to the host. Things that every
event shares (SYSTEM, loopback, the service control manager) either carry a key that starts with
`BUILTIN`, so that they can be read but never join anything, or are left out.
"""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from tocsin.model.findings import Entity
from tocsin.model.text import visible

BUILTIN = "builtin:"
"""Prefix of the key of an entity that is shown and never joins."""

UNNAMED = "process"
"""First word of the name of a process whose program is not known."""

_NAME_LENGTH = 120
_KEY_LENGTH = 1_000

_NOBODY = frozenset(
    {
        "system",
        "local service",
        "network service",
        "anonymous logon",
        "localsystem",
        "iusr",
        "everyone",
        "-",
    }
)
_NOBODY_PREFIXES = ("dwm-", "umfd-", "font driver host")
_NOBODY_DOMAINS = frozenset({"nt authority", "nt service", "window manager", "font driver host"})
_NOBODY_SIDS = frozenset({"s-1-0-0", "s-1-1-0", "s-1-5-7", "s-1-5-18", "s-1-5-19", "s-1-5-20"})
_NOBODY_SID_PREFIXES = ("s-1-5-80-", "s-1-5-90-", "s-1-5-96-")
"""Well-known security identifiers as published by Microsoft: null, everyone, anonymous, local
system, local and network service; service, window manager and font driver accounts by prefix."""

_SHARED_SESSIONS = frozenset({0, 0x3E3, 0x3E4, 0x3E5, 0x3E7})
"""Logon ids that every host has: none, IUSR, network service, local service, system."""

_HUB_IMAGES = frozenset(
    {
        "system",
        "system idle process",
        "registry",
        "smss.exe",
        "csrss.exe",
        "wininit.exe",
        "winlogon.exe",
        "services.exe",
        "lsass.exe",
        "lsm.exe",
        "svchost.exe",
        "explorer.exe",
        "userinit.exe",
        "taskeng.exe",
        "taskhost.exe",
        "taskhostw.exe",
        "sihost.exe",
        "runtimebroker.exe",
        "dwm.exe",
        "fontdrvhost.exe",
        "spoolsv.exe",
        "searchindexer.exe",
    }
)
"""Processes that are the parent or the tool of nearly everything on a Windows host."""

_OWN_END = {1: "dst_endpoint", 2: "src_endpoint"}
"""Which end of a connection is the host itself, by OCSF direction (1 inbound, 2 outbound)."""

_SYSTEM_FOLDERS = ("\\windows\\", "\\program files\\", "\\program files (x86)\\", "/usr/", "/bin/")
_EMPTY = ("", "-", "null", "none", "n/a", "unknown")
_OWN_LENGTH = 16
"""A session's id that is as long and no number (an access key, a token) is its own everywhere."""
_HOST_OBSERVABLE, _IP_OBSERVABLE, _HASH_OBSERVABLE = 1, 2, 8
"""OCSF's types of observables that are a host's name, an address, a hash."""

_OBSERVED = 50
"""Observables of one event that are looked at."""

_SHORTEST_DIGEST = 32
"""Characters of MD5, the shortest digest that identifies a file."""


def entities_of(class_name: str, event: dict[str, Any]) -> tuple[Entity, ...]:
    """The entities of one sparse OCSF event, without repeats, subjects first.

    Absent or oddly typed attributes yield nothing; this never raises on content.
    """
    host = host_key(_text(_at(event, "device"), "hostname") or _text(_at(event, "device"), "name"))
    found: dict[tuple[str, str, str], Entity] = {}
    for entity in _all(class_name, event, host):
        key = visible(entity.key, _KEY_LENGTH)
        safe = Entity(entity.kind, key, visible(entity.name, _NAME_LENGTH), entity.role)
        found.setdefault((safe.kind, safe.key, safe.role), safe)
    return tuple(found.values())


def host_key(name: str) -> str:
    """The short name in lower case; an address stays whole."""
    folded = name.strip().rstrip(".").lower().removeprefix("\\\\")
    if _is_address(folded):
        return folded
    return folded.split(".", 1)[0]


def joins(entity: Entity) -> bool:
    """False for an entity that everything shares."""
    return not entity.key.startswith(BUILTIN)


def _all(class_name: str, event: dict[str, Any], host: str) -> Iterator[Entity]:
    if host:
        device = _at(event, "device")
        yield Entity("host", host, _text(device, "hostname") or _text(device, "name"))
        yield from _address(_text(device, "ip"), "subject")
    yield from _processes(class_name, event, host)
    yield from _users(event, host)
    yield from _sessions(event, host)
    yield from _endpoints(event, host)
    yield from _files(event, host)
    yield from _observed(event, host)


def _observed(event: dict[str, Any], host: str) -> Iterator[Entity]:
    """What a class has no place for: endpoints, other hosts and files of a vendor's finding."""
    observables = event.get("observables")
    for item in observables[:_OBSERVED] if isinstance(observables, list | tuple) else ():
        if not isinstance(item, dict):
            continue
        kind, value = item.get("type_id"), _text(item, "value")
        if kind == _IP_OBSERVABLE:
            away = _text(item, "name").startswith("dst")
            yield from _address(value, "destination" if away else "source")
        elif kind == _HASH_OBSERVABLE and len(value) >= _SHORTEST_DIGEST and value.strip("0"):
            yield Entity("hash", value.lower(), value[:12].lower(), "subject")
        elif kind == _HOST_OBSERVABLE and host_key(value) not in ("", host):
            yield Entity("host", host_key(value), value, "related")


def _processes(class_name: str, event: dict[str, Any], host: str) -> Iterator[Entity]:
    actor = _at(_at(event, "actor"), "process")
    process = _at(event, "process")
    launched = class_name == "process_activity" and event.get("activity_id", 1) in (1, 2)
    acting, acted = ("parent", "subject") if launched else ("subject", "target")
    yield from _process(process, acted, host)
    yield from _process(actor, acting, host)
    yield from _process(_at(process, "parent_process"), "parent", host)
    if not launched:
        yield from _process(_at(actor, "parent_process"), "parent", host)


def _process(process: dict[str, Any], role: str, host: str) -> Iterator[Entity]:
    image = _image(process)
    pid = _number(process.get("pid"))
    guid = _text(process, "uid").strip("{}").lower()
    name = f"{image} ({pid})" if image and pid is not None else image or f"{UNNAMED} {pid or guid}"
    prefix = BUILTIN if image.lower() in _HUB_IMAGES or pid in (0, 4) else ""
    if guid.strip("0-") and guid != image.lower():  # a program's tag is no process
        yield Entity("process", prefix + guid, name, role)
    if pid is not None and host and (image or guid or pid not in (0, 4)):
        yield Entity("process", f"{prefix}{host}#{pid}", name, role)


def _image(process: dict[str, Any]) -> str:
    path = _text(_at(process, "file"), "path") or _text(process, "path")
    name = _text(process, "name") or _text(_at(process, "file"), "name") or path
    return name.replace("/", "\\").rsplit("\\", 1)[-1]


def _users(event: dict[str, Any], host: str) -> Iterator[Entity]:
    actor = _at(_at(event, "actor"), "user")
    target = _at(event, "user")
    yield from _user(actor or _at(_at(_at(event, "actor"), "process"), "user"), "subject", host)
    yield from _user(_at(_at(event, "process"), "user"), "subject", host)
    yield from _user(target, "target" if actor else "subject", host)


def _user(user: dict[str, Any], role: str, host: str) -> Iterator[Entity]:
    name, domain = _text(user, "name"), _text(user, "domain")
    if "\\" in name:
        domain, name = name.split("\\", 1)
    sid = _text(user, "uid").lower()
    if not name and not sid:
        return
    shown = f"{domain}\\{name}" if domain and name else name or sid
    scope = host or _text(_at(user, "account"), "uid").lower()
    yield Entity("user", _user_key(name.lower(), domain.lower(), sid, scope), shown, role)


def _user_key(name: str, domain: str, sid: str, host: str) -> str:
    if _nobody(name, domain, sid):
        return BUILTIN + (name or sid)
    if "@" in name:
        name, _, realm = name.partition("@")
        domain = domain or realm
    if name and domain:
        return f"{domain.split('.', 1)[0]}\\{name}"
    if sid.startswith("s-1-"):
        return sid
    return f"{host}\\{name or sid}"


def _nobody(name: str, domain: str, sid: str) -> bool:
    return (
        name in _NOBODY
        or name.endswith("$")
        or name.startswith(_NOBODY_PREFIXES)
        or domain in _NOBODY_DOMAINS
        or sid in _NOBODY_SIDS
        or sid.startswith(_NOBODY_SID_PREFIXES)
    )


def _sessions(event: dict[str, Any], host: str) -> Iterator[Entity]:
    owners = (
        (_at(event, "actor"), "subject"),
        (_at(_at(event, "actor"), "process"), "subject"),
        (_at(event, "process"), "subject"),
        (event, "target"),
    )
    for owner, role in owners:
        uid = _text(_at(owner, "session"), "uid").lower()
        number = _number(uid)
        if uid and number is None and len(uid) >= _OWN_LENGTH:
            yield Entity("session", uid, uid, role)
        elif uid and host and number not in _SHARED_SESSIONS:
            shown = hex(number) if number is not None else uid
            yield Entity("session", f"{host}|{shown.lower()}", shown, role)


def _endpoints(event: dict[str, Any], host: str) -> Iterator[Entity]:
    own = _OWN_END.get(_number(_at(event, "connection_info").get("direction_id")) or 0)
    for name, role in (("src_endpoint", "source"), ("dst_endpoint", "destination")):
        endpoint = _at(event, name)
        yield from _address(_text(endpoint, "ip"), "subject" if name == own else role)
        remote = host_key(_text(endpoint, "hostname") or _text(endpoint, "name"))
        if remote and remote not in (host, "localhost") and not _is_address(remote):
            yield Entity("host", remote, _text(endpoint, "hostname") or remote, role)


def _address(value: str, role: str) -> Iterator[Entity]:
    try:
        address = ip_address(value.partition("%")[0])
    except ValueError:
        return
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    if address.is_loopback or address.is_link_local or address.is_unspecified:
        return
    if address.is_multicast or str(address) == "255.255.255.255":
        return
    yield Entity("address", str(address), str(address), role)


def _files(event: dict[str, Any], host: str) -> Iterator[Entity]:
    named = (
        (_at(event, "file"), "target"),
        (_at(_at(event, "module"), "file"), "target"),
        (_at(_at(event, "process"), "file"), "subject"),
    )
    for file, role in named:
        path = _text(file, "path")
        if path and role == "target" and host:
            yield Entity("file", f"{host}|{path.lower()}", path, role)
        if not any(folder in path.lower() for folder in _SYSTEM_FOLDERS):
            yield from _hashes(file, path, role)


def _hashes(file: dict[str, Any], path: str, role: str) -> Iterator[Entity]:
    """One hash, the strongest there is: links by a hash of the system's own tools mean nothing."""
    hashes = file.get("hashes")
    if not isinstance(hashes, list):
        return
    values = [_text(item, "value").lower() for item in hashes if isinstance(item, dict)]
    strongest = max((value for value in values if value.strip("0")), key=len, default="")
    if len(strongest) >= _SHORTEST_DIGEST:
        name = path.replace("/", "\\").rsplit("\\", 1)[-1]
        yield Entity("hash", strongest, f"{name} {strongest[:12]}".strip(), role)


def _at(owner: dict[str, Any], name: str) -> dict[str, Any]:
    value = owner.get(name)
    return value if isinstance(value, dict) else {}


def _text(owner: dict[str, Any], name: str) -> str:
    value = owner.get(name)
    text = value.strip() if isinstance(value, str) else ""
    return "" if text.lower() in _EMPTY else text


def _number(value: object) -> int | None:
    if isinstance(value, int):
        return value
    try:
        return int(str(value), 0)
    except ValueError:
        return None


def _is_address(text: str) -> bool:
    if ":" not in text and not text.replace(".", "").isdigit():
        return False
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
