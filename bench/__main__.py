"""`make bench`: what one event costs at each stage, on the named inputs, with the product's code.

CPU seconds of this process are measured, not time on the wall; the full path is `tocsin hunt
--lake` with one worker per core. Figures of different machines cannot be compared: quote ratios.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from bench.inputs import NAMES, archives, batches, data_folder
from tocsin import flow
from tocsin.app import parts
from tocsin.app.hunt import LAKE_ROWS, hunt_files
from tocsin.app.workers import calm_collector
from tocsin.formats.records import Stamp, to_envelope
from tocsin.model.stages import ContextSnapshot
from tocsin.store.lake import Lake

T = TypeVar("T")

PEAKS = 3
"""How many times the mean the busiest time of a day brings: capacity must hold then too."""

MARK = 1_000_000
"""Events between two looks at memory: what grows without bound shows."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="*", default=["otrf-100k", "otrf-343k"])
    parser.add_argument(
        "--rules", type=Path, default=data_folder() / "detection/sigma_rules.tar.xz"
    )
    parser.add_argument("--zircolite", type=Path, help="a checkout of Zircolite to compare with")
    parser.add_argument("--zircolite-rules", type=Path, help="its compiled rules (JSON)")
    parser.add_argument("--no-full-path", dest="full", action="store_false")
    options = parser.parse_args()
    for name in options.inputs:
        if name not in NAMES:
            parser.error(f"{name}: one of {', '.join(NAMES)}")
        per_second = measure(name, options.rules)
        if options.zircolite:
            compare(name, options.zircolite, options.zircolite_rules, per_second)
    if options.full:
        full_path(options.rules)


def measure(name: str, rules: Path) -> float:
    """Print the stages of one input; returns events per CPU second, raw to findings."""
    content = parts.load_content(None)
    setup = parts.prepare(content, parts.rule_files(content, rules), parts.cache_folder())
    loaded, compiled = timed(lambda: parts.build(setup))
    print(f"\n{name}: plan and mappings loaded in {loaded:.2f} s")
    context = ContextSnapshot("bench", content.content_id)
    calm_collector()
    events = size = findings = 0
    spent: Counter[str] = Counter()
    for raw, raw_size in _envelopes(name):
        seconds, seen = timed(lambda raw=raw: flow.look(raw, compiled, context))
        spent["raw to findings"] += seconds
        findings += seen.hits.num_rows
        events, size = events + raw.num_rows, size + raw_size
        if events // MARK > (events - raw.num_rows) // MARK:
            print(f"  {events:,} events, resident {resident():,.0f} MB", flush=True)
    print(f"{events:,} events, {size / 1e6:,.0f} MB, {findings:,} findings; CPU time, one process")
    row("raw to findings", spent["raw to findings"], events, size)
    stages = Stages(parts.build(setup), context)
    with tempfile.TemporaryDirectory() as folder:
        stages.run(_envelopes(name), Lake(Path(folder), compiled.normalizer.class_schema))
    for stage, seconds in stages.spent.items():
        row(f"  {stage}", seconds, events, size)
    row("all stages", sum(stages.spent.values()), events, size)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory of this process {peak:,.0f} MB")
    return events / spent["raw to findings"]


