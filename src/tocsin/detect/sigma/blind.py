"""Rules that cannot fire because they need a field that nothing here delivers.

A logsource may say which fields its records never have. A predicate about such a field is decided:
`field: null` holds, everything else does not. Where that alone decides that a condition is false,
and in every logsource of the rule, the rule is inactive. All else is assumed possible, so that no
rule that could fire is lost.
"""

from collections.abc import Callable, Collection, Sequence

from tocsin.detect.sigma.ir import Node, Op, ParsedRule, Predicate
from tocsin.detect.sigma.residual import partial
from tocsin.model.logsources import LogsourceBinding

Lacks = Callable[[LogsourceBinding, str], bool]
"""Whether records of a logsource are without a field of rules."""


def missing_fields(
    parsed: ParsedRule,
    predicates: Sequence[Predicate],
    bindings: Sequence[LogsourceBinding],
    lacks: Lacks = LogsourceBinding.lacks,
) -> str:
    """The fields for want of which a rule cannot fire in any of its logsources; "" when it can.

    Where single fields would each be enough, it is one "or" the other; else all that are missing.
    """
    tree = parsed.tree
    asked = _fields_of(tree, predicates)
    lacking = [frozenset(name for name in asked if lacks(one, name)) for one in bindings]
    if any(_may_hold(tree, predicates, absent) for absent in lacking):
        return ""
    every = sorted(frozenset().union(*lacking))
    enough = [
        name
        for name in every
        if any(_may_hold(tree, predicates, absent - {name}) for absent in lacking)
    ]
    return " or ".join(enough) or " and ".join(every)


def unexpected_fields(
    parsed: ParsedRule, predicates: Sequence[Predicate], bindings: Sequence[LogsourceBinding]
) -> str:
    """The fields that a collector must have added for the rule to fire."""
    return missing_fields(
        parsed, predicates, bindings, lambda binding, field: not binding.expects(field)
    )


def _fields_of(tree: Node, predicates: Sequence[Predicate]) -> set[str]:
    found: set[str] = set()
    for leaf in tree.leaves:
        one = predicates[leaf]
        found.add(one.field)
        if one.op is Op.FIELDREF:
            found.add(one.text)
    for part in tree.nodes:
        found |= _fields_of(part, predicates)
    return found - {""}


def _may_hold(tree: Node, predicates: Sequence[Predicate], absent: Collection[str]) -> bool:
    """False when the condition is false for every record without the fields of `absent`."""

    def leaf(number: int) -> bool | int:
        one = predicates[number]
        if one.field in absent:
            return one.op is Op.NULL
        if one.op is Op.FIELDREF and one.text in absent:
            return False
        return number

    return partial(tree, leaf) is not False if absent else True
