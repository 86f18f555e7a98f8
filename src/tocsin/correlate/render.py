"""A group as the Incident that people and the store see."""

from collections.abc import Sequence

from tocsin.correlate.board import Group
from tocsin.correlate.dossier import MAX_RULE_FINDINGS, Dossier, Step, union, weight
from tocsin.correlate.sides import Side
from tocsin.correlate.story import in_order, story, timeline, title, worst
from tocsin.model.findings import Entity
from tocsin.model.incidents import Incident, RuleCount


def incident_of(group: Group, side: Side) -> Incident:
    """One incident of a group as it stands, with its story."""
    dossier = union([group.cells[name] for name in side.cells])
    steps = in_order(dossier)
    return Incident(
        incident_id=side.incident_id,
        site=dossier.site,
        title=title(steps),
        level=worst(steps).level,
        entities=_entities(dossier),
        techniques=tuple(dict.fromkeys(name for step in steps for name in step.techniques)),
        tactics=tuple(dict.fromkeys(name for step in steps for name in step.tactics)),
        first=dossier.first,
        last=dossier.last,
        finding_count=dossier.count,
        rules=_rules(steps),
        timeline=timeline(steps),
        links=tuple(group.links),
        story=story(dossier, steps),
        aliases=tuple(
            name
            for name, cell in group.names.items()
            if cell in side.cells and name != side.incident_id
        ),
    )


def _entities(dossier: Dossier) -> tuple[Entity, ...]:
    """Hosts and people first; one line for a thing known by several keys."""
    named: dict[tuple[str, str], Entity] = {}
    for entity in dossier.entities.values():
        name = entity.key if entity.kind in ("host", "user") else entity.name
        known = named.get((entity.kind, name))
        if known is None or entity < known:
            named[entity.kind, name] = entity
    return tuple(sorted(named.values(), key=weight))


def _rules(steps: Sequence[Step]) -> tuple[RuleCount, ...]:
    by_rule: dict[str, list[Step]] = {}
    for step in steps:
        by_rule.setdefault(step.rule_id, []).append(step)
    counts = [_rule(same) for same in by_rule.values()]
    return tuple(sorted(counts, key=lambda rule: (-rule.level.rank, rule.first, rule.rule_id)))


def _rule(steps: Sequence[Step]) -> RuleCount:
    """The steps of one rule as one count."""
    earliest = steps[0]
    level, count, last = earliest.level, earliest.count, earliest.last
    finding_ids = earliest.finding_ids
    if len(steps) > 1:
        level, count = worst(steps).level, sum(step.count for step in steps)
        last = max(step.last for step in steps)
        finding_ids = sorted(pair for step in steps for pair in step.finding_ids)
    return RuleCount(
        rule_id=earliest.rule_id,
        title=earliest.title,
        level=level,
        techniques=earliest.techniques,
        count=count,
        first=earliest.first,
        last=last,
        finding_ids=tuple([name for _, name in finding_ids[:MAX_RULE_FINDINGS]]),
    )
