"""Scanners: which of thousands of patterns occur in a text, in one pass.

Two make the same promise: hyperscan (x86-64 only; compiled databases are stored in the plan) and a
plain one in Python, which picks candidates by their four-letter fragments.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

import re2

from tocsin.detect.sigma.checks import Check, check_of
from tocsin.detect.sigma.ir import Op, Predicate

_hyperscan: Any
try:
    import hyperscan as _hyperscan
except ImportError:  # not an x86-64 machine
    _hyperscan = None

hyperscan: Any = _hyperscan
"""The engine's module, or None where there is none."""

Numbered = tuple[int, Predicate]


class Scanner(Protocol):
    """Finds the numbers of the predicates that hold for a text."""

    def scan(self, text: str) -> list[int]:
        """Numbers of the predicates that hold for `text`, already folded as the scanner wants."""


def hyperscan_version() -> str:
    """Version and CPU features of the engine that would compile here; empty when there is none."""
    if hyperscan is None:
        return ""
    probe = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    probe.compile(expressions=[b"probe"], ids=[0], elements=1, flags=[0])
    return str(probe.info().decode())


def _collect(number: int, _start: int, _end: int, _flags: int, found: list[int]) -> None:
    found.append(number)


class HyperscanScanner:
    """Scans with a compiled database; `confirm` re-checks patterns it only approximates."""

    def __init__(self, database: bytes, confirm: Iterable[Numbered]) -> None:
        self._database = hyperscan.loadb(database, mode=hyperscan.HS_MODE_BLOCK)
        self._database.scratch = hyperscan.Scratch(self._database)
        self._confirm = {number: check_of(predicate) for number, predicate in confirm}

    def scan(self, text: str) -> list[int]:
        """See `Scanner`."""
        found: list[int] = []
        self._database.scan(text.encode("utf-8", "replace"), _collect, 0, found)
        if not self._confirm:
            return found
        confirm = self._confirm
        return [n for n in found if n not in confirm or confirm[n](text)]


class Compiled:
    """What `compile_hyperscan` made: the stored database and who is in it."""

    def __init__(self, data: bytes, members: list[int], approximate: list[int]) -> None:
        self.data = data
        self.members = members
        self.approximate = approximate


class _Entry(NamedTuple):
    """One pattern on its way into a database."""

    number: int
    expression: bytes
    flags: int


def compile_hyperscan(predicates: Sequence[Numbered]) -> Compiled | None:
    """A database of all predicates that hyperscan can run, or None when there are none."""
    entries = [_Entry(n, _expression(p), _flags(p)) for n, p in predicates]
    approximate: list[int] = []
    data = _database(entries)
    if data is None:  # one of them at least: find out which
        usable = [found for entry in entries if (found := _usable(entry)) is not None]
        exact = set(entries)
        approximate = [entry.number for entry in usable if entry not in exact]
        entries = usable
        data = _database(entries)
    if data is None:
        return None
    return Compiled(data, [entry.number for entry in entries], approximate)


def _usable(entry: _Entry) -> _Entry | None:
    """The entry as it compiles: as it is, or approximated, or not at all."""
    rough = entry._replace(flags=entry.flags | hyperscan.HS_FLAG_PREFILTER)
    return next((one for one in (entry, rough) if _database([one]) is not None), None)


def _database(entries: Sequence[_Entry]) -> bytes | None:
    """A stored database of these patterns, or None when there are none or one does not compile."""
    if not entries:
        return None
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    try:
        database.compile(
            expressions=[entry.expression for entry in entries],
            ids=[entry.number for entry in entries],
            elements=len(entries),
            flags=[entry.flags for entry in entries],
        )
    except hyperscan.error:
        return None
    return bytes(hyperscan.dumpb(database))


def _flags(predicate: Predicate) -> int:
    flag: int = hyperscan.HS_FLAG_SINGLEMATCH
    if predicate.op not in (Op.RE, Op.GLOB):
        return flag
    flag |= hyperscan.HS_FLAG_UTF8 | hyperscan.HS_FLAG_ALLOWEMPTY
    letters = "s" if predicate.op is Op.GLOB else predicate.detail
    named = {
        "i": hyperscan.HS_FLAG_CASELESS,
        "m": hyperscan.HS_FLAG_MULTILINE,
        "s": hyperscan.HS_FLAG_DOTALL,
    }
    for letter in letters:
        flag |= named[letter]
    return flag


