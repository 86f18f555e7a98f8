"""Steps of a compiled mapping: native fields of many records in, columns of OCSF values out.

Memos hold what a text was converted to. They are bounded, make things faster and change no result.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tocsin.normalize.converters import ABSENT, FAILED, integer, text

Path = tuple[str, ...]
Lost = dict[int, set[str]]
"""Row -> native fields whose value did not make it into the event: they stay in `unmapped`."""

_MAX_REMEMBERED = 65_536
_MAX_LENGTH = 8_192
"""A longer text is converted each time: remembering it would cost more than it saves."""

_TEXTS = ({str}, {str, type(None)})


class Memo(dict[Any, Any]):
    """value -> converted value, or a tuple of `width` of them; only texts are remembered."""

    def __init__(self, function: Callable[[Any], Any], width: int) -> None:
        super().__init__()
        self.function = function
        self.failed = False
        self._nothing = None if width == 1 else (None,) * width
        self._failure = FAILED if width == 1 else (FAILED,) * width

    def __missing__(self, value: Any) -> Any:
        found = self.convert(value)
        if type(value) is str and len(value) <= _MAX_LENGTH:
            if len(self) >= _MAX_REMEMBERED:
                self.clear()
            self[value] = found
        return found

    def convert(self, value: Any) -> Any:
        """The answer for one value, without the memory."""
        found = None if value in ABSENT else self.function(value)
        if found is FAILED:
            self.failed = True
            return self._failure
        return self._nothing if found is None else found

    def all(self, values: list[Any]) -> list[Any]:
        """The answers for a column."""
        try:
            return [self[value] for value in values]
        except TypeError:  # a list or object stands where a text was expected
            return [self[v] if v is None or type(v) is str else self.convert(v) for v in values]


class TextMemo(Memo):
    """Texts need no memory, only a look at what says nothing."""

    def all(self, values: list[Any]) -> list[Any]:
        """The answers for a column; a column of texts is passed through."""
        kinds = set(map(type, values))
        if kinds not in _TEXTS:
            return list(map(str, values)) if kinds == {int} else list(map(self.convert, values))
        if "-" in values or "" in values:
            return [None if value in ABSENT else value for value in values]
        return values


class IntegerMemo(Memo):
    """A column of small whole numbers is passed through."""

    def all(self, values: list[Any]) -> list[Any]:
        """The answers for a column."""
        limit = 1 << 62
        if set(map(type, values)) == {int} and -limit < min(values) and max(values) < limit:
            return values
        return super().all(values)


def memo_of(function: Callable[[Any], Any], width: int) -> Memo:
    """The fastest memo that fits a converter."""
    if function is text:
        return TextMemo(function, width)
    return IntegerMemo(function, width) if function is integer else Memo(function, width)


@dataclass(frozen=True, slots=True)
class Step:
    """One `map:` line, resolved for one shape. `targets` are the leaves its memo answers."""

    names: tuple[str, ...]
    memo: Memo
    targets: tuple[Path, ...]
    default: tuple[Any, ...] | None

    def run(
        self, records: Sequence[dict[str, Any]], into: dict[Path, list[Any]], lost: Lost
    ) -> None:
        """Fill the columns of the targets; a column that is empty throughout is left out."""
        answers = self.memo.all(self._values(records, lost))
        if len(self.targets) == 1:
            self._keep(self.targets[0], answers, 0, into, lost)
            return
        for index, (target, column) in enumerate(
            zip(self.targets, zip(*answers, strict=True), strict=True)
        ):
            self._keep(target, list(column), index, into, lost)

    def _values(self, records: Sequence[dict[str, Any]], lost: Lost) -> list[Any]:
        first = self.names[0]
        values = [record.get(first) for record in records]
        if len(self.names) == 1:
            return values
        if all(value in ABSENT for value in values):
            return self._others(records, values, lost)
        for row, value in enumerate(values):
            if value in ABSENT:
                values[row] = self._next(records[row], row, lost)
            else:
                lost.setdefault(row, set()).update(self.names[1:])
        return values

    def _others(
        self, records: Sequence[dict[str, Any]], values: list[Any], lost: Lost
    ) -> list[Any]:
        for row, record in enumerate(records):
            values[row] = self._next(record, row, lost)
        return values

    def _next(self, record: dict[str, Any], row: int, lost: Lost) -> Any:
        """The first of the other names that says something; the rest stays unmapped."""
        for index, name in enumerate(self.names[1:], 2):
            value = record.get(name)
            if value not in ABSENT:
                if self.names[index:]:
                    lost.setdefault(row, set()).update(self.names[index:])
                return value
        return None

    def _keep(
        self, target: Path, column: list[Any], index: int, into: dict[Path, list[Any]], lost: Lost
    ) -> None:
        if self.memo.failed and any(value is FAILED for value in column):
            for row, value in enumerate(column):
                if value is FAILED:
                    column[row] = None
                    lost.setdefault(row, set()).update(self.names)
        if self.default is not None and None in column:
            default = self.default[index]
            column = [default if value is None else value for value in column]
        if column.count(None) < len(column):
            into[target] = column
