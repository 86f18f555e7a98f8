"""Numbers that senders raise by one with each record: what is missing between them was lost."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from tocsin.model.records import NativeRecord
from tocsin.model.sources import SourceSpec

Runs = list[tuple[int, int]]
"""Numbers without a gap, (first, last) each, ascending."""

MOST_SENDERS, MOST_RUNS = 64, 32
"""Senders of one source, and runs of each, that are told of a slice."""

_LONGEST_NUMBER = 18
_LONGEST_SENDER = 128


class _Names(NamedTuple):
    """Native fields of a shape: of the number and of each part of the sender, first present first.

    `plain` are the first choices of the parts: as a rule they are there.
    """

    number: tuple[str, ...]
    per: tuple[tuple[str, ...], ...]
    plain: tuple[str, ...]


class Senders:
    """Reads the numbers of sources that declare a `sequence`."""

    def __init__(self, sources: Iterable[SourceSpec]) -> None:
        self._names: dict[tuple[str, str], _Names] = {}
        for source in sources:
            if source.sequence is None:
                continue
            for shape in source.shapes:
                number = shape.aliases.get(source.sequence.number, (source.sequence.number,))
                per = tuple(shape.aliases.get(name, (name,)) for name in source.sequence.per)
                plain = tuple(choice[0] for choice in per)
                self._names[source.id, shape.id] = _Names(number, per, plain)

    @property
    def any(self) -> bool:
        """Whether any source numbers its records."""
        return bool(self._names)

    def runs(self, records: Sequence[NativeRecord]) -> dict[str, dict[str, Runs]]:
        """The numbers of some records as runs, by source and sender."""
        kinds: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for source_id, shape_id, fields in records:
            kind = (source_id, shape_id)
            if kind in kinds:
                kinds[kind].append(fields)
            elif kind in self._names:
                kinds[kind] = [fields]
        found: dict[str, dict[str, Runs]] = {}
        for kind, every in kinds.items():
            into = found.setdefault(kind[0], {})
            for sender, numbers in _by_sender(every, self._names[kind]).items():
                named = _named(sender)
                into[named] = merged([*into.get(named, ()), *runs_of(set(numbers))])
        return {source: senders for source, senders in found.items() if senders}


def _by_sender(every: list[dict[str, Any]], names: _Names) -> dict[tuple[object, ...], list[int]]:
    """The numbers of each sender; what is no number is left out."""
    plain = names.number[0]
    numbers = [fields.get(plain) for fields in every]
    parts = [[fields.get(name) for fields in every] for name in names.plain]
    found: dict[tuple[object, ...], list[int]] = {}
    for row, (number, *sender) in enumerate(zip(numbers, *parts, strict=True)):
        value = number if type(number) is int else _number(_first(every[row], names.number))
        if value is None:
            continue
        key = tuple(sender)
        if None in key:
            key = tuple([_first(every[row], choice) for choice in names.per])
        try:
            found[key].append(value)
        except KeyError:
            if len(found) < MOST_SENDERS:
                found[key] = [value]
        except TypeError:
            continue
    return found


def _first(fields: dict[str, Any], names: tuple[str, ...]) -> object:
    return next((fields[name] for name in names if name in fields), None)


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value) if len(value) <= _LONGEST_NUMBER else None
    return None


def _named(sender: tuple[object, ...]) -> str:
    return "/".join(str(part) for part in sender)[:_LONGEST_SENDER].lower()


def runs_of(numbers: Iterable[int]) -> Runs:
    """Numbers as runs; of too many runs the last ones."""
    found: Runs = []
    first = last = -1
    for number in sorted(numbers):
        if number != last + 1 or first < 0:
            if first >= 0:
                found.append((first, last))
            first = number
        last = number
    if first >= 0:
        found.append((first, last))
    return found[-MOST_RUNS:]


def merged(runs: Iterable[tuple[int, int]]) -> Runs:
    """Runs without overlap and without neighbors, ascending."""
    found: Runs = []
    for first, last in sorted(runs):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
