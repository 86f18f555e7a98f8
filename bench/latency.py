"""`python -m bench.latency [--seconds 300] [--rate 1000]`: from a line's last byte to its finding.

Open loop: every line has its time on a schedule of random gaps, and is written then (or as soon as
the writer gets to it) to a file that `tocsin up` follows, whatever the service is busy with. A
latency runs from the line's scheduled time to the moment at which another process sees its finding
committed in state.db. The lines are the lab's, an attack among ordinary work, over and over under
other hosts, numbers and times; shipped rules.
"""

import argparse
import multiprocessing
import os
import random
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from tocsin.app.clock import SystemClock
from tocsin.lab import write_history
from tocsin.store import State

ATTACK = 1_767_607_200_000_000
HOUR = 3_600_000_000
POLL = 0.0005
"""Seconds between two looks at state.db."""
WARM = 10
"""Seconds at the start that are not counted: every kind of event comes for the first time."""
_SERIAL = 7_000_000_000
_NUMBER = re.compile(rb'"RecordNumber":\d+')
_TIME = re.compile(rb"2026-01-\d\d([ T])\d\d:\d\d:\d\d")
_HOST = re.compile(rb"\b(WS|DC|FS|APP|BK)(-|\d)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=int, default=300)
    parser.add_argument("--rate", type=int, default=1_000, help="events per second")
    parser.add_argument("--keep", type=Path, help="a new folder for the site, kept")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(options.keep or Path(folder), options.seconds, options.rate)


def measure(folder: Path, seconds: int, rate: int) -> None:
    """Run a service on `folder` under load and print its latencies."""
    templates = list(lines(folder / "lab"))
    site = folder / "site"
    url = prepare(site)
    with (folder / "up.log").open("wb") as log:
        service = subprocess.Popen(  # noqa: S603  # our own program
            [sys.executable, "-m", "tocsin", "up", "--site", str(site)], stdout=log, stderr=log
        )
    try:
        wait_ready(url, service)
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = spawn.Pipe()
        stop = spawn.Event()
        watcher = spawn.Process(target=watch, args=(site / "data" / "state.db", stop, theirs))
        watcher.start()
        ours.recv()
        began = cpu_of(service.pid)
        due, slips = feed(site / "logs" / "a.json", templates, seconds + WARM, rate)
        time.sleep(2)
        used = cpu_of(service.pid) - began
        stop.set()
        seen = ours.recv()
        watcher.join()
    finally:
        service.terminate()
        service.wait(30)
    report(due, seen, slips, used / (seconds + WARM), rate)


def lines(folder: Path) -> Iterator[bytes]:
    """The lab's lines of two hours with an attack, in the order of their files, mixed."""
    write_history(folder / "logs", folder / "truth.jsonl", 5, ATTACK, 2 * HOUR)
    found = [
        line
        for path in sorted((folder / "logs").rglob("*.json"))
        for line in path.read_bytes().splitlines()
        if b'"RecordNumber":' in line
    ]
    random.Random(7).shuffle(found)  # noqa: S311  # not for secrets
    return iter(found)


def prepare(site: Path) -> str:
    """Write a site that follows `logs`; returns the URL that says whether it is ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (site / "logs").mkdir(parents=True)
    (site / "tocsin.toml").write_text(
        f'site = "bench"\n[http]\nport = {port}\n[[input]]\npath = "logs"\n'
    )
    return f"http://127.0.0.1:{port}/readyz"


def wait_ready(url: str, service: "subprocess.Popen[bytes]") -> None:
    """Until the service says so."""
    while service.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:  # noqa: S310  # our own URL
                if answer.status == 200:  # noqa: PLR2004 - OK
                    return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    raise SystemExit("the service ended at its start")


def feed(path: Path, templates: list[bytes], seconds: int, rate: int) -> tuple[list[float], float]:
    """Write lines on schedule; when each was due, and by how much the writer slipped at p99."""
    gaps = random.Random(11)  # noqa: S311  # not for secrets
    due: list[float] = []
    slips: list[float] = []
    at = time.monotonic() + 0.1
    end = at + seconds
    with path.open("ab", buffering=0) as out:
        while at < end:
            now = time.monotonic()
            if now < at:
                time.sleep(at - now)
            turn, place = divmod(len(due), len(templates))
            out.write(line(templates[place], len(due), turn))
            slips.append(time.monotonic() - at)
            due.append(at)
            at += gaps.expovariate(rate)
    return due, sorted(slips)[int(len(slips) * 0.99)]


def line(template: bytes, serial: int, turn: int) -> bytes:
    """A template under a number, a time and hosts of its own."""
    now = datetime.fromtimestamp(SystemClock().now() / 1e6, UTC).isoformat(" ", "seconds")[:19]
    found = _NUMBER.sub(b'"RecordNumber":%d' % (_SERIAL + serial), template, count=1)
    found = _TIME.sub(lambda m: now.encode().replace(b" ", m[1]), found)
    return _HOST.sub(lambda m: b"%sX%d%s" % (m[1], turn, m[2]), found) + b"\n"


def watch(state: Path, stop: Event, answer: Any) -> None:
    """Note when each finding can be read (body of a process); then tell which event it is about."""
    database = sqlite3.connect(f"file:{state}?mode=ro", uri=True, isolation_level=None)
    seen: list[tuple[float, int]] = []
    newest = version = 0
    answer.send("ready")
    while not stop.is_set():
        (now,) = database.execute("PRAGMA data_version").fetchone()
        if now == version:
            time.sleep(POLL)
            continue
        version = now
        found = database.execute(
            "SELECT id FROM tocsin_finding WHERE id > ? ORDER BY id", (newest,)
        )
        rows = [row[0] for row in found]
        at = time.monotonic()
        seen += [(at, row) for row in rows]
        newest = max(rows, default=newest)
    database.close()
    answer.send(serials(state, seen))


def serials(state: Path, seen: list[tuple[float, int]]) -> list[tuple[int, float]]:
    """(number of the event's line, when its finding was seen)."""
    database = sqlite3.connect(f"file:{state}?mode=ro", uri=True)
    known = dict(database.execute("SELECT id, finding_id FROM tocsin_finding").fetchall())
    database.close()
    number_of = {
        finding.finding_id: int(_NUMBER.findall(finding.events[0].raw.encode())[0][15:]) - _SERIAL
        for finding in State(state, read_only=True).casebook.all_findings()
        if len(finding.events) == 1
    }
    pairs = [(number_of.get(known[row], -1), at) for at, row in seen]
    return [pair for pair in pairs if pair[0] >= 0]


def cpu_of(pid: int) -> float:
    """CPU seconds of a process and its children so far."""
    tick = os.sysconf("SC_CLK_TCK")
    total = 0.0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(stat.parent.name) == pid or _is_below(int(fields[1]), pid):
            total += (int(fields[11]) + int(fields[12])) / tick
    return total


def _is_below(parent: int, pid: int) -> bool:
    while parent > 1:
        if parent == pid:
            return True
        try:
            parent = int(Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return False


def report(
    due: list[float], seen: list[tuple[int, float]], slip: float, load: float, rate: int
) -> None:
    """Print the latencies of all lines but the first ones."""
    found = sorted(at - due[n] for n, at in seen if due[n] >= due[0] + WARM)
    print(
        f"{len(due):,} lines at {rate:,}/s, {len(found):,} findings counted; the writer was late by"
        f" {slip * 1_000:.1f} ms (p99); the service used {load:.2f} cores; load of the machine"
        f" {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    if found:
        names = (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("most", 1.0))
        shown = (
            f"{n} {found[min(int(len(found) * q), len(found) - 1)] * 1e3:.1f}" for n, q in names
        )
        print("ms to the committed finding:", ", ".join(shown))


if __name__ == "__main__":
    main()
