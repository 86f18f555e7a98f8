"""Resolve what correlations refer to: ids and names, order, fields, and who may be shown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from tocsin.detect.sigma.about import digest_of, status_of
from tocsin.detect.sigma.correlations import ParsedCorrelation
from tocsin.detect.sigma.ir import Rule
from tocsin.detect.sigma.windows.correlation import BY_RULE, Correlation, Part, delays
from tocsin.model.findings import Level
from tocsin.model.rules import RuleState, RuleStatus

_SHIPPED = "shipped/"
"""How the places of rules begin that came with the package."""


class Resolved(NamedTuple):
    """Active correlations (parts before wholes) and what they mean for the rules they refer to.

    `fields` are what findings of a rule must carry, `building` the ids of rules and correlations
    whose findings are not shown.
    """

    correlations: tuple[Correlation, ...]
    fields: dict[str, tuple[str, ...]]
    building: frozenset[str]
    statuses: tuple[RuleStatus, ...]


def resolve(
    parsed: Sequence[ParsedCorrelation], active: Sequence[Rule], others: Sequence[RuleStatus]
) -> Resolved:
    """`active` are the rules that can fire, `others` what became of the rest."""
    rules = {rule.rule_id: rule for rule in active}
    inactive = {one.rule_id: one.reason for one in others if one.state is not RuleState.ACTIVE}
    index = _Names([*rules.values(), *(one.rule for one in parsed)])
    found: dict[str, Correlation] = {}
    statuses: list[RuleStatus] = []
    for one in _ordered(parsed, index):
        known = {**rules, **{name: made.rule for name, made in found.items()}}
        outcome = _resolved(one, index, known, inactive)
        if isinstance(outcome, Correlation):
            found[one.rule.rule_id] = outcome
            statuses.append(status_of(one.rule, RuleState.ACTIVE, _missing(one, outcome, inactive)))
        else:
            inactive[one.rule.rule_id] = outcome
            statuses.append(status_of(one.rule, RuleState.INACTIVE, outcome))
    made = _with_components(_carrying(tuple(found.values())))
    levels = {name: rule.level for name, rule in rules.items()}
    levels |= {one.rule.rule_id: one.rule.level for one in made}
    places = {rule.rule_id: rule.where for rule in (*active, *(one.rule for one in made))}
    explicit = frozenset(one.rule.rule_id for one in parsed if one.generate is False)
    building = _building(made, _Material(levels, places, frozenset(found), explicit))
    return Resolved(delays(made), _fields(made), building, tuple(statuses))


class _Names:
    """Ids and names of rules; a name means the rule in the same file before any other."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._ids: set[str] = set()
        self._named: dict[str, list[Rule]] = {}
        for rule in rules:
            self._ids.add(rule.rule_id)
            if rule.name:
                self._named.setdefault(rule.name, []).append(rule)

    def id_of(self, reference: str, where: str) -> str | None:
        """The id that a reference in a file means; None when it means none, or several."""
        if reference in self._ids:
            return reference
        named = self._named.get(reference, [])
        here = [rule for rule in named if rule.where == where] or named
        return here[0].rule_id if len(here) == 1 else None


def _ordered(parsed: Sequence[ParsedCorrelation], index: _Names) -> list[ParsedCorrelation]:
    """Parts before wholes; those in a circle come last, each before its parts."""
    waiting = {one.rule.rule_id: one for one in parsed}
    found: list[ParsedCorrelation] = []
    while waiting:
        ready = [
            one
            for one in waiting.values()
            if not any(index.id_of(ref, one.rule.where) in waiting for ref in one.references)
        ] or list(waiting.values())
        for one in ready:
            del waiting[one.rule.rule_id]
        found += ready
    return found


def _resolved(
    one: ParsedCorrelation, index: _Names, known: Mapping[str, Rule], inactive: Mapping[str, str]
) -> Correlation | str:
    """The correlation, or why it cannot fire."""
    ids = [index.id_of(ref, one.rule.where) or ref for ref in one.references]
    missing = [(ref, name) for ref, name in zip(one.references, ids, strict=True)]
    missing = [(ref, name) for ref, name in missing if name not in known]
    made = _made(one, ids, known)
    every = one.expression is not None or (one.kind in BY_RULE and _needs(made, len(ids)))
    if missing and (every or len(missing) == len(ids)):
        ref, name = missing[0]
        return f"rule {ref}: {inactive.get(name, 'no rule here has this id or, once, this name')}"
    return made


def _needs(made: Correlation, count: int) -> bool:
    """True when nothing less than so many different rules satisfies the condition."""
    return not any(made.allows(fewer) for fewer in range(1, count))


def _missing(one: ParsedCorrelation, made: Correlation, inactive: Mapping[str, str]) -> str:
    """What an active correlation does without."""
    lost = [part.rule_id for part in made.parts if not part.title]
    if not lost:
        return ""
    return f"without {len(lost)} of {len(one.references)} rules: {lost[0]} " + (
        inactive.get(lost[0], "is not here")
    )


