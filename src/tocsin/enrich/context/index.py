"""The context of a site as one immutable value that answers questions about a time."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from ipaddress import ip_address, ip_network
from typing import Any, NamedTuple, Self, TypeVar

import msgspec

from tocsin.enrich.context.keys import HOST, USER, asked_keys, keys_of, named_key
from tocsin.enrich.context.names import (
    WEAKER,
    address_of,
    all_identifiers,
    folded,
    host_identifiers,
    mac_of,
    user_identifiers,
)
from tocsin.enrich.context.resolution import Answer, Resolution
from tocsin.enrich.context.shelf import EMPTY, Shelf
from tocsin.model.context import (
    ALWAYS,
    FOREVER,
    NOWHERE,
    Ambiguous,
    Asset,
    BusinessService,
    BusinessUnit,
    Fact,
    Identifier,
    Identity,
    Lease,
    Place,
    Rating,
    Ratings,
    Resolved,
    Role,
    Vulnerability,
    Watched,
    Window,
    Zone,
)

MAX_ANSWERS = 50_000
"""Answers that are remembered; names come from logs, so there must be an end."""

_TELLING = ("instance", "sid", "directory", "fqdn", "mac", "host", "ip")
"""Identifiers of hosts, those that tell most first."""

Found = Resolved | Ambiguous | None
_Value = TypeVar("_Value")
_Named = TypeVar("_Named", BusinessUnit, Role, BusinessService)


class Open(NamedTuple):
    """A vulnerability that a host had at a time, with what the world said of it then."""

    cve: str
    seen: Vulnerability
    since: int
    score: float | None
    percentile: float | None
    exploited: int | None
    """The day (us UTC) on which KEV listed it, if it had by then."""
    ransomware: bool


class Segment(NamedTuple):
    """The most specific zone of an address."""

    zone: Zone
    network: str


_NOTHING = Shelf(EMPTY).digest


class ContextIndex:
    """What a site knew, by name and time. Keeps the port `model.context.Placing`.

    The same questions always have the same answers; answers are remembered for the times for which
    they hold, within bounds. All times are microseconds UTC.
    """

    def __init__(self, data: Any = EMPTY, windows: Iterable[Fact] = ()) -> None:
        """Read an index (bytes or a map of its file); StorageError when it is none.

        `windows` are those that the stream opened since the index was made.
        """
        self._live: dict[str, list[Fact]] = {}
        for fact in windows:
            for key in keys_of(fact):
                self._live.setdefault(key, []).append(fact)
        self.shelf = Shelf(data)
        self.index_id = self.shelf.digest
        self._answers: dict[Hashable, tuple[int, int, Any]] = {}
        self._networks = _Networks(self.shelf.of_kind("zone"))
        self._watched_networks = [
            fact
            for fact in self.shelf.of_kind("watched")
            if isinstance(fact.body, Watched) and "/" in fact.body.subject
        ]

    @property
    def is_empty(self) -> bool:
        """Whether the site has said nothing."""
        return self.index_id == _NOTHING and not self._live

    @classmethod
    def empty(cls) -> Self:
        """The index of a site that has said nothing."""
        return cls(EMPTY)

    def place(self, host: str, user: str, address: str, at: int) -> Place:
        """The place of an event: the unit of its host, else of its user, else of its segment."""
        return self._remembered(("p", host, user, address), at, self._place)

    def asset(self, name: str, at: int) -> Found:
        """The asset that a host name, address, MAC, SID or instance id meant at a time."""
        return self._remembered(("a", name), at, self._asset)

    def identity(self, name: str, at: int) -> Found:
        """The identity that a user's name, SID, mail or id meant at a time."""
        return self._remembered(("i", name), at, self._identity)

    def segment(self, address: str, at: int) -> Segment | None:
        """The zone with the longest prefix that holds an address."""
        return self._networks.of(address, at)

    def watchlists(self, kind: str, name: str, at: int) -> tuple[Watched, ...]:
        """Entries of watchlists (unexpired) about a user, host, address, or any other value."""
        found = {id(fact): fact for fact in self._watching(kind, name, at)}
        return tuple(
            fact.body for fact in found.values() if isinstance(fact.body, Watched)
        )  # fmt: skip

    def entries(self, name: str, at: int) -> tuple[str, ...]:
        """What a watchlist holds at a time, in order."""
        facts = self._filed(f"wl|{folded(name)}", at, Watched)
        return tuple(
            sorted({body.subject for _, body in facts if folded(body.list) == folded(name)})
        )

    def windows(
        self, *, host: str = "", user: str = "", address: str = "", at: int
    ) -> tuple[Fact, ...]:
        """Windows in force: for the host, user or address, what they belong to, or everything."""
        found = {
            id(fact): fact
            for key in self._window_keys(host, user, address, at)
            for fact, _ in self._filed(key, at, Window)
        }
        for what, name in ((HOST, host or address), (USER, user)):
            found |= {id(fact): fact for fact in self._announced(what, name, at)}
        return tuple(sorted(found.values(), key=lambda fact: (fact.since, fact.feed, fact.key)))

    def vulnerabilities(self, host: str, at: int) -> tuple[Open, ...]:
        """What scans had seen on a host by then and not seen gone; exploited ones first."""
        return self._remembered(("v", host), at, self._vulnerabilities)

    def service(self, name: str, at: int) -> BusinessService | None:
        """A business service by its id."""
        return self._named(BusinessService(name), at)

    def unit(self, name: str, at: int) -> BusinessUnit | None:
        """A business unit by its name."""
        return self._named(BusinessUnit(name), at)

    def role(self, name: str, at: int) -> Role | None:
        """A role by its name."""
        return self._named(Role(name), at)

    def _remembered(
        self, question: tuple[str, ...], at: int, ask: Callable[..., tuple[_Value, int, int]]
    ) -> _Value:
        known = self._answers.get(question)
        if known is not None and known[0] <= at < known[1]:
            value: _Value = known[2]
            return value
        if len(self._answers) >= MAX_ANSWERS:
            self._answers.clear()
        value, since, until = ask(*question[1:], at)
        self._answers[question] = since, until, value
        return value

    def _asset(self, name: str, at: int) -> Answer:
        identifiers = host_identifiers(name)
        if not identifiers:
            return Answer(None, ALWAYS, FOREVER)
        if identifiers[0].kind == "ip":
            return self._by_address(name, identifiers, at)
        return Resolution(self.shelf, HOST, at).answer(name, identifiers)

    def _by_address(self, name: str, identifiers: tuple[Identifier, ...], at: int) -> Answer:
        """Who had an address: as its leases say, else as the records of assets say."""
        key = f"l|{identifiers[0].value}"
        leases, since, until = [], ALWAYS, FOREVER
        for number in self.shelf.under(key):
            for moment in self.shelf.span(number):
                since, until = (max(since, moment), until) if moment <= at else (
                    since, min(until, moment))  # fmt: skip
            fact = self.shelf.fact(number)
            if isinstance(fact.body, Lease) and fact.holds(at):
                leases.append(fact.body)
        holders = {holder for lease in leases if (holder := mac_of(lease.mac) or lease.host)}
        if len(holders) > 1:
            both = Ambiguous(name, identifiers[0], tuple(sorted(holders)))
            return Answer(both, since, until)
        asked = (i for holder in holders for i in host_identifiers(holder))
        chosen = tuple(asked) or identifiers
        answer = Resolution(self.shelf, HOST, at).answer(name, chosen)
        found = answer.found
        if holders and isinstance(found, Resolved):
            found = _by_lease(found, identifiers[0], leases[0])
        return Answer(found, max(since, answer.since), min(until, answer.until))

    def _identity(self, name: str, at: int) -> Answer:
        return Resolution(self.shelf, USER, at).answer(name, user_identifiers(name))

    def _place(self, host: str, user: str, address: str, at: int) -> tuple[Place, int, int]:
        machine, person = self._asset(host, at), self._identity(user, at)
        own = self._asset(address, at) if address and not host else Answer(None, ALWAYS, FOREVER)
        asset, owner = _body(machine.found) or _body(own.found), _body(person.found)
        zone, since, until = self._networks.asked(address or _address(asset), at)
        for answer in (machine, person, own):
            since, until = max(since, answer.since), min(until, answer.until)
        unit = getattr(asset, "unit", "") or getattr(owner, "unit", "")
        segment = zone.zone.name if zone else getattr(asset, "segment", "")
        unit = unit or (zone.zone.unit if zone else "")
        place = Place(unit, segment) if unit or segment else NOWHERE
        return place, since, until

    def _vulnerabilities(self, host: str, at: int) -> tuple[tuple[Open, ...], int, int]:
        answer = self._asset(host, at)
        if isinstance(answer.found, Ambiguous):
            return (), at, at + 1
        body = _body(answer.found)
        names = all_identifiers(body) if body is not None else host_identifiers(host)
        found: dict[str, Open] = {}
        for one in names:
            for fact, seen in self._filed(f"v|{one.kind}|{one.value}", at, Vulnerability):
                if seen.cve not in found and _is_of(seen.identifiers, names):
                    found[seen.cve] = self._rated(fact, seen, at)
        ordered = sorted(
            found.values(), key=lambda one: (one.exploited is None, -(one.score or 0.0), one.cve)
        )
        return tuple(ordered), at, at + 1

    def _rated(self, fact: Fact, seen: Vulnerability, at: int) -> Open:
        ratings = [
            one
            for _, body in self._filed(f"c|{seen.cve}", at, Ratings)
            for one in body.ratings
            if one.cve == seen.cve
        ]
        listed = [one for one in ratings if one.exploited is not None and one.exploited <= at]
        scored = next((one for one in ratings if one.score is not None), Rating(seen.cve))
        return Open(
            seen.cve,
            seen,
            fact.since,
            scored.score,
            scored.percentile,
            min((one.exploited for one in listed if one.exploited is not None), default=None),
            any(one.ransomware for one in listed),
        )

    def _filed(self, key: str, at: int, kind: type[_Value]) -> Iterator[tuple[Fact, _Value]]:
        """Facts of a kind under a key that hold at a time."""
        for fact in self._live.get(key, ()):
            if isinstance(fact.body, kind) and fact.holds(at):
                yield fact, fact.body
        for number in self.shelf.under(key):
            since, until = self.shelf.span(number)
            if since <= at < until:
                fact = self.shelf.fact(number)
                if isinstance(fact.body, kind):
                    yield fact, fact.body

    def _named(self, asked: _Named, at: int) -> _Named | None:
        """The unit, role or service of a name or id."""
        wanted = folded(asked.name)
        for fact, body in self._filed(named_key(asked, asked.name), at, type(asked)):
            if wanted == folded(fact.key):
                return body
        return None

    def _watching(self, kind: str, name: str, at: int) -> Iterator[Fact]:
        what = USER if kind == "user" else HOST
        found = self.identity(name, at) if what == USER else self.asset(name, at)
        names = user_identifiers(name) if what == USER else host_identifiers(name)
        body = _body(found)
        known = (*names, *(all_identifiers(body) if body is not None else ()))
        for key in asked_keys("w", what, dict.fromkeys(known)):
            for fact, entry in self._filed(key, at, Watched):
                if self._same(what, entry.subject, found, names, at):
                    yield fact
        yield from (fact for fact, _ in self._filed(f"w|{kind}|{folded(name)}", at, Watched))
        if address := address_of(name) or _address(body if isinstance(body, Asset) else None):
            yield from (
                fact
                for fact in self._watched_networks
                if fact.holds(at) and isinstance(fact.body, Watched)
                and _within(address, fact.body.subject)
            )  # fmt: skip

    def _same(
        self, what: str, subject: str, found: Found, names: tuple[Identifier, ...], at: int
    ) -> bool:
        """Whether what a list names is what was asked about: not merely a part of its name."""
        given = user_identifiers(subject) if what == USER else host_identifiers(subject)
        sure = [one for one in given if one.kind not in WEAKER or one.kind == "ip"]
        if any(one in names for one in sure):
            return True
        meant = self.identity(subject, at) if what == USER else self.asset(subject, at)
        return (
            isinstance(meant, Resolved)
            and isinstance(found, Resolved)
            and set(meant.records) == set(found.records)
        )

    def _announced(self, what: str, name: str, at: int) -> Iterator[Fact]:
        """Windows whose scope names the host or user itself."""
        found = self.identity(name, at) if what == USER else self.asset(name, at)
        names = user_identifiers(name) if what == USER else host_identifiers(name)
        body = _body(found)
        known = (*names, *(all_identifiers(body) if body is not None else ()))
        for key in asked_keys("x", what, dict.fromkeys(known)):
            for fact, window in self._filed(key, at, Window):
                subjects = (one.partition(":")[2] for one in window.scope)
                if any(self._same(what, one, found, names, at) for one in subjects):
                    yield fact

    def _window_keys(self, host: str, user: str, address: str, at: int) -> Iterator[str]:
        """Keys of windows about everything, or about what a host or user belongs to."""
        yield "x|all|"
        asset = _body(self.asset(host or address, at))
        place = self.place(host, user, address, at)
        services = asset.services if isinstance(asset, Asset) else ()
        yield from (f"x|service|{folded(one)}" for one in services)
        if place.unit:
            yield f"x|unit|{folded(place.unit)}"
        if place.segment:
            yield f"x|segment|{folded(place.segment)}"


