"""Known values: which warning lists an observable is on (MISP warning lists).

Forms as MISP defines them: `string` is equal, `substring` is contained, `hostname` is the name or
one below it, `cidr` is an address or network within, `regex` (RE2) matches somewhere.
"""

from collections.abc import Iterable
from ipaddress import ip_network

import re2

from tocsin.model import observables as kinds
from tocsin.model.intelligence import WarningList
from tocsin.model.observables import fold, host_of, parents

SUPPRESS = "suppress"
_PLAIN = "string"
Key = tuple[str, str]


class KnownValues:
    """Warning lists, compiled. What cannot be read of them is left out and named in `problems`."""

    def __init__(self, lists: Iterable[WarningList] = ()) -> None:
        self.lists = tuple(lists)
        self.problems: list[str] = []
        self._exact: dict[Key, list[int]] = {}
        self._networks: dict[tuple[int, int, int], list[int]] = {}
        self._lengths: dict[int, set[int]] = {4: set(), 6: set()}
        self._parts: list[tuple[int, tuple[str, ...]]] = []
        self._expressions: list[tuple[int, list[re2._Regexp]]] = []
        for number, one in enumerate(self.lists):
            self._add(number, one)

    def of(self, kind: str, value: str) -> tuple[WarningList, ...]:
        """The lists that a folded value is on, those that suppress first."""
        found = dict.fromkeys(self._numbers(kind, value))
        named = [self.lists[number] for number in found if self._about(number, kind)]
        return tuple(sorted(named, key=lambda one: (one.effect != SUPPRESS, one.name)))

    def _about(self, number: int, kind: str) -> bool:
        wanted = kinds.ADDRESS if kind == kinds.NETWORK else kind
        return wanted in self.lists[number].kinds

    def _numbers(self, kind: str, value: str) -> Iterable[int]:
        yield from self._exact.get((_PLAIN, value), ())
        for host in _hosts(kind, value):
            yield from self._exact.get((_PLAIN, host), ())
            for name in (host, *parents(host)):
                yield from self._exact.get(("hostname", name), ())
            yield from self._within(host)
        if kind == kinds.NETWORK:
            yield from self._within(value)
        for number, parts in self._parts:
            if any(part in value for part in parts):
                yield number
        for number, expressions in self._expressions:
            if any(one.search(value) for one in expressions):
                yield number

    def _within(self, text: str) -> Iterable[int]:
        if not (text[:1].isdigit() or ":" in text):
            return
        try:
            network = ip_network(text)
        except ValueError:
            return
        bits, size = int(network.network_address), network.max_prefixlen
        for length in self._lengths[network.version]:
            if length <= network.prefixlen:
                key = (network.version, length, bits >> (size - length))
                yield from self._networks.get(key, ())

    def _add(self, number: int, one: WarningList) -> None:
        match one.form:
            case "substring":
                self._parts.append((number, tuple(entry.lower() for entry in one.entries)))
            case "regex":
                self._expressions.append((number, list(self._compiled(one))))
            case "cidr":
                for entry in one.entries:
                    self._network(number, one, entry)
            case "hostname":
                for entry in one.entries:
                    self._keep(("hostname", fold(kinds.DOMAIN, entry.strip("."))), number)
            case _:
                for entry in one.entries:
                    self._text(number, entry)

    def _text(self, number: int, entry: str) -> None:
        """A string list in the wild mixes names, names with a dot in front, and addresses."""
        if entry.startswith("."):
            self._keep(("hostname", fold(kinds.DOMAIN, entry.strip("."))), number)
            return
        self._keep((_PLAIN, entry.strip().lower()), number)
        for _, value in kinds.guesses(entry):
            self._keep((_PLAIN, value), number)

    def _network(self, number: int, one: WarningList, entry: str) -> None:
        try:
            network = ip_network(entry.strip(), strict=False)
        except ValueError:
            self.problems.append(f"{one.name}: {entry[:80]} is no network")
            return
        bits = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        self._lengths[network.version].add(network.prefixlen)
        self._networks.setdefault((network.version, network.prefixlen, bits), []).append(number)

    def _compiled(self, one: WarningList) -> Iterable["re2._Regexp"]:
        options = re2.Options()
        options.log_errors = False
        options.case_sensitive = False
        for entry in one.entries:
            # PHP writes /expression/flags; flags other than i are rare and change little
            inner = (
                entry[1 : entry.rindex("/")]
                if entry.startswith("/") and "/" in entry[1:]
                else entry
            )
            try:
                yield re2.compile(inner, options)
            except re2.error:
                self.problems.append(f"{one.name}: {entry[:80]} is no expression that RE2 runs")

    def _keep(self, key: Key, number: int) -> None:
        if key[1]:
            numbers = self._exact.setdefault(key, [])
            if number not in numbers:
                numbers.append(number)


def _hosts(kind: str, value: str) -> tuple[str, ...]:
    """Names and addresses in a folded value."""
    if kind in (kinds.DOMAIN, kinds.ADDRESS):
        return (value,)
    if kind == kinds.URL:
        return (host_of(value),)
    return (value.rpartition("@")[2],) if kind == kinds.EMAIL else ()
