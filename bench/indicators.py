"""What a million indicators cost the stream: `python -m bench.indicators [events] [indicators]`.

CPU seconds of `flow.observe` with and without a table, batch by batch in turns, so that whatever
else the machine does hits both. Two inputs: otrf-100k (few values over and over), and a simulated
enterprise's Zeek records whose addresses and names are made different in every record.
"""

import argparse
import gc
import random
import re
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import msgspec
import pyarrow as pa

from bench.inputs import batches
from tocsin import flow
from tocsin.app import parts
from tocsin.app.indicators import open_table, write_manifest, write_segment
from tocsin.app.workers import calm_collector
from tocsin.detect.indicators import Indicators
from tocsin.enrich.intelligence.content import declared
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.lab import Enterprise, write_history
from tocsin.model.intelligence import DAY, Indicator, Term
from tocsin.model.stages import ContextSnapshot

START = 1_767_600_000_000_000
HOUR = 3_600_000_000
ROWS = 4_096


def indicators(count: int) -> Iterator[Indicator]:
    """Addresses, names, hashes and URLs in equal parts, and some networks; none is in the input."""
    for n in range(count):
        term = (
            Term("address", "is", f"{n >> 16 & 127 | 128}.{n >> 8 & 255}.{n & 255}.250"),
            Term("domain", "is", f"bad{n}.invalid"),
            Term("hash", "is", f"{n:064x}"),
            Term("url", "is", f"bad{n}.invalid/x/{n}"),
        )[n % 4]
        if n % 1_000 == 0:
            wide = f"192.{n >> 8 & 127}.{n & 255}.0/{20 + n // 1_000 % 5}"
            term = Term("address", "net", str(ip_network(wide, strict=False)))
        name = f"indicator--{n:08x}-0000-4000-8000-{n:012x}"
        yield Indicator(
            "bench", name, f"{n:016x}", ((term,),), f"Bad {n}", 80, START, START, 0, 30 * DAY, 10,
            "amber", "Bench",
        )  # fmt: skip


def zeek(most: int) -> Iterator[RawBatch]:
    """Zeek records of the lab, repeated with other addresses and names."""
    enterprise = msgspec.structs.replace(Enterprise.of(20, 1), sources=("zeek",))
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        truth = Path(folder) / "truth"
        write_history(logs, truth, 1, START, 2 * HOUR, enterprise=enterprise)
        lines = [
            line
            for path in sorted(logs.rglob("*"))
            if path.is_file()
            for line in path.read_bytes().splitlines()
        ]
    if not lines:
        raise SystemExit("the lab wrote no Zeek records")
    random.Random(1).shuffle(lines)  # noqa: S311  # mixed as they come in, the same each time
    number, batch = 0, list[bytes]()
    while number < most:
        for line in lines:
            number += 1
            batch.append(_other(line, number))
            if len(batch) == ROWS:
                yield RawBatch(["z"] * ROWS, list(range(ROWS)), batch, size=sum(map(len, batch)))
                batch = []
            if number >= most:
                return


def _other(line: bytes, number: int) -> bytes:
    """The record with a destination and a queried name that no other has."""
    address = b"11.%d.%d.%d" % (number >> 16 & 255, number >> 8 & 255, number & 255)
    line = re.sub(rb'("id\.resp_h": ?)"[^"]*"', rb'\1"' + address + b'"', line)
    return re.sub(rb'("(?:query|host|server_name)": ?")', rb"\1x%d." % number, line)


def measure(label: str, source: Iterator[RawBatch], most: int, table: Indicators) -> None:
    """Print the cost with and without a table."""
    content = parts.load_content(None)
    setup = parts.prepare(content, parts.rule_files(content, None), parts.cache_folder())
    plain = parts.build(setup)
    with_table = replace(parts.build(setup), indicators=table)
    context = ContextSnapshot("bench", content.content_id)
    spent = {"without": 0.0, "with": 0.0}
    events = found = first = 0
    for batch in source:
        raw = to_envelope(batch, Stamp("bench", "bench", first, None, START))
        first += raw.num_rows
        turn = [("without", plain), ("with", with_table)]
        for name, compiled in turn if events // ROWS % 2 else reversed(turn):
            began = time.process_time()
            seen = flow.observe(raw, compiled, context)
            spent[name] += time.process_time() - began
        found += seen.hits.num_rows
        events += raw.num_rows
        if events >= most:
            break
    each = {name: seconds / events * 1e6 for name, seconds in spent.items()}
    print(
        f"{label:<10} {events:>9,} events  without {each['without']:.1f} us  "
        f"with {each['with']:.1f} us  throughput {each['without'] / each['with']:.1%}"
    )


def resident() -> float:
    """Megabytes that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main() -> None:
    """Write a table, open it, measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("events", nargs="?", type=int, default=100_000)
    parser.add_argument("indicators", nargs="?", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        began = time.process_time()
        segment = write_segment(data, indicators(options.indicators))
        lists = declared(parts.load_content(None).files).lists
        table_id = write_manifest(data, [segment], lists)
        size = (data / "intelligence" / f"{segment}.segment").stat().st_size / 1e6
        print(f"written in {time.process_time() - began:.1f} s, {size:,.0f} MB")
        pa.default_memory_pool().release_unused()
        gc.collect()
        before, began = resident(), time.process_time()
        table = open_table(data, table_id)
        print(f"opened in {time.process_time() - began:.2f} s, {resident() - before:,.1f} MB more")
        calm_collector()
        measure("otrf-100k", batches("otrf-100k"), options.events, table)
        measure("zeek", zeek(options.events), options.events, table)
        print(f"resident after both {resident() - before:,.0f} MB more (with two sets of parts)")


if __name__ == "__main__":
    main()
