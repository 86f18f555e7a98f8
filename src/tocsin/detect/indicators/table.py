"""Indicators as one immutable table that is mapped into memory, not read.

A table is an Arrow IPC file of one row, whose columns are lists: hashes of what to look up, in
order, with the number of the indicator each belongs to; the indicators, each packed; and a header.
Millions cost a process only the pages it touches. A hash only says where to look: what is found is
compared as a whole, so that two values with one hash never pass for each other.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Literal

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.errors import StorageError
from tocsin.model.intelligence import Alternative, Indicator, Term
from tocsin.model.observables import KINDS, NETWORK

FORMAT = "tocsin indicators 1"

_KEY_ORDER = {
    kind: rank
    for rank, kind in enumerate(
        ("hash", "url", "email", "domain", "address", "mutex", "certificate", "registry-key",
         "command-line", "user-agent", "file-name", "email-subject", "network", "account",
         "registry-value", "folder", "port")
    )
}  # fmt: skip
"""Which term of several is looked up: that of the kind of which fewest events have an equal one."""

_SCHEMA = pa.schema(
    [
        pa.field("hashes", pa.list_(pa.uint64())),
        pa.field("numbers", pa.list_(pa.uint32())),
        pa.field("bodies", pa.list_(pa.large_binary())),
        pa.field("rules", pa.list_(pa.uint64())),
        pa.field("gone", pa.list_(pa.uint64())),
        pa.field("header", pa.binary()),
    ]
)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Indicator).decode
CACHED = 4_096
"""Indicators that are kept unpacked."""


class Expression(msgspec.Struct, frozen=True, array_like=True):
    """A term that is no lookup: an RE2 expression over a kind, and the indicator's number."""

    kind: str
    value: str
    number: int


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What a table says of itself; `lengths` are prefix lengths of networks: (version, length)."""

    format: str
    indicators: int
    lengths: tuple[tuple[int, int], ...]
    expressions: tuple[Expression, ...]
    kinds: tuple[str, ...]


_header = msgspec.msgpack.Decoder(Header).decode


def hash_of(kind: str, value: str) -> int:
    """The 64-bit hash under which a folded value stands."""
    data = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def key_of(alternative: Alternative) -> Term:
    """The term of an alternative that is looked up."""
    usable = [term for term in alternative if not term.negated]
    return min(usable, key=lambda term: (term.test == "re", _KEY_ORDER[term.kind]))


def write_table(indicators: Iterable[Indicator], gone: Iterable[str] = ()) -> pa.Buffer:
    """A table of these indicators; `gone` are rule ids that older tables have and this one ends."""
    hashes, numbers, rules = array("Q"), array("I"), array("Q")
    bodies: list[bytes] = []
    lengths: set[tuple[int, int]] = set()
    expressions: list[Expression] = []
    known: set[str] = set()
    for number, indicator in enumerate(indicators):
        bodies.append(_encode(indicator))
        rules.append(hash_of("rule", indicator.rule_id))
        for key in dict.fromkeys(map(key_of, indicator.alternatives)):
            known.add(key.kind)
            if key.test == "re":
                expressions.append(Expression(key.kind, key.value, number))
                continue
            kind = NETWORK if key.test == "net" else key.kind
            if kind == NETWORK:
                lengths.add((6 if ":" in key.value else 4, int(key.value.partition("/")[2])))
            hashes.append(hash_of(kind, key.value))
            numbers.append(number)
    header = Header(
        FORMAT, len(bodies), tuple(sorted(lengths)), tuple(expressions), tuple(sorted(known))
    )
    ended = [hash_of("rule", rule_id) for rule_id in gone]
    return _written(hashes, numbers, bodies, rules, ended, header)


def _written(
    hashes: "array[int]",
    numbers: "array[int]",
    bodies: list[bytes],
    rules: "array[int]",
    gone: list[int],
    header: Header,
) -> pa.Buffer:
    unordered = _column(hashes, pa.uint64())
    order = pc.array_sort_indices(unordered)
    columns = [
        unordered.take(order),
        _column(numbers, pa.uint32()).take(order),
        pa.array(bodies, pa.large_binary()),
        _column(rules, pa.uint64()),
        pa.array(sorted(gone), pa.uint64()),
    ]
    lists = [
        pa.ListArray.from_arrays(pa.array([0, len(column)], pa.int32()), column)
        for column in columns
    ]
    row = pa.RecordBatch.from_arrays([*lists, pa.array([_encode(header)])], schema=_SCHEMA)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, _SCHEMA) as writer:
        writer.write_batch(row)
    return sink.getvalue()


def _column(numbers: "array[int]", kind: pa.DataType) -> pa.Array:
    """Numbers as a column over the same memory."""
    return pa.Array.from_buffers(kind, len(numbers), [None, pa.py_buffer(numbers)])


class Table:
    """One table; lookups by hash."""

    def __init__(self, data: pa.Buffer) -> None:
        """Over the bytes of a file, mapped or read. Raises StorageError when they are none."""
        try:
            row = pa.ipc.open_file(pa.BufferReader(data)).get_batch(0)
            lists = {name: row.column(name).values for name in _SCHEMA.names[:-1]}
            self.header = _header(row.column("header")[0].as_py())
        except (pa.ArrowException, msgspec.DecodeError, KeyError, IndexError) as error:
            raise StorageError(f"a table of indicators cannot be read: {error}") from error
        if self.header.format != FORMAT:
            raise StorageError(f"a table of indicators of another format: {self.header.format}")
        self._hashes = _numbers(lists["hashes"], "Q")
        self._numbers = _numbers(lists["numbers"], "I")
        self._bodies = lists["bodies"]
        self._rules = lists["rules"]
        self.gone = frozenset(lists["gone"].to_pylist())
        self.indicator = lru_cache(CACHED)(self._indicator)

    def __len__(self) -> int:
        return self.header.indicators

    def find(self, wanted: int) -> Sequence[int]:
        """Numbers of the indicators with this hash."""
        hashes = self._hashes
        at = bisect_left(hashes, wanted)
        found: list[int] = []
        while at < len(hashes) and hashes[at] == wanted:
            found.append(self._numbers[at])
            at += 1
        return found

    def rules(self) -> frozenset[int]:
        """Hashes of the rule ids of all indicators in it."""
        return frozenset(self._rules.to_pylist())

    def indicators(self) -> Iterator[Indicator]:
        """Every indicator in it."""
        return (_decode(body.as_buffer()) for body in self._bodies)

    def _indicator(self, number: int) -> Indicator:
        return _decode(self._bodies[number].as_buffer())


def _numbers(column: pa.Array, form: Literal["Q", "I"]) -> memoryview:
    data = column.buffers()[1] if len(column) else b""
    view = memoryview(data).cast("B").cast(form)
    return view[column.offset : column.offset + len(column)]


__all__ = ["KINDS", "Expression", "Header", "Table", "hash_of", "key_of", "write_table"]
