"""`python -m bench.detect [INPUT...]`: what detection costs per event, stage by stage.

NDJSON bytes in, hits out, with the product's own reader and matcher; CPU time of this process. The
plan comes out of its stored form and every cache is empty at the start; `warm` is a second pass
over the same events, `distinct` a pass in which every string differs from all before it.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import orjson

from bench.inputs import NAMES, batches, data_folder
from tocsin.app import parts
from tocsin.detect.sigma import Matcher, Plan
from tocsin.model.records import NativeRecord
from tocsin.normalize import Normalizer

T = TypeVar("T")

CHUNK = 256
"""Records read and matched at a time: few enough to stay in the processor's cache."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="*", default=["otrf-100k", "otrf-343k"])
    parser.add_argument(
        "--rules", type=Path, default=data_folder() / "detection/sigma_rules.tar.xz"
    )
    options = parser.parse_args()
    content = parts.load_content(None)
    setup = parts.prepare(content, parts.rule_files(content, options.rules), parts.cache_folder())
    before = time.process_time()
    plan = parts.load_plan(setup)
    print(f"plan of {len(plan.rules)} rules loaded in {time.process_time() - before:.2f} s")
    normalizer = parts.build(setup).normalizer
    for name in options.inputs:
        if name not in NAMES:
            parser.error(f"{name}: one of {', '.join(NAMES)}")
        measure(name, plan, normalizer)


def measure(name: str, plan: Plan, normalizer: Normalizer) -> None:
    """Print one line for each pass over an input."""
    matcher = Matcher(plan)
    report(name, "cold", matcher, chunks(name), normalizer)
    report(name, "warm", matcher, chunks(name), normalizer)
    report(name, "distinct", Matcher(plan), map(distinct, chunks(name)), normalizer)


def report(
    name: str, kind: str, matcher: Matcher, lines: Iterator[Sequence[bytes]], normalizer: Normalizer
) -> None:
    """Run one pass and print what it took."""
    read = match = 0.0
    events = size = hits = 0
    for chunk in lines:
        records, took = timed(lambda: decoded(normalizer, chunk))  # noqa: B023 - called at once
        read += took
        found, took = timed(lambda: matcher.match(records, chunk))  # noqa: B023 - called at once
        match += took
        events += len(chunk)
        hits += len(found)
        size += sum(map(len, chunk))
    total = read + match
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{name} {kind:9} {events:>8,} events  {events / total:>9,.0f} events/s"
        f" {size / total / 1e6:>6.0f} MB/s  read {read / events * 1e6:5.2f} us"
        f"  match {match / events * 1e6:5.2f} us  {hits:,} hits  {memory:,} MB"
    )


def decoded(normalizer: Normalizer, chunk: Sequence[bytes]) -> list[NativeRecord]:
    """The readable records; what cannot be read gives an empty one, so that rows stay aligned."""
    nothing = NativeRecord("", "", {})
    results = [normalizer.decode(raw, None) for raw in chunk]
    return [found if isinstance(found, NativeRecord) else nothing for found in results]


def chunks(name: str) -> Iterator[Sequence[bytes]]:
    """The raw lines of an input, `CHUNK` at a time."""
    for batch in batches(name):
        for start in range(0, len(batch), CHUNK):
            yield batch.raws[start : start + CHUNK]


class Distinct:
    """Makes every string of a record unlike all others, without changing its route."""

    def __init__(self) -> None:
        self.count = 0

    def line(self, raw: bytes) -> bytes:
        """The line with a number behind every text but the routing ones."""
        try:
            fields = orjson.loads(raw)
        except orjson.JSONDecodeError:
            return raw
        if not isinstance(fields, dict):
            return raw
        for key, value in fields.items():
            if isinstance(value, str) and key not in ("Channel", "EventID"):
                self.count += 1
                fields[key] = f"{value} {self.count}"
        return orjson.dumps(fields)


_unlike = Distinct()


def distinct(chunk: Sequence[bytes]) -> Sequence[bytes]:
    """A chunk in which every value is new."""
    return [_unlike.line(raw) for raw in chunk]


def timed(work: Callable[[], T]) -> tuple[T, float]:
    """The result and the CPU seconds it took."""
    start = time.process_time()
    return work(), time.process_time() - start


if __name__ == "__main__":
    main()