def resident() -> float:
    """Megabytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def _envelopes(name: str) -> Iterator[tuple[pa.RecordBatch, int]]:
    first = 0
    for batch in batches(name):
        yield to_envelope(batch, Stamp("bench", "bench", first, None, 0)), batch.size
        first += len(batch)


class Stages:
    """The stages one by one, in the order and the portions in which the product runs them."""

    def __init__(self, compiled: flow.Compiled, context: ContextSnapshot) -> None:
        self.compiled = compiled
        self.context = context
        self.spent: dict[str, float] = {}
        self._waiting: dict[str, list[pa.RecordBatch]] = {}
        self._hits: list[flow.Hit] = []
        self._rows = self._last = self.events = 0

    def run(self, envelopes: Iterator[tuple[pa.RecordBatch, int]], lake: Lake) -> None:
        """Put a whole input through."""
        while (found := self._time("read", lambda: next(envelopes, None))) is not None:
            self._batch(found[0])
            if self._rows >= LAKE_ROWS:
                self._store(lake)
        self._store(lake)

    def _time(self, stage: str, work: Callable[[], T]) -> T:
        seconds, result = timed(work)
        self.spent[stage] = self.spent.get(stage, 0.0) + seconds
        return result

    def _batch(self, raw: pa.RecordBatch) -> None:
        compiled, context = self.compiled, self.context
        decoded = [
            self._part(raw.slice(start, flow.PART)) for start in range(0, raw.num_rows, flow.PART)
        ]
        hits, self._hits = self._hits, []
        self._time("findings", lambda: flow.findings_of(hits, compiled, context))
        records = [record for part in decoded for record in part.records]
        positions = [position for part in decoded for position in part.positions]
        raws = [original for part in decoded for original in part.raws]
        events, _ = self._time(
            "map", lambda: compiled.normalizer.batches(records, positions, raws, context)
        )
        for class_name, rows in events.items():
            self._waiting.setdefault(class_name, []).append(rows)
        self._rows += raw.num_rows
        self.events += raw.num_rows
        if self.events // MARK > (self.events - raw.num_rows) // MARK:
            print(f"  {self.events:,} events, resident {resident():,.0f} MB", flush=True)
        self._last = raw.column("offset")[-1].as_py()

    def _part(self, raw: pa.RecordBatch) -> flow.Decoded:
        compiled = self.compiled
        decoded = self._time("decode", lambda: flow.decode(raw, compiled.normalizer))
        self._hits += self._time("match", lambda: flow.detect(decoded, compiled))
        return decoded

    def _store(self, lake: Lake) -> None:
        self._time("lake", lambda: lake.append("bench", self._last, self._waiting))
        self._waiting, self._rows = {}, 0


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of this process, all threads, and the result."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def row(label: str, seconds: float, events: int, size: int) -> None:
    """One line of figures per CPU second."""
    print(
        f"{label:<18}{seconds / events * 1e6:>8.2f} us/event {events / seconds:>11,.0f} events/s "
        f"{size / seconds / 1e6:>8,.1f} MB/s"
    )


def full_path(rules: Path) -> None:
    """Raw to OCSF, findings and Delta with one worker per core: seconds on the wall."""
    cores = os.cpu_count() or 1
    with tempfile.TemporaryDirectory() as folder:
        lake = Path(folder) / "lake"
        found = hunt_files(archives(), rules=rules, lake=lake, cores=cores)
        stored = sum(f.stat().st_size for f in lake.rglob("*.parquet"))
    events = sum(n for classes in found.events.values() for n in classes.values())
    workers = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"\nfull path, {cores} workers: {events:,} events in {found.seconds:.1f} s on the wall, "
        f"{events / found.seconds:,.0f} events/s, "
        f"{found.bytes_read / found.seconds / 1e6:,.1f} MB/s, "
        f"{stored / events:.0f} bytes on disk per event, worst worker {workers:,.0f} MB"
    )
    per_day = found.bytes_read / found.seconds * 86_400 / PEAKS / 1e9
    print(f"or {per_day:,.0f} GB of logs a day, the busiest times being {PEAKS} times the mean")


def compare(name: str, checkout: Path, rules: Path | None, per_second: float) -> None:
    """Run Zircolite on the same records as one file and print the ratio per CPU second."""
    if rules is None:
        raise SystemExit("--zircolite-rules: name the rule set that Zircolite is to use")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "events.json"
        events = 0
        with source.open("wb") as out:
            for batch in batches(name):
                events += len(batch)
                out.writelines(raw + b"\n" for raw in batch.raws)
        command = [
            sys.executable, "zircolite.py", "--events", str(source), "--jsononly", "--ruleset",
            str(rules.resolve()), "--outfile", str(Path(folder) / "out.json"), "--nolog",
        ]  # fmt: skip
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.DEVNULL)  # noqa: S603
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    theirs = events / seconds
    print(f"  Zircolite {theirs:,.0f} events/s per CPU second: ratio {per_second / theirs:,.1f}")


if __name__ == "__main__":
    main()
