"""Numbers that senders raise by one with each record: what is missing between them was lost."""

from collections.abc import Iterable, Sequence

from tocsin.model.records import NativeRecord
from tocsin.model.sources import SourceSpec

Runs = list[tuple[int, int]]
"""Numbers without a gap, (first, last) each, ascending."""

MOST_SENDERS, MOST_RUNS = 64, 32
"""Senders of one source, and runs of each, that are told of a slice."""

_LONGEST_NUMBER = 18
_LONGEST_SENDER = 128


class Senders:
    """Reads the numbers of sources that declare a `sequence`."""

    def __init__(self, sources: Iterable[SourceSpec]) -> None:
        self._names: dict[tuple[str, str], tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]] = {}
        for source in sources:
            if source.sequence is None:
                continue
            for shape in source.shapes:
                number = shape.aliases.get(source.sequence.number, (source.sequence.number,))
                per = tuple(shape.aliases.get(name, (name,)) for name in source.sequence.per)
                self._names[source.id, shape.id] = (number, per)

    @property
    def any(self) -> bool:
        """Whether any source numbers its records."""
        return bool(self._names)

    def runs(self, records: Sequence[NativeRecord]) -> dict[str, dict[str, Runs]]:
        """The numbers of some records as runs, by source and sender."""
        seen: dict[str, dict[tuple[object, ...], set[int]]] = {}
        for source_id, shape_id, fields in records:
            names = self._names.get((source_id, shape_id))
            if names is None:
                continue
            number = next((fields[n] for n in names[0] if n in fields), None)
            if type(number) is not int:
                number = _number(number)
                if number is None:
                    continue
            sender = tuple(next((fields[n] for n in per if n in fields), None) for per in names[1])
            senders = seen.setdefault(source_id, {})
            try:
                known = senders.get(sender)
            except TypeError:
                continue
            if known is not None:
                known.add(number)
            elif len(senders) < MOST_SENDERS:
                senders[sender] = {number}
        return {
            source: {_named(sender): runs_of(numbers) for sender, numbers in senders.items()}
            for source, senders in seen.items()
        }


def _number(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value) if len(value) <= _LONGEST_NUMBER else None
    return None


def _named(sender: tuple[object, ...]) -> str:
    return "/".join(str(part) for part in sender)[:_LONGEST_SENDER].lower()


def runs_of(numbers: Iterable[int]) -> Runs:
    """Numbers as runs; of too many runs the last ones."""
    return merged((number, number) for number in numbers)[-MOST_RUNS:]


def merged(runs: Iterable[tuple[int, int]]) -> Runs:
    """Runs without overlap and without neighbors, ascending."""
    found: Runs = []
    for first, last in sorted(runs):
        if found and first <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found
