"""Rows of a table as records: what cannot be read is reported with its line, never dropped."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from tocsin.enrich.context.columns import HEADERS, columns_of
from tocsin.enrich.context.hours import problem_of
from tocsin.enrich.context.names import (
    address_of,
    folded,
    host_identifiers,
    mac_of,
    user_identifiers,
)
from tocsin.enrich.context.values import (
    criticality_of,
    list_of,
    network_of,
    number_of,
    text_of,
    time_of,
    truth_of,
)
from tocsin.model.content import Problem
from tocsin.model.context import (
    AccountKind,
    Asset,
    BusinessService,
    BusinessUnit,
    Identifier,
    Identity,
    Lease,
    Record,
    Role,
    Vulnerability,
    Watched,
    Window,
    Zone,
    cves_in,
)

KINDS = tuple(HEADERS)
"""What a table can be about."""

_KIND_WORDS = {
    AccountKind.PERSON: ("person", "user", "employee", "human", "people"),
    AccountKind.SERVICE: ("service", "service account", "machine", "robot", "application"),
    AccountKind.SHARED: ("shared", "shared account", "generic", "functional"),
}
_WINDOW_KINDS = ("maintenance", "change", "access")
_SCOPES = ("host", "user", "unit", "service", "segment")
_NAMING = ("instance", "fqdn", "host", "sid", "directory", "mac", "ip")
"""By which identifier a feed's machine is known that has no id: names change least."""

_ADDRESS_KINDS = ("address", "network", "ip", "cidr")

_BESIDE: dict[str, Callable[[str], object]] = {
    "criticality": criticality_of,
    "exposed": truth_of,
    "retired": truth_of,
    "enabled": truth_of,
    "privileged": truth_of,
}
"""Fields whose bad values do not cost the row."""

Values = Mapping[str, str]


class Defaults(NamedTuple):
    """What rows that do not say it themselves have: the list of a watchlist, a domain, an owner."""

    list: str = ""
    domain: str = ""
    owner: str = ""
    scanner: str = ""


class Reading(NamedTuple):
    """What was read: records, and what could not be, each with its `file:line`."""

    records: tuple[Record, ...]
    problems: tuple[Problem, ...]

    @property
    def lost(self) -> int:
        """Lines that gave no record."""
        return sum(problem.severity == "error" for problem in self.problems)


def read_rows(
    kind: str,
    where: str,
    headers: tuple[str, ...],
    rows: Iterable[tuple[int, Values | str]],
    mapping: Mapping[str, str] | None = None,
    defaults: Defaults | None = None,
) -> Reading:
    """Records of a table of `kind`; a row is its line and its values, or why it has none.

    Raises ValueError when the headers do not say what the kind needs.
    """
    chosen, wrong = columns_of(kind, headers, mapping or {})
    if wrong:
        raise ValueError(wrong)
    read, given = _READERS[kind], defaults or Defaults()
    found: list[Record] = []
    problems: list[Problem] = []
    for line, values in rows:
        place = f"{where}:{line}"
        if isinstance(values, str):
            problems.append(Problem(place, values, "error"))
            continue
        row = {field: values[header] for field, header in chosen.items()}
        for field, why in tuple(_unclear(row)):
            problems.append(Problem(place, f"{why}; left out", "warning"))
            row[field] = ""
        try:
            found += read(row, place, given)
        except ValueError as error:
            problems.append(Problem(place, str(error), "error"))
    return unique(found, problems)


def _unclear(row: Values) -> Iterator[tuple[str, str]]:
    """Values that cannot be read and without which a row still says much, and why."""
    for field, read in _BESIDE.items():
        try:
            read(row.get(field, ""))
        except ValueError as error:
            yield field, str(error)


def unique(records: Iterable[Record], problems: Iterable[Problem] = ()) -> Reading:
    """One record for each key: the same twice is one, two that differ are a problem."""
    kept: dict[str, Record] = {}
    found = list(problems)
    for record in records:
        first = kept.setdefault(record.key, record)
        same = (first.body, first.since, first.until) == (record.body, record.since, record.until)
        if not same:
            text = f"{record.key} is in {first.where} as well, and says something else there"
            found.append(Problem(record.where, text, "error"))
    return Reading(tuple(kept.values()), tuple(found))


