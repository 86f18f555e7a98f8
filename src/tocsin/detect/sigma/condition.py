"""From pySigma's condition trees to nodes over unique predicates."""

import re
from collections.abc import Iterator, Mapping, Sequence
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
_MOST_FILLED = 10_000


class UnsupportedError(Exception):
    """The rule says something this engine does not evaluate; the text says what."""


class NeedsListError(Exception):
    """The rule holds a placeholder that the site must fill."""


class PredicateTable:
    """Numbers for predicates; the same question has the same number in every rule.

    `lists` are what placeholders stand for.
    """

    def __init__(self, lists: Mapping[str, tuple[str, ...]] | None = None) -> None:
        self.lists = lists or {}
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
    if isinstance(value, SigmaString | SigmaRegularExpression) and value.contains_placeholder():
        filled = filled_in(value, table.lists)
        return joined(Connective.OR, [_value_node(field, part, table) for part in filled])
    return Node(Connective.AND, (table.number(predicate_of(field, value)),))


def predicate_of(field: str, value: SigmaType) -> Predicate:
    """The predicate for one value of a field; `field` is empty for a keyword."""
    match value:
        case SigmaString():
            return _string(field, value)
        case SigmaTimestampPart() if field:
            return Predicate(field, Op.TIME, scalar_text(value.number), detail=_unit(value))
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
            unit = _unit(value.number)
            return Predicate(
                field, _COMPARE[value.op], scalar_text(value.number.number), detail=unit
            )
        case SigmaFieldReference() if field:
            return Predicate(field, Op.FIELDREF, value.field, detail=_reference_kind(value))
        case _:
            raise UnsupportedError(f"value of type {type(value).__name__}")


def _unit(value: SigmaNumber) -> str:
    """The part of a time that a number is compared with; empty: the number itself."""
    return value.timestamp_part.name.lower() if isinstance(value, SigmaTimestampPart) else ""


def _reference_kind(value: SigmaFieldReference) -> str:
    if value.starts_with and value.ends_with:
        return "contains"
    if value.starts_with:
        return "startswith"
    return "endswith" if value.ends_with else "eq"


def filled_in(
    value: SigmaString | SigmaRegularExpression, lists: Mapping[str, tuple[str, ...]]
) -> Sequence[SigmaString | SigmaRegularExpression]:
    """A value with each placeholder replaced by every value of its list.

    Raises NeedsListError with the names of those that have none.
    """
    text = value.regexp if isinstance(value, SigmaRegularExpression) else value
    names = [part.name for part in text.s if isinstance(part, Placeholder)]
    missing = [name for name in dict.fromkeys(names) if not lists.get(name)]
    if missing:
        raise NeedsListError(", ".join(f"%{name}%" for name in missing))
    if isinstance(value, SigmaRegularExpression):
        return _filled_regex(value, lists)

    def values(placeholder: Placeholder) -> Iterator[SigmaString]:
        return (SigmaString(one) for one in lists[placeholder.name])

    found = value.replace_placeholders(values)
    if isinstance(value, SigmaCasedString):
        return [SigmaCasedString.from_sigma_string(one) for one in found]
    return found


def _filled_regex(
    value: SigmaRegularExpression, lists: Mapping[str, tuple[str, ...]]
) -> list[SigmaRegularExpression]:
    """In a regular expression the values stand for themselves, their wildcards for any text."""
    patterns = [""]
    for part in value.regexp.s:
        texts = _alternatives(part, lists)
        patterns = [head + text for head in patterns for text in texts]
        if len(patterns) > _MOST_FILLED:
            raise UnsupportedError(f"placeholders that stand for more than {_MOST_FILLED} values")
    return [SigmaRegularExpression(one, value.flags, value.policy) for one in patterns]


def _alternatives(part: Any, lists: Mapping[str, tuple[str, ...]]) -> list[str]:
    if isinstance(part, Placeholder):
        return [_as_regex(one) for one in lists[part.name]]
    return [{SpecialChars.WILDCARD_MULTI: "*", SpecialChars.WILDCARD_SINGLE: "?"}.get(part, part)]


def _as_regex(text: str) -> str:
    return "".join(map(_glob_part_or_text, SigmaString(text).s))


def _glob_part_or_text(part: Any) -> str:
    return re.escape(part) if isinstance(part, str) else _glob_part(part)


def _regex(field: str, value: SigmaRegularExpression) -> Predicate:
    flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
    return Predicate(field, Op.RE, str(value.regexp), cased="i" not in flags, detail=flags)


def _string(field: str, value: SigmaString) -> Predicate:
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
