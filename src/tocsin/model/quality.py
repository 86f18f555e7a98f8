"""Quality of telemetry in small numbers: what `observe` counts and the quality fold adds up.

One row of `QUALITY` tells of the events of one source in one slice of a batch. All that is counted
is a whole number under a name, so that rows of any two slices add up by adding names:

    n                     events
    user.name#            events whose mapping can fill the attribute user.name
    user.name             those in which it is filled
    user.name~mail        those in which it is written so (a user: bare, mail, down-level, sid ...)
    status_id#, status_id!  events with that enumeration, and those whose word it does not know
    @user#, @user-nowhere, @user-elsewhere   events whose host is of this unit and that name a
                          user; whose user is known to no unit, or to another one
    @host-nowhere         events whose user is of this unit and whose host is known to no unit

Such counts are kept by cell: class, business unit and network segment. The whole source has, in
the cell "", `n`, `misfit` (events of no class but the general one), `rejected` and
`rejected:REASON`, `duplicates`, `delay:BUCKET`, `received-time` (events that carry no time) and
`sampled`.
"""

from collections.abc import Mapping

import msgspec
import pyarrow as pa

QUALITY = pa.schema(
    [
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
        pa.field("first", pa.int64(), nullable=False),
        pa.field("last", pa.int64(), nullable=False),
        pa.field("at", pa.int64(), nullable=False),
        pa.field("history", pa.bool_(), nullable=False),
        pa.field("events", pa.int64(), nullable=False),
        pa.field("body", pa.binary(), nullable=False),
    ]
)
"""`first` and `last` are spool offsets of the slice, `at` (us UTC) when the newest event of the row
was received; for backfilled records (`history`) when it happened. `source_id` is empty for records
that nobody recognized. `body` is `Measured` in MessagePack."""

SLICE = 512
"""Rows of one slice: how finely what changes within a batch can be told."""

LONGEST_OFFSET = 26 * 3_600
"""Seconds: what is further off than two time zones can be is an old record and no wrong clock."""

Counts = dict[str, int]

WHOLE = ""
"""The cell of the source as a whole."""

MAX_CELLS = 64
"""Cells of one source in a slice; events of further ones count in the cell of their class alone."""


class HostDelay(msgspec.Struct, frozen=True, array_like=True):
    """Events of a host in a slice, and how long (s) the median one and half of them took.

    `median` is received minus event time, so below zero where the event's clock is ahead; `spread`
    is the width of the middle half.
    """

    n: int
    median: float
    spread: float


class Measured(msgspec.Struct, array_like=True):
    """The body of a row. `cells` maps `class|unit|segment` (or WHOLE) to its counts."""

    cells: dict[str, Counts]
    minutes: dict[int, int] = {}
    """Events by minute since 1970, by the clock of `at`."""
    hosts: dict[str, HostDelay] = {}
    """The hosts with most events; the whole source is under the empty name."""
    keys: dict[str, int] = {}
    """Native fields of the records that were sampled (`sampled`), and how many had them."""
    sequences: dict[str, list[tuple[int, int]]] = {}
    """Numbers that senders gave, as runs without a gap: sender -> [(first, last), ...]."""
    untold: list[HostDelay] = []
    """Of the hosts that stand out and are not among `hosts`: the earliest and the latest."""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Measured).decode


def measured_to_bytes(measured: Measured) -> bytes:
    """The body of a row."""
    return _encode(measured)


def measured_from_bytes(body: bytes) -> Measured:
    """What a row says; raises msgspec.DecodeError."""
    return _decode(body)


def cell_key(class_name: str, unit: str = "", segment: str = "") -> str:
    """The name of a cell."""
    return f"{class_name}|{unit.replace('|', '/')}|{segment.replace('|', '/')}"


def cell_parts(key: str) -> tuple[str, str, str]:
    """Class, unit and segment of a cell; three empty texts for the whole source."""
    class_name, _, rest = key.partition("|")
    unit, _, segment = rest.partition("|")
    return class_name, unit, segment


def add_counts(into: Counts, more: Mapping[str, int]) -> None:
    """Add `more` to `into`."""
    for name, n in more.items():
        into[name] = into.get(name, 0) + n


def add_cells(into: dict[str, Counts], more: Mapping[str, Mapping[str, int]]) -> None:
    """Add the counts of every cell."""
    for key, counts in more.items():
        if key in into:
            add_counts(into[key], counts)
        else:
            into[key] = dict(counts)


EMPTY = pa.RecordBatch.from_pylist([], schema=QUALITY)