def _made(one: ParsedCorrelation, ids: Sequence[str], known: Mapping[str, Rule]) -> Correlation:
    parts = tuple(
        Part(name, known[name].title if name in known else "", _aliases(one, ref, name))
        for ref, name in zip(one.references, ids, strict=True)
    )
    return Correlation(
        rule=_described(one.rule, [known[name] for name in ids if name in known], ids),
        kind=one.kind,
        parts=parts,
        group_by=one.group_by,
        timespan=one.timespan,
        thresholds=one.thresholds,
        fields=one.fields,
        percentile=one.percentile,
        expression=one.expression,
        generate=bool(one.generate),
    )


def _aliases(one: ParsedCorrelation, reference: str, rule_id: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for alias, by_rule in one.aliases.items():
        field = by_rule.get(reference, by_rule.get(rule_id))
        if field is not None:
            found[alias] = field
    return found


def _described(rule: Rule, parts: Sequence[Rule], ids: Sequence[str]) -> Rule:
    """What the correlation says about itself; what it leaves out it takes from its rules.

    Its digest changes with theirs: a changed rule begins with empty windows.
    """
    level = rule.level if rule.leveled else max((p.level for p in parts), key=_rank, default=None)
    tagged = bool(rule.techniques or rule.tactics)
    techniques = (name for part in parts for name in part.techniques)
    tactics = (name for part in parts for name in part.tactics)
    return msgspec.structs.replace(
        rule,
        level=level or rule.level,
        techniques=rule.techniques if tagged else tuple(dict.fromkeys(techniques)),
        tactics=rule.tactics if tagged else tuple(dict.fromkeys(tactics)),
        digest=digest_of([rule.digest, *ids, *(part.digest for part in parts)]),
    )


def _rank(level: Level) -> int:
    return level.rank


def _carrying(made: Sequence[Correlation]) -> tuple[Correlation, ...]:
    """Correlations with the fields that those over them look at; wholes are asked first."""
    wanted: dict[str, dict[str, None]] = {}
    found: list[Correlation] = []
    for one in reversed(made):
        asked = tuple(wanted.get(one.rule.rule_id, ()))
        filled = msgspec.structs.replace(one, carried=asked)
        for part in filled.parts:
            mine = wanted.setdefault(part.rule_id, {})
            mine.update(dict.fromkeys(map(part.field, filled.columns)))
        found.append(filled)
    return tuple(reversed(found))


def _fields(made: Sequence[Correlation]) -> dict[str, tuple[str, ...]]:
    wanted: dict[str, dict[str, None]] = {}
    for one in made:
        for part in one.parts:
            mine = wanted.setdefault(part.rule_id, {})
            mine.update(dict.fromkeys(map(part.field, one.columns)))
    return {rule_id: tuple(fields) for rule_id, fields in wanted.items()}


class _Material(NamedTuple):
    """What decides whether a rule may be hidden behind a correlation (ADR 0013).

    `levels` and `places` (files) go by id, `wholes` are the correlations, `explicit` those of them
    that say `generate: false` themselves.
    """

    levels: Mapping[str, Level]
    places: Mapping[str, str]
    wholes: frozenset[str]
    explicit: frozenset[str]

    def hides(self, whole: Rule, part: str) -> bool:
        """True when the correlation `whole` makes the rule `part` its building material."""
        level, place = self.levels.get(part), self.places.get(part, "")
        if level is None:
            return False
        if place == whole.where:
            return True
        if level.rank <= Level.LOW.rank and part not in self.wholes:
            return True
        foreign = place.startswith(_SHIPPED) and not whole.where.startswith(_SHIPPED)
        return whole.rule_id in self.explicit and level is not Level.CRITICAL and not foreign


def _building(made: Sequence[Correlation], material: _Material) -> frozenset[str]:
    """Rules that some correlation may hide, and that none wants shown."""
    shown = {part.rule_id for one in made if one.generate for part in one.parts}
    hidden = {
        part.rule_id for one in made for part in one.parts if material.hides(one.rule, part.rule_id)
    }
    return frozenset(hidden - shown)


def _with_components(made: Sequence[Correlation]) -> tuple[Correlation, ...]:
    """Correlations that share a rule have one component, named by its first correlation."""
    home: dict[str, str] = {}
    for one in made:
        names = {one.rule.rule_id, *(part.rule_id for part in one.parts)}
        joined = {home[name] for name in names if name in home} | {one.rule.rule_id}
        first = min(joined)
        home = {name: first if at in joined else at for name, at in home.items()}
        home.update(dict.fromkeys(names, first))
    return tuple(msgspec.structs.replace(one, component=home[one.rule.rule_id]) for one in made)
