"""Bind parsed rules to what sources deliver and compile their predicates."""

from collections.abc import Iterable, Sequence
from itertools import product

import msgspec

from tocsin.detect.sigma.about import status_of
from tocsin.detect.sigma.automata import compile_hyperscan, hyperscan_version
from tocsin.detect.sigma.blind import missing_fields, unexpected_fields
from tocsin.detect.sigma.checks import backtrack_limit
from tocsin.detect.sigma.condition import PredicateTable, joined
from tocsin.detect.sigma.fields import SCANNED, by_field, folded
from tocsin.detect.sigma.filters import filter_status, filtered
from tocsin.detect.sigma.ir import Connective, Node, Op, ParsedRule, Predicate, Rule
from tocsin.detect.sigma.parse import RuleSet
from tocsin.detect.sigma.plan import FORMAT, Database, Plan, Scope
from tocsin.detect.sigma.references import resolve
from tocsin.detect.sigma.semantics import scalar_text
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.rules import RuleState, RuleStatus


def compile_plan(
    rules: RuleSet, logsources: Sequence[LogsourceBinding], *, use_hyperscan: bool = True
) -> Plan:
    """A plan for the rules that these logsources can feed; the others end inactive with reason."""
    sorted_out = [_fit(filtered(one, rules.filters), rules.predicates) for one in rules.rules]
    fit = [one for one in sorted_out if isinstance(one, ParsedRule)]
    binder = _Binder(logsources)
    bound = [(parsed, binder.bindings(parsed.rule)) for parsed in fit]
    blind = [missing_fields(parsed, rules.predicates, found) for parsed, found in bound]
    seeing = zip(bound, blind, strict=True)
    active = [pair for pair, missing in seeing if pair[1] and not missing]
    table = PredicateTable()
    trees = tuple(_renumber(parsed.tree, rules.predicates, table) for parsed, _ in active)
    scopes = _scopes([found for _, found in active], table)
    predicates = tuple(table.predicates)
    engine = hyperscan_version() if use_hyperscan else ""
    others = [
        _unfed(parsed.rule, missing)
        for (parsed, found), missing in zip(bound, blind, strict=True)
        if missing or not found
    ]
    others += [one for one in sorted_out if isinstance(one, RuleStatus)]
    others += rules.rejected
    resolved = resolve(rules.correlations, [parsed.rule for parsed, _ in active], others)
    return Plan(
        format=FORMAT,
        engine=engine,
        rules=tuple(parsed.rule for parsed, _ in active),
        trees=trees,
        predicates=predicates,
        scopes=scopes,
        databases=tuple(_databases(predicates)) if engine else (),
        statuses=(
            *(_active(parsed, found, rules.predicates) for parsed, found in active),
            *resolved.statuses,
            *(filter_status(one, rules.rules) for one in rules.filters),
            *others,
        ),
        correlations=resolved.correlations,
        feeding={
            number: resolved.fields[parsed.rule.rule_id]
            for number, (parsed, _) in enumerate(active)
            if parsed.rule.rule_id in resolved.fields
        },
        building=resolved.building,
    )


def _fit(parsed: ParsedRule, predicates: Sequence[Predicate]) -> ParsedRule | RuleStatus:
    """The rule, or its status when one of its patterns may not run."""
    for leaf in leaves_of(parsed.tree):
        if backtrack_limit(predicates[leaf]) is None:
            reason = (
                f"the pattern /{predicates[leaf].text}/ needs lookaround or back-references and "
                "could take exponential time; write it without a repeat in a repeat"
            )
            return status_of(parsed.rule, RuleState.UNSUPPORTED, reason)
    return parsed


class _Binder:
    """Finds the logsources that a rule asks for."""

    def __init__(self, logsources: Sequence[LogsourceBinding]) -> None:
        self._logsources = logsources
        self._known: dict[tuple[str, str, str], list[LogsourceBinding]] = {}

    def bindings(self, rule: Rule) -> list[LogsourceBinding]:
        wanted = (rule.product, rule.category, rule.service)
        if wanted not in self._known:
            self._known[wanted] = self._find(*wanted)
        return self._known[wanted]

    def _find(self, product_: str, category: str, service: str) -> list[LogsourceBinding]:
        offered = [b for b in self._logsources if not product_ or b.product == product_]
        if category and service:
            both = product(
                [b for b in offered if b.category == category],
                [b for b in offered if b.service == service and not b.category],
            )
            merged = [_both(a, b) for a, b in both if (a.shape, a.sources) == (b.shape, b.sources)]
            return [binding for binding in merged if all(binding.conditions.values())]
        if category:
            return [b for b in offered if b.category == category]
        if service:
            return [b for b in offered if b.service == service and not b.category]
        return [b for b in offered if product_ and not b.category and not b.service]


