"""From a value of an event to the indicators that name it."""

from collections.abc import Iterator, Sequence
from ipaddress import ip_address, ip_network
from typing import NamedTuple

import re2

from tocsin.detect.indicators.table import Table, hash_of
from tocsin.model import observables as kinds
from tocsin.model.intelligence import Indicator, Term
from tocsin.model.observables import fold, folder_of, guesses, host_of, parents

MISSES = 131_072
"""Values known to be in no table; so many again are kept of the generation before."""
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
        self._kinds = frozenset(kind for table in tables for kind in table.header.kinds)
        self._expressions = self._sets()
        self._fresh: set[tuple[str, str]] = set()
        self._older: set[tuple[str, str]] = set()

    def wants(self, kind: str) -> bool:
        """Whether anything of this kind can be found."""
        if kind == kinds.ANY:
            return bool(self._kinds)
        if kind == kinds.URL:
            return not self._kinds.isdisjoint((kinds.URL, kinds.DOMAIN, kinds.ADDRESS))
        return kind in self._kinds

    def find(self, kind: str, value: str) -> list[tuple[Probe, Indicator]]:
        """Indicators with a term that may hold for a value as an event has it."""
        memo = (kind, value)
        if memo in self._fresh or memo in self._older:
            return []
        found = list(self._find(kind, value))
        if not found and len(value) <= LONGEST:
            if len(self._fresh) >= MISSES:
                self._fresh, self._older = set(), self._fresh
            self._fresh.add(memo)
        return found

    def _find(self, kind: str, value: str) -> Iterator[tuple[Probe, Indicator]]:
        seen: set[tuple[int, int]] = set()
        for probe in probes(kind, value):
            for key in self._keys(probe):
                wanted = hash_of(*key)
                for at, table in enumerate(self.tables):
                    for number in table.find(wanted):
                        if (at, number) not in seen:
                            seen.add((at, number))
                            yield from self._one(at, number, probe)
            for at, number in self._by_expression(probe):
                if (at, number) not in seen:
                    seen.add((at, number))
                    yield from self._one(at, number, probe)

    def _one(self, at: int, number: int, probe: Probe) -> Iterator[tuple[Probe, Indicator]]:
        indicator = self.tables[at].indicator(number)
        if hash_of("rule", indicator.rule_id) not in self._overridden[at]:
            yield probe, indicator

    def _keys(self, probe: Probe) -> Iterator[Probe]:
        yield probe
        if probe.kind == kinds.DOMAIN:
            for parent in parents(probe.value):
                yield Probe(kinds.DOMAIN, parent)
        elif probe.kind == kinds.ADDRESS and self._lengths:
            address = ip_address(probe.value)
            for version, length in self._lengths:
                if version == address.version:
                    shift = address.max_prefixlen - length
                    bits = type(address)(int(address) >> shift << shift)
                    yield Probe(kinds.NETWORK, f"{bits}/{length}")

    def _by_expression(self, probe: Probe) -> Iterator[tuple[int, int]]:
        found = self._expressions.get(probe.kind)
        if found is not None:
            matched = found.likely.Match(probe.value)
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
    if kind == kinds.ANY:
        return tuple(Probe(*guess) for guess in guesses(value))
    folded = folder_of(value) if kind == kinds.FOLDER else fold(kind, value)
    if not folded:
        return ()
    if kind == kinds.URL:
        host = host_of(folded)
        address = fold(kinds.ADDRESS, host)
        beside = Probe(kinds.ADDRESS, address) if address else Probe(kinds.DOMAIN, host)
        return (Probe(kind, folded), beside)
    return (Probe(kind, folded),)


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