def _expression(predicate: Predicate) -> bytes:
    if predicate.op is Op.GLOB:
        glob = predicate.text
        return (glob.removesuffix(r"\Z") + r"\z" if glob.endswith(r"\Z") else glob).encode()
    if predicate.op is Op.RE:
        return predicate.text.encode("utf-8", "replace")
    body = escaped(predicate.text)
    head = b"^" if predicate.op is Op.STARTSWITH else b""
    tail = rb"\z" if predicate.op is Op.ENDSWITH else b""
    return head + body + tail


def escaped(literal: str) -> bytes:
    """A literal as an expression: everything but letters and digits in hexadecimal."""
    data = literal.encode("utf-8", "replace")
    return b"".join(
        bytes((byte,)) if chr(byte).isalnum() and byte < 0x80 else b"\\x%02x" % byte  # noqa: PLR2004 - ASCII
        for byte in data
    )


class PlainScanner:
    """The same answers without hyperscan.

    Prefixes and suffixes are looked up by their length; contained literals by one fragment of
    `_GRAM` letters each; what is shorter, or a regular expression, is tried one by one.
    """

    _GRAM = 4

    def __init__(self, predicates: Sequence[Numbered]) -> None:
        self._prefixes: dict[int, dict[str, list[int]]] = {}
        self._suffixes: dict[int, dict[str, list[int]]] = {}
        self._grams: dict[str, list[tuple[int, str]]] = {}
        self._singly: list[tuple[int, Check]] = []
        for number, predicate in predicates:
            self._add(number, predicate)

    def _add(self, number: int, predicate: Predicate) -> None:
        text = predicate.text
        if predicate.op is Op.STARTSWITH:
            self._prefixes.setdefault(len(text), {}).setdefault(text, []).append(number)
        elif predicate.op is Op.ENDSWITH:
            self._suffixes.setdefault(len(text), {}).setdefault(text, []).append(number)
        elif predicate.op is Op.CONTAINS and len(text) >= self._GRAM:
            self._grams.setdefault(self._rarest(text), []).append((number, text))
        else:
            self._singly.append((number, check_of(predicate)))

    def _rarest(self, text: str) -> str:
        """The fragment of `text` that the fewest literals were filed under so far."""
        grams = [text[i : i + self._GRAM] for i in range(len(text) - self._GRAM + 1)]
        return min(grams, key=lambda gram: len(self._grams.get(gram, ())))

    def scan(self, text: str) -> list[int]:
        """See `Scanner`."""
        found: list[int] = []
        for length, table in self._prefixes.items():
            found.extend(table.get(text[:length], ()) if len(text) >= length else ())
        for length, table in self._suffixes.items():
            found.extend(table.get(text[-length:], ()) if len(text) >= length else ())
        if self._grams:
            here = {text[i : i + self._GRAM] for i in range(len(text) - self._GRAM + 1)}
            for gram in here & self._grams.keys():
                found.extend(number for number, literal in self._grams[gram] if literal in text)
        found.extend(number for number, check in self._singly if check(text))
        return found


Report = Callable[[int, int, int, int, list[int]], None]
RawSearch = Callable[[bytes, Report, int, list[int]], object]
"""Looks at raw bytes and reports to the list when an expression occurs (hyperscan's signature)."""

report: Report = _collect
"""The only report there is: it adds the number of the expression to the list."""


def raw_search(expressions: Sequence[bytes], *, use_hyperscan: bool) -> RawSearch:
    """A search for any of the expressions in raw bytes, ignoring ASCII case."""
    if use_hyperscan and hyperscan is not None:
        return _hyperscan_search(expressions)
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = False
    search = re2.compile(b"|".join(expressions), options).search

    def plain(raw: bytes, _report: Report, _flags: int, found: list[int]) -> None:
        if search(raw):
            found.append(0)

    return plain


def suspect(_raw: bytes, _report: Report, _flags: int, found: list[int]) -> None:
    """A search that takes every line for a candidate."""
    found.append(0)


def _hyperscan_search(expressions: Sequence[bytes]) -> RawSearch:
    database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
    count = len(expressions)
    database.compile(
        expressions=list(expressions),
        ids=list(range(count)),
        elements=count,
        flags=[hyperscan.HS_FLAG_CASELESS | hyperscan.HS_FLAG_SINGLEMATCH] * count,
    )
    database.scratch = hyperscan.Scratch(database)
    search: RawSearch = database.scan
    return search
