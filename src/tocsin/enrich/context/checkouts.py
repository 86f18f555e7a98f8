"""Privileged access that somebody checked out, as the stream tells it: a window for who has it.

Two tellers are known: Entra's Privileged Identity Management (audit log, "Add member to role
completed (PIM activation)") and CyberArk's vault (its messages 295 Retrieve password, 300 PSM
Connect and 308 Use Password). Both are read from OCSF events, whatever source mapped them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tocsin.enrich.context.values import list_of, text_of, time_of
from tocsin.model.context import Record, Window

HOUR = 3_600_000_000
PIM_HOURS = 8
"""How long an activation lasts that does not say it: PIM's own default."""

VAULT_HOURS = 1
"""How long a password from the vault counts as in use, where no check-in is told."""

LONGEST = 31 * 24 * HOUR
_ACTIVATED = re.compile(r"add member to role completed \(pim activation\)", re.IGNORECASE)
_VAULT = re.compile(r"cyber-?ark", re.IGNORECASE)
_TAKEN = re.compile(r"(?:retrieve|use|show|copy) password|psm connect", re.IGNORECASE)
_TAKEN_CODES = frozenset({"295", "300", "308"})
_FAILURE = 2
"""OCSF's status_id of what did not happen."""


class _Checkout(NamedTuple):
    scope: tuple[str, ...]
    title: str
    reference: str
    until: int


def window_of_event(event: Mapping[str, Any], at: int) -> Record | None:
    """The window that a sparse OCSF event of time `at` (us UTC) opens; None for any other event."""
    if event.get("status_id") == _FAILURE:
        return None
    message = _text(event, "message") or _text(_at(event, "metadata"), "event_name")
    product = _at(_at(event, "metadata"), "product")
    vendor = f"{_text(product, 'vendor_name')} {_text(product, 'name')}"
    found = None
    if _ACTIVATED.search(message):
        found = _activation(event, at)
    elif _VAULT.search(vendor):
        code = _text(_at(event, "metadata"), "event_code")
        if code in _TAKEN_CODES or _TAKEN.search(message):
            found = _vault(event, at, message)
    if found is None or not found.scope:
        return None
    owner = _name(_at(_at(event, "actor"), "user"))
    body = Window("access", found.scope, found.title, owner, found.reference)
    until = min(max(found.until, at + 1), at + LONGEST)
    uid = _text(_at(event, "metadata"), "uid") or f"{found.scope[0]}|{at}"
    return Record(uid, body, "stream", at, until)


def _activation(event: Mapping[str, Any], at: int) -> _Checkout:
    """Who was given a role for a time: the account that the event is about, or who asked."""
    details = dict(_details(_at(event, "unmapped")))
    who = _name(_at(event, "user")) or _name(_at(_at(event, "actor"), "user"))
    roles = event.get("privileges")
    role = ", ".join(map(str, roles)) if isinstance(roles, list | tuple) else ""
    until = at + PIM_HOURS * HOUR
    for name in ("expirationtime", "enddatetime"):
        try:
            until = time_of(details[name])
            break
        except (KeyError, ValueError):
            continue
    scope = (f"user:{who}",) if who else ()
    title = text_of(f"{role or 'role'} activated")
    return _Checkout(scope, title, details.get("ticketnumber", ""), until)


def _vault(event: Mapping[str, Any], at: int, message: str) -> _Checkout:
    """Who took a password, the account that it is of, and the machine that it opens."""
    unmapped = {name.lower(): value for name, value in _at(event, "unmapped").items()}
    users = (_at(_at(event, "actor"), "user"), _at(event, "user"))
    found = [f"user:{name}" for user in users if (name := _name(user))]
    host = _text(_at(event, "dst_endpoint"), "hostname") or str(unmapped.get("dhost") or "")
    if host:
        found.append(f"host:{text_of(host)}")
    ticket = next(
        (str(unmapped[n]) for n in ("ticketid", "ticket_id", "cn2") if unmapped.get(n)), ""
    )
    scope = tuple(dict.fromkeys(found))
    return _Checkout(scope, text_of(message), text_of(ticket), at + VAULT_HOURS * HOUR)


def _details(unmapped: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Entra's `additionalDetails`: key and value beside each other."""
    listed = unmapped.get("additionalDetails")
    if isinstance(listed, list | tuple):
        for one in listed[:100]:
            if isinstance(one, Mapping) and isinstance(one.get("value"), str):
                yield str(one.get("key")).lower(), text_of(one["value"])


def _name(user: Mapping[str, Any]) -> str:
    r"""`DOMAIN\name`, a name with a domain in it, or a mail; line ends and lists are no names."""
    name, domain = _text(user, "name"), _text(user, "domain")
    if domain and "\\" not in name and "@" not in name:
        name = f"{domain}\\{name}"
    name = name or _text(user, "email_addr") or _text(user, "uid")
    return next(iter(list_of(name)), "")


def _at(owner: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = owner.get(name)
    return value if isinstance(value, Mapping) else {}


def _text(owner: Mapping[str, Any], name: str) -> str:
    value = owner.get(name)
    return text_of(value) if isinstance(value, str) else ""
