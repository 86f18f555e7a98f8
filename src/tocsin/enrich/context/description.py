"""What a site knew about the entities of a finding, as notes that the finding carries."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from tocsin.enrich.context.hours import within
from tocsin.enrich.context.index import ContextIndex, Open
from tocsin.model.context import (
    NOWHERE,
    AccountKind,
    Ambiguous,
    Asset,
    ContextNote,
    Criticality,
    Fact,
    Identity,
    Place,
    Resolved,
    Window,
    merged_notes,
)
from tocsin.model.findings import Entity

EXPLOITING = frozenset({"T1068", "T1189", "T1190", "T1203", "T1210", "T1211", "T1212"})
"""Techniques of ATT&CK that exploit a vulnerability."""

MAX_ENTITIES = 100
"""Entities of a finding that are looked up."""

MAX_EXPLOITED = 5
"""Vulnerabilities noted for a technique alone."""

_BUILTIN = "builtin:"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def placed(entities: Iterable[Entity], at: int, index: ContextIndex) -> Place:
    """Unit and segment of a finding: those of its first host, user and own address."""
    host = user = address = ""
    for entity in entities:
        if entity.role not in ("subject", "target") or entity.key.startswith(_BUILTIN):
            continue
        if entity.kind == "host" and not host:
            host = entity.name
        elif entity.kind == "user" and not user:
            user = entity.name
        elif entity.kind == "address" and not address:
            address = entity.name
    return index.place(host, user, address, at) if host or user or address else NOWHERE


def describe(
    entities: Iterable[Entity],
    at: int,
    index: ContextIndex,
    *,
    cves: Iterable[str] = (),
    techniques: Iterable[str] = (),
) -> tuple[ContextNote, ...]:
    """What the site knew at `at` (us UTC), the most telling first, without repeats, bounded.

    `cves` are those that the rule's tags or the alert name: a host that a scan showed to have one
    carries it, with EPSS and KEV as they stood then. `techniques` that exploit something bring what
    the host has that is known to be exploited.
    """
    named = frozenset(cves)
    exploiting = any(one.partition(".")[0] in EXPLOITING for one in techniques)
    wanted = [
        one
        for one in entities
        if one.kind in ("host", "user", "address") and not one.key.startswith(_BUILTIN)
    ]
    notes: list[ContextNote] = []
    for entity in wanted[:MAX_ENTITIES]:
        notes += _notes(entity, at, index, named, exploiting=exploiting)
    return merged_notes(notes)


def _notes(
    entity: Entity, at: int, index: ContextIndex, cves: frozenset[str], *, exploiting: bool
) -> Iterator[ContextNote]:
    about = f"{entity.kind}:{entity.key}"
    if entity.kind == "user":
        found = index.identity(entity.name, at)
    else:
        found = index.asset(entity.name, at)
    if isinstance(found, Ambiguous):
        names = ", ".join(found.candidates)
        text = f"{entity.name} fits several: {names}"
        yield ContextNote("ambiguous", about, names, text, 0.0)
    if isinstance(found, Resolved):
        yield from _of_resolved(found, about, at, index)
    yield from _watched(entity, about, at, index)
    yield from _in_windows(entity, about, at, index)
    if entity.kind == "host":
        for one in index.vulnerabilities(entity.name, at):
            if one.cve in cves:
                yield _vulnerability(one, about, entity.name, "cve")
        if exploiting:
            known = [one for one in index.vulnerabilities(entity.name, at) if one.exploited]
            for one in known[:MAX_EXPLOITED]:
                if one.cve not in cves:
                    yield _vulnerability(one, about, entity.name, "technique")


def _of_resolved(
    found: Resolved, about: str, at: int, index: ContextIndex
) -> Iterator[ContextNote]:
    body = found.body
    sure = found.confidence
    role = index.role(body.role, at) if body.role else None
    criticality = max(
        (body.criticality, role.criticality if role else Criticality.UNKNOWN),
        key=lambda one: one.rank,
    )
    if criticality.rank:
        text = f"{body.name or found.entity} is of {criticality.value} criticality"
        yield ContextNote("criticality", about, criticality.value, text, sure)
    if body.role:
        more = " (privileged)" if role and role.privileged else ""
        yield ContextNote("role", about, body.role, f"role {body.role}{more}", sure)
    if found.former is not None:
        text = f"no longer known since {_day(found.former)}"
        yield ContextNote("state", about, "left", text, sure)
    if isinstance(body, Asset):
        yield from _of_asset(body, about, at, index, sure)
    else:
        yield from _of_identity(body, about, sure)


def _of_asset(
    body: Asset, about: str, at: int, index: ContextIndex, sure: float
) -> Iterator[ContextNote]:
    if body.retired:
        yield ContextNote("state", about, "retired", "taken out of service", sure)
    addresses = [one.value for one in body.identifiers if one.kind == "ip"]
    zones = [zone for address in addresses if (zone := index.segment(address, at)) is not None]
    open_zone = next((one.zone.name for one in zones if one.zone.exposed), "")
    if body.exposed or (body.exposed is None and open_zone):
        why = f" (zone {open_zone})" if open_zone else ""
        yield ContextNote("exposure", about, "internet", f"reachable from the internet{why}", sure)
    services = [(one, index.service(one, at)) for one in body.services]
    scopes = {*body.scopes, *(scope for one in zones for scope in one.zone.scopes)}
    for key, service in services:
        if service is None:
            yield ContextNote("service", about, key, f"needed by {key}", sure)
            continue
        scopes.update(service.scopes)
        open_now = within(service.hours, service.zone, at)
        words = [
            "in its operating hours" if open_now else "outside its operating hours",
            service.criticality.value and f"{service.criticality.value} criticality",
            service.level and f"service level {service.level}",
            f"at most {service.minutes} min down" if service.minutes is not None else "",
        ]
        text = f"needed by {service.name}: {', '.join(word for word in words if word)}"
        yield ContextNote("service", about, key, text, sure)
    for scope in sorted(scopes):
        yield ContextNote("scope", about, scope, f"in the scope of {scope}", sure)


def _of_identity(body: Identity, about: str, sure: float) -> Iterator[ContextNote]:
    if body.enabled is False:
        yield ContextNote("state", about, "disabled", "the account is disabled", sure)
    if body.kind in (AccountKind.SHARED, AccountKind.SERVICE):
        owner = f", owned by {body.owner}" if body.owner else ""
        text = f"a {body.kind.value} account, no person{owner}"
        yield ContextNote("state", about, body.kind.value, text, sure)


def _watched(entity: Entity, about: str, at: int, index: ContextIndex) -> Iterator[ContextNote]:
    for entry in index.watchlists(entity.kind, entity.name, at):
        reason = f": {entry.reason}" if entry.reason else ""
        owner = f" (of {entry.owner})" if entry.owner else ""
        yield ContextNote("watchlist", about, entry.list, f"on {entry.list}{owner}{reason}")


def _in_windows(entity: Entity, about: str, at: int, index: ContextIndex) -> Iterator[ContextNote]:
    asked = {entity.kind: entity.name}
    for fact in index.windows(
        host=asked.get("host", ""),
        user=asked.get("user", ""),
        address=asked.get("address", ""),
        at=at,
    ):
        if isinstance(fact.body, Window):
            value = fact.body.reference or fact.key
            yield ContextNote("window", about, value, _window(fact, fact.body))


def _window(fact: Fact, window: Window) -> str:
    named = " ".join(word for word in (window.reference, window.title) if word)
    owner = f", {window.owner}" if window.owner else ""
    until = f" until {_minute(fact.until)}"
    return f"{window.kind} {named or fact.key}{owner}{until}"


def _vulnerability(one: Open, about: str, host: str, matched: str) -> ContextNote:
    words = [f"{host} has {one.cve}"]
    if one.seen.title:
        words.append(one.seen.title)
    if one.exploited is not None:
        words.append(f"known to be exploited since {_day(one.exploited)}")
    if one.ransomware:
        words.append("used by ransomware")
    if one.score is not None:
        words.append(f"EPSS {one.score:.2f}")
    if one.seen.scanner:
        words.append(f"seen by {one.seen.scanner}, last {_day(one.seen.last_seen)}")
    return ContextNote(
        "vulnerability",
        about,
        one.cve,
        "; ".join(words),
        matched=matched,
        epss=one.score,
        exploited=one.exploited is not None,
    )


def _day(at: int) -> str:
    return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%d")


def _minute(at: int) -> str:
    try:
        return (_EPOCH + timedelta(microseconds=at)).strftime("%Y-%m-%d %H:%M UTC")
    except OverflowError:
        return "further notice"


def placeholder_lists(index: ContextIndex, at: int) -> dict[str, tuple[str, ...]]:
    """Each watchlist as the values of a placeholder of its name: `%crown_jewels%` in a rule.

    Names are folded and every other character than letters and digits is an underscore.
    """
    names = {
        fact.body.list
        for fact in index.shelf.of_kind("watched")
        if fact.holds(at) and hasattr(fact.body, "list")
    }
    return {_placeholder(name): index.entries(name, at) for name in sorted(names)}


def _placeholder(name: str) -> str:
    return "".join(char if char.isalnum() else "_" for char in name.strip().lower())
