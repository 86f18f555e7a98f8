"""Read correlation documents: pySigma parses, ranges and references by file are ours."""

from typing import Any

import msgspec
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionItem,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationConditionOperator,
    SigmaCorrelationRule,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from tocsin.detect.sigma.condition import UnsupportedError
from tocsin.detect.sigma.ir import Rule
from tocsin.detect.sigma.windows.correlation import (
    BY_RULE,
    NUMERIC,
    Expression,
    How,
    Kind,
    Threshold,
)
from tocsin.detect.sigma.windows.ordering import MOST_ORDERED

MOST_PARTS = 60
"""Rules that one correlation may refer to."""

MOST_COUNTED = 50_000
"""The largest count that a correlation may ask for: a group keeps twice as many events."""

LONGEST = 366 * 86_400 * 1_000_000
"""The longest timespan (us)."""

_OPERATORS = SigmaCorrelationConditionOperator.operators()


class ParsedCorrelation(msgspec.Struct, frozen=True):
    """A correlation document; `references` are ids or names, `aliases` go by them.

    `timespan` is in microseconds; `expression` numbers the references; `generate` is None where the
    document does not say it.
    """

    rule: Rule
    kind: Kind
    references: tuple[str, ...]
    group_by: tuple[str, ...]
    aliases: dict[str, dict[str, str]]
    timespan: int
    thresholds: tuple[Threshold, ...]
    fields: tuple[str, ...]
    percentile: int
    expression: Expression | None
    generate: bool | None


def correlation_of(about: Rule, document: dict[str, Any]) -> ParsedCorrelation:
    """The correlation in a document; raises what pySigma raises, or UnsupportedError."""
    section = document["correlation"]
    if not isinstance(section, dict):
        raise UnsupportedError("a `correlation` that is no mapping")
    bounds = _bounds(section.get("condition"))
    parsed = SigmaCorrelationRule.from_dict(
        {"title": "correlation", "correlation": {**section, **bounds[0]}}
    )
    kind = Kind(parsed.type.name.lower())
    expression, names = _condition(parsed)
    thresholds = () if expression is not None else _thresholds(parsed, bounds)
    found = ParsedCorrelation(
        rule=about,
        kind=kind,
        references=names,
        group_by=tuple(dict.fromkeys(parsed.group_by or ())),
        aliases={
            one.alias: {ref.reference: str(name) for ref, name in one.mapping.items()}
            for one in parsed.aliases
        },
        timespan=parsed.timespan.seconds * 1_000_000,
        thresholds=thresholds,
        fields=_fields(parsed),
        percentile=_percentile(parsed, kind),
        expression=expression,
        generate=_generate(section.get("generate", document.get("generate"))),
    )
    _refuse(found)
    return found


def _generate(said: Any) -> bool | None:
    return None if said is None else bool(said)


def _bounds(condition: Any) -> list[dict[str, Any]]:
    """A condition with several operators as several conditions with one each."""
    if not isinstance(condition, dict):
        return [{}]
    rest = {key: value for key, value in condition.items() if key not in _OPERATORS}
    found = [{key: value} for key, value in condition.items() if key in _OPERATORS]
    return [{"condition": {**rest, **one}} for one in found] or [{}]


def _thresholds(
    parsed: SigmaCorrelationRule, bounds: list[dict[str, Any]]
) -> tuple[Threshold, ...]:
    """Every bound; the default of a temporal correlation is all of its rules."""
    first = parsed.condition
    if not isinstance(first, SigmaCorrelationCondition):
        return ()
    rest = [SigmaCorrelationCondition.from_dict(one["condition"]) for one in bounds[1:]]
    return tuple(Threshold(one.op.name.lower(), one.count) for one in (first, *rest))


def _condition(parsed: SigmaCorrelationRule) -> tuple[Expression | None, tuple[str, ...]]:
    """The extended condition, if there is one, and what the correlation refers to."""
    listed = tuple(str(one.reference) for one in parsed.rules or ())
    condition = parsed.condition
    if not isinstance(condition, SigmaExtendedCorrelationCondition):
        return None, listed
    names = listed or tuple(condition.get_referenced_rules())
    return _expression(condition.parsed, names), names


def _expression(
    node: CorrelationConditionItem | SigmaRuleReference, names: tuple[str, ...]
) -> Expression:
    match node:
        case SigmaRuleReference():
            return Expression(How.PART, names.index(node.reference))
        case CorrelationConditionNOT():
            how = How.NOT
        case CorrelationConditionAND():
            how = How.AND
        case CorrelationConditionOR():
            how = How.OR
        case _:
            raise UnsupportedError(f"condition element {type(node).__name__}")
    return Expression(how, nodes=tuple(_expression(part, names) for part in node.args))


def _fields(parsed: SigmaCorrelationRule) -> tuple[str, ...]:
    condition = parsed.condition
    found = condition.fieldref if isinstance(condition, SigmaCorrelationCondition) else None
    if found is None:
        return ()
    return (found,) if isinstance(found, str) else tuple(dict.fromkeys(map(str, found)))


def _percentile(parsed: SigmaCorrelationRule, kind: Kind) -> int:
    condition = parsed.condition
    if kind is not Kind.VALUE_PERCENTILE or not isinstance(condition, SigmaCorrelationCondition):
        return 50
    found = condition.percentile
    if found is None or not 0 <= found <= 100:  # noqa: PLR2004 - per cent
        raise UnsupportedError("value_percentile without a `percentile` from 0 to 100")
    return found


def _refuse(found: ParsedCorrelation) -> None:
    """Raise UnsupportedError for what this engine does not compute."""
    if not found.references:
        raise UnsupportedError("a correlation that refers to no rule")
    if len(found.references) > MOST_PARTS:
        raise UnsupportedError(f"more than {MOST_PARTS} rules in one correlation")
    if found.timespan > LONGEST:
        raise UnsupportedError("a timespan of more than a year")
    if found.kind in NUMERIC and len(found.fields) != 1:
        raise UnsupportedError(f"{found.kind} over other than one field")
    if found.kind not in NUMERIC and any(t.number > MOST_COUNTED for t in found.thresholds):
        raise UnsupportedError(f"counts above {MOST_COUNTED}")
    if found.kind is Kind.TEMPORAL_ORDERED and len(found.references) > MOST_ORDERED:
        raise UnsupportedError(f"more than {MOST_ORDERED} rules in order")
    if found.kind not in BY_RULE and not found.thresholds:
        raise UnsupportedError("a correlation without a condition")
