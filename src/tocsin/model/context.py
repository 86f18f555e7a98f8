"""Context: what a site knows about what its telemetry names, as it was on the day of an event.

Everything here is a `Fact`: something a feed said, with the time for which it holds and the time
at which it was learned. All times are microseconds UTC, an end is exclusive.
"""

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol

import msgspec

ALWAYS = 0
"""Valid from the beginning: a feed that was loaded for the first time says nothing of before."""

FOREVER = 1 << 62
"""Valid until something else is learned."""

MAX_TEXT = 1_000
"""Characters of one value of context."""

MAX_VALUES = 1_000
"""Values of one list of a fact: identifiers, services, groups."""


class Place(NamedTuple):
    """Where in the organization an event belongs; empty texts where nobody said."""

    unit: str = ""
    """Business unit."""
    segment: str = ""
    """Network segment or zone."""


NOWHERE = Place()


class Placing(Protocol):
    """Tells the place of an event from what it names."""

    def place(self, host: str, user: str, address: str, at: int) -> Place:
        """The place at time `at` (us UTC) of a host, a user and an address; each may be empty."""


class NoContext:
    """A site that has said nothing about itself."""

    def place(self, host: str, user: str, address: str, at: int) -> Place:  # noqa: ARG002 - the port's
        """Nowhere."""
        return NOWHERE


