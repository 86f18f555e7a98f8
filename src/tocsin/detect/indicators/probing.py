"""From a value of an event to the indicators that name it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple

import re2

from tocsin.detect.indicators.table import BLOCKS, Table, hash_of, sift_of
from tocsin.model import observables as kinds
from tocsin.model.intelligence import Indicator, Term
from tocsin.model.observables import fold, folder_of, guesses, host_of, parents

MISSES = 131_072
"""Values known to be in no table; so many again are kept of the generation before."""
_NOTHING: list[tuple["Probe", Indicator]] = []
LONGEST = 512
"""Characters of a value that may be remembered as a miss."""


class Probe(NamedTuple):
    """A folded value under which a term may stand."""

    kind: str
    value: str


class _Expressions(NamedTuple):
    likely: "re2.Set"
    numbers: list[tuple[int, int]]


class Prober:
    """Looks values up in tables, the newest first: what it says of an indicator holds."""

    def __init__(self, tables: Sequence[Table]) -> None:
        self.tables = tuple(tables)
        self._overridden = [_newer(tables[:number]) for number in range(len(tables))]
        self._lengths = sorted({pair for table in tables for pair in table.header.lengths})
        self._blocks = _joined([table.header.blocks for table in tables])
        self._kinds = frozenset(kind for table in tables for kind in table.header.kinds)
        self._may_have = [table.may_have for table in tables]
        self._expressions = self._sets()
        self._fresh: dict[str, set[str]] = defaultdict(set)
        self._older: dict[str, set[str]] = defaultdict(set)
        self._misses = 0

    def wants(self, kind: str) -> bool:
        """Whether anything of this kind can be found."""
        if kind == kinds.ANY:
            return bool(self._kinds)
        if kind == kinds.URL:
            return not self._kinds.isdisjoint((kinds.URL, kinds.DOMAIN, kinds.ADDRESS))
        return kind in self._kinds

    def find(self, kind: str, value: str) -> list[tuple[Probe, Indicator]]:
        """Indicators with a term that may hold for a value as an event has it."""
        if value in self._fresh[kind] or value in self._older[kind]:
            return _NOTHING
        found = self._find(kind, value)
        if not found and len(value) <= LONGEST:
            if self._misses >= MISSES:
                self._fresh, self._older = defaultdict(set), self._fresh
                self._misses = 0
            self._fresh[kind].add(value)
            self._misses += 1
        return found

    def _find(self, kind: str, value: str) -> list[tuple[Probe, Indicator]]:
        found: list[tuple[Probe, Indicator]] = []
        for held, folded in forms(kind, value):
            numbers = dict.fromkeys(self._looked_up(held, folded))
            if self._expressions:
                numbers |= dict.fromkeys(self._by_expression(held, folded))
            if numbers:
                probe = Probe(held, folded)
                found += [(probe, one) for pair in numbers for one in self._one(*pair)]
        return found

    def _looked_up(self, kind: str, folded: str) -> Iterator[tuple[int, int]]:
        """(table, number) of indicators that have a key for a folded value."""
        for key in self._keys(kind, folded):
            for at, table in enumerate(self.tables):
                for number in table.find(hash_of(*key)):
                    yield at, number

    def _one(self, at: int, number: int) -> Iterator[Indicator]:
        indicator = self.tables[at].indicator(number)
        if hash_of("rule", indicator.rule_id) not in self._overridden[at]:
            yield indicator

    def _keys(self, kind: str, folded: str) -> list[tuple[str, str]]:
        """Keys for a value that some table may have; for most values there is none."""
        names = (folded, *parents(folded)) if kind == kinds.DOMAIN else (folded,)
        keys = [(kind, name) for name in names if self._sifted(kind, name)]
        if kind == kinds.ADDRESS and self._lengths:
            keys += self._networks(folded)
        return keys

    def _sifted(self, kind: str, value: str) -> bool:
        sift = sift_of(kind, value)
        return any(may_have(sift) for may_have in self._may_have)

    def _networks(self, folded: str) -> list[tuple[str, str]]:
        if ":" not in folded:
            first, second, _ = folded.split(".", 2)
            block = int(first) << 8 | int(second)
            if not self._blocks[4][block >> 3] >> (block & 7) & 1:
                return []
        address = ip_address(folded)
        block = int(address) >> (address.max_prefixlen - 16)
        if not self._blocks[address.version][block >> 3] >> (block & 7) & 1:
            return []
        keys = []
        for version, length in self._lengths:
            if version == address.version:
                shift = address.max_prefixlen - length
                network = f"{type(address)(int(address) >> shift << shift)}/{length}"
                if self._sifted(kinds.NETWORK, network):
                    keys.append((kinds.NETWORK, network))
        return keys

    def _by_expression(self, kind: str, folded: str) -> Iterator[tuple[int, int]]:
        found = self._expressions.get(kind)
        if found is not None:
            matched = found.likely.Match(folded)
            numbers = range(len(found.numbers)) if matched is None else matched
            yield from (found.numbers[n] for n in numbers)

    def _sets(self) -> dict[str, _Expressions]:
        """RE2 sets by kind; the expressions were tried when their indicators were read."""
        sets: dict[str, _Expressions] = {}
        for at, table in enumerate(self.tables):
            for one in table.header.expressions:
                if one.kind not in sets:
                    sets[one.kind] = _Expressions(re2.Set.SearchSet(quiet()), [])
                sets[one.kind].likely.Add(one.value)
                sets[one.kind].numbers.append((at, one.number))
        for one_set in sets.values():
            one_set.likely.Compile()
        return sets


def quiet() -> "re2.Options":
    """How expressions of indicators are run: silent, and without case."""
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    return options


def probes(kind: str, value: str) -> tuple[Probe, ...]:
    """What a value of a column may be found under."""
    return tuple(Probe(*form) for form in forms(kind, value))


def forms(kind: str, value: str) -> tuple[tuple[str, str], ...]:
    """(kind, folded) of what a value of a column may be found under."""
    if kind == kinds.ANY:
        return guesses(value)
    folded = folder_of(value) if kind == kinds.FOLDER else fold(kind, value)
    if not folded:
        return ()
    if kind == kinds.URL:
        host = host_of(folded)
        address = fold(kinds.ADDRESS, host)
        beside = (kinds.ADDRESS, address) if address else (kinds.DOMAIN, host)
        return ((kind, folded), beside)
    return ((kind, folded),)


def holds(term: Term, probe: Probe) -> bool:
    """Whether a term holds for a value, its negation not counted."""
    if term.kind != probe.kind:
        return False
    match term.test:
        case "net":
            return _inside(term.value, probe.value)
        case "re":
            return bool(re2.search(term.value, probe.value, quiet()))
        case _:
            below = term.kind == kinds.DOMAIN and probe.value.endswith("." + term.value)
            return below or probe.value == term.value


def _inside(network: str, value: str) -> bool:
    return ip_address(value) in ip_network(network)


def _newer(tables: Sequence[Table]) -> frozenset[int]:
    """Rules of which newer tables say what holds, or that they ended."""
    return frozenset().union(*(table.rules() | table.gone for table in tables))


def _joined(blocks: Sequence[Mapping[int, bytes]]) -> dict[int, bytes]:
    """Blocks in which any of the tables has a network."""
    made = {}
    for version in (4, 6):
        whole = 0
        for one in blocks:
            whole |= int.from_bytes(one.get(version, b""), "little")
        made[version] = whole.to_bytes(BLOCKS // 8, "little")
    return made
