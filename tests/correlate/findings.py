"""Findings made for tests: what they are about is said in a few words."""

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from tocsin.correlate.sides import cell_of
from tocsin.model.decisions import Constraints
from tocsin.model.findings import Entity, Finding, Level, Match, findings_to_arrow
from tocsin.model.incidents import Incident, incident_from_bytes

T0 = 1_700_000_000_000_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


def finding(  # noqa: PLR0913 - every part of a finding has a default
    number: int | str,
    time: int,
    *entities: Entity,
    rule: str = "rule",
    level: Level = Level.HIGH,
    site: str = "default",
    matched: tuple[Match, ...] = (),
    tactics: tuple[str, ...] = (),
) -> Finding:
    """A finding `time` microseconds after T0."""
    return Finding(
        finding_id=f"{number:032x}" if isinstance(number, int) else number,
        rule_id=rule,
        rule_digest="d",
        title=f"Title of {rule}",
        level=level,
        techniques=("T1059.001",),
        time=T0 + time,
        event_uids=(f"e{number}",),
        matched=matched,
        entities=entities,
        events=(),
        site=site,
        source_id="windows-security",
        content_id="c",
        tactics=tactics,
    )


def host(name: str, role: str = "subject") -> Entity:
    return Entity("host", name, name.upper(), role)


def user(name: str, domain: str = "theshire") -> Entity:
    return Entity("user", f"{domain}\\{name}", f"{domain.upper()}\\{name}")


def process(guid: str, name: str = "cmd.exe", role: str = "subject") -> Entity:
    return Entity("process", guid, f"{name} ({guid})", role)


def session(name: str, logon: int) -> Entity:
    return Entity("session", f"{name}|{logon:#x}", f"{logon:#x}")


def address(ip: str, role: str = "source") -> Entity:
    return Entity("address", ip, ip, role)


def file_hash(value: str) -> Entity:
    return Entity("hash", value, value[:12])


def rows_of(findings: Iterable[Finding]) -> pa.RecordBatch:
    return findings_to_arrow(list(enumerate(findings)))


class Desk:
    """What a store makes of INCIDENT_CHANGES: who is in which incident, and the names of each."""

    def __init__(
        self, known: Iterable[Finding] = (), constraints: Constraints | None = None
    ) -> None:
        self.known = {one.finding_id: one for one in known}
        self.constraints = constraints or Constraints()
        self.incidents: dict[str, Incident] = {}
        self.members: dict[str, list[str]] = {}
        self.alias: dict[str, str] = {}

    def take(self, changes: pa.RecordBatch) -> "Desk":
        for change in changes.to_pylist():
            if change["moved_from"] is not None:
                self._move(change)
                continue
            name, older = change["incident_id"], change["alias_of"]
            if older is not None:
                assert not change["new_finding_ids"]
                self.alias[name] = older
                if name in self.members:
                    self.members.setdefault(older, []).extend(self.members.pop(name))
                self.incidents.pop(name, None)
                continue
            self.incidents[name] = incident_from_bytes(change["body"])
            self.alias.pop(name, None)
            joined = change["new_finding_ids"]
            if self.known:
                for other in self.members.values():
                    other[:] = [n for n in other if n not in joined]
            self.members.setdefault(name, []).extend(joined)
        return self

    def _move(self, change: dict[str, Any]) -> None:
        """Findings of some cells, out of another incident."""
        source = self.members.get(change["moved_from"], [])
        cells = set(change["moved_cells"])
        taken = [n for n in source if cell_of(self.known[n], self.constraints) in cells]
        self.members[change["moved_from"]] = [n for n in source if n not in taken]
        self.members.setdefault(change["incident_id"], []).extend(taken)

    def findings(self, name: str) -> list[Finding]:
        """The findings of an incident in order of time."""
        found = [self.known[n] for n in self.members.get(self.resolve(name), [])]
        return sorted(found, key=lambda one: (one.time, one.finding_id))

    def resolve(self, name: str) -> str:
        while name in self.alias:
            name = self.alias[name]
        return name

    @property
    def partition(self) -> set[frozenset[str]]:
        """The finding ids of each incident."""
        return {frozenset(ids) for ids in self.members.values() if ids}


def desk_of(outputs: Iterable[pa.RecordBatch]) -> Desk:
    desk = Desk()
    for output in outputs:
        desk.take(output)
    return desk
