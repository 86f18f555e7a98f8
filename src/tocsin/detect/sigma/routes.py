"""A route: all records with the same answer on the routing fields, and the rules left for them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from tocsin.detect.sigma.automata import RawSearch
from tocsin.detect.sigma.caches import Budget, Generations
from tocsin.detect.sigma.fields import FieldProgram
from tocsin.detect.sigma.ir import Op, Predicate
from tocsin.detect.sigma.keywords import KeywordChecks, expressions
from tocsin.detect.sigma.residual import Rest, Slots, holds, holds_unless, index, slots_in, trigger
from tocsin.detect.sigma.semantics import texts
from tocsin.detect.sigma.views import MORE, NOTHING, View, first_present

Names = tuple[str, ...]
Pairs = tuple[tuple[str, str], ...]
Signature = tuple[Slots, ...]


class Engine(Protocol):
    """What a route needs of the Matcher it works for."""

    budget: Budget

    def program(self, field: str) -> FieldProgram:
        """The program of a field of rules."""

    def search(self, wanted: tuple[bytes, ...] | None) -> RawSearch:
        """A search for any of these expressions in raw bytes; None: every line is a candidate."""


class Slot(NamedTuple):
    """A predicate read through given native keys, with translated values."""

    number: int
    natives: Names
    translate: Pairs


class Outcome(NamedTuple):
    """What a signature decides: rules that hit, and rules that need the record itself."""

    hits: tuple[int, ...]
    pending: tuple[int, ...]


class Several(NamedTuple):
    """Parts of a signature, `first` up to `end`, that read one field under its several names."""

    first: int
    end: int
    missing: Slots


class Route:
    """Rules that can still hit on this route, and the fields they look at."""

    def __init__(
        self,
        rests: Mapping[int, Rest],
        certain: tuple[int, ...],
        slots: Sequence[Slot],
        *,
        predicates: Sequence[Predicate],
    ) -> None:
        self.special = False
        self.certain = certain
        self.rests = rests
        used = set().union(*(slots_in(rest) for rest in rests.values()))
        self.slots = {n: slots[n] for n in sorted(used)}
        self.predicate = {n: predicates[slots[n].number] for n in self.slots}
        self.references = frozenset(n for n, p in self.predicate.items() if p.op is Op.FIELDREF)
        self.keywords = {n: p for n, p in self.predicate.items() if not p.field}
        self.by_slot, self.always = index({key: self._trigger(rest) for key, rest in rests.items()})
        self.wordy = frozenset(k for k, r in rests.items() if slots_in(r) & self.keywords.keys())
        self.referring = frozenset(k for k, r in rests.items() if slots_in(r) & self.references)
        self.keyword_checks = KeywordChecks(self.keywords)
        self.search: RawSearch | None = None
        self.wanted: tuple[bytes, ...] | None = None
        self.names: Names = ()
        self.views: tuple[View, ...] = ()
        self.several: tuple[Several, ...] = ()
        self.looked_at: frozenset[str] = frozenset()
        self.memo: Memo

    def _trigger(self, rest: Rest) -> Slots | None:
        return trigger(rest, self._weight)

    def _weight(self, slot: int) -> float:
        """How often a slot holds, guessed: long texts are rare, absence and existence are not."""
        predicate = self.predicate[slot]
        if predicate.op in (Op.NULL, Op.EXISTS, Op.ANY, Op.NE):
            return 1000.0
        if predicate.op is Op.FIELDREF:
            return 100.0
        return 1.0 if len(predicate.text) > 6 else 10.0 / (1 + len(predicate.text))  # noqa: PLR2004 - a guess

    def open(self, engine: Engine) -> None:
        """Build the views that this route reads values through, and its look at raw lines."""
        groups: dict[tuple[str, Names, Pairs], dict[int, int]] = {}
        for n, slot in self.slots.items():
            predicate = self.predicate[n]
            if predicate.field and predicate.op is not Op.FIELDREF:
                key = (predicate.field, slot.natives, slot.translate)
                groups.setdefault(key, {})[slot.number] = n
        names: list[str] = []
        views: list[View] = []
        several: list[Several] = []
        for (field, natives, translate), numbers in groups.items():
            view = View(
                engine.program(field),
                numbers,
                engine.budget,
                translate=dict(translate),
                several=len(natives) > 1,
            )
            if len(natives) > 1:
                several.append(Several(len(names), len(names) + len(natives), view.missing))
            names.extend(natives)
            views.extend([view] * len(natives))
        self.names, self.views, self.several = tuple(names), tuple(views), tuple(several)
        self.memo = Memo(self, engine.budget)
        referred = (name for n in self.references for name in self.slots[n].natives)
        self.looked_at = frozenset((*names, *referred)) - {""}
        if self.keywords:
            self.wanted = expressions(self.keywords[n] for n in self._searched())
            self.search = engine.search(self.wanted)

    def _searched(self) -> set[int]:
        """Keywords of which one must hold for a rule to need a closer look."""
        found: set[int] = set()
        for rest in self.rests.values():
            mine = slots_in(rest) & self.keywords.keys()
            cause = self._trigger(rest) if mine else None
            found |= cause if cause is not None and cause <= mine else mine
        return found

    def signature(self, fields: Mapping[str, Any]) -> Signature:
        """Slots of each view for a record, whatever its values are."""
        return tuple(
            view.of(fields.get(name)) for view, name in zip(self.views, self.names, strict=True)
        )

    def holding(self, signature: Signature) -> Slots:
        """All slots that hold; of a field with several names, those of the first it came under."""
        if not self.several:
            return NOTHING.union(*signature)
        parts = list(signature)
        for first, end, missing in self.several:
            found = next((part for part in parts[first:end] if part is not MORE), missing)
            parts[first:end] = [found] * (end - first)
        return NOTHING.union(*parts)

    def decide(self, true: Slots) -> Outcome | tuple[int, ...]:
        """Rules that hit when exactly `true` holds (references to other fields still open)."""
        hits = list(self.certain)
        pending: list[int] = []
        for key in self._candidates(true):
            if key not in self.referring:
                if holds(self.rests[key], true):
                    hits.append(key)
                continue
            answer = holds_unless(self.rests[key], true, self.references)
            if answer is None:
                pending.append(key)
            elif answer:
                hits.append(key)
        found = tuple(sorted(set(hits)))
        return Outcome(found, tuple(sorted(pending))) if pending else found

    def _candidates(self, true: Slots) -> set[int]:
        candidates = set(self.always)
        for slot in (*true, *self.references):
            candidates.update(self.by_slot.get(slot, ()))
        return candidates

    def with_keywords(
        self, signature: Signature, fields: Mapping[str, Any]
    ) -> Outcome | tuple[int, ...]:
        """What a record decides with its keywords looked up."""
        true = self.keyword_checks.true_of(fields)
        if not true:
            found: Outcome | tuple[int, ...] = self.memo[signature]
            return found
        return self.decide(true | self.holding(signature))

    def finish(
        self, outcome: Outcome, signature: Signature, fields: Mapping[str, Any]
    ) -> tuple[int, ...]:
        """All rules that hit, with references (and with them keywords) looked up in the record."""
        held = self.holding(signature)
        if not self.wordy.isdisjoint(outcome.pending):
            held |= self.keyword_checks.true_of(fields)
        held |= {n for n in self.references if self._refers(n, fields)}
        more = {key for key in outcome.pending if holds(self.rests[key], held)}
        return tuple(sorted(more.union(outcome.hits)))

    def _refers(self, slot: int, fields: Mapping[str, Any]) -> bool:
        return refers(self.predicate[slot], fields, self.slots[slot].natives)


def refers(predicate: Predicate, fields: Mapping[str, Any], natives: Names) -> bool:
    """A field reference on a record, without case, any element of either side.

    `natives` are the keys of both sides with an empty name between them.
    """
    split = natives.index("")
    mine = [text.lower() for text in texts(first_present(fields, natives[:split]))]
    other = [text.lower() for text in texts(first_present(fields, natives[split + 1 :]))]
    tests: dict[str, Callable[[str, str], bool]] = {
        "eq": str.__eq__,
        "startswith": str.startswith,
        "endswith": str.endswith,
        "contains": str.__contains__,
    }
    test = tests[predicate.detail]
    return any(test(a, b) for a in mine for b in other)


class Memo(Generations):
    """Signature of a record on a route -> what it decides."""

    __slots__ = ("_route",)

    def __init__(self, route: Route, budget: Budget) -> None:
        super().__init__(budget)
        self._route = route

    def compute(self, key: Signature) -> Outcome | tuple[int, ...]:
        """See `Generations`."""
        return self._route.decide(self._route.holding(key))

    def cost(self, key: Signature) -> int:
        """See `Generations`."""
        return 150 + 8 * len(key)
