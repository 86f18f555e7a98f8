"""A stream: records of one source and shape, sorted into routes by their routing fields."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from tocsin.detect.sigma.caches import Generations
from tocsin.detect.sigma.ir import Connective, Node, Op, Predicate
from tocsin.detect.sigma.plan import Plan, Scope
from tocsin.detect.sigma.residual import Leaf, Rest, Slots, partial
from tocsin.detect.sigma.routes import Engine, Names, Pairs, Route, Signature, Slot
from tocsin.detect.sigma.semantics import texts
from tocsin.detect.sigma.views import first_present

Question = tuple[str, Names, Pairs]
"""A field of rules read through native keys that all route."""

Answered = tuple[tuple[int, Slots], ...]
"""The scopes that apply, and which of their rules' predicates on routing fields hold."""


class StreamEngine(Engine, Protocol):
    """What a stream needs of its Matcher."""

    plan: Plan

    def opened(self) -> None:
        """Called after a route was opened."""

    def numbers(self, field: str) -> Sequence[int]:
        """The predicates of a field of rules."""

    def users(self, number: int) -> Sequence[int]:
        """The rules that ask a predicate."""


class Stream:
    """Finds the route of a record. `keys` are the native fields whose values decide it."""

    def __init__(self, engine: StreamEngine, source_id: str, shape: str) -> None:
        self._engine = engine
        self._predicates = engine.plan.predicates
        self._trees = engine.plan.trees
        scopes = [s for s in engine.plan.scopes if s.serves(source_id, shape)]
        self.keys = self._route_fields(scopes)
        self._scopes = tuple((scope, self._asked_by(scope)) for scope in scopes)
        self._questions = tuple(dict.fromkeys(q for _, asked in self._scopes for q in asked))
        self._opened: dict[Answered, Route] = {}
        self.routes = RouteTable(self, engine)

    @property
    def route_count(self) -> int:
        """Routes that are open."""
        return len(self._opened)

    def close(self) -> None:
        """Forget all routes and what they remember."""
        self._opened.clear()
        self.routes = RouteTable(self, self._engine)

    def careful(self, key: tuple[Any, ...], fields: Mapping[str, Any]) -> tuple[Route, Signature]:
        """Route and signature of a record whose values need more than a dict lookup."""
        plain = all(value.__class__ in _PLAIN for value in key)
        route = self.routes[key] if plain else self.find(key)
        return route, route.signature(fields)

    def find(self, key: tuple[Any, ...]) -> Route:
        """The route for these values of `keys`, opened when no record took it before.

        Values share a route when the same scopes apply and all that the rules of these scopes ask
        about the values has the same answers.
        """
        answers = self._answers(dict(zip(self.keys, key, strict=True)))
        active: list[Scope] = []
        answered: list[tuple[int, Slots]] = []
        for place, (scope, asked) in enumerate(self._scopes):
            reader = _Reader(scope, self._predicates, answers, {})
            if partial(scope.condition, reader.leaf) is True:
                active.append(scope)
                answered.extend((place, answers[q] & numbers) for q, numbers in asked.items())
                answered.append((place, frozenset()))
        signature = tuple(answered)
        route = self._opened.get(signature)
        if route is None:
            route = self._opened[signature] = self._build(active, answers)
            self._engine.opened()
        return route

    def _route_fields(self, scopes: Sequence[Scope]) -> Names:
        found: set[str] = set()
        for scope in scopes:
            for number in leaves(scope.condition):
                found.update(scope.natives(self._predicates[number].field))
        return tuple(sorted(found))

    def _asked_by(self, scope: Scope) -> dict[Question, Slots]:
        """What routing answers for a scope: the numbers that its rules ask, by question."""
        known = set(self.keys)
        fields = [f for f in (*known, *scope.fields) if known.issuperset(scope.natives(f))]
        conditions = set(leaves(scope.condition))
        rules = set(scope.rules)
        asked: dict[Question, Slots] = {}
        for field in fields:
            numbers = self._engine.numbers(field)
            mine = {n for n in numbers if not rules.isdisjoint(self._engine.users(n))}
            if mine or not conditions.isdisjoint(numbers):
                asked[question(scope, field)] = frozenset(mine)
        return asked

    def _answers(self, fields: Mapping[str, Any]) -> dict[Question, Slots]:
        """Numbers of the predicates that hold, for every question that routing answers."""
        answers: dict[Question, Slots] = {}
        for asked in self._questions:
            field, natives, translate = asked
            program = self._engine.program(field)
            found = texts(first_present(fields, natives))
            named = dict(translate)
            true = {n for text in found for n in program.true_of(named.get(text, text))}
            answers[asked] = frozenset(true if found else program.missing)
        return answers

    def _build(self, active: Sequence[Scope], answers: Mapping[Question, Slots]) -> Route:
        slots: dict[Slot, int] = {}
        rests: dict[int, Rest] = {}
        certain: list[int] = []
        for scope in active:
            reader = _Reader(scope, self._predicates, answers, slots)
            for rule in scope.rules:
                rest = partial(self._trees[rule], reader.leaf)
                if rest is True:
                    certain.append(rule)
                elif isinstance(rest, Rest):
                    rests[rule] = _either(rests.get(rule), rest)
        route = Route(rests, tuple(certain), tuple(slots), predicates=self._predicates)
        route.open(self._engine)
        return route


