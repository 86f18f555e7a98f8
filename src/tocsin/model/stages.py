"""The two contracts every stage keeps, embedded and in Spark.

Observe is stateless and runs in a pool. Fold is keyed and stateful. Laws, checked for every
implementation by `tests/laws.py`:

- splitting a batch changes nothing;
- any permutation within the allowed lateness gives the same result;
- replaying a prefix changes nothing;
- state carries a version, and an old version is upgraded by a pure function;
- there is no mutable state at module level.

Caches that only make things faster live in the worker's compiled object and never change a result.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec
import pyarrow as pa

from tocsin.model import quality
from tocsin.model.context import Record

C_contra = TypeVar("C_contra", contravariant=True)

IDENTITIES = pa.schema(
    [
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("event_uid", pa.string(), nullable=False),
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("time", pa.int64(), nullable=False),
    ]
)
"""Identity and time of every mapped event: what deduplication and watermarks need."""


class HostClock(msgspec.Struct, frozen=True):
    """How far a host's written time lies from UTC (us to add), and from how many records."""

    offset: int
    samples: int


class ContextSnapshot(msgspec.Struct, frozen=True):
    """What a stage may know beside the rows: fixed for one batch, named in its journal record."""

    site: str = "default"
    content_id: str = ""
    host_clocks: dict[str, HostClock] = {}
    history: bool = False
    """The rows are of the past, brought in later: they have no delay, and their findings count and
    page nobody."""


class Opened(msgspec.Struct, frozen=True):
    """A window that the record at a spool offset opened."""

    offset: int
    window: Record


@dataclass(frozen=True, slots=True)
class Observed:
    """What one batch of raw records turned into."""

    events: Mapping[str, pa.RecordBatch]
    hits: pa.RecordBatch
    identities: pa.RecordBatch
    rejects: pa.RecordBatch
    counts: Mapping[str, int] = field(default_factory=dict)
    """Quality counts, `name|source_id|detail` -> n."""
    clocks: Mapping[str, HostClock] = field(default_factory=dict)
    """Host clocks estimated from this batch alone."""
    quality: pa.RecordBatch = field(default_factory=lambda: quality.EMPTY)
    """Counts of quality (`model.quality.QUALITY`)."""
    windows: tuple[Opened, ...] = ()
    """Windows of privileged access."""


class Observe(Protocol[C_contra]):
    """(raw, compiled, context) -> Observed; `raw` follows `envelope.RAW`."""

    def __call__(
        self, raw: pa.RecordBatch, compiled: C_contra, context: ContextSnapshot, /
    ) -> Observed:
        """What the batch says."""


class Fold(Protocol):
    """A keyed state machine over rows. `watermark` and `now` are microseconds UTC."""

    name: str
    version: int

    def key(self, rows: pa.RecordBatch) -> pa.Array:
        """The key of each row, as strings."""

    def step(
        self, state: bytes | None, rows: pa.RecordBatch, *, watermark: int, now: int
    ) -> tuple[bytes | None, pa.RecordBatch]:
        """New state of one key (None: forget it) and the rows that go on."""


def run_fold(
    fold: Fold, states: Mapping[str, bytes], rows: pa.RecordBatch, *, watermark: int, now: int
) -> tuple[dict[str, bytes | None], list[pa.RecordBatch]]:
    """Step every key that occurs in `rows`; returns the changed states and the outputs by key."""
    keys = fold.key(rows).to_pylist()
    by_key: dict[str, list[int]] = {}
    for index, key in enumerate(keys):
        by_key.setdefault(key, []).append(index)
    changed: dict[str, bytes | None] = {}
    outputs: list[pa.RecordBatch] = []
    for key, indices in by_key.items():
        part = rows if len(indices) == rows.num_rows else rows.take(pa.array(indices, pa.int64()))
        changed[key], output = fold.step(states.get(key), part, watermark=watermark, now=now)
        if output.num_rows:
            outputs.append(output)
    return changed, outputs


S = TypeVar("S")


def pack_state(version: int, state: Any) -> bytes:
    """State with its version in front, in MessagePack."""
    return msgspec.msgpack.encode((version, state))


def unpack_state(
    data: bytes, kind: type[S], version: int, upgrades: Mapping[int, Callable[[Any], Any]]
) -> S:
    """State of `kind` at `version`; `upgrades[n]` turns the plain form of version n into n + 1."""
    found, raw = msgspec.msgpack.decode(data, type=tuple[int, msgspec.Raw])
    if found == version:
        return msgspec.msgpack.decode(raw, type=kind)
    plain = msgspec.msgpack.decode(raw)
    while found < version:
        plain = upgrades[found](plain)
        found += 1
    return msgspec.convert(plain, kind)
