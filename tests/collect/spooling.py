"""Small batches for the spool and what is read back of them."""

from pathlib import Path

from tocsin.collect.port import Checkpoint
from tocsin.collect.reader import SpoolReader
from tocsin.collect.spool import Spool, SpoolOptions
from tocsin.formats.records import Block, RawBatch

PARTITION = "files"
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
TINY = SpoolOptions(segment=1, reserve=0)
"""Every sync closes its segment."""
LARGE = SpoolOptions(reserve=0)


def batch(*raws: bytes, first: int = 1) -> RawBatch:
    out = RawBatch()
    out.add(Block("o", range(first, first + len(raws)), list(raws)))
    return out


def append(spool: Spool, *raws: bytes, at: int | None = None) -> range:
    checkpoint = None if at is None else Checkpoint("k", {"at": at})
    return spool.append(batch(*raws), source_id=None, received_at=5, checkpoint=checkpoint)


def read_all(root: Path, *, after: int = -1, step: int = 8192) -> list[tuple[int, bytes]]:
    reader = SpoolReader(root)
    out: list[tuple[int, bytes]] = []
    while (rows := reader.read(PARTITION, after, step)) is not None:
        assert 0 < rows.num_rows <= step
        out += zip(rows["offset"].to_pylist(), rows["raw"].to_pylist(), strict=True)
        after = out[-1][0]
    reader.close()
    return out
