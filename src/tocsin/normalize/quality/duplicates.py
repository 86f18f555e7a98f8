"""Repeats are recognized after observing: their number is put into the counts of their source."""

from collections.abc import Mapping

import pyarrow as pa

from tocsin.model.quality import QUALITY, WHOLE, add_counts, measured_from_bytes, measured_to_bytes


def with_duplicates(quality: pa.RecordBatch, duplicates: Mapping[str, int]) -> pa.RecordBatch:
    """`QUALITY` with the repeats of each source counted in the first of its rows."""
    left = {source: n for source, n in duplicates.items() if n}
    if not left:
        return quality
    rows = quality.to_pylist()
    for row in rows:
        n = left.pop(row["source_id"], 0)
        if n:
            measured = measured_from_bytes(row["body"])
            add_counts(measured.cells.setdefault(WHOLE, {}), {"duplicates": n})
            row["body"] = measured_to_bytes(measured)
    return pa.RecordBatch.from_pylist(rows, schema=QUALITY)
