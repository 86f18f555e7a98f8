"""A rule on one record, decided leaf by leaf: what the fast path must agree with, with reasons."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from tocsin.detect.sigma.checks import check_of
from tocsin.detect.sigma.ir import Connective, Node, Op, Predicate
from tocsin.detect.sigma.plan import Plan, Scope
from tocsin.detect.sigma.routes import refers
from tocsin.detect.sigma.semantics import texts
from tocsin.detect.sigma.views import first_present
from tocsin.model.records import NativeRecord


class Looked(NamedTuple):
    """A predicate on a record: the native field that it was read from, and what was there.

    `text` is the text that made it hold, else the first text of the field; None when it is missing.
    """

    held: bool
    field: str
    text: str | None


class _Known(NamedTuple):
    """A field of a record: its texts, what rules see of them, and the answer when none holds."""

    found: tuple[str, ...]
    seen: tuple[str, ...]
    absent: Looked


class Reader:
    """Evaluates the predicates of one scope on one record."""

    def __init__(self, plan: Plan, scope: Scope, fields: Mapping[str, Any]) -> None:
        self._plan = plan
        self._scope = scope
        self._fields = fields
        self._known: dict[str, _Known] = {}

    def holds(self, node: Node) -> bool:
        """The truth of a tree."""
        parts: Iterator[bool] = (self.look(number).held for number in node.leaves)
        deeper = (self.holds(part) for part in node.nodes)
        if node.how is Connective.NOT:
            return not self.holds(node.nodes[0])
        if node.how is Connective.AND:
            return all(parts) and all(deeper)
        return any(parts) or any(deeper)

    def look(self, number: int) -> Looked:
        """One predicate of the plan, by its number."""
        predicate = self._plan.predicates[number]
        if not predicate.field:
            return self._keyword(predicate)
        natives = self._scope.natives(predicate.field)
        if predicate.op is Op.FIELDREF:
            return self._reference(predicate, natives)
        return self._field(predicate, natives)

    def values(self, field: str) -> tuple[str, ...]:
        """The texts of a field of rules, translated as rules see them."""
        _, found = self._read(field)
        return found

    def _read(self, field: str) -> tuple[str, tuple[str, ...]]:
        natives = self._scope.natives(field)
        native = next((n for n in natives if texts(self._fields.get(n))), natives[0])
        translate = self._scope.values.get(field, {})
        return native, tuple(translate.get(t, t) for t in texts(self._fields.get(native)))

    def _keyword(self, predicate: Predicate) -> Looked:
        check = check_of(predicate)
        for field, value in self._fields.items():
            for text in texts(value):
                if check(text):
                    return Looked(held=True, field=field, text=text)
        return Looked(held=False, field="", text=None)

    def _reference(self, predicate: Predicate, natives: tuple[str, ...]) -> Looked:
        other = self._scope.natives(predicate.text)
        held = refers(predicate, self._fields, (*natives, "", *other))
        found = texts(first_present(self._fields, natives))
        return Looked(held=held, field=natives[0], text=found[0] if found else None)

    def _field(self, predicate: Predicate, natives: tuple[str, ...]) -> Looked:
        known = self._known.get(predicate.field)
        if known is None:
            known = self._known[predicate.field] = self._find(predicate.field, natives)
        if predicate.op is Op.NULL:
            return known.absent._replace(held=not known.found)
        if not known.found:
            return known.absent
        check = check_of(predicate)
        for text, seen in zip(known.found, known.seen, strict=True):
            if check(seen):
                return Looked(held=True, field=known.absent.field, text=text)
        return known.absent

    def _find(self, field: str, natives: tuple[str, ...]) -> _Known:
        native = next((n for n in natives if texts(self._fields.get(n))), natives[0])
        found = texts(self._fields.get(native))
        translate = self._scope.values.get(field, {})
        seen = tuple(translate.get(text, text) for text in found)
        return _Known(found, seen, Looked(held=False, field=native, text=next(iter(found), None)))


def readers(plan: Plan, rule: int, record: NativeRecord) -> Iterator[Reader]:
    """A reader for each logsource of a rule that a record fits."""
    for scope in plan.scopes:
        if scope.serves(record.source_id, record.shape) and scope.holds(rule):
            reader = Reader(plan, scope, record.fields)
            if reader.holds(scope.condition):
                yield reader
