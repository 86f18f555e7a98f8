"""All predicates of one field: from a text to the numbers of those that hold."""

from collections.abc import Iterable, Sequence

from tocsin.detect.sigma.automata import HyperscanScanner, Numbered, PlainScanner, Scanner
from tocsin.detect.sigma.checks import Check, check_of
from tocsin.detect.sigma.ir import Op
from tocsin.detect.sigma.plan import Database

SCANNED = frozenset({Op.CONTAINS, Op.STARTSWITH, Op.ENDSWITH, Op.GLOB, Op.RE})


class FieldProgram:
    """Evaluates every predicate of one field on a text in one go."""

    def __init__(self, predicates: Sequence[Numbered], databases: Sequence[Database]) -> None:
        self.missing = tuple(n for n, p in predicates if p.op is Op.NULL)
        self._always = tuple(n for n, p in predicates if p.op in (Op.ANY, Op.EXISTS))
        self._exact: dict[str, list[int]] = {}
        self._exact_cased: dict[str, list[int]] = {}
        for number, predicate in predicates:
            if predicate.op is Op.EQ:
                table = self._exact_cased if predicate.cased else self._exact
                table.setdefault(predicate.text, []).append(number)
        self._folded, self._original = scanners(predicates, databases)
        known = SCANNED | {Op.EQ, Op.ANY, Op.EXISTS, Op.NULL, Op.FIELDREF}
        self._checks = [(n, check_of(p)) for n, p in predicates if p.op not in known]
        self._empty: tuple[int, ...] | None = None
        self._predicates = predicates

    def true_of(self, text: str) -> list[int]:
        """Numbers of the predicates that hold for one present text."""
        if not text:
            return list(self._of_empty())
        folded = text.lower()
        found = [*self._always, *self._exact.get(folded, ())]
        if self._exact_cased:
            found.extend(self._exact_cased.get(text, ()))
        for scanner in self._folded:
            found.extend(scanner.scan(folded))
        for scanner in self._original:
            found.extend(scanner.scan(text))
        found.extend(number for number, check in self._checks if check(text))
        return found

    def _of_empty(self) -> tuple[int, ...]:
        """The empty text is decided directly: automata differ about empty matches."""
        if self._empty is None:
            self._empty = tuple(n for n, p in self._predicates if check_of(p)(""))
        return self._empty


def folded(predicate_number: Numbered) -> bool:
    """True when the predicate looks at lower-cased text."""
    _, predicate = predicate_number
    return not predicate.cased and predicate.op is not Op.RE


def scanners(
    predicates: Sequence[Numbered], databases: Sequence[Database]
) -> tuple[list[Scanner], list[Scanner]]:
    """Scanners over lower-cased and over original text for the predicates that need scanning."""
    result: dict[bool, list[Scanner]] = {True: [], False: []}
    by_number = dict(predicates)
    done: set[int] = set()
    for database in databases:
        confirm = [(n, by_number[n]) for n in database.approximate]
        result[database.folded].append(HyperscanScanner(database.data, confirm))
        done.update(database.members)
    rest = [pair for pair in predicates if pair[1].op in SCANNED and pair[0] not in done]
    for want_folded in (True, False):
        chosen = [pair for pair in rest if folded(pair) is want_folded]
        if chosen:
            result[want_folded].append(PlainScanner(chosen))
    return result[True], result[False]


def by_field(predicates: Iterable[Numbered]) -> dict[str, list[Numbered]]:
    """Predicates grouped by their field."""
    grouped: dict[str, list[Numbered]] = {}
    for number, predicate in predicates:
        grouped.setdefault(predicate.field, []).append((number, predicate))
    return grouped


__all__ = ["Check", "FieldProgram", "by_field", "folded", "scanners"]
