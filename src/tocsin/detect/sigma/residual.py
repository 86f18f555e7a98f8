"""What is left of a rule once its route is known: small trees over the route's slots."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from tocsin.detect.sigma.ir import Connective, Node

Slots = frozenset[int]
Leaf = bool | int
"""A predicate on this route: known to be true or false, or the slot that will tell."""


class Rest(NamedTuple):
    """A residual node: `slots` and `parts` combined by `how`; NOT has exactly one of either."""

    how: Connective
    slots: Slots
    parts: tuple["Rest", ...]


def partial(node: Node, leaf: Callable[[int], Leaf]) -> "bool | Rest":
    """`node` with all leaves that are known folded away."""
    if node.how is Connective.NOT:
        inner = partial(node.nodes[0], leaf)
        if isinstance(inner, bool):
            return not inner
        return Rest(Connective.NOT, frozenset(), (inner,))
    ends = node.how is Connective.OR
    slots: set[int] = set()
    for number in node.leaves:
        value = leaf(number)
        if value is ends:
            return ends
        if value is not (not ends):
            slots.add(value)
    parts: list[Rest] = []
    for child in node.nodes:
        rest = partial(child, leaf)
        if rest is ends:
            return ends
        if isinstance(rest, Rest):
            _absorb(node.how, rest, slots, parts)
    if not slots and not parts:
        return not ends
    if not slots and len(parts) == 1:
        return parts[0]
    return Rest(node.how, frozenset(slots), tuple(parts))


def _absorb(how: Connective, rest: Rest, slots: set[int], parts: list[Rest]) -> None:
    """Add a part; one with the same connective, or of one slot, dissolves."""
    single = len(rest.slots) == 1 and not rest.parts
    if rest.how is how or (single and rest.how is not Connective.NOT):
        slots.update(rest.slots)
        parts.extend(rest.parts)
    else:
        parts.append(rest)


def holds(rest: Rest, true: "set[int] | Slots") -> bool:
    """The truth of a residual tree when exactly the slots in `true` hold."""
    how, slots, parts = rest
    if how is Connective.AND:
        return slots <= true and all(holds(part, true) for part in parts)
    if how is Connective.OR:
        return not slots.isdisjoint(true) or any(holds(part, true) for part in parts)
    return not holds(parts[0], true)


def holds_unless(rest: Rest, true: Slots, unknown: Slots) -> bool | None:
    """Like `holds`, but None when it depends on a slot of `unknown`."""
    how, slots, parts = rest
    if how is Connective.NOT:
        inner = holds_unless(parts[0], true, unknown)
        return None if inner is None else not inner
    ends = how is Connective.OR
    undecided = False
    for slot in slots:
        value = None if slot in unknown else slot in true
        if value is ends:
            return ends
        undecided = undecided or value is None
    for part in parts:
        value = holds_unless(part, true, unknown)
        if value is ends:
            return ends
        undecided = undecided or value is None
    return None if undecided else not ends


def slots_in(rest: Rest) -> set[int]:
    """All slots of a tree."""
    found = set(rest.slots)
    for part in rest.parts:
        found |= slots_in(part)
    return found


def trigger(rest: Rest, weight: Callable[[int], float]) -> Slots | None:
    """Slots of which at least one holds whenever the tree does, or None when there is no such set.

    Among several possible sets the one with the least weight is taken; weight stands for how
    often a slot will hold.
    """
    if rest.how is Connective.NOT:
        return None
    inner = [trigger(part, weight) for part in rest.parts]
    if rest.how is Connective.OR:
        if any(part is None for part in inner):
            return None
        return rest.slots.union(*(part for part in inner if part is not None))
    choices = [frozenset((slot,)) for slot in rest.slots] + [part for part in inner if part]
    return min(choices, key=lambda slots: _cost(slots, weight), default=None)


def _cost(slots: Iterable[int], weight: Callable[[int], float]) -> float:
    return sum(weight(slot) for slot in slots)


def index(
    triggers: Mapping[int, Slots | None],
) -> tuple[dict[int, tuple[int, ...]], tuple[int, ...]]:
    """Slot -> keys to look at when it holds, and the keys that must always be looked at."""
    by_slot: dict[int, list[int]] = {}
    always: list[int] = []
    for key, slots in triggers.items():
        if slots is None:
            always.append(key)
        for slot in slots or ():
            by_slot.setdefault(slot, []).append(key)
    return {slot: tuple(keys) for slot, keys in by_slot.items()}, tuple(always)
