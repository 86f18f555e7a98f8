"""Arrow batches as bytes, the form in which processes exchange them."""

import pyarrow as pa


def to_bytes(batch: pa.RecordBatch) -> bytes:
    """One batch as an IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def from_bytes(data: bytes) -> pa.RecordBatch:
    """The inverse of `to_bytes`."""
    return pa.ipc.open_stream(data).read_next_batch()
