"""From pySigma's condition trees to nodes over unique predicates."""

import re
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.types import (
    CompareOperators,
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
)

from tocsin.detect.sigma.ir import Connective, Node, Op, Predicate
from tocsin.detect.sigma.semantics import scalar_text

_COMPARE = {
    CompareOperators.LT: Op.LT,
    CompareOperators.LTE: Op.LTE,
    CompareOperators.GT: Op.GT,
    CompareOperators.GTE: Op.GTE,
    CompareOperators.NEQ: Op.NE,
}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}
_MAX_DEPTH = 200


class UnsupportedError(Exception):
    """The rule says something this engine does not evaluate; the text says what."""


class NeedsListError(Exception):
    """The rule holds a placeholder that the site must fill."""


class PredicateTable:
    """Numbers for predicates; the same question has the same number in every rule."""

    def __init__(self) -> None:
        self.predicates: list[Predicate] = []
        self._numbers: dict[Predicate, int] = {}

    def number(self, predicate: Predicate) -> int:
        """The number of `predicate`, given on first sight."""
        found = self._numbers.get(predicate)
        if found is None:
            found = self._numbers[predicate] = len(self.predicates)
            self.predicates.append(predicate)
        return found


def to_node(condition: Any, table: PredicateTable, depth: int = 0) -> Node:
    """The node of a parsed and postprocessed pySigma condition."""
    if depth > _MAX_DEPTH:
        raise UnsupportedError(f"condition nested deeper than {_MAX_DEPTH}")
    match condition:
        case ConditionNOT():
            return Node(Connective.NOT, nodes=(to_node(condition.args[0], table, depth + 1),))
        case ConditionAND():
            return _joined(Connective.AND, condition.args, table, depth)
        case ConditionOR():
            return _joined(Connective.OR, condition.args, table, depth)
        case ConditionFieldEqualsValueExpression():
            return _value_node(condition.field, condition.value, table)
        case ConditionValueExpression():
            return _value_node("", condition.value, table)
        case _:
            raise UnsupportedError(f"condition element {type(condition).__name__}")


def _joined(how: Connective, parts: list[Any], table: PredicateTable, depth: int) -> Node:
    return joined(how, [to_node(part, table, depth + 1) for part in parts])


def joined(how: Connective, parts: list[Node]) -> Node:
    """AND or OR of nodes, flattened where a part has the same connective or is one leaf."""
    leaves: dict[int, None] = {}
    nodes: list[Node] = []
    for part in parts:
        single = len(part.leaves) == 1 and not part.nodes and part.how != Connective.NOT
        if part.how == how or single:
            leaves.update(dict.fromkeys(part.leaves))
            nodes.extend(part.nodes)
        else:
            nodes.append(part)
    return Node(how, tuple(leaves), tuple(nodes))


def _value_node(field: str, value: SigmaType, table: PredicateTable) -> Node:
    if isinstance(value, SigmaExpansion):
        parts = [_value_node(field, part, table) for part in value.values]
        return joined(Connective.OR, parts)
    return Node(Connective.AND, (table.number(predicate_of(field, value)),))


def predicate_of(field: str, value: SigmaType) -> Predicate:
    """The predicate for one value of a field; `field` is empty for a keyword."""
    match value:
        case SigmaString():
            return _string(field, value)
        case SigmaTimestampPart():
            raise UnsupportedError("timestamp part modifiers")
        case SigmaNumber() | SigmaBool():
            plain = value.number if isinstance(value, SigmaNumber) else value.boolean
            return Predicate(field, Op.EQ if field else Op.CONTAINS, scalar_text(plain))
        case SigmaRegularExpression():
            return _regex(field, value)
        case SigmaNull() if field:
            return Predicate(field, Op.NULL)
        case SigmaExists() if field:
            return Predicate(field, Op.EXISTS if value.exists else Op.NULL)
        case SigmaCIDRExpression() if field:
            return Predicate(field, Op.CIDR, str(value.network))
        case SigmaCompareExpression() if field:
            return Predicate(field, _COMPARE[value.op], scalar_text(value.number.number))
        case SigmaFieldReference() if field:
            return Predicate(field, Op.FIELDREF, value.field, detail=_reference_kind(value))
        case _:
            raise UnsupportedError(f"value of type {type(value).__name__}")


def _reference_kind(value: SigmaFieldReference) -> str:
    if value.starts_with and value.ends_with:
        return "contains"
    if value.starts_with:
        return "startswith"
    return "endswith" if value.ends_with else "eq"


def _regex(field: str, value: SigmaRegularExpression) -> Predicate:
    if value.contains_placeholder():
        raise NeedsListError(_placeholder(value.regexp))
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    return Predicate(field, Op.RE, str(value.regexp), cased="i" not in flags, detail=flags)


def _placeholder(value: SigmaString) -> str:
    names = [part.name for part in value.s if isinstance(part, Placeholder)]
    return ", ".join(f"%{name}%" for name in names)


def _string(field: str, value: SigmaString) -> Predicate:
    if value.contains_placeholder():
        raise NeedsListError(_placeholder(value))
    cased = isinstance(value, SigmaCasedString)
    parts = [_fold(part, cased=cased) for part in value.s]
    lead = bool(parts) and parts[0] is SpecialChars.WILDCARD_MULTI
    tail = bool(parts) and parts[-1] is SpecialChars.WILDCARD_MULTI
    if not field:
        lead = tail = True
    core = _trim(parts)
    if not core:
        return Predicate(field, Op.ANY if lead or tail else Op.EQ, cased=cased)
    if len(core) == 1 and isinstance(core[0], str):
        return Predicate(field, _literal_op(lead=lead, tail=tail), core[0], cased=cased)
    body = "".join(map(_glob_part, core))
    pattern = ("" if lead else r"\A") + body + ("" if tail else r"\Z")
    return Predicate(field, Op.GLOB, pattern, cased=cased, detail=str(value))


def _fold(part: Any, *, cased: bool) -> Any:
    return part.lower() if isinstance(part, str) and not cased else part


def _trim(parts: list[Any]) -> list[Any]:
    start, end = 0, len(parts)
    while start < end and parts[start] is SpecialChars.WILDCARD_MULTI:
        start += 1
    while end > start and parts[end - 1] is SpecialChars.WILDCARD_MULTI:
        end -= 1
    return parts[start:end]


def _literal_op(*, lead: bool, tail: bool) -> Op:
    if lead:
        return Op.CONTAINS if tail else Op.ENDSWITH
    return Op.STARTSWITH if tail else Op.EQ


def _glob_part(part: Any) -> str:
    if part is SpecialChars.WILDCARD_MULTI:
        return ".*"
    if part is SpecialChars.WILDCARD_SINGLE:
        return "."
    return re.escape(str(part))
