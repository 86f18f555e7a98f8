"""Which findings belong together: the windows, the limits, and what a finding offers to share.

Findings of level medium and above are *core*: they make incidents. Informational and low findings
attach to one incident each (see `settle`) and never glue two together.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address
from typing import NamedTuple

import msgspec

from tocsin.correlate.entities import joins
from tocsin.model import attack
from tocsin.model.findings import Entity, Finding, Level

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE

MAX_PROCESSES = 32
"""Processes by which low findings that count as one look for an incident."""


class Grouping(msgspec.Struct, frozen=True):
    """How near two findings must be to belong together. Windows are microseconds of event time."""

    process_window: int = 24 * HOUR
    """Same process by its GUID on one host, or parent and child."""
    numbered_process_window: int = 10 * MINUTE
    """Same process number on a host: numbers are used again."""
    session_window: int = 4 * HOUR
    user_on_host_window: int = 30 * MINUTE
    repeat_window: int = 30 * MINUTE
    """The same rule about the same host, user and addresses."""
    vendor_window: int = 12 * HOUR
    """The same rule of another tool about the same host; without one, user or address."""
    case_window: int = 24 * HOUR
    """The same incident of another tool."""
    host_window: int = 30 * MINUTE
    """Same host and nothing else; an address or host name that leads from one host to another."""
    user_window: int = HOUR
    """Same person on another host."""
    lone_host_window: int = 5 * MINUTE
    """Same host and nothing else, when nothing went on there in the order of ATT&CK tactics."""
    lead_window: int = 15 * MINUTE
    """The same for what leads from one host to another."""
    hash_window: int = 12 * HOUR
    low_window: int = 30 * MINUTE
    """How far before or after it a low finding looks for an incident to attach to."""
    settle: int = 5 * MINUTE
    """How long after a finding a link through something shared waits to see who else shares it."""
    degree_window: int = 24 * HOUR
    max_degree: int = 5
    """More distinct hosts or people than this within `degree_window` and a thing is a hub: it
    joins nothing by itself for another `degree_window`."""
    rhythm: int = 3
    """A low rule that spoke on a host in so many of the last 24 hours says nothing of what else
    happens there: its findings attach by process or session alone."""
    hubs: frozenset[str] = frozenset({"administrator", "guest", "root"})
    """Keys or names that never join by themselves whatever was seen: scanners, domain
    controllers, shared accounts; folded to lower case."""

    @property
    def horizon(self) -> int:
        """How long after its last activity a group can still gain something."""
        own = (self.process_window, self.session_window, self.hash_window, self.degree_window)
        return max(*own, self.vendor_window, self.case_window) + self.settle


_PART = {"subject": "same", "parent": "child of", "target": "acts on"}


class Tie(NamedTuple):
    """A key that a core finding shares at once: within `window`, the same key is the same group."""

    key: str
    window: int
    reason: str


class Trace(NamedTuple):
    """A key that joins only when few share it: `member` is who shares it here."""

    key: str
    member: str
    reason: str


def is_core(finding: Finding) -> bool:
    """True for findings that make incidents."""
    return finding.level.rank >= Level.MEDIUM.rank


def host_of(finding: Finding) -> str:
    """Key of the host that the finding is about, or the empty string."""
    own = (e.key for e in finding.entities if e.kind == "host" and e.role == "subject")
    return next(own, "")


def users_of(finding: Finding) -> list[Entity]:
    """The people in it, subjects first."""
    people = [e for e in finding.entities if e.kind == "user" and joins(e)]
    return sorted(people, key=lambda user: user.role != "subject")


def ties(finding: Finding, grouping: Grouping) -> list[Tie]:
    """What joins this core finding at once."""
    host = host_of(finding)
    where = f" on {host}" if host else ""
    named = [(signature(finding), f"same finding again: {finding.title}")]
    for entity in finding.entities:
        if entity.kind == "process" and joins(entity):
            reason = f"{_PART.get(entity.role, 'same')} process {entity.name}{where}"
            numbered = "#" in entity.key
            named.append((f"p|{entity.key if numbered else f'{entity.key}@{host}'}", reason))
        elif entity.kind == "session" and joins(entity):
            named.append((f"s|{entity.key}", f"logon session {entity.name}{where}"))
        elif entity.kind == "case":
            named.append((f"c|{entity.key}", entity.name))
    if host:
        people = users_of(finding)
        named.extend((f"b|{host}|{user.key}", f"user {user.name} on {host}") for user in people)
    if finding.vendor is not None:
        named.extend(_repeats(finding, host))
    return [Tie(key, tie_window(key, grouping), reason) for key, reason in named]


def _repeats(finding: Finding, host: str) -> Iterator[tuple[str, str]]:
    """What makes repeats of another tool's rule one thing: that tool says it of one host all day.

    Without a host it is one user, or one address that something came from; what names none of
    them is left to `signature`.
    """
    own = [host] if host else [user.key for user in users_of(finding)]
    own += [e.key for e in finding.entities if e.kind == "address" and _leads(e)]
    for about in own[:1]:
        yield f"v|{finding.rule_id}|{about}", f"same alert about {about} again: {finding.title}"


def tie_window(key: str, grouping: Grouping) -> int:
    """Window of a tie by its key."""
    if key.startswith("p|"):
        return grouping.numbered_process_window if "#" in key else grouping.process_window
    windows = {
        "s": grouping.session_window,
        "b": grouping.user_on_host_window,
        "r": grouping.repeat_window,
        "v": grouping.vendor_window,
        "c": grouping.case_window,
    }
    return windows[key[0]]


def signature(finding: Finding) -> str:
    """What makes a repeat: the rule and the host, people, addresses and hashes in it."""
    kinds = ("host", "user", "address", "hash")
    shared = sorted({f"{e.kind}={e.key}" for e in finding.entities if e.kind in kinds})
    return "|".join(("r", finding.rule_id, finding.source_id if not shared else "", *shared))


def anchor_window(key: str, grouping: Grouping) -> int:
    """Window of an anchor by its key: that of the tie for processes and cases, one for all else."""
    return tie_window(key, grouping) if key[0] in "pc" else grouping.low_window


def noise_key(finding: Finding) -> str:
    """What low findings that attach to nothing are counted by: the rule and the host."""
    host = host_of(finding)
    return f"{finding.rule_id}|{host}" if host else signature(finding)


def traces(finding: Finding, grouping: Grouping) -> Iterator[Trace]:
    """What joins this core finding if few others share it."""
    host = host_of(finding)
    if host and not _named(host, host, grouping):
        people = users_of(finding)
        member = f"u:{people[0].key}" if people else ""
        yield Trace(f"h|{host}", member, f"host {host}")
    for entity in finding.entities:
        if not joins(entity) or _named(entity.key, entity.name, grouping):
            continue
        member = f"h:{host}"
        if entity.kind == "host" and entity.role == "source":
            yield Trace(f"h|{entity.key}", member, f"came from host {entity.name}")
        elif (
            entity.kind == "user" and "\\" in entity.key and not entity.key.startswith(f"{host}\\")
        ):
            yield Trace(f"u|{entity.key}", member, f"user {entity.name} across hosts")
        elif entity.kind == "address" and _leads(entity):
            yield Trace(f"a|{entity.key}", member, f"address {entity.name}")
        elif entity.kind == "address" and entity.role == "destination":
            yield Trace(f"d|{entity.key}", member, f"went to address {entity.name}")
        elif entity.kind == "hash":
            yield Trace(f"x|{entity.key}", member, f"same file {entity.name}")


_OF_ONE_PLACE = ("defense-evasion", "stealth", "defense-impairment")
"""One tactic in older releases of ATT&CK, two in newer ones."""

_PLACES = [name for name in attack.TACTICS if name not in _OF_ONE_PLACE[1:]]

TACTICS = {name: place for place, name in enumerate(_PLACES)} | dict.fromkeys(
    _OF_ONE_PLACE, _PLACES.index(_OF_ONE_PLACE[0])
)
"""ATT&CK's enterprise tactics in its order; the last two are parts of defense-evasion."""

