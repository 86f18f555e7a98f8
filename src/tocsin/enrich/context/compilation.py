"""From facts to the bytes of an index: the same facts in any order give the same bytes.

The file is `MAGIC`, the length of a header, the header (MessagePack) and sections that begin at
multiples of eight bytes: `spans` (since and until of each fact), `ends` (where each fact's body
ends), `bodies` (the facts in MessagePack), `hashes` (of all keys, rising) and `facts` (the number
of the fact that each hash leads to). Numbers are little-endian. Nothing is decoded before it is
asked for.
"""

from array import array
from collections.abc import Iterable, Iterator

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.enrich.context.keys import key_hash, keys_of
from tocsin.model.context import Fact, Ratings, Vulnerability, kind_of

MAGIC = b"TOCSINX1"
ALIGNED = 8
MAX_FACTS = 4_000_000

_encode = msgspec.msgpack.Encoder().encode


class Header(msgspec.Struct, frozen=True):
    """What stands at the front of an index. Sections are (offset, length) in bytes."""

    facts: int
    keys: int
    kinds: dict[str, tuple[int, int]]
    """First fact and number of facts of each kind."""
    feeds: dict[str, int]
    sections: dict[str, tuple[int, int]]


def compile_index(facts: Iterable[Fact]) -> bytes:
    """The bytes of the index over these facts; ValueError beyond `MAX_FACTS`."""
    ordered = sorted(_rated(list(facts)), key=_order)
    if len(ordered) > MAX_FACTS:
        raise ValueError(f"context has more than {MAX_FACTS:,} facts")
    spans, ends, bodies = array("q"), array("q"), bytearray()
    hashes, numbers = array("Q"), array("I")
    kinds: dict[str, list[int]] = {}
    feeds: dict[str, int] = {}
    for number, fact in enumerate(ordered):
        spans.extend((fact.since, fact.until))
        bodies += _encode(fact)
        ends.append(len(bodies))
        kinds.setdefault(kind_of(fact.body), [number, 0])[1] += 1
        feeds[fact.feed] = feeds.get(fact.feed, 0) + 1
        for hashed in {key_hash(key) for key in keys_of(fact)}:
            hashes.append(hashed)
            numbers.append(number)
    sorted_hashes, sorted_numbers = _by_hash(hashes, numbers)
    head = Header(
        len(ordered), len(hashes), {k: (v[0], v[1]) for k, v in sorted(kinds.items())},
        dict(sorted(feeds.items())), {},
    )  # fmt: skip
    parts = {
        "spans": spans.tobytes(), "ends": ends.tobytes(), "bodies": bytes(bodies),
        "hashes": sorted_hashes, "facts": sorted_numbers,
    }  # fmt: skip
    return _laid_out(head, parts)


def _order(fact: Fact) -> tuple[str, str, str, int, int, int, bytes]:
    body = _encode(fact.body)
    return kind_of(fact.body), fact.feed, fact.key, fact.since, fact.until, fact.learned, body


def _rated(facts: list[Fact]) -> Iterator[Fact]:
    """The facts, with a release of ratings as one fact for each CVE that matters here."""
    seen = {fact.body.cve for fact in facts if isinstance(fact.body, Vulnerability)}
    for fact in facts:
        if not isinstance(fact.body, Ratings):
            yield fact
            continue
        for rating in fact.body.ratings:
            if rating.cve in seen or rating.exploited is not None:
                one = Ratings(fact.body.feed, (rating,))
                yield msgspec.structs.replace(fact, key=rating.cve, body=one)


def _by_hash(hashes: "array[int]", numbers: "array[int]") -> tuple[bytes, bytes]:
    table = pa.table(
        {
            "hash": pa.Array.from_buffers(pa.uint64(), len(hashes), [None, pa.py_buffer(hashes)]),
            "fact": pa.Array.from_buffers(pa.uint32(), len(numbers), [None, pa.py_buffer(numbers)]),
        }
    )
    order = pc.sort_indices(table, sort_keys=[("hash", "ascending"), ("fact", "ascending")])
    done = table.take(order)
    return _raw(done.column("hash")), _raw(done.column("fact"))


def _raw(column: pa.ChunkedArray) -> bytes:
    """The numbers of a column without nulls, as they lie in memory."""
    return b"".join(
        chunk.buffers()[1].to_pybytes()[
            chunk.offset * chunk.type.byte_width : (chunk.offset + len(chunk))
            * chunk.type.byte_width
        ]
        for chunk in column.chunks
    )


def _laid_out(head: Header, parts: dict[str, bytes]) -> bytes:
    """Header and sections with the offsets in place: the header's size settles by itself."""
    sections = {name: (0, len(data)) for name, data in parts.items()}
    header, placed = b"", None
    while placed != sections:
        sections = placed or sections
        header = _encode(msgspec.structs.replace(head, sections=sections))
        at = _aligned(len(MAGIC) + 4 + len(header))
        placed = {}
        for name, data in parts.items():
            placed[name] = (at, len(data))
            at = _aligned(at + len(data))
    out = bytearray(MAGIC + len(header).to_bytes(4, "little") + header)
    for name, data in parts.items():
        out += bytes(sections[name][0] - len(out)) + data
    return bytes(out)


def _aligned(at: int) -> int:
    return -(-at // ALIGNED) * ALIGNED
