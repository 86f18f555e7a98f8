"""What a route wants to know about one native field: value -> slots that hold."""

from collections.abc import Iterable, Mapping
from typing import Any

from tocsin.detect.sigma.caches import Budget, Generations
from tocsin.detect.sigma.fields import FieldProgram
from tocsin.detect.sigma.semantics import texts

Slots = frozenset[int]
NOTHING: Slots = frozenset()

MORE: Slots = frozenset({-1})
"""Stands for a field that comes under several names where one of them is missing."""

LONG = 4_096
"""Characters above which a value is not remembered: on real data such values do not come again,
and to make a key of one costs as much as to scan it."""

_ENTRY = 150
"""Bytes of a dict entry and its string, beside the characters."""


class View(Generations):
    """Slots of a route that hold for a value of one field.

    Keys of the dict are strings and None only: True, 1 and 1.0 are one key to a dict but not to a
    rule, and a long string is not worth keeping.
    """

    __slots__ = ("_none", "_others", "_program", "_sets", "_slots", "_translate", "missing")

    def __init__(
        self,
        program: FieldProgram,
        slots: Mapping[int, int],
        budget: Budget,
        *,
        translate: Mapping[str, str],
        several: bool,
    ) -> None:
        """`several`: the field has more names, so that a missing value says MORE."""
        super().__init__(budget)
        self._program = program
        self._slots = slots
        self._translate = translate
        self._sets: dict[Slots, Slots] = {}
        self._others: dict[tuple[type, Any], Slots] = {}
        self.missing = self._projected(program.missing)
        self._none = MORE if several else self.missing
        self[None] = self._none

    def __missing__(self, value: Any) -> Slots:
        if value.__class__ is not str or len(value) > LONG:
            return self._elsewhere(value)
        found = self._old.pop(value, None)
        slots = self.slots_of(value) if found is None else found
        self[value] = slots
        self._budget.spend(len(value) + _ENTRY)
        return slots

    def _elsewhere(self, value: Any) -> Slots:
        """Values that are no key of this dict: long texts, and numbers."""
        if isinstance(value, str):
            return self.slots_of(value)
        key = (value.__class__, value)
        slots = self._others.get(key)
        if slots is None:
            slots = self._others[key] = self.slots_of(value)
            self._budget.spend(_ENTRY * 2)
        return slots

    def of(self, value: Any) -> Slots:
        """Slots for any native value, from the cache where it can be a key."""
        return self.slots_of(value) if isinstance(value, list | dict) else self[value]

    def slots_of(self, value: Any) -> Slots:
        """Slots that hold for any native value, computed without cache."""
        translate = self._translate
        if isinstance(value, str):
            return self._projected(self._program.true_of(translate.get(value, value)))
        found = texts(value)
        if not found:
            return self._none
        true: set[int] = set()
        for text in found:
            true.update(self._program.true_of(translate.get(text, text)))
        return self._projected(true)

    def _projected(self, numbers: Iterable[int]) -> Slots:
        slots = self._slots
        made = frozenset([slots[number] for number in numbers if number in slots])
        return self._sets.setdefault(made, made) if made else NOTHING

    def entries(self) -> int:
        """See `Turning`."""
        return super().entries() + len(self._others)

    def turn(self) -> None:
        """See `Turning`."""
        super().turn()
        self._others.clear()
        self._sets.clear()
        self[None] = self._none


def first_present(fields: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The value of the first of `names` that a record has, or None."""
    for name in names:
        value = fields.get(name)
        if value.__class__ is str or (value is not None and texts(value)):
            return value
    return None
