"""`python -m bench.normalize [INPUT...]`: what normalizing costs per event, step by step.

CPU time of this process, on the product's own code: parsing JSON alone, reading the shape as well,
mapping to columns, and columns to Arrow. Garbage is collected as in the workers. Caches are empty
in the pass `cold` and full in `warm`.
"""

import argparse
import gc
import time
from collections.abc import Callable
from typing import TypeVar

import orjson

from bench.inputs import NAMES, batches
from tocsin.app import parts
from tocsin.app.workers import GC_THRESHOLDS
from tocsin.model.records import NativeRecord, Position
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, compile_sources

T = TypeVar("T")

RECEIVED = 1_770_000_000_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="*", default=["otrf-100k"])
    for name in parser.parse_args().inputs:
        if name not in NAMES:
            parser.error(f"{name}: one of {', '.join(NAMES)}")
        normalizer, took = timed(lambda: compile_sources(parts.load_content(None))[0])
        if normalizer is None:
            parser.error("the sources do not compile: run `tocsin check`")
        print(f"{name}: sources compiled in {took:.2f} s")
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        for kind in ("cold", "warm"):
            measure(name, kind, normalizer)


def measure(name: str, kind: str, normalizer: Normalizer) -> None:
    """Print one line for a pass over an input."""
    spent = dict.fromkeys(("json", "decode", "columns", "arrow"), 0.0)
    events = rows = 0
    context = ContextSnapshot()
    for batch in batches(name):
        raws = batch.raws
        _, took = timed(lambda: [_json(raw) for raw in raws])  # noqa: B023 - called at once
        spent["json"] += took
        found, took = timed(lambda: normalizer.decode_all(raws, [None] * len(raws)))  # noqa: B023
        spent["decode"] += took
        good = [row for row, record in enumerate(found) if isinstance(record, NativeRecord)]
        records = [found[row] for row in good]
        at = [Position("site", "p", events + row, RECEIVED, "bench", row) for row in good]
        kept = [raws[row] for row in good]
        groups, took = timed(lambda: normalizer.columns(records, at, kept, context))  # noqa: B023
        spent["columns"] += took
        made, took = timed(lambda: normalizer.assemble(groups))  # noqa: B023
        spent["arrow"] += took
        events += len(raws)
        rows += sum(batch.num_rows for batch in made.values())
    steps = "  ".join(f"{step} {seconds / events * 1e6:5.2f}" for step, seconds in spent.items())
    total = sum(spent.values()) - spent["json"]
    print(f"{name} {kind}  {rows:,} events  us per event: {steps}  all {total / events * 1e6:5.2f}")


def _json(raw: bytes) -> object:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result and the CPU seconds it took."""
    start = time.process_time()
    return work(), time.process_time() - start


if __name__ == "__main__":
    main()
