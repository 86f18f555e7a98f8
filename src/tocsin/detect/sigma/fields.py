"""All predicates of one field: from a text to the numbers of those that hold."""

from collections.abc import Iterable, Sequence
from ipaddress import ip_network

from tocsin.detect.sigma.automata import HyperscanScanner, Numbered, PlainScanner, Scanner
from tocsin.detect.sigma.checks import Check, check_of
from tocsin.detect.sigma.ir import Op
from tocsin.detect.sigma.plan import Database
from tocsin.detect.sigma.semantics import address

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
        self._longest = max(map(len, self._exact), default=-1)
        folding, original = scanners(predicates, databases)
        self._folded = tuple(scanner.scan for scanner in folding)
        self._original = tuple(scanner.scan for scanner in original)
        networks = [(n, p.text) for n, p in predicates if p.op is Op.CIDR]
        self._networks = Networks(networks) if networks else None
        known = SCANNED | {Op.EQ, Op.ANY, Op.EXISTS, Op.NULL, Op.FIELDREF, Op.CIDR}
        self._checks: list[tuple[int, Check]] = [
            (n, check_of(p)) for n, p in predicates if p.op not in known
        ]
        self._empty: tuple[int, ...] | None = None
        self._predicates = predicates

    def true_of(self, text: str) -> list[int]:
        """Numbers of the predicates that hold for one present text."""
        if not text:
            return list(self._of_empty())
        folded = text.lower()
        found = list(self._exact.get(folded, ())) if len(folded) <= self._longest else []
        if self._always:
            found.extend(self._always)
        if self._exact_cased:
            found.extend(self._exact_cased.get(text, ()))
        for scan in self._folded:
            found.extend(scan(folded))
        for scan in self._original:
            found.extend(scan(text))
        if self._networks:
            found.extend(self._networks.holding(text))
        for number, check in self._checks:
            if check(text):
                found.append(number)
        return found

    def _of_empty(self) -> tuple[int, ...]:
        """The empty text is decided directly: automata differ about empty matches."""
        if self._empty is None:
            self._empty = tuple(n for n, p in self._predicates if check_of(p)(""))
        return self._empty


class Networks:
    """All networks that a field is compared with: the address is read once."""

    _LETTERS = frozenset("0123456789abcdefABCDEF:")

    def __init__(self, networks: Sequence[tuple[int, str]]) -> None:
        self._networks = [(number, ip_network(text)) for number, text in networks]

    def holding(self, text: str) -> list[int]:
        """Numbers of the networks that the address in `text` is in; none when it is no address."""
        if text[0] not in self._LETTERS:
            return []
        found = address(text)
        if found is None:
            return []
        return [
            number
            for number, network in self._networks
            if found.version == network.version and found in network
        ]


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
