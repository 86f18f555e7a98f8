"""Incidents as a page tells them: story, steps, who and what, why it is one, and the evidence."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tocsin.app.hunt import Report
from tocsin.app.report import words
from tocsin.app.report.chart import shape
from tocsin.app.report.evidence import EvidenceView, evidence_of, within
from tocsin.app.report.matrix import LabelView, label_view, order
from tocsin.enrich.attack import Labels
from tocsin.model.findings import Entity, Finding
from tocsin.model.incidents import Incident, Link, Moment

MAX_CARDS = 40
"""Incidents that are told in full, the worst first."""
MAX_STEPS = 160
FIRST_STEPS = 14
"""Steps that are shown at once; more are behind a fold."""
MAX_NAMES = {"host": 14, "user": 14, "address": 10}
FEW_NAMES = 6
"""Entities of a kind that are named."""
MAX_EVIDENCE = 10
BUDGET = 6_000_000
"""Characters of evidence of the whole page."""

KINDS = {
    "host": "Hosts",
    "user": "Users",
    "address": "Addresses",
    "process": "Processes",
    "file": "Files",
    "hash": "Hashes",
    "session": "Sessions",
}


@dataclass(frozen=True, slots=True)
class StepView:
    """A line of an incident's timeline; `path` draws the mark of its level, `date` a new day."""

    date: str
    clock: str
    iso: str
    level: str
    path: str
    title: str
    host: str
    detail: str
    total: int


@dataclass(frozen=True, slots=True)
class KindView:
    """Entities of one kind; `left` is how many are not named."""

    kind: str
    name: str
    names: tuple[str, ...]
    left: int


@dataclass(frozen=True, slots=True)
class ReasonView:
    """Why findings were joined and how many by it."""

    reason: str
    total: int


@dataclass(frozen=True, slots=True)
class StageView:
    """A tactic in kill chain order; `seen` when a rule of the incident names it."""

    name: str
    seen: bool
    x: int


@dataclass(frozen=True, slots=True)
class IncidentView:
    """One incident. In the overview the long parts are empty."""

    anchor: str
    incident_id: str
    title: str
    level: str
    when: str
    first: str
    lasting: str
    hosts: str
    users: str
    findings: str
    rules: str
    stages: tuple[StageView, ...]
    tactics: str
    told: bool
    story: tuple[str, ...] = ()
    steps: tuple[StepView, ...] = ()
    more_steps: tuple[StepView, ...] = ()
    steps_left: int = 0
    kinds: tuple[KindView, ...] = ()
    labels: tuple[LabelView, ...] = ()
    reasons: tuple[ReasonView, ...] = ()
    evidence: tuple[EvidenceView, ...] = ()
    evidence_left: int = 0
    aliases: str = ""


class Members:
    """Who and where, of findings and of incidents."""

    def __init__(self, report: Report) -> None:
        self.findings = {finding.finding_id: finding for finding in report.findings}
        self.hosts = _names(report.findings, "host")
        self.users = _names(report.findings, "user")

    def host(self, finding: Finding) -> str:
        """The host that a finding is about, or nothing."""
        return _first(finding.entities, "host")

    def user(self, finding: Finding) -> str:
        """The user who acts in a finding, or nothing."""
        return _first(finding.entities, "user")


def cards(report: Report, labels: Labels) -> tuple[list[IncidentView], list[IncidentView]]:
    """The worst incidents in full, and all of them for the overview."""
    members, budget = Members(report), BUDGET
    full, brief = [], []
    for number, incident in enumerate(report.incidents, 1):
        told = number <= MAX_CARDS
        short = _brief(incident, number, labels, told=told)
        brief.append(short)
        if told:
            chosen = _evidence(incident, report, members, labels)
            kept, budget, refused = within(chosen, budget)
            left = len(incident.rules) - len(chosen) + refused
            full.append(_full(incident, number, labels, evidence=(kept, left)))
    return full, brief


def _brief(incident: Incident, number: int, labels: Labels, *, told: bool) -> IncidentView:
    stages = _stages(incident, labels)
    return IncidentView(
        anchor=f"i{number}",
        incident_id=words.text(incident.incident_id[:16], 40),
        title=words.text(incident.title),
        level=incident.level.value,
        when=words.between(incident.first, incident.last),
        first=words.stamp(incident.first),
        lasting=words.lasting(incident.last - incident.first),
        hosts=words.text(words.listed(_named(incident.entities, "host"), 3), 120),
        users=words.text(words.listed(_named(incident.entities, "user"), 3), 120),
        findings=f"{incident.finding_count:,}",
        rules=f"{len(incident.rules):,}",
        stages=stages,
        tactics=", ".join(stage.name for stage in stages if stage.seen) or "no tactic named",
        told=told,
    )