def _both(first: LogsourceBinding, second: LogsourceBinding) -> LogsourceBinding:
    """A logsource that must be both; a condition on the same field keeps the common values."""
    conditions = dict(first.conditions)
    for field, values in second.conditions.items():
        mine = conditions.get(field)
        allowed = {scalar_text(value).lower() for value in values}
        conditions[field] = (
            values if mine is None else tuple(v for v in mine if scalar_text(v).lower() in allowed)
        )
    return msgspec.structs.replace(
        first,
        service=second.service,
        conditions=conditions,
        fields={**second.fields, **first.fields},
        values={**second.values, **first.values},
        never=(*first.never, *second.never),
        known=(*first.known, *second.known),
    )


def _renumber(node: Node, predicates: Sequence[Predicate], table: PredicateTable) -> Node:
    """The tree over predicates of active rules only."""
    return Node(
        node.how,
        tuple(table.number(predicates[leaf]) for leaf in node.leaves),
        tuple(_renumber(part, predicates, table) for part in node.nodes),
    )


def _scopes(found: Iterable[list[LogsourceBinding]], table: PredicateTable) -> tuple[Scope, ...]:
    members: dict[bytes, tuple[LogsourceBinding, list[int]]] = {}
    for index, bindings in enumerate(found):
        for binding in bindings:
            key = msgspec.json.encode(binding)
            members.setdefault(key, (binding, []))[1].append(index)
    return tuple(
        Scope(
            shape=binding.shape,
            sources=binding.sources,
            condition=_condition(binding, table),
            fields=binding.fields,
            values=binding.values,
            rules=tuple(rules),
        )
        for binding, rules in members.values()
    )


def _condition(binding: LogsourceBinding, table: PredicateTable) -> Node:
    parts = [
        Node(
            Connective.OR,
            tuple(table.number(Predicate(field, Op.EQ, scalar_text(v).lower())) for v in values),
        )
        for field, values in binding.conditions.items()
    ]
    return joined(Connective.AND, parts)


def _databases(predicates: Sequence[Predicate]) -> Iterable[Database]:
    for field, numbered in by_field(enumerate(predicates)).items():
        scanned = [pair for pair in numbered if field and pair[1].op in SCANNED]
        for want_folded in (True, False):
            made = compile_hyperscan([pair for pair in scanned if folded(pair) is want_folded])
            if made is not None:
                yield Database(
                    field, want_folded, tuple(made.members), tuple(made.approximate), made.data
                )


def _active(
    parsed: ParsedRule, found: Sequence[LogsourceBinding], predicates: Sequence[Predicate]
) -> RuleStatus:
    limits = [backtrack_limit(predicates[leaf]) for leaf in leaves_of(parsed.tree)]
    fewest = min((limit for limit in limits if limit), default=None)
    notes = []
    if fewest is not None:
        notes.append(
            f"its pattern needs lookaround: only the first {fewest} characters are searched"
        )
    if unexpected := unexpected_fields(parsed, predicates, found):
        notes.append(f"it needs {unexpected}, which no source here is known to deliver")
    return status_of(parsed.rule, RuleState.ACTIVE, "; ".join(notes))


def leaves_of(node: Node) -> set[int]:
    """Numbers of all predicates in a tree."""
    found = set(node.leaves)
    for part in node.nodes:
        found |= leaves_of(part)
    return found


def _unfed(rule: Rule, missing: str) -> RuleStatus:
    """What becomes of a rule whose logsource, or a field that it needs, nothing delivers."""
    if missing:
        reason = f"no source delivers {missing}, which it needs"
        return status_of(rule, RuleState.INACTIVE, reason)
    parts = (("product", rule.product), ("category", rule.category), ("service", rule.service))
    wanted = " ".join(f"{name}={value}" for name, value in parts if value)
    return status_of(
        rule, RuleState.INACTIVE, f"no source delivers {wanted or 'an empty logsource'}"
    )


__all__ = ["ParsedRule", "compile_plan"]