def _body(found: Found) -> Asset | Identity | None:
    return found.body if isinstance(found, Resolved) else None


def _address(body: Asset | Identity | None) -> str:
    """The one address of an asset; none where it has several."""
    found = [one.value for one in body.identifiers if one.kind == "ip"] if body else []
    return found[0] if len(found) == 1 else ""


def _by_lease(found: Resolved, by: Identifier, lease: Lease) -> Resolved:
    weaker = min(found.confidence, 0.8)
    records = (*found.records, f"lease:{lease.address}")
    return msgspec.structs.replace(found, by=by, confidence=weaker, records=records)


def _is_of(scanned: Iterable[Identifier], names: Iterable[Identifier]) -> bool:
    """Whether a scanned host is the one of these names: the strongest kind that both have says."""
    for kind in _TELLING:
        theirs = {one.value for one in scanned if one.kind == kind}
        ours = {one.value for one in names if one.kind == kind}
        if kind == "host":
            theirs |= {one.value.partition(".")[0] for one in scanned if one.kind == "fqdn"}
        if theirs and ours:
            return bool(theirs & ours)
    return False


def _within(address: str, network: str) -> bool:
    try:
        return ip_address(address) in ip_network(network, strict=False)
    except ValueError:
        return False


class _Networks:
    """Zones by address: one look for each length of prefix that there is."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self._by_length: dict[tuple[int, int], dict[int, list[Fact]]] = {}
        self._moments: list[int] = []
        for fact in facts:
            if not isinstance(fact.body, Zone):
                continue
            self._moments += (fact.since, fact.until)
            for text in fact.body.networks:
                network = ip_network(text, strict=False)
                by = self._by_length.setdefault((network.version, network.prefixlen), {})
                by.setdefault(int(network.network_address), []).append(fact)
        self._lengths = sorted(self._by_length, reverse=True)
        self._moments = sorted(set(self._moments))

    def asked(self, address: str, at: int) -> tuple[Segment | None, int, int]:
        """The segment, and for which times around it the zones did not change."""
        since = max((one for one in self._moments if one <= at), default=ALWAYS)
        until = min((one for one in self._moments if one > at), default=FOREVER)
        return self.of(address, at), since, until

    def of(self, address: str, at: int) -> Segment | None:
        """The zone with the longest prefix; the first by feed and key among equals."""
        plain = address_of(address)
        if not plain or not self._lengths:
            return None
        one = ip_address(plain)
        for version, length in self._lengths:
            if version != one.version:
                continue
            bits = one.max_prefixlen - length
            for fact in self._by_length[version, length].get(int(one) >> bits << bits, ()):
                if fact.holds(at) and isinstance(fact.body, Zone):
                    return Segment(fact.body, f"{plain}/{length}")
        return None