def _asset(row: Values, where: str, _: Defaults) -> Iterator[Record]:
    names = [row.get("name", ""), row.get("fqdn", ""), row.get("instance", ""), row.get("sid", "")]
    given = [one for name in names for one in host_identifiers(name)]
    given += [Identifier("ip", _address(one)) for one in list_of(row.get("ip", ""))]
    given += [Identifier("mac", _mac(one)) for one in list_of(row.get("mac", ""))]
    identifiers = tuple(dict.fromkeys(given))
    if not identifiers:
        raise ValueError("the row names no host: neither a name, an address nor an id")
    best = min(identifiers, key=lambda one: _NAMING.index(one.kind))
    key = row.get("id") or f"{best.kind}:{best.value}"
    body = Asset(
        identifiers,
        name=text_of(row.get("name", "") or row.get("fqdn", "")),
        role=text_of(row.get("role", "")),
        unit=text_of(row.get("unit", "")),
        segment=text_of(row.get("segment", "")),
        owner=text_of(row.get("owner", "")),
        criticality=criticality_of(row.get("criticality", "")),
        exposed=truth_of(row.get("exposed", "")),
        services=list_of(row.get("services", "")),
        scopes=list_of(row.get("scopes", "")),
        os=text_of(row.get("os", "")),
        retired=bool(truth_of(row.get("retired", ""))),
    )
    yield Record(text_of(key), body, where)


def _identity(row: Values, where: str, given: Defaults) -> Iterator[Record]:
    identifiers = tuple(dict.fromkeys(_user_names(row, given)))
    if not identifiers:
        raise ValueError("the row names no user: neither an account, a mail nor an id")
    key = row.get("id") or f"{identifiers[0].kind}:{identifiers[0].value}"
    body = Identity(
        identifiers,
        name=text_of(row.get("name", "")),
        kind=_account_kind(row.get("kind", "")),
        role=text_of(row.get("role", "")),
        unit=text_of(row.get("unit", "")),
        department=text_of(row.get("department", "")),
        manager=text_of(row.get("manager", "")),
        owner=text_of(row.get("owner", "")),
        criticality=criticality_of(row.get("criticality", "")),
        groups=list_of(row.get("groups", "")),
        enabled=truth_of(row.get("enabled", "")),
    )
    since, until = _span(row)
    yield Record(text_of(key), body, where, since, until)


def _user_names(row: Values, given: Defaults) -> Iterator[Identifier]:
    if sid := folded(row.get("sid", "")):
        yield Identifier("sid", sid)
    for kind in ("directory", "okta"):
        if row.get(kind):
            yield Identifier(kind, row[kind].strip() if kind == "okta" else folded(row[kind]))
    for account in list_of(row.get("account", "")):
        yield user_identifiers(account)[0]
    user, domain = folded(row.get("user", "")), folded(row.get("domain", "") or given.domain)
    if user and domain and "\\" not in user and "@" not in user:
        yield Identifier("account", f"{domain}\\{user}")
    elif user:
        yield user_identifiers(user)[0]
    for kind in ("upn", "mail"):
        yield from (Identifier(kind, folded(one)) for one in list_of(row.get(kind, "")))


def _unit(row: Values, where: str, _: Defaults) -> Iterator[Record]:
    name = _needed(row, "name")
    body = BusinessUnit(name, text_of(row.get("owner", "")), text_of(row.get("parent", "")))
    yield Record(folded(name), body, where)


def _role(row: Values, where: str, _: Defaults) -> Iterator[Record]:
    name = _needed(row, "name")
    rank = criticality_of(row.get("criticality", ""))
    privileged = bool(truth_of(row.get("privileged", "")))
    yield Record(folded(name), Role(name, rank, privileged, text_of(row.get("owner", ""))), where)


def _service(row: Values, where: str, _: Defaults) -> Iterator[Record]:
    name = text_of(row.get("name", "") or row.get("id", ""))
    hours, zone = list_of(row.get("hours", "")), text_of(row.get("zone", "")) or "UTC"
    if not name:
        raise ValueError("a service needs a name or an id")
    if wrong := problem_of(hours, zone):
        raise ValueError(wrong)
    minutes = number_of(row.get("minutes", ""))
    body = BusinessService(
        name,
        owner=text_of(row.get("owner", "")),
        unit=text_of(row.get("unit", "")),
        criticality=criticality_of(row.get("criticality", "")),
        hours=hours,
        zone=zone,
        level=text_of(row.get("level", "")),
        minutes=None if minutes is None else int(minutes),
        scopes=list_of(row.get("scopes", "")),
    )
    yield Record(folded(row.get("id", "") or name), body, where)


def _zone(row: Values, where: str, _: Defaults) -> Iterator[Record]:
    name = _needed(row, "name")
    networks = tuple(network_of(one) for one in list_of(_needed(row, "networks")))
    body = Zone(
        name,
        networks,
        text_of(row.get("unit", "")),
        text_of(row.get("owner", "")),
        truth_of(row.get("exposed", "")),
        list_of(row.get("scopes", "")),
    )
    yield Record(folded(name), body, where)