class Criticality(StrEnum):
    """How much depends on it, rising; empty where nobody said."""

    UNKNOWN = ""
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 where nobody said, up to 4 for critical."""
        return tuple(Criticality).index(self)


class AccountKind(StrEnum):
    """What stands behind an account. Only a `person` is a person; a feed that is silent says so."""

    UNKNOWN = ""
    PERSON = "person"
    SERVICE = "service"
    SHARED = "shared"


class Identifier(msgspec.Struct, frozen=True, order=True, array_like=True):
    r"""One name of an asset or identity.

    Of an identity: `sid`, `directory` (objectGUID, entryUUID or Entra's object id), `okta`, `upn`,
    `account` (`domain\name`), `mail`, `name` (without a domain). Of an asset: `sid`, `directory`,
    `instance` (of a cloud), `fqdn`, `mac`, `host` (the short name), `ip`. `value` is folded.
    """

    kind: str
    value: str


class Asset(msgspec.Struct, frozen=True, omit_defaults=True, tag="asset"):
    """A machine, device or cloud instance."""

    identifiers: tuple[Identifier, ...]
    name: str = ""
    role: str = ""
    """What it is for: workstation, domain controller, database ..."""
    unit: str = ""
    segment: str = ""
    owner: str = ""
    criticality: Criticality = Criticality.UNKNOWN
    exposed: bool | None = None
    """Whether the internet can reach it; None where nobody said."""
    services: tuple[str, ...] = ()
    """Ids of the business services that need it."""
    scopes: tuple[str, ...] = ()
    """Compliance scopes: PCI DSS, HIPAA ..."""
    os: str = ""
    retired: bool = False


class Identity(msgspec.Struct, frozen=True, omit_defaults=True, tag="identity"):
    """An account, or all that a feed knows of one person's accounts."""

    identifiers: tuple[Identifier, ...]
    name: str = ""
    kind: AccountKind = AccountKind.UNKNOWN
    role: str = ""
    unit: str = ""
    department: str = ""
    manager: str = ""
    owner: str = ""
    """Who answers for it, where it is no person's."""
    criticality: Criticality = Criticality.UNKNOWN
    groups: tuple[str, ...] = ()
    enabled: bool | None = None
    """None where the feed does not say."""


class BusinessUnit(msgspec.Struct, frozen=True, omit_defaults=True, tag="unit"):
    """A part of the organization; `key` of its fact is the folded name."""

    name: str
    owner: str = ""
    parent: str = ""


class Role(msgspec.Struct, frozen=True, omit_defaults=True, tag="role"):
    """What people or machines are for."""

    name: str
    criticality: Criticality = Criticality.UNKNOWN
    privileged: bool = False
    owner: str = ""


class BusinessService(msgspec.Struct, frozen=True, omit_defaults=True, tag="service"):
    """Something the business does with machines, and when it must be there.

    `hours` are texts such as `mon-fri 08:00-18:00` in `zone` (an IANA name); empty is always.
    `level` is the service level as the organization calls it, `minutes` the longest outage.
    """

    name: str
    owner: str = ""
    unit: str = ""
    criticality: Criticality = Criticality.UNKNOWN
    hours: tuple[str, ...] = ()
    zone: str = "UTC"
    level: str = ""
    minutes: int | None = None
    scopes: tuple[str, ...] = ()


class Zone(msgspec.Struct, frozen=True, omit_defaults=True, tag="zone"):
    """A network segment."""

    name: str
    networks: tuple[str, ...]
    """CIDRs; the longest prefix that holds an address is its segment."""
    unit: str = ""
    owner: str = ""
    exposed: bool | None = None
    scopes: tuple[str, ...] = ()


class Watched(msgspec.Struct, frozen=True, omit_defaults=True, tag="watched"):
    """An entry of a watchlist (`vips`, `leavers`, `crown-jewels`, `scanners`, `shared-accounts`).

    `kind` is user, host, address (or CIDR), or value for anything else. It expires with its fact.
    """

    list: str
    kind: str
    subject: str
    owner: str = ""
    reason: str = ""


class Vulnerability(msgspec.Struct, frozen=True, omit_defaults=True, tag="vulnerability"):
    """A weakness that a scanner saw on a host. Its fact holds from the first time seen on."""

    identifiers: tuple[Identifier, ...]
    """Of the host."""
    cve: str
    title: str = ""
    severity: str = ""
    scanner: str = ""
    port: str = ""
    last_seen: int = 0


class Window(msgspec.Struct, frozen=True, omit_defaults=True, tag="window"):
    r"""A time in which something unusual was announced or approved; its fact holds for that time.

    `kind` is maintenance, change or access (a privileged check-out). `scope` are texts such as
    `host:fs01`, `user:corp\anna`, `unit:Sales`, `service:payroll`, `segment:dmz`, or `all`.
    """

    kind: str
    scope: tuple[str, ...]
    title: str = ""
    owner: str = ""
    reference: str = ""


class Lease(msgspec.Struct, frozen=True, omit_defaults=True, tag="lease"):
    """An address that a host had for a time (DHCP); its fact holds for that time."""

    address: str
    host: str = ""
    mac: str = ""


class Rating(msgspec.Struct, frozen=True, omit_defaults=True, array_like=True):
    """What the world says of a CVE: EPSS score and percentile (0 to 1), KEV's day (us UTC)."""

    cve: str
    score: float | None = None
    percentile: float | None = None
    exploited: int | None = None
    ransomware: bool = False


class Ratings(msgspec.Struct, frozen=True, omit_defaults=True, tag="ratings"):
    """A whole release of EPSS or KEV, as one fact."""

    feed: str
    ratings: tuple[Rating, ...]


Body = (
    Asset
    | Identity
    | BusinessUnit
    | Role
    | BusinessService
    | Zone
    | Watched
    | Vulnerability
    | Window
    | Lease
    | Ratings
)


def kind_of(body: Body) -> str:
    """The kind of a fact: the tag of its body."""
    return str(body.__struct_config__.tag)


class Fact(msgspec.Struct, frozen=True, array_like=True):
    """Something that a feed said. `key` is its name there, `feed` and `key` tell facts apart.

    It holds from `since` to `until`; it was learned at `learned`. `importer` says by which way it
    came (csv, cmdb, ldap, nessus, ical, stream ...): where feeds disagree, that decides.
    """

    feed: str
    importer: str
    key: str
    since: int
    until: int
    learned: int
    body: Body

    def holds(self, at: int) -> bool:
        """Whether it was so at that time."""
        return self.since <= at < self.until


class Record(msgspec.Struct, frozen=True):
    """What an importer read: a fact before it is compared with what is known.

    `since` and `until` are given where the feed says them. `scope` is the part of the feed that it
    belongs to (the host of a scan). `where` is `file:line`.
    """

    key: str
    body: Body
    where: str
    since: int | None = None
    until: int | None = None
    scope: str = ""


class Linked(msgspec.Struct, frozen=True, order=True):
    """Why two records are one: the identifier that both had at the time, and who said so."""

    kind: str
    value: str
    records: tuple[str, ...]
    """`feed:key` of each."""
    confidence: float

    @property
    def reason(self) -> str:
        """The link in words."""
        return f"same {self.kind} {self.value}: {', '.join(self.records)}"


class Resolved(msgspec.Struct, frozen=True):
    """The one asset or identity that a name meant at a time."""

    asked: str
    by: Identifier
    """The identifier that the name is."""
    entity: str
    """Its strongest identifier, as `kind:value`."""
    body: Asset | Identity
    """What all its records say together."""
    records: tuple[str, ...]
    links: tuple[Linked, ...]
    confidence: float
    """The weakest of what it rests on, 0 to 1: an order, not a probability."""
    former: int | None = None
    """When it ended, where it was no more at the time asked about (us UTC)."""
    disagreements: tuple[str, ...] = ()


class Ambiguous(msgspec.Struct, frozen=True):
    """A name that fits several; none is chosen."""

    asked: str
    by: Identifier
    candidates: tuple[str, ...]


class ContextNote(msgspec.Struct, frozen=True, order=True):
    """What a site knew about an entity of a finding at its time.

    `kind` is criticality, service, exposure, scope, role, state, watchlist, window, vulnerability
    or ambiguous; `value` what a policy compares (a list's name, a CVE, a service's id), `text` what
    a person reads. `about` is `kind:key` of the entity. `matched` says for a vulnerability what of
    the finding it fits: `cve` or `technique`.
    """

    kind: str
    about: str
    value: str
    text: str
    confidence: float = 1.0
    matched: str = ""
    epss: float | None = None
    exploited: bool = False


MAX_NOTES = 50
"""Notes that a finding or incident carries at most."""

_URGENCY = (
    "vulnerability",
    "watchlist",
    "state",
    "criticality",
    "window",
    "service",
    "exposure",
    "role",
    "scope",
    "ambiguous",
)


def merged_notes(notes: Iterable[ContextNote]) -> tuple[ContextNote, ...]:
    """Notes of several findings as one list: no repeats, the most telling first, bounded.

    The same notes in any order give the same list.
    """
    ordered = sorted(set(notes), key=_weight)
    return tuple(ordered[:MAX_NOTES])


def _weight(note: ContextNote) -> tuple[bool, bool, int, float, str, str, str]:
    rank = _URGENCY.index(note.kind) if note.kind in _URGENCY else len(_URGENCY)
    score = -(note.epss or 0.0)
    return (
        note.matched != "cve",
        not note.exploited,
        rank,
        score,
        note.about,
        note.value,
        note.text,
    )


_CVE = re.compile(r"(?<![0-9a-z])cve[-._ ]?([0-9]{4})[-._]([0-9]{4,7})(?![0-9])", re.IGNORECASE)


def cves_in(text: str) -> tuple[str, ...]:
    """The CVE ids that a text names, in CVE's own form, each once in order.

    Understands the tags of Sigma (`cve.2021-44228`, `cve.2021.44228`) and what vendors write.
    """
    found = (f"CVE-{year}-{number}" for year, number in _CVE.findall(text))
    return tuple(dict.fromkeys(found))
