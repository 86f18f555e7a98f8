"""`python -m bench.evtx [--turns 5]`: an EVTX file to findings, nothing else kept.

The file is made of the full chunks of the public attack samples, which are mostly small files of
one or two chunks that are nearly empty: a log on a disk is full chunks. It is read again and again;
the first turn meets every rule and value for the first time, the later ones are what a large log
costs. CPU seconds of this process and of the one that parses. Every few records of these files make
a rule fire, far more than in a log; `no findings` leaves out what a finding costs.
"""

import argparse
import tarfile
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.inputs import data_folder
from tocsin import flow
from tocsin.app import parts
from tocsin.app.workers import calm_collector
from tocsin.detect.sigma import Matcher
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.formats.records import Stamp, to_envelope
from tocsin.model.stages import ContextSnapshot

HEADER, CHUNK = 4_096, 65_536
FULL = 60_000
"""Bytes in use from which a chunk counts as full."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    detection = data_folder() / "detection"
    content = parts.load_content(None)
    files = parts.rule_files(content, detection / "sigma_rules.tar.xz")
    compiled = parts.build(parts.prepare(content, files, parts.cache_folder()))
    calm_collector()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "full.evtx"
        path.write_bytes(full_chunks(detection / "evtx_attack_samples.tar.xz"))
        tell("start", path, compiled, findings=False)
        compiled = replace(compiled, matcher=Matcher(compiled.plan))
        for turn in range(options.turns):
            tell(f"turn {turn + 1}", path, compiled, findings=True)
        tell("no findings", path, compiled, findings=False)


def full_chunks(archive: Path) -> bytes:
    """One EVTX file of all chunks that are nearly full."""
    chunks: list[bytes] = []
    header = b""
    with tarfile.open(archive) as members:
        for member in members:
            data = found.read() if (found := members.extractfile(member)) else b""
            if data.startswith(b"ElfFile"):
                header = data[:HEADER]
                parts = (data[at : at + CHUNK] for at in range(HEADER, len(data), CHUNK))
                chunks += [part for part in parts if _used(part) > FULL]
    return header + b"".join(chunks)


def _used(chunk: bytes) -> int:
    """Bytes up to where a chunk is free, as its header says."""
    return int.from_bytes(chunk[48:52], "little") if chunk.startswith(b"ElfChnk") else 0


def tell(label: str, path: Path, compiled: flow.Compiled, *, findings: bool) -> None:
    """One pass over the file."""
    began = spent()
    events = found = 0
    context = ContextSnapshot("bench")
    for batch in read_batches([path], DEFAULT):
        raw = to_envelope(batch, Stamp("bench", "bench", events, None, 0))
        events += raw.num_rows
        if findings:
            found += flow.look(raw, compiled, context).hits.num_rows
        else:
            for start in range(0, raw.num_rows, flow.PART):
                part = flow.decode(raw.slice(start, flow.PART), compiled.normalizer)
                flow.detect(part, compiled)
    took = spent() - began
    print(
        f"{label:<12}{events:>7,} events {took / events * 1e6:>7.2f} us/event"
        f" {events / took:>9,.0f} events per CPU second, {found:,} findings"
    )


def spent() -> float:
    """CPU seconds of this process and of its children, as finely as the kernel tells."""
    total = time.process_time()
    for task in Path("/proc/self/task").iterdir():
        for child in (task / "children").read_text().split():
            total += int(Path(f"/proc/{child}/schedstat").read_text().split()[0]) / 1e9
    return total


if __name__ == "__main__":
    main()
