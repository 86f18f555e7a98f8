"""The Arrow envelope: how a raw record travels from a transport to `observe`.

One row is one record as the source wrote it. `partition` and `offset` are the spool position and
identify our own redelivery; `origin` and `position` say where the record came from (file, archive
member, socket) and which record of that origin it is: together they are the identity of a record
whose source has none of its own. `source_id` is null when the format must be recognized from the
content. All times are int64 microseconds UTC.
"""

import pyarrow as pa

RAW = pa.schema(
    [
        pa.field("site", pa.string(), nullable=False),
        pa.field("partition", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("source_id", pa.string()),
        pa.field("received_at", pa.int64(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
    ]
)

BATCH_ROWS = 8_192
BATCH_BYTES = 16 * 1024 * 1024
"""Bounds of one batch (decisions, section 2: 65,536 rows were slower and took 3 GB)."""

REJECTS = pa.schema(
    [
        pa.field("partition", pa.string(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),
        pa.field("received_at", pa.int64(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
        pa.field("source_id", pa.string()),
    ]
)
"""A dead letter: a record that could not be used, with a stable reason code and the original.

`source_id` is what was declared, as in `RAW`: nobody knows of which source an unreadable record is.
"""
