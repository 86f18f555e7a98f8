"""What an incident is made of, kept small: counts and first cases, not the findings themselves.

Adding and merging are commutative, so the order of arrival does not show; a dossier holds at most
so many steps, entities and links, the worst and earliest of them.
"""

import re
from collections.abc import Sequence
from copy import copy

import msgspec

from tocsin.correlate.entities import UNNAMED, joins
from tocsin.correlate.grouping import host_of, users_of
from tocsin.model.findings import SAME_IN_ALL, Entity, Finding, Level
from tocsin.model.text import visible

MAX_STEPS = 100
MAX_ENTITIES = 100
MAX_LINKS = 50
MAX_RULE_FINDINGS = 5
_KINDS = {
    kind: place
    for place, kind in enumerate(("host", "user", "address", "process", "session", "hash", "file"))
}
_DETAIL_LENGTH = 160
_READ_LENGTH = 1_000
_MEASURE = re.compile(r"(?P<kind>temporal\w*|event_count|value_\w+)\b.* within (?P<span>\w+)")
"""How the findings of correlation rules say what was asked for."""

_MEASURED = {
    "event_count": "{value} events",
    "value_count": "{value} different {field}",
    "value_sum": "{field} adds up to {value}",
    "value_avg": "{field} is {value} on average",
    "temporal": "{value} kinds of event",
    "temporal_ordered": "{value} kinds of event in order",
}


class Step(msgspec.Struct, array_like=True, gc=False):
    """One kind of thing that happened: a rule, on a host, by a user, in a program."""

    rule_id: str
    title: str
    level: Level
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    host: str
    user: str
    program: str
    detail: str
    first: int
    last: int
    count: int
    finding_ids: list[tuple[int, str]]


class Dossier(msgspec.Struct, array_like=True):
    """Everything that is shown of an incident. Times are microseconds UTC."""

    site: str
    first: int
    last: int
    count: int = 0
    steps: dict[str, Step] = {}
    entities: dict[str, Entity] = {}

    def add(self, finding: Finding) -> bool:
        """Take one more finding in; True when it is a new kind of step."""
        self.first = min(self.first, finding.time)
        self.last = max(self.last, finding.time)
        self.count += 1
        self._entities(finding)
        name, step = step_of(finding)
        new = name not in self.steps
        self._step(name, step)
        self._trim()
        return new

    def amend(self, finding: Finding) -> bool:
        """Show a finding that is counted already as it is known now; False when no step fits."""
        name, step = step_of(finding)
        own = (s for s in self.steps.values() if s.rule_id == finding.rule_id)
        known = next(
            (s for s in own if any(n == finding.finding_id for _, n in s.finding_ids)), None
        )
        known = known or self.steps.get(name)
        if known is None:
            return False
        self.first, self.last = min(self.first, finding.time), max(self.last, finding.time)
        known.first, known.last = min(known.first, step.first), max(known.last, step.last)
        known.level = max(known.level, step.level, key=lambda level: level.rank)
        self._entities(finding)
        self._trim()
        return True

    def _entities(self, finding: Finding) -> None:
        processes = [e for e in finding.entities if e.kind == "process"]
        known_by_guid = {e.name for e in processes if "#" not in e.key}
        for entity in finding.entities:
            numbered = entity.kind == "process" and "#" in entity.key
            if joins(entity) and not (numbered and entity.name in known_by_guid):
                self._name(f"{entity.kind}|{entity.key}", entity)

    def merge(self, other: "Dossier") -> None:
        """Take everything of `other` in."""
        self.first = min(self.first, other.first)
        self.last = max(self.last, other.last)
        self.count += other.count
        for name, entity in other.entities.items():
            self._name(name, entity)
        for name, step in other.steps.items():
            self._step(name, copy(step))
        self._trim()

    def _name(self, name: str, entity: Entity) -> None:
        known = self.entities.get(name)
        if known is None or _preferred(entity) < _preferred(known):
            self.entities[name] = entity

    def _step(self, name: str, step: Step) -> None:
        known = self.steps.get(name)
        if known is None:
            self.steps[name] = step
            return
        if (step.finding_ids[0]) < known.finding_ids[0]:
            known.title, known.detail = step.title, step.detail
            known.techniques, known.tactics = step.techniques, step.tactics
        known.level = max(known.level, step.level, key=lambda level: level.rank)
        known.first = min(known.first, step.first)
        known.last = max(known.last, step.last)
        known.count += step.count
        if (
            len(known.finding_ids) < MAX_RULE_FINDINGS
            or step.finding_ids[0] < known.finding_ids[-1]
        ):
            known.finding_ids = sorted(known.finding_ids + step.finding_ids)[:MAX_RULE_FINDINGS]

    def _trim(self) -> None:
        while len(self.steps) > MAX_STEPS:
            least = min(self.steps, key=lambda name: (_rank(self.steps[name]), name))
            del self.steps[least]
        while len(self.entities) > MAX_ENTITIES:
            del self.entities[max(self.entities, key=lambda name: weight(self.entities[name]))]


