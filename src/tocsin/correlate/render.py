"""A group as the Incident that people and the store see."""

from tocsin.correlate.board import Group
from tocsin.correlate.dossier import MAX_RULE_FINDINGS, Dossier
from tocsin.correlate.story import story, timeline, title, worst_level
from tocsin.model.findings import Entity
from tocsin.model.incidents import Incident, RuleCount

_KINDS = ("host", "user", "address", "process", "session", "hash", "file")


def incident_of(group: Group) -> Incident:
    """The incident as it stands, with its story."""
    dossier = group.dossier
    steps = sorted(dossier.steps.values(), key=lambda step: (step.first, step.rule_id))
    return Incident(
        incident_id=group.incident_id,
        site=dossier.site,
        title=title(dossier),
        level=worst_level(dossier),
        entities=_entities(dossier),
        techniques=tuple(dict.fromkeys(name for step in steps for name in step.techniques)),
        tactics=tuple(dict.fromkeys(name for step in steps for name in step.tactics)),
        first=dossier.first,
        last=dossier.last,
        finding_count=dossier.count,
        rules=_rules(dossier),
        timeline=timeline(dossier),
        links=tuple(dossier.links),
        story=story(dossier),
        aliases=tuple(group.aliases),
    )


def _entities(dossier: Dossier) -> tuple[Entity, ...]:
    """Hosts and people first; one line for a thing known by several keys."""
    named: dict[tuple[str, str, str], Entity] = {}
    for entity in sorted(dossier.entities.values(), key=lambda e: (_KINDS.index(e.kind), e)):
        scope = entity.key if entity.kind in ("host", "user") else ""
        named.setdefault((entity.kind, entity.name, scope), entity)
    return tuple(named.values())


def _rules(dossier: Dossier) -> tuple[RuleCount, ...]:
    counts: dict[str, RuleCount] = {}
    finding_ids: dict[str, list[tuple[int, str]]] = {}
    for step in dossier.steps.values():
        known = counts.get(step.rule_id)
        finding_ids.setdefault(step.rule_id, []).extend(step.finding_ids)
        counts[step.rule_id] = RuleCount(
            step.rule_id,
            step.title,
            step.level,
            step.techniques,
            step.count + (known.count if known else 0),
            min(step.first, known.first) if known else step.first,
            max(step.last, known.last) if known else step.last,
            (),
        )
    ordered = sorted(counts.values(), key=lambda rule: (-rule.level.rank, rule.first, rule.rule_id))
    return tuple(
        RuleCount(
            rule.rule_id,
            rule.title,
            rule.level,
            rule.techniques,
            rule.count,
            rule.first,
            rule.last,
            tuple(name for _, name in sorted(finding_ids[rule.rule_id])[:MAX_RULE_FINDINGS]),
        )
        for rule in ordered
    )
