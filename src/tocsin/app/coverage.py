"""What sources let one see: source x OCSF field x ATT&CK data component, and what stays blind."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tocsin.app import parts
from tocsin.app.attacking import CROSSWALKS, components_of, release_title, shelf
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.overview import sources as source_lines
from tocsin.app.site import Site
from tocsin.detect.sigma import compile_plan, parse_rules
from tocsin.enrich.attack.components import ComponentRule, Delivers, read_component_rules
from tocsin.errors import UsageError
from tocsin.model.content import ContentSet
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.quality import Counts, add_counts
from tocsin.model.rules import RuleState
from tocsin.model.sources import SourceSpec
from tocsin.normalize.converters import CONVERTERS
from tocsin.normalize.folders import load_source, source_files
from tocsin.normalize.language import EventRule, FieldRule, MappingSpec
from tocsin.normalize.ocsf.schema import ocsf_schema
from tocsin.normalize.quality.days import DaysFold, days_from_bytes
from tocsin.normalize.quality.fold import QualityFold, recent_from_bytes
from tocsin.normalize.quality.measure import FIELDS
from tocsin.store import State

ANY = "*"
"""Stands for activities that a table makes out of the record and cannot be listed."""
SELDOM = 0.5
"""Presence below which a field counts as mapped, but seldom there."""


class Delivered(msgspec.Struct, frozen=True):
    """The events of one class of a source: their activities and the fields they can have."""

    class_name: str
    activities: tuple[str, ...]
    fields: tuple[str, ...]


class SourceCoverage(msgspec.Struct, frozen=True):
    """A source: what its mapping makes, and what was measured of it.

    `measured` maps an OCSF field to the share of events that have it, where state knows it;
    `components` are the data components that it covers, `partly` those for which a field is
    missing, and which.
    """

    source_id: str
    received: int
    classes: tuple[Delivered, ...]
    measured: dict[str, float]
    components: tuple[str, ...]
    partly: dict[str, tuple[str, ...]]


class BlindComponent(msgspec.Struct, frozen=True):
    """A component that no source here delivers whole: how many techniques need it, what helps.

    `missing` are fields that a source would have to deliver beside what it does; `sources` are
    those of the content from which nothing came and that would cover it.
    """

    component: str
    techniques: int
    alone: int
    """Techniques that nothing else shows either."""
    missing: tuple[str, ...]
    sources: tuple[str, ...]


class BlindRule(msgspec.Struct, frozen=True):
    """A rule that cannot fire on what comes in here, and why."""

    rule_id: str
    title: str
    techniques: tuple[str, ...]
    why: str


class Coverage(msgspec.Struct, frozen=True):
    """The whole report. `release` is empty when no ATT&CK release with components is loaded."""

    release: str
    every: bool
    sources: tuple[SourceCoverage, ...]
    components: tuple[str, ...]
    covered: tuple[str, ...]
    techniques: int
    seen: int
    blind_techniques: tuple[str, ...]
    blind_components: tuple[BlindComponent, ...]
    rules: int
    blind_rules: tuple[BlindRule, ...]


def coverage(site: Site, *, every: bool) -> Coverage:
    """What the sources let one see: those from which something came, or all of the content.

    Raises UsageError when nothing came from any source yet and not all are asked for.
    """
    content = applied_content(site) if is_applied(site) else disk_content(site)
    came = {line.source_id: line.account.received for line in source_lines(site)}
    specs = [load_source(files) for _, files in sorted(source_files(content).items())]
    here = [pair for pair in specs if every or came.get(pair[0].id)]
    if not here:
        raise UsageError("nothing came from any source yet: --every tells of all that are known")
    rules = read_component_rules(disk_content(site).under(CROSSWALKS))
    measured = _measured(site)
    shown = [_source(*pair, rules, came, measured) for pair in here]
    others = [_source(*pair, rules, came, {}) for pair in specs if pair not in here]
    stored = shelf(site).current()
    of_technique = components_of(site).of_technique if stored else {}
    names = sorted({name for found in of_technique.values() for name in found})
    covered = {name for one in shown for name in one.components}
    blind = tuple(t for t, found in of_technique.items() if not covered & set(found))
    total, cannot = _rules(content, {spec.id for spec, _ in here}, {s.id: s for s, _ in specs})
    return Coverage(
        release=release_title(stored.release) if stored and of_technique else "",
        every=every,
        sources=tuple(shown),
        components=tuple(names),
        covered=tuple(sorted(covered & set(names)) if names else sorted(covered)),
        techniques=len(of_technique),
        seen=len(of_technique) - len(blind),
        blind_techniques=blind,
        blind_components=tuple(_blind(names, covered, of_technique, set(blind), shown, others)),
        rules=total,
        blind_rules=tuple(cannot),
    )


def delivered(mapping: MappingSpec) -> list[Delivered]:
    """What a mapping makes, class by class."""
    activities: dict[str, set[str]] = defaultdict(set)
    fields: dict[str, set[str]] = defaultdict(set)
    for rule in _events(mapping):
        name = rule.class_name
        activities[name] |= _activities(rule, mapping)
        fields[name].update(".".join(line.target) for line in rule.part.constants)
        for line in rule.part.fields:
            fields[name].update(_paths(line))
    return [
        Delivered(name, tuple(sorted(activities[name])), tuple(sorted(fields[name])))
        for name in sorted(fields.keys() | activities.keys())
    ]


def _events(mapping: MappingSpec) -> Iterator[EventRule]:
    for rule in (*mapping.events, mapping.default):
        yield rule
        yield from rule.also


def _activities(rule: EventRule, mapping: MappingSpec) -> set[str]:
    """Captions of the activities that an event may have."""
    about = ocsf_schema().classes.get(rule.class_name)
    captions = about.attributes["activity_id"].enum if about else {}
    made = [line for line in rule.part.fields if line.target == ("activity_id",)]
    if not made:
        given = "Unknown" if rule.activity is None else str(rule.activity)
        return {captions.get(given, given)}
    rows = mapping.tables.get(made[-1].table, {})
    return {captions.get(str(value), str(value)) for value in rows.values()} or {ANY}


def _paths(line: FieldRule) -> Iterator[str]:
    """The paths that a line can fill: a converter of objects fills several."""
    path = ".".join(line.target)
    converter = CONVERTERS.get(line.convert)
    yield path
    for name in converter.outputs if converter else ():
        yield f"{path}.{name}"


def _source(
    spec: SourceSpec,
    mapping: MappingSpec,
    rules: Sequence[ComponentRule],
    came: dict[str, int],
    measured: dict[str, dict[str, float]],
) -> SourceCoverage:
    classes = delivered(mapping)
    found, partly = [], {}
    for rule in rules:
        lacks = [_lacking(way, spec.id, classes) for way in rule.ways]
        possible = [one for one in lacks if one is not None]
        if any(not one for one in possible):
            found.append(rule.component)
        elif possible:
            partly[rule.component] = min(possible, key=len)
    shares = measured.get(spec.id, {})
    return SourceCoverage(
        spec.id, came.get(spec.id, 0), tuple(classes), shares, tuple(sorted(set(found))), partly
    )


def _lacking(way: Delivers, source_id: str, classes: Iterable[Delivered]) -> tuple[str, ...] | None:
    """The fields that events of a source lack to be a component; None when they are of no kind."""
    if way.sources and source_id not in way.sources:
        return None
    for one in classes:
        if one.class_name != way.class_name:
            continue
        if not way.activities or {ANY, *way.activities} & set(one.activities):
            return tuple(need for need in way.needs if not _has(one.fields, need))
    return None


def _has(fields: Sequence[str], need: str) -> bool:
    return any(one == need or one.startswith(f"{need}.") for one in fields)


def _measured(site: Site) -> dict[str, dict[str, float]]:
    """Source -> field -> share of the events that have it, as far as state remembers."""
    if not site.state.exists():
        return {}
    state = State(site.state, read_only=True)
    counts: dict[str, Counts] = defaultdict(dict)
    for source, data in state.fold_states(DaysFold.name).items():
        for day in days_from_bytes(data).days.values():
            add_counts(counts[source], day.counts)
    for source, data in state.fold_states(QualityFold.name).items():
        for hour in recent_from_bytes(data).open.values():
            for cell in hour.cells.values():
                add_counts(counts[source], cell)
    return {source: dict(_shares(found)) for source, found in counts.items()}


def _shares(counts: Counts) -> Iterator[tuple[str, float]]:
    for name in FIELDS:
        of = counts.get(f"{name}#", 0)
        if of:
            yield name, round(counts.get(name, 0) / of, 4)


def _blind(
    names: Sequence[str],
    covered: set[str],
    of_technique: dict[str, tuple[str, ...]],
    blind: set[str],
    shown: Sequence[SourceCoverage],
    others: Sequence[SourceCoverage],
) -> list[BlindComponent]:
    """Components that nothing here covers, those first by which most techniques would be seen."""
    needing = Counter(name for found in of_technique.values() for name in found)
    alone = Counter(name for technique in blind for name in of_technique[technique])
    found = []
    for name in (one for one in names if one not in covered):
        lacks = sorted({field for one in shown for field in one.partly.get(name, ())})
        could = tuple(one.source_id for one in others if name in one.components)
        found.append(BlindComponent(name, needing[name], alone[name], tuple(lacks), could))
    return sorted(found, key=lambda one: (-one.alone, -one.techniques, one.component))


def _rules(
    content: ContentSet, here: set[str], specs: dict[str, SourceSpec]
) -> tuple[int, list[BlindRule]]:
    """How many rules there are, and those that cannot fire on what comes from these sources."""
    parsed = parse_rules(parts.rule_files(content, None))
    bindings = parts.logsources(content)
    fed = [one for one in bindings if _feeders(one, specs) & here]
    known = {one.rule.rule_id: one.rule for one in parsed.rules}
    everywhere = {
        one.rule_id: one for one in compile_plan(parsed, bindings, use_hyperscan=False).statuses
    }
    blind = []
    statuses = compile_plan(parsed, fed, use_hyperscan=False).statuses
    for status in statuses:
        if status.state is not RuleState.INACTIVE:
            continue
        rule = known.get(status.rule_id)
        why = status.reason
        before = everywhere.get(status.rule_id)
        if rule is not None and before is not None and before.state is RuleState.ACTIVE:
            wanted = (rule.product, rule.category, rule.service)
            could = sorted(
                {name for one in bindings if _is(one, wanted) for name in _feeders(one, specs)}
            )
            why += f" here; known to: {', '.join(could)}" if could else ""
        techniques = rule.techniques if rule is not None else ()
        blind.append(BlindRule(status.rule_id, status.title, techniques, why))
    return len(statuses), sorted(blind, key=lambda one: (one.why, one.title))


def _is(binding: LogsourceBinding, wanted: tuple[str, str, str]) -> bool:
    offered = (binding.product, binding.category, binding.service)
    return all(not want or want == have for want, have in zip(wanted, offered, strict=True))


def _feeders(binding: LogsourceBinding, specs: dict[str, SourceSpec]) -> set[str]:
    """The sources whose records may be of a logsource."""
    return {
        name
        for name, spec in specs.items()
        if any(binding.serves(name, shape.id) for shape in spec.shapes)
    }
