"""What reading gives: records, and every problem as a value beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import pyarrow as pa

from tocsin.model import envelope


class RawRecord(NamedTuple):
    """One record as its source wrote it.

    `origin` is the path, `!` and the member for each archive it lies in; `position` is its number
    in that origin from 1 (the line number for text).
    """

    origin: str
    position: int
    raw: bytes


class Skipped(NamedTuple):
    """Something that was not read (further), with a stable reason code."""

    origin: str
    reason: str
    detail: str


class Rejected(NamedTuple):
    """A record that is refused alone; `raw` is the original, cut when it is oversized."""

    origin: str
    position: int
    reason: str
    detail: str
    raw: bytes


class Block(NamedTuple):
    """Consecutive records of one origin: the form in which readers hand them on."""

    origin: str
    positions: Sequence[int]
    raws: list[bytes]


Item = Block | Skipped | Rejected
Problem = Skipped | Rejected


@dataclass(slots=True)
class RawBatch:
    """At most `envelope.BATCH_ROWS` records of any number of origins, in order of reading.

    `bytes_read` is how much of the files on disk was read so far, for a progress display.
    """

    origins: list[str] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    raws: list[bytes] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    size: int = 0
    bytes_read: int = 0

    def __len__(self) -> int:
        return len(self.raws)

    def add(self, block: Block) -> None:
        """Append all records of a block."""
        self.origins += [block.origin] * len(block.raws)
        self.positions += block.positions
        self.raws += block.raws
        self.size += sum(map(len, block.raws))


class Stamp(NamedTuple):
    """What a batch of raw records is told about itself; see `model.envelope`."""

    site: str
    partition: str
    first_offset: int
    source_id: str | None
    received_at: int


def to_envelope(batch: RawBatch, stamp: Stamp) -> pa.RecordBatch:
    """The records of a batch as `envelope.RAW`, offsets counted up from `stamp.first_offset`."""
    rows = len(batch.raws)
    first = stamp.first_offset
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(pa.scalar(stamp.site, pa.string()), rows),
            pa.repeat(pa.scalar(stamp.partition, pa.string()), rows),
            pa.array(range(first, first + rows), pa.int64()),
            pa.repeat(pa.scalar(stamp.source_id, pa.string()), rows),
            pa.repeat(pa.scalar(stamp.received_at, pa.int64()), rows),
            pa.array(batch.origins, pa.string()),
            pa.array(batch.positions, pa.int64()),
            pa.array(batch.raws, pa.binary()),
        ],
        schema=envelope.RAW,
    )