_PLAIN = frozenset({str, int, float, type(None)})


def _either(first: Rest | None, second: Rest) -> Rest:
    if first is None:
        return second
    return Rest(Connective.OR, frozenset(), (first, second))


def question(scope: Scope, field: str) -> Question:
    """How a scope reads a field of rules."""
    return (field, scope.natives(field), tuple(sorted(scope.values.get(field, {}).items())))


class _Reader:
    """Answers leaves of one scope on one route, or gives them a slot."""

    def __init__(
        self,
        scope: Scope,
        predicates: Sequence[Predicate],
        answers: Mapping[Question, Slots],
        slots: dict[Slot, int],
    ) -> None:
        self._scope = scope
        self._predicates = predicates
        self._answers = answers
        self._slots = slots
        self._fields: dict[str, tuple[Slots | None, dict[int, int], Question]] = {}

    def leaf(self, number: int) -> Leaf:
        field = self._predicates[number].field
        known, given, asked = self._fields.get(field) or self._field(field)
        if known is not None and self._predicates[number].op is not Op.FIELDREF:
            return number in known
        slot = given.get(number)
        if slot is None:
            slot = given[number] = self._slot(number, asked)
        return slot

    def _field(self, field: str) -> tuple[Slots | None, dict[int, int], Question]:
        asked = question(self._scope, field)
        found = self._fields[field] = (self._answers.get(asked), {}, asked)
        return found

    def _slot(self, number: int, asked: Question) -> int:
        _, natives, translate = asked
        predicate = self._predicates[number]
        if predicate.op is Op.FIELDREF:
            natives, translate = (*natives, "", *self._scope.natives(predicate.text)), ()
        return self._slots.setdefault(Slot(number, natives, translate), len(self._slots))


def leaves(node: Node) -> Iterator[int]:
    """Numbers of all predicates in a tree."""
    yield from node.leaves
    for part in node.nodes:
        yield from leaves(part)


class RouteTable(Generations):
    """Values of the routing fields -> route."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Stream, engine: Engine) -> None:
        super().__init__(engine.budget)
        self._stream = stream

    def __missing__(self, key: tuple[Any, ...]) -> Route:
        if any(value.__class__ is bool for value in key):
            return self._stream.find(key)
        route: Route = super().__missing__(key)
        if any(value in (0, 1) for value in key if value.__class__ is not str):
            route.special = True
        return route

    def compute(self, key: tuple[Any, ...]) -> Route:
        """See `Generations`."""
        return self._stream.find(key)

    def cost(self, key: tuple[Any, ...]) -> int:
        """See `Generations`."""
        return 300 + sum(len(value) for value in key if isinstance(value, str))
