"""Reading and spooling: what a raw record costs before anything looks at it.

    python -m bench.collect [INPUT]        (an input of bench.inputs, default otrf-343k)

CPU seconds of this process, and for the spool time on the wall, since it waits for the disk. Rates
of the spool count the raw bytes of the records, not what its compression leaves of them.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.inputs import batches
from tocsin.collect.folder import backlog
from tocsin.collect.port import Checkpoint
from tocsin.collect.reader import SpoolReader
from tocsin.collect.runner import Runner
from tocsin.collect.spool import Spool, SpoolOptions
from tocsin.collect.transports.files import Files, FileSource
from tocsin.formats.records import Block, RawBatch

OPTIONS = SpoolOptions(reserve=0)
HELD = 12
"""Batches kept to be spooled: some 100,000 records, 330 MB."""


class SystemClock:
    """The real time."""

    def now(self) -> int:
        """Microseconds UTC."""
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        """Seconds."""
        return time.monotonic()


def main() -> None:
    """Measure and print."""
    name = sys.argv[1] if len(sys.argv) > 1 else "otrf-343k"
    held: list[RawBatch] = []
    measure(f"read {name}", lambda: count(batches(name), held))
    with tempfile.TemporaryDirectory(dir=os.environ.get("TOCSIN_BENCH_DIR")) as folder:
        root = Path(folder)
        with Spool(root, "bench", options=OPTIONS) as spool:
            measure("spool append, fsync each batch", lambda: append(spool, held))
        size, _ = backlog(root, "bench")
        print(f"{'':34}{size / 1e6:>10,.1f} MB on disk")
        measure("spool read", lambda: read(SpoolReader(root), "bench"))
        noise = [noisy(512) for _ in range(8)]
        with Spool(root, "noise", options=OPTIONS) as spool:
            measure("spool append, incompressible 512 B", lambda: append(spool, noise))
        lines = root / "lines.json"
        with lines.open("wb") as file:
            for batch in held:
                file.writelines(raw + b"\n" for raw in batch.raws)
        measure("file to spool (transport, runner)", lambda: follow(root, lines))


def measure(label: str, work: Callable[[], tuple[int, int]]) -> None:
    """Run and print events/s and MB/s of raw text, per CPU second and per second."""
    cpu, wall = time.process_time(), time.perf_counter()
    events, size = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    for seconds, what in ((cpu, "CPU second"), (wall, "second")):
        rates = f"{events / seconds:>10,.0f} events/s {size / seconds / 1e6:>8,.1f} MB/s"
        print(f"{label:<34}{rates} per {what}")
        label = ""


def count(found: object, held: list[RawBatch]) -> tuple[int, int]:
    """Read everything; keeps the first batches."""
    events = size = 0
    for batch in found:
        events, size = events + len(batch), size + batch.size
        if len(held) < HELD:
            held.append(batch)
    return events, size


def append(spool: Spool, held: list[RawBatch]) -> tuple[int, int]:
    """Append every batch with a checkpoint, each acknowledged alone."""
    for number, batch in enumerate(held):
        spool.append(
            batch, source_id=None, received_at=0, checkpoint=Checkpoint("bench", {"seq": number})
        )
        spool.sync()
    return sum(map(len, held)), sum(batch.size for batch in held)


def read(reader: SpoolReader, partition: str) -> tuple[int, int]:
    """Read a partition from its beginning to its end."""
    events = size = 0
    after = -1
    while (rows := reader.read(partition, after)) is not None:
        events, size = events + rows.num_rows, size + rows.column("raw").nbytes
        after = rows.column("offset")[-1].as_py()
    reader.close()
    return events, size


def follow(root: Path, path: Path) -> tuple[int, int]:
    """The way a record takes in `tocsin up`, from a file into the spool."""
    transport = Files([FileSource(path)])
    with (
        Spool(root, "files", options=OPTIONS) as spool,
        Spool(root, "dead", options=OPTIONS) as dead,
    ):
        runner = Runner(transport, spool, dead, clock=SystemClock(), pause=lambda _: True)
        while True:
            before = runner.counts.received
            runner.step()
            if runner.counts.received == before:
                break
        transport.close()
        return runner.counts.received, runner.counts.bytes


def noisy(size: int) -> RawBatch:
    """8,192 records of random bytes."""
    batch = RawBatch()
    batch.add(Block("noise", range(1, 8193), [os.urandom(size) for _ in range(8192)]))
    return batch


if __name__ == "__main__":
    main()