_TACTIC_NAMES = list(TACTICS)


def stage_of(finding: Finding) -> int:
    """How far an attack is with this finding: 1 for the first tactic, 0 when it names none."""
    known = (TACTICS.get(name.replace("_", "-").lower(), -1) for name in finding.tactics)
    return max(known, default=-1) + 1


def progress(before: int, after: int) -> str:
    """What went on from one stage to a later one, in words; nothing when nothing did."""
    if not 0 < before < after:
        return ""
    return f"{_TACTIC_NAMES[after - 1]} after {_TACTIC_NAMES[before - 1]}"


def window_of(key: str, grouping: Grouping) -> int:
    """Window of a trace by its key."""
    if key.startswith("u|"):
        return grouping.user_window
    return grouping.hash_window if key.startswith("x|") else grouping.host_window


def near_window(key: str, member: str, grouping: Grouping) -> int:
    """How far a trace reaches when nothing went on, by its key and by who shares it."""
    if key.startswith("x|"):
        return grouping.hash_window
    alone = key.startswith("h|") and not member.startswith("h:")
    return grouping.lone_host_window if alone else grouping.lead_window


def anchors(
    held: Sequence[Tie], shared: Sequence[Trace], grouping: Grouping
) -> list[tuple[str, int, str]]:
    """(key, window, reason) by which low findings attach, strongest first.

    `held` and `shared` are the ties and traces of the finding.
    """
    strong = [
        (tie.key, anchor_window(tie.key, grouping), tie.reason)
        for kind in "pcsb"
        for tie in held
        if tie.key[0] == kind
    ]
    weak = [
        (trace.key, grouping.low_window, trace.reason) for trace in shared if trace.key[0] in "ha"
    ]
    return strong + sorted(weak, key=lambda anchor: anchor[0][0] != "h")


def either(
    one: Sequence[tuple[str, int, str]], other: Sequence[tuple[str, int, str]]
) -> list[tuple[str, int, str]]:
    """The anchors of two low findings that count as one, the same in either order."""
    known: dict[str, tuple[str, int, str]] = {}
    for anchor in sorted({*one, *other}):
        known.setdefault(anchor[0], anchor)
    ordered = sorted(known.values(), key=lambda anchor: ("pcsbha".index(anchor[0][0]), anchor[0]))
    processes = sum(anchor[0].startswith("p|") for anchor in ordered)
    return ordered[: min(processes, MAX_PROCESSES)] + ordered[processes:]


def _named(key: str, name: str, grouping: Grouping) -> bool:
    short = key.rsplit("\\", 1)[-1]
    return bool(grouping.hubs & {key, name.lower(), short})


def _leads(entity: Entity) -> bool:
    """An address leads somewhere when something came from it, or when it is out on the internet."""
    if entity.role in ("source", "subject"):
        return True
    return not ip_address(entity.key).is_private
