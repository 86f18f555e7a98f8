"""Why a rule holds for a record: the predicates that made it so, and their values."""

from tocsin.detect.sigma.evaluation import Reader, readers
from tocsin.detect.sigma.ir import Connective, Node, Op, Predicate
from tocsin.detect.sigma.plan import Plan
from tocsin.model.findings import Match
from tocsin.model.records import NativeRecord

MAX_VALUE = 512
"""Characters of a value that an explanation carries."""

MAX_MATCHES = 24
"""Predicates that an explanation lists."""

_WORDS = {
    Op.EQ: "is",
    Op.CONTAINS: "contains",
    Op.STARTSWITH: "starts with",
    Op.ENDSWITH: "ends with",
    Op.GLOB: "is like",
    Op.RE: "matches",
    Op.CIDR: "is in",
    Op.LT: "is below",
    Op.LTE: "is at most",
    Op.GT: "is above",
    Op.GTE: "is at least",
    Op.NE: "is not",
}
_REFERENCE = {
    "eq": "is",
    "startswith": "starts with",
    "endswith": "ends with",
    "contains": "contains",
}


def explain(plan: Plan, rule: int, record: NativeRecord) -> tuple[Match, ...]:
    """The predicates of `Plan.rules[rule]` that held on `record`, in the order of the rule.

    Empty when the rule does not hold. What is negated is not listed.
    """
    for reader in readers(plan, rule, record):
        found = _found(plan, reader, plan.trees[rule])
        if found is not None:
            return tuple(dict.fromkeys(found))[:MAX_MATCHES]
    return ()


def _found(plan: Plan, reader: Reader, node: Node) -> list[Match] | None:
    """What made the tree hold, or None when it does not."""
    if node.how is Connective.NOT:
        return [] if _found(plan, reader, node.nodes[0]) is None else None
    every = node.how is Connective.AND
    matches: list[Match] = []
    any_held = every
    for number in node.leaves:
        looked = reader.look(number)
        if looked.held:
            any_held = True
            said_of = said(plan.predicates[number])
            matches.append(_match(looked.field, said_of, looked.text or ""))
        elif every:
            return None
    for part in node.nodes:
        found = _found(plan, reader, part)
        if found is not None:
            any_held = True
            matches += found
        elif every:
            return None
    return matches if any_held else None


def said(predicate: Predicate) -> str:
    """A predicate as a person reads it."""
    subject = predicate.field or "any value"
    match predicate.op:
        case Op.NULL:
            return f"{subject} is missing"
        case Op.EXISTS | Op.ANY:
            return f"{subject} is present"
        case Op.FIELDREF:
            return f"{subject} {_REFERENCE[predicate.detail]} the value of {predicate.text}"
        case Op.RE:
            flags = f" ({predicate.detail})" if predicate.detail else ""
            return f"{subject} matches /{predicate.text}/{flags}"
        case Op.GLOB:
            return f"{subject} is like '{predicate.detail}'"
        case Op.TIME:
            return f"the {predicate.detail} of {subject} is {predicate.text}"
        case _ if predicate.detail:
            return f"the {predicate.detail} of {subject} {_WORDS[predicate.op]} {predicate.text}"
        case _:
            return f"{subject} {_WORDS[predicate.op]} '{predicate.text}'"


def _match(field: str, predicate: str, value: str) -> Match:
    shown = value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
    return Match(field=field, predicate=predicate[:MAX_VALUE], value=shown)