def union(dossiers: Sequence[Dossier]) -> Dossier:
    """All of them as one; they stay as they are."""
    if len(dossiers) == 1:
        return dossiers[0]
    whole = Dossier(dossiers[0].site, dossiers[0].first, dossiers[0].last)
    for dossier in dossiers:
        whole.merge(dossier)
    return whole


def _says_little(field: str, value: str) -> bool:
    """True for what the rule's title says already: which event it is."""
    return field in ("EventID", "Channel", "Provider_Name") or value.lower() in ("true", "false")


def _preferred(entity: Entity) -> tuple[bool, Entity]:
    """A process by the name of its program where any event gave it."""
    return (entity.name.startswith(f"{UNNAMED} "), entity)


def weight(entity: Entity) -> tuple[int, str]:
    """Order in which entities are shown and kept: hosts and people first, files last."""
    return (_KINDS.get(entity.kind, len(_KINDS)), entity.key)


def _rank(step: Step) -> tuple[int, int]:
    return (step.level.rank, -step.first)


def step_of(finding: Finding) -> tuple[str, Step]:
    """The step that a single finding is, and the name under which its repeats collapse."""
    host = visible(host_of(finding))
    people = users_of(finding)
    user = people[0].name if people else ""
    running = (e.name for e in finding.entities if e.kind == "process" and e.role == "subject")
    named = (name for name in running if not name.startswith(f"{UNNAMED} "))
    program = next(named, "").rsplit(" (", 1)[0]
    step = Step(
        finding.rule_id,
        visible(finding.title),
        finding.level,
        finding.techniques,
        finding.tactics,
        host,
        user,
        program,
        _detail(finding),
        finding.time,
        finding.time,
        1,
        [(finding.time, finding.finding_id)],
    )
    return f"{finding.rule_id}|{host}|{user}|{program}", step


def _detail(finding: Finding) -> str:
    """The value that says most about what was seen: a command line before anything else."""
    telling = (
        "CommandLine",
        "ScriptBlockText",
        "Payload",
        "TargetFilename",
        "TargetObject",
        "ImagePath",
        "ServiceFileName",
        "ServiceName",
        "Image",
    )
    if counted := _counted(finding):
        return visible(" ".join(counted[:_READ_LENGTH].split()), _DETAIL_LENGTH)
    values = {match.field: match.value for match in finding.matched if match.value}
    other = (field for field, value in values.items() if not _says_little(field, value))
    chosen = next((field for field in telling if field in values), None) or next(other, "")
    return visible(" ".join(values.get(chosen, "")[:_READ_LENGTH].split()), _DETAIL_LENGTH)


def _counted(finding: Finding) -> str:
    """Of a correlation: its group, and what was measured with its word; else nothing."""
    measured = ((m, _MEASURE.fullmatch(m.predicate)) for m in finding.matched)
    match, said = next(((m, found) for m, found in measured if found), (None, None))
    if match is None or said is None:
        return ""
    word = _MEASURED.get(said["kind"], "{kind} of {field}: {value}")
    told = word.format(kind=said["kind"], field=match.field, value=match.value)
    group = [f"{m.field} {m.value}" for m in finding.matched if m.predicate == SAME_IN_ALL]
    return f"{', '.join(group) or 'all together'}: {told} within {said['span']}"
