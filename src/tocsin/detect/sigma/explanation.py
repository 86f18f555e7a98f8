"""Why a rule holds for a record: the predicates that made it so, and their values."""

from collections.abc import Iterator, Mapping
from typing import Any

from tocsin.detect.sigma.checks import check_of
from tocsin.detect.sigma.ir import Connective, Node, Op, Predicate
from tocsin.detect.sigma.plan import Plan, Scope
from tocsin.detect.sigma.routes import refers
from tocsin.detect.sigma.semantics import texts
from tocsin.detect.sigma.views import first_present
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
    for scope in plan.scopes:
        if record.shape != scope.shape or not scope.holds(rule):
            continue
        if not scope.serves(record.source_id, record.shape):
            continue
        reader = _Reader(plan, scope, record.fields)
        if reader.find(scope.condition) is None:
            continue
        found = reader.find(plan.trees[rule])
        if found is not None:
            return tuple(dict.fromkeys(found))[:MAX_MATCHES]
    return ()


class _Reader:
    """Evaluates trees on one record and keeps what held."""

    def __init__(self, plan: Plan, scope: Scope, fields: Mapping[str, Any]) -> None:
        self._plan = plan
        self._scope = scope
        self._fields = fields
        self._known: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {}

    def find(self, node: Node) -> list[Match] | None:
        """What made the tree hold, or None when it does not."""
        if node.how is Connective.NOT:
            return [] if self.find(node.nodes[0]) is None else None
        every = node.how is Connective.AND
        held: list[list[Match]] = []
        for part in self._parts(node):
            if part is not None:
                held.append(part)
            elif every:
                return None
        if not held and not every:
            return None
        return [match for part in held for match in part]

    def _parts(self, node: Node) -> Iterator[list[Match] | None]:
        """What made each part of a node hold."""
        for number in node.leaves:
            yield self._leaf(self._plan.predicates[number])
        for part in node.nodes:
            yield self.find(part)

    def _leaf(self, predicate: Predicate) -> list[Match] | None:
        found = next(self._matches(predicate), None)
        return None if found is None else [found]

    def _matches(self, predicate: Predicate) -> Iterator[Match]:
        natives = self._scope.natives(predicate.field)
        if not predicate.field:
            yield from self._keyword(predicate)
        elif predicate.op is Op.FIELDREF:
            other = self._scope.natives(predicate.text)
            if refers(predicate, self._fields, (*natives, "", *other)):
                value = texts(first_present(self._fields, natives))[0]
                yield _match(natives[0], said(predicate), value)
        else:
            yield from self._field(predicate, natives)

    def _keyword(self, predicate: Predicate) -> Iterator[Match]:
        check = check_of(predicate)
        for field, value in self._fields.items():
            for text in texts(value):
                if check(text):
                    yield _match(field, said(predicate), text)

    def _field(self, predicate: Predicate, natives: tuple[str, ...]) -> Iterator[Match]:
        field, found, compared = self._known.get(predicate.field) or self._look(predicate, natives)
        if predicate.op is Op.NULL:
            if not found:
                yield _match(field, said(predicate), "")
            return
        if not found:
            return
        check = check_of(predicate)
        for text, asked in zip(found, compared, strict=True):
            if check(asked):
                yield _match(field, said(predicate), text)

    def _look(
        self, predicate: Predicate, natives: tuple[str, ...]
    ) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """The native field that has the predicate's, its texts, and what they are compared as."""
        field = next((n for n in natives if texts(self._fields.get(n))), natives[0])
        found = texts(self._fields.get(field))
        translate = self._scope.values.get(predicate.field, {})
        compared = tuple(translate.get(text, text) for text in found) if translate else found
        known = self._known[predicate.field] = (field, found, compared)
        return known


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
        case _:
            return f"{subject} {_WORDS[predicate.op]} '{predicate.text}'"


def _match(field: str, predicate: str, value: str) -> Match:
    shown = value if len(value) <= MAX_VALUE else value[: MAX_VALUE - 1] + "…"
    return Match(field=field, predicate=predicate[:MAX_VALUE], value=shown)
