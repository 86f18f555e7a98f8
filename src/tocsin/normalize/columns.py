"""Steps of a compiled mapping: native fields of many records in, columns of OCSF values out.

Memos hold what a text was converted to. They are bounded, make things faster and change no result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tocsin.normalize.scalars import ABSENT, FAILED, integer, text

Path = tuple[str, ...]
Lost = dict[int, set[str]]
"""Row -> native fields whose value did not make it into the event: they stay in `unmapped`."""

ALL_ROWS = -1
"""The row that stands for all rows in `Lost`."""

_MAX_REMEMBERED = 65_536
_MAX_LENGTH = 8_192
"""A longer text is converted each time: remembering it would cost more than it saves."""

_LIMIT = 1 << 63
_TEXTS = ({str}, {str, type(None)})


Shortcut = Callable[[list[Any]], list[Any] | None]
"""A quick answer for a whole column that needs no conversion; None when it needs one."""


class Memo(dict[Any, Any]):
    """value -> converted value, or a tuple of `width` of them; only texts are remembered."""

    def __init__(
        self, function: Callable[[Any], Any], width: int, shortcut: Shortcut | None = None
    ) -> None:
        super().__init__()
        self.function = function
        self.failed = False
        self._shortcut = shortcut
        self._nothing = None if width == 1 else (None,) * width
        self._failure = FAILED if width == 1 else (FAILED,) * width
        self[None] = self._nothing

    def __missing__(self, value: Any) -> Any:
        found = self.convert(value)
        if type(value) is str and len(value) <= _MAX_LENGTH:
            if len(self) >= _MAX_REMEMBERED:
                self.clear()
                self[None] = self._nothing
            self[value] = found
        return found

    def convert(self, value: Any) -> Any:
        """The answer for one value, without the memory."""
        found = None if value in ABSENT else self.function(value)
        if found is FAILED:
            self.failed = True
            return self._failure
        return self._nothing if found is None else found

    def says(self, answer: Any) -> bool:
        """Whether an answer is a value."""
        return answer is not FAILED and answer not in (self._nothing, self._failure)

    def fails(self, answer: Any) -> bool:
        """Whether an answer stands for a value that could not be converted."""
        return self.failed and answer in (FAILED, self._failure)

    def silent(self, answers: list[Any]) -> int:
        """How many answers are no values."""
        count = answers.count(self._nothing)
        return count + answers.count(self._failure) if self.failed else count

    def all(self, values: list[Any]) -> list[Any]:
        """The answers for a column."""
        if self._shortcut is not None:
            found = self._shortcut(values)
            if found is not None:
                return found
        try:
            return [self[value] for value in values]
        except TypeError:  # a list or object stands where a text was expected
            return [self[v] if v is None or type(v) is str else self.convert(v) for v in values]


def _texts(values: list[Any]) -> list[Any] | None:
    """A column of texts stays; what says nothing is taken out."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return list(map(str, values))
    if kinds not in _TEXTS:
        return None
    if "-" in values or "" in values:
        return [None if value in ABSENT else value for value in values]
    return values


def _integers(values: list[Any]) -> list[Any] | None:
    """A column of whole numbers that fit stays."""
    if set(map(type, values)) != {int}:
        return None
    return values if min(values) > -_LIMIT and max(values) < _LIMIT else None


def memo_of(function: Callable[[Any], Any], width: int) -> Memo:
    """A memo with the shortcut that fits a converter."""
    if function is text:
        return Memo(function, width, _texts)
    return Memo(function, width, _integers if function is integer else None)


class Fields:
    """Some native fields of some records, column by column.

    A record is visited once for all of its fields: column after column would miss the processor's
    cache at every step (measured: 5 us an event against 1.5).
    """

    def __init__(self, records: Sequence[dict[str, Any]], names: tuple[str, ...]) -> None:
        self.records = records
        columns = zip(*[list(map(record.get, names)) for record in records], strict=True)
        self._columns = dict(zip(names, map(list, columns), strict=True))

    def column(self, name: str) -> list[Any]:
        """The values of a field, None where a record lacks it. Do not change it."""
        return self._columns[name]


@dataclass(frozen=True, slots=True)
class Step:
    """One `map:` line, resolved for one shape. `targets` are the leaves its memo answers.

    Of several `names` the first that says something counts; the others stay unmapped if they are
    in `spare`, that is if no other step reads them. A step that `takes_part` of a list of objects
    leaves the list unmapped.
    """

    names: tuple[str, ...]
    memo: Memo
    targets: tuple[Path, ...]
    default: tuple[Any, ...] | None
    spare: frozenset[str] = frozenset()
    takes_part: bool = False
    inner: tuple[Path, ...] = ()
    """What can be set inside the objects of a list of objects."""
    extras: tuple[tuple[Path, Any], ...] = ()
    """Constants that the converter brings along."""

    def run(self, fields: Fields, into: dict[Path, list[Any]], lost: Lost) -> None:
        """Fill the columns of the targets; a column that is empty throughout is left out."""
        answers = self.memo.all(fields.column(self.names[0]))
        if len(self.names) > 1:
            answers = self._first_of(fields, answers, lost)
        if len(self.targets) == 1:
            self._keep(self.targets[0], answers, 0, into, lost)
            return
        columns = zip(*answers, strict=True)
        for index, (target, column) in enumerate(zip(self.targets, columns, strict=True)):
            self._keep(target, list(column), index, into, lost)

    def _first_of(self, fields: Fields, first: list[Any], lost: Lost) -> list[Any]:
        """Row by row the first name whose value says something."""
        answers, place = first, 0
        passed = [first]
        while (silent := self.memo.silent(answers)) == len(answers):
            place += 1
            if place == len(self.names):
                return [self._silence(row) for row in zip(*passed, strict=True)]
            answers = self.memo.all(fields.column(self.names[place]))
            passed.append(answers)
        if not silent:
            self._give_back(ALL_ROWS, place, lost)
            return answers
        return self._mixed(fields, answers, place, lost)

    def _mixed(self, fields: Fields, first: list[Any], start: int, lost: Lost) -> list[Any]:
        """The same when rows differ in which name speaks; none before `start` does."""
        says = self.memo.says
        others = [self.memo.all(fields.column(name)) for name in self.names[start + 1 :]]
        answers = list(first)
        for row, answer in enumerate(first):
            place, found = start, answer
            while not says(found) and place + 1 < len(self.names):
                found = others[place - start][row]
                place += 1
            if says(found):
                answers[row] = found
                self._give_back(row, place, lost)
            else:
                answers[row] = self._silence((answer, *(other[row] for other in others)))
        return answers

    def _silence(self, answers: tuple[Any, ...]) -> Any:
        """What several names that say nothing amount to: a failure, if one of them failed."""
        return next((found for found in answers if self.memo.fails(found)), answers[0])

    def _give_back(self, row: int, place: int, lost: Lost) -> None:
        """Names beside the one at `place` stay unmapped, if nothing else reads them."""
        if self.spare:
            unread = self.spare.difference((self.names[place],))
            if unread:
                lost.setdefault(row, set()).update(unread)

    def _keep(
        self, target: Path, column: list[Any], index: int, into: dict[Path, list[Any]], lost: Lost
    ) -> None:
        if self.memo.failed and any(value is FAILED for value in column):
            column = list(column)
            for row, value in enumerate(column):
                if value is FAILED:
                    column[row] = None
                    lost.setdefault(row, set()).update(self.names)
        if self.default is not None and None in column:
            default = self.default[index]
            column = [default if value is None else value for value in column]
        if column.count(None) < len(column):
            into[target] = column
