"""Files read once, for a hunt or a backfill: batches that never span two files."""

from collections.abc import Iterator
from itertools import groupby
from typing import Any

import msgspec
import pyarrow as pa

from tocsin import flow
from tocsin.formats.records import RawBatch

CLOCK_SAMPLE = 2_048
"""Records at the beginning of a file from which the clocks of its hosts are estimated."""


def by_file(batch: RawBatch) -> Iterator[tuple[str, RawBatch]]:
    """The parts of a batch that are of one file on disk each, without its problems."""
    start = 0
    for name, run in groupby(batch.origins, key=lambda origin: origin.partition("!")[0]):
        end = start + sum(1 for _ in run)
        raws = batch.raws[start:end]
        size = sum(map(len, raws))
        yield name, RawBatch(batch.origins[start:end], batch.positions[start:end], raws, size=size)
        start = end


def clocks_of(raw: pa.RecordBatch, compiled: flow.Compiled) -> dict[str, Any]:
    """Clocks of the hosts at the beginning of a file, as plain types."""
    decoded = flow.decode(raw.slice(0, CLOCK_SAMPLE), compiled.normalizer)
    clocks: dict[str, Any] = msgspec.to_builtins(compiled.normalizer.host_clocks(decoded.records))
    return clocks
