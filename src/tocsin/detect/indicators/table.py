"""Indicators as one immutable table that is mapped into memory, not read.

A table is an Arrow IPC file of one row, whose columns are lists: hashes of what to look up, in
order, with the number of the indicator each belongs to; the indicators, each packed; and a header.
Millions cost a process only the pages it touches. A hash only says where to look: what is found is
compared as a whole, so that two values with one hash never pass for each other.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from hashlib import blake2b
from ipaddress import ip_network
from typing import Literal
from zlib import crc32

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.errors import StorageError
from tocsin.model.intelligence import Alternative, Indicator, Term
from tocsin.model.observables import NETWORK

FORMAT = "tocsin indicators 2"

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
        pa.field("sieve", pa.list_(pa.uint8())),
        pa.field("header", pa.binary()),
    ]
)
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Indicator).decode
CACHED = 4_096
"""Indicators that are kept unpacked."""


SIEVE_PER_KEY = 16
SIEVE_BITS = (16, 27)
"""Bits of the sieve for each key, and the least and most of all as powers of two: 1 in 16 of values
that are in no table is looked up in vain, and 16 MB are the most that it takes."""
BLOCKS = 1 << 16
"""Blocks of addresses by their first 16 bits."""


class Expression(msgspec.Struct, frozen=True, array_like=True):
    """A term that is no lookup: an RE2 expression over a kind, and the indicator's number."""

    kind: str
    value: str
    number: int


class Header(msgspec.Struct, frozen=True, array_like=True):
    """What a table says of itself.

    `lengths` are prefix lengths of networks, as (version, length); `blocks` has for each version a
    bit for every first 16 bits of addresses in which there is a network. `shift` takes a CRC-32 to
    its bit of the sieve.
    """

    format: str
    indicators: int
    lengths: tuple[tuple[int, int], ...]
    expressions: tuple[Expression, ...]
    kinds: tuple[str, ...]
    shift: int
    blocks: dict[int, bytes]


_header = msgspec.msgpack.Decoder(Header).decode


def hash_of(kind: str, value: str) -> int:
    """The 64-bit hash under which a folded value stands."""
    data = f"{kind}\0{value}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(data, digest_size=8).digest(), "little")


def sift_of(kind: str, value: str) -> int:
    """A CRC-32: it costs a tenth of the hash, and tells most values that are nowhere."""
    return crc32(value.encode("utf-8", "surrogatepass"), seed_of(kind))


@cache
def seed_of(kind: str) -> int:
    """The CRC-32 of a kind, from which that of a value goes on."""
    return crc32(kind.encode())


def key_of(alternative: Alternative) -> Term:
    """The term of an alternative that is looked up."""
    usable = [term for term in alternative if not term.negated]
    return min(usable, key=lambda term: (term.test == "re", _KEY_ORDER[term.kind]))


def write_table(indicators: Iterable[Indicator], gone: Iterable[str] = ()) -> pa.Buffer:
    """A table of these indicators; `gone` are rule ids that older tables have and this one ends."""
    hashes, numbers, rules, sifts = array("Q"), array("I"), array("Q"), array("I")
    blocks = {4: bytearray(BLOCKS // 8), 6: bytearray(BLOCKS // 8)}
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
                lengths.add(_mark(blocks, key.value))
            hashes.append(hash_of(kind, key.value))
            sifts.append(sift_of(kind, key.value))
            numbers.append(number)
    bits = min(SIEVE_BITS[1], max(SIEVE_BITS[0], (len(hashes) * SIEVE_PER_KEY).bit_length()))
    header = Header(
        FORMAT,
        len(bodies),
        tuple(sorted(lengths)),
        tuple(expressions),
        tuple(sorted(known)),
        32 - bits,
        {version: bytes(marked) for version, marked in blocks.items()},
    )
    ended = [hash_of("rule", rule_id) for rule_id in gone]
    sieve = _sieve(sifts, bits)
    return _written(hashes, numbers, bodies, rules, gone=ended, sieve=sieve, header=header)


def _mark(blocks: dict[int, bytearray], value: str) -> tuple[int, int]:
    """Mark the blocks in which a network lies; its version and prefix length."""
    network = ip_network(value)
    shift = network.max_prefixlen - 16
    first = int(network.network_address) >> shift
    last = int(network.broadcast_address) >> shift
    for block in range(first, last + 1):
        blocks[network.version][block >> 3] |= 1 << (block & 7)
    return network.version, network.prefixlen


def _sieve(sifts: "array[int]", bits: int) -> bytearray:
    sieve = bytearray(1 << bits - 3)
    shift = 32 - bits
    for sift in sifts:
        at = sift >> shift
        sieve[at >> 3] |= 1 << (at & 7)
    return sieve


def _written(  # noqa: PLR0913 - the columns of the file
    hashes: "array[int]",
    numbers: "array[int]",
    bodies: list[bytes],
    rules: "array[int]",
    *,
    gone: list[int],
    sieve: bytearray,
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
        pa.Array.from_buffers(pa.uint8(), len(sieve), [None, pa.py_buffer(sieve)]),
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
        self._sieve = _numbers(lists["sieve"], "B")
        self._shift = self.header.shift
        self.gone = frozenset(lists["gone"].to_pylist())
        self.indicator = lru_cache(CACHED)(self._indicator)

    def __len__(self) -> int:
        return self.header.indicators

    def may_have(self, sift: int) -> bool:
        """False when no key has this CRC-32 (`sift_of`)."""
        at = sift >> self._shift
        return bool(self._sieve[at >> 3] >> (at & 7) & 1)

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

    def _indicator(self, number: int) -> Indicator:
        return _decode(self._bodies[number].as_buffer())


def _numbers(column: pa.Array, form: Literal["Q", "I", "B"]) -> memoryview:
    data = column.buffers()[1] if len(column) else b""
    view = memoryview(data).cast("B").cast(form)
    return view[column.offset : column.offset + len(column)]
