"""`python -m bench.quality [INPUT...]`: what measuring quality costs beside observing.

CPU time of this process: `flow.observe` as it is, and the meter on the same batches, with and
without a context that places hosts, users and addresses in ten units.
"""

import argparse
import gc
import time
from collections.abc import Callable
from typing import TypeVar

from bench.inputs import NAMES, batches
from tocsin import flow
from tocsin.app import parts
from tocsin.app.workers import calm_collector
from tocsin.formats.records import Stamp, to_envelope
from tocsin.model.context import Place, Placing
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize.quality.measure import Batch, Meter

T = TypeVar("T")
ROUNDS = 3


class TenUnits:
    """A context that knows everybody; the unit follows from the name."""

    def place(self, host: str, user: str, address: str, at: int) -> Place:  # noqa: ARG002 - the port's
        """One of ten units."""
        number = sum((host or user or address).encode()) % 10
        return Place(f"unit-{number}", f"net-{number % 3}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="*", default=["otrf-100k"])
    for name in parser.parse_args().inputs:
        if name not in NAMES:
            parser.error(f"{name}: one of {', '.join(NAMES)}")
        measure(name)


def measure(name: str) -> None:
    """Print CPU seconds of observing and of measuring, and the share."""
    content = parts.load_content(None)
    files = parts.rule_files(content, None)
    compiled = parts.build(parts.prepare(content, files, parts.cache_folder()))
    meter = Meter(compiled.normalizer.sources)
    context = ContextSnapshot("bench", content.content_id)
    calm_collector()
    for _ in range(ROUNDS):
        spent = {"observe": 0.0, "measure": 0.0, "with places": 0.0}
        events = size = first = 0
        for batch in batches(name):
            raw = to_envelope(batch, Stamp("bench", "bench", first, None, 0))
            first += len(batch)
            _, took = timed(lambda raw=raw: flow.observe(raw, compiled, context))
            spent["observe"] += took
            ready = prepared(raw, compiled, context)
            rows, took = timed(lambda ready=ready: meter.measure(ready))
            spent["measure"] += took
            size += rows.nbytes
            events += raw.num_rows
            placing: Placing = TenUnits()
            _, took = timed(lambda ready=ready, p=placing: meter.measure(ready, p))
            spent["with places"] += took
        told = "  ".join(
            f"{k} {s / events * 1e6:.2f} us ({s / spent['observe']:.1%})" for k, s in spent.items()
        )
        print(f"{name}  {events:,} events: {told}; {size / events:.1f} bytes of counts per event")
        gc.collect()


def prepared(raw: T, compiled: flow.Compiled, context: ContextSnapshot) -> Batch:
    """A batch decoded and mapped."""
    decoded = flow.decode(raw, compiled.normalizer)
    positions = decoded.positions
    mapped = compiled.normalizer.mapped(decoded.records, positions, decoded.raws, context)
    return Batch(raw, decoded.records, positions, mapped, decoded.rejects)


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result and the CPU seconds it took."""
    start = time.process_time()
    return work(), time.process_time() - start


if __name__ == "__main__":
    main()
