"""Rows of a small class: the store takes whatever schema it is given."""

import pyarrow as pa

EVENT = pa.schema(
    [
        pa.field("time", pa.int64()),
        pa.field("metadata", pa.struct({"uid": pa.string(), "logged_time": pa.int64()})),
        pa.field("raw_data", pa.string()),
        pa.field("tocsin_time", pa.int64()),
        pa.field("tocsin_partition", pa.string()),
        pa.field("tocsin_offset", pa.int64()),
        pa.field("tocsin_source", pa.string()),
        pa.field("ingest_day", pa.string()),
    ]
)

WITH_ALSO = EVENT.append(pa.field("tocsin_also", pa.bool_()))
"""The same with the mark of what a record states beside its own event."""


def stated(offsets: range | list[int], *, also: bool = False) -> pa.RecordBatch:
    rows = event_rows(offsets)
    return rows.append_column("tocsin_also", pa.array([also] * rows.num_rows, pa.bool_()))


def event_rows(offsets: range | list[int], partition: str = "p0") -> pa.RecordBatch:
    rows = [
        {
            "time": offset * 1_000,
            "metadata": {"uid": f"{offset:032x}", "logged_time": offset * 1_000 + 7},
            "raw_data": f'{{"n": {offset}}}',
            "tocsin_time": offset * 1_000_000,
            "tocsin_partition": partition,
            "tocsin_offset": offset,
            "tocsin_source": "windows-security",
            "ingest_day": f"2026-11-{1 + offset % 2:02d}",
        }
        for offset in offsets
    ]
    return pa.RecordBatch.from_pylist(rows, schema=EVENT)
