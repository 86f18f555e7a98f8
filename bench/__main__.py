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
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import pyarrow as pa

from bench.inputs import NAMES, archives, batches, data_folder
from tocsin import flow
from tocsin.app import parts
from tocsin.app.hunt import hunt_files
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.model.stages import ContextSnapshot
from tocsin.store.lake import Lake


T = TypeVar("T")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", nargs="*", default=["otrf-100k", "otrf-343k"])
    parser.add_argument("--rules", type=Path, default=data_folder() / "detection/sigma_rules.tar.xz")
    parser.add_argument("--zircolite", type=Path, help="a checkout of Zircolite to compare with")
    parser.add_argument("--zircolite-rules", type=Path, help="its compiled rules (JSON)")
    options = parser.parse_args()
    for name in options.inputs:
        if name not in NAMES:
            parser.error(f"{name}: one of {', '.join(NAMES)}")
        per_second = measure(name, options.rules)
        if options.zircolite:
            compare(name, options.zircolite, options.zircolite_rules, per_second)
    full_path(options.rules)


def measure(name: str, rules: Path) -> float:
    """Print the stages of one input; returns events per CPU second, raw to findings."""
    content = parts.load_content(None)
    setup = parts.prepare(content, parts.rule_files(content, rules), parts.cache_folder())
    loaded, compiled = timed(lambda: parts.build(setup))
    print(f"\n{name}: plan and mappings loaded in {loaded:.2f} s")
    spent: dict[str, float] = dict.fromkeys(("read", "decode", "match", "findings", "map", "lake"), 0)
    events = size = findings = 0
    context = ContextSnapshot("bench", content.content_id)
    with tempfile.TemporaryDirectory() as folder:
        lake = Lake(Path(folder), compiled.normalizer.class_schema)
        waiting: dict[str, list[pa.RecordBatch]] = {}
        source = iter(batches(name))
        while True:
            seconds, batch = timed(lambda: next(source, None))
            spent["read"] += seconds
            if batch is None:
                break
            raw = to_envelope(batch, Stamp("bench", "bench", events, None, 0))
            events, size = events + len(batch), size + batch.size
            findings += one(raw, batch, compiled, context, spent, waiting)
            if sum(b.num_rows for rows in waiting.values() for b in rows) >= 131_072:
                spent["lake"] += timed(lambda: lake.append("bench", events - 1, waiting))[0]
                waiting = {}
        spent["lake"] += timed(lambda: lake.append("bench", events - 1, waiting))[0]
    return report(events, size, findings, spent)


def one(
    raw: pa.RecordBatch,
    batch: RawBatch,
    compiled: flow.Compiled,
    context: ContextSnapshot,
    spent: dict[str, float],
    waiting: dict[str, list[pa.RecordBatch]],
) -> int:
    """Run the stages over one batch; returns the number of findings."""

    def stage(name: str, work: Callable[[], object]) -> object:
        seconds, result = timed(work)
        spent[name] += seconds
        return result

    decoded = stage("decode", lambda: flow.decode(raw, compiled.normalizer))
    hits = stage("match", lambda: compiled.matcher.match(decoded.records, decoded.raws))
    stage("findings", lambda: flow.findings_of(hits, decoded, compiled, context))
    events, _ = stage(
        "map",
        lambda: compiled.normalizer.batches(
            decoded.records, decoded.positions, decoded.raws, context
        ),
    )
    for class_name, rows in events.items():
        waiting.setdefault(class_name, []).append(rows)
    return len(hits)


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """CPU seconds of this process, all threads, and the result."""
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def report(events: int, size: int, findings: int, spent: dict[str, float]) -> float:
    """Print a row per stage and the sums that are quoted."""
    print(f"{events:,} events, {size / 1e6:,.0f} MB, {findings:,} findings; CPU time, one process")
    for name, seconds in spent.items():
        print(f"  {name:<10}{seconds / events * 1e6:>9.2f} us/event {events / max(seconds, 1e-9):>12,.0f} events/s")
    detection = sum(spent[name] for name in ("decode", "match", "findings"))
    total = sum(spent.values())
    for label, seconds in (("raw to findings", detection), ("all stages", total)):
        print(
            f"  {label:<16} {seconds / events * 1e6:.2f} us/event, {events / seconds:,.0f} events/s, "
            f"{size / seconds / 1e6:,.1f} MB/s per CPU second"
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory {peak:,.0f} MB")
    return events / detection


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
        f"{events / found.seconds:,.0f} events/s, {found.bytes_read / found.seconds / 1e6:,.1f} MB/s, "
        f"{stored / events:.0f} bytes on disk per event, worst worker {workers:,.0f} MB"
    )


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