def _full(
    incident: Incident, number: int, labels: Labels, *, evidence: tuple[list[EvidenceView], int]
) -> IncidentView:
    short = _brief(incident, number, labels, told=True)
    steps = tuple(_steps(incident.timeline[:MAX_STEPS]))
    fields = {name: getattr(short, name) for name in _BRIEF}
    return IncidentView(
        **fields,
        story=_paragraphs(incident.story),
        steps=steps[:FIRST_STEPS],
        more_steps=steps[FIRST_STEPS:],
        steps_left=max(0, len(incident.timeline) - MAX_STEPS),
        kinds=tuple(_kinds(incident.entities)),
        labels=tuple(label_view(labels.judge(one)) for one in incident.techniques),
        reasons=_reasons(incident.links),
        evidence=tuple(evidence[0]),
        evidence_left=evidence[1],
        aliases=words.text(words.listed(incident.aliases, 3), 200),
    )


_BRIEF = (
    "anchor", "incident_id", "title", "level", "when", "first", "lasting", "hosts", "users",
    "findings", "rules", "stages", "tactics", "told",
)  # fmt: skip


def _stages(incident: Incident, labels: Labels) -> tuple[StageView, ...]:
    """The kill chain with the incident's tactics; a newer one stands for what it was called."""
    known = order(labels)
    if labels.release is None:
        known = tuple(one for one in known if one in incident.tactics or one not in _SPLIT)
    seen = set(incident.tactics)
    for tactic in incident.tactics:
        seen.update(labels.judge(tactic).others if tactic not in known else ())
    names = [labels.judge(name).name or name.replace("-", " ").capitalize() for name in known]
    return tuple(
        StageView(words.text(name, 60), tactic in seen, 9 * place)
        for place, (tactic, name) in enumerate(zip(known, names, strict=True))
    )


_SCENE = re.compile(r"(?<=\.) (?=(?:[0-9][0-9,]* [a-z]+ later|At the same time)\b)")
"""Where the story goes on to what happened next."""

_SPLIT = frozenset({"stealth", "defense-impairment"})


def _paragraphs(story: str) -> tuple[str, ...]:
    """The opening, what happened, and the closing facts, each a paragraph of its own."""
    shown = words.text(story, 6_000)
    opening, dot, rest = shown.partition(" UTC. ")
    if not dot:
        return (shown,)
    middle, mark, closing = rest.partition(" Tactics in order: ")
    last = f"Tactics in order: {closing}" if mark else ""
    parts = [f"{opening} UTC.", *_SCENE.split(middle), last]
    return tuple(part for part in parts if part)


def _steps(timeline: Iterable[Moment]) -> Iterable[StepView]:
    date = ""
    for moment in timeline:
        today = words.day(moment.time)
        yield StepView(
            "" if today == date else today,
            words.clock(moment.time),
            words.iso(moment.time),
            moment.level.value,
            shape(moment.level, 8, 8, 5.5),
            words.text(moment.title),
            words.text(moment.host, 80),
            words.text(moment.detail, 360),
            moment.count,
        )
        date = today


def _kinds(entities: Sequence[Entity]) -> Iterable[KindView]:
    found = dict.fromkeys(entity.kind for entity in entities)
    for kind in [*(k for k in KINDS if k in found), *(k for k in found if k not in KINDS)]:
        names = _named(entities, kind)
        most = MAX_NAMES.get(kind, FEW_NAMES)
        shown = tuple(words.text(name, 110) for name in names[:most])
        title = KINDS.get(kind, words.text(kind, 40))
        yield KindView(words.text(kind, 40), title, shown, len(names) - len(shown))


def _reasons(links: Iterable[Link]) -> tuple[ReasonView, ...]:
    counts = Counter(link.reason for link in links)
    return tuple(ReasonView(words.text(reason, 300), n) for reason, n in counts.most_common(8))


def _evidence(
    incident: Incident, report: Report, members: Members, labels: Labels
) -> list[EvidenceView]:
    """The first finding of each rule, the worst rules first."""
    ranked = sorted(incident.rules, key=lambda rule: (-rule.level.rank, rule.first, rule.rule_id))
    found: list[EvidenceView] = []
    for rule in ranked:
        finding = next(
            (members.findings[i] for i in rule.finding_ids if i in members.findings), None
        )
        if finding is not None and len(found) < MAX_EVIDENCE:
            also = report.also_in.get(finding.finding_id, [])
            host = members.host(finding)
            found.append(
                evidence_of(finding, labels, host=host, repeats=rule.count - 1, also_in=also)
            )
    return found


def _named(entities: Iterable[Entity], kind: str) -> list[str]:
    return list(dict.fromkeys(entity.name for entity in entities if entity.kind == kind))


def _first(entities: Iterable[Entity], kind: str) -> str:
    found = [entity for entity in entities if entity.kind == kind]
    subject = next((one for one in found if one.role == "subject"), None)
    return (subject or found[0]).name if found else ""


def _names(findings: Iterable[Finding], kind: str) -> set[str]:
    return {e.name for finding in findings for e in finding.entities if e.kind == kind}