def _watched(row: Values, where: str, given: Defaults) -> Iterator[Record]:
    name = text_of(row.get("list", "") or given.list)
    subject = _needed(row, "subject")
    kind = folded(row.get("kind", ""))
    if not name:
        raise ValueError("the row says no list, and no --list was given")
    if not kind:
        raise ValueError("say the kind of the entry: user, host, address or value")
    if kind in _ADDRESS_KINDS:
        kind, subject = "address", network_of(subject)
        subject = subject.removesuffix("/32").removesuffix("/128")
    owner = text_of(row.get("owner", "") or given.owner)
    body = Watched(name, kind, subject, owner, text_of(row.get("reason", "")))
    since, until = _span(row)
    yield Record(f"{folded(name)}|{kind}|{folded(subject)}", body, where, since, until)


def _vulnerability(row: Values, where: str, given: Defaults) -> Iterator[Record]:
    host = host_identifiers(row.get("host", ""))
    address = (Identifier("ip", _address(row["ip"])),) if row.get("ip") else ()
    identifiers = tuple(dict.fromkeys((*host, *address)))
    cves = cves_in(row.get("cve", ""))
    if not identifiers or not cves:
        raise ValueError("a vulnerability needs a host and a CVE id (CVE-2021-44228)")
    name = identifiers[0].value
    since = time_of(row["since"]) if row.get("since") else None
    last = time_of(row["seen"]) if row.get("seen") else since or 0
    for cve in cves:
        body = Vulnerability(
            identifiers,
            cve,
            text_of(row.get("title", "")),
            text_of(row.get("severity", "")),
            text_of(row.get("scanner", "") or given.scanner),
            text_of(row.get("port", "")),
            last,
        )
        yield Record(f"{name}|{cve}|{body.port}", body, where, since, None, name)


def _window(row: Values, where: str, given: Defaults) -> Iterator[Record]:
    kind = folded(row.get("kind", "")) or "maintenance"
    if kind not in _WINDOW_KINDS:
        raise ValueError(f"{kind}: a window is {', '.join(_WINDOW_KINDS)}")
    scope = scope_of(list_of(_needed(row, "scope")))
    since, until = _span(row)
    if since is None or until is None or until <= since:
        raise ValueError("a window begins, and ends later")
    owner = text_of(row.get("owner", "") or given.owner)
    reference = text_of(row.get("id", ""))
    body = Window(kind, scope, text_of(row.get("title", "")), owner, reference)
    yield Record(f"{reference or '+'.join(scope)}|{since}", body, where, since, until)


def scope_of(texts: Iterable[str]) -> tuple[str, ...]:
    """Scopes of a window; a name without a kind is that of a host."""
    found = []
    for text in texts:
        kind, colon, subject = text.partition(":")
        if text.strip().lower() == "all":
            found.append("all")
        elif colon and kind.strip().lower() in _SCOPES and subject.strip():
            found.append(f"{kind.strip().lower()}:{subject.strip()}")
        else:
            found.append(f"host:{text.strip()}")
    return tuple(dict.fromkeys(found))


def _lease(row: Values, where: str, _: Defaults) -> Iterator[Record]:
    address = _address(_needed(row, "ip"))
    since, until = _span(row)
    if since is None or until is None or until <= since:
        raise ValueError("a lease begins, and ends later")
    mac = _mac(row["mac"]) if row.get("mac") else ""
    body = Lease(address, folded(row.get("host", "")), mac)
    yield Record(f"{address}|{mac or body.host}|{since}", body, where, since, until)


def _span(row: Values) -> tuple[int | None, int | None]:
    since = time_of(row["since"]) if row.get("since") else None
    until = time_of(row["until"], end=True) if row.get("until") else None
    return since, until


def _needed(row: Values, field: str) -> str:
    value = text_of(row.get(field, ""))
    if not value:
        raise ValueError(f"{field} is empty")
    return value


def _address(text: str) -> str:
    address = address_of(text)
    if not address:
        raise ValueError(f"{text} is no address")
    return address


def _mac(text: str) -> str:
    found = mac_of(text)
    if not found:
        raise ValueError(f"{text} is no hardware address")
    return found


def _account_kind(text: str) -> AccountKind:
    word = folded(text)
    for kind, words in _KIND_WORDS.items():
        if word in words:
            return kind
    return AccountKind.UNKNOWN


_READERS: dict[str, Callable[[Values, str, Defaults], Iterator[Record]]] = {
    "assets": _asset,
    "identities": _identity,
    "units": _unit,
    "roles": _role,
    "services": _service,
    "zones": _zone,
    "watchlist": _watched,
    "vulnerabilities": _vulnerability,
    "windows": _window,
    "leases": _lease,
}
