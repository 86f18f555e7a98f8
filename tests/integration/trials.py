"""Trials of `make proof-3`, one function each: what was done, counted, and what went wrong.

An outcome has `failed`, empty when the claim held, so that a run of many goes on.
"""

import os
import random
import sqlite3
import subprocess
import sys
import time
import urllib.request
from typing import Any

from tests.integration import load
from tests.integration.service import Service
from tests.powercut.disk import Disk

Outcome = dict[str, Any]

PARTS = ("up", "edge", "core", "observer", "group")
"""What is killed: the supervisor alone, one of its processes, or all of them at once."""
READY = 10.0
"""Seconds after which a service must be ready again; on a busy machine, of a processor's time."""
DRAIN = 60.0
"""Seconds in which everything must be in the lake."""


def kill_trial(service: Service, *, seed: int, kills: int) -> Outcome:
    """So many `kill -9` of any process of one service under load, then everything is compared."""
    dice = random.Random(seed)  # noqa: S311  # trials that can be repeated
    ports = load.prepare(service)
    service.start()
    sending = load.Load.of(service, ports)
    sending.start()
    done: list[tuple[str, float, float]] = []
    for _ in range(kills):
        time.sleep(dice.uniform(0.0, 2.0))
        part = dice.choice(PARTS)
        done.append((part, *kill(service, part)))
    sending.finish()
    outcome = {
        "seed": seed,
        "kills": [part for part, _, _ in done],
        "ready_s": round(max(seconds for _, seconds, _ in done), 2),
        "ready_cpu_s": round(max(cpu for _, _, cpu in done), 2),
        "load": round(os.getloadavg()[0], 1),
    }
    slow = any(min(seconds, cpu) > READY for _, seconds, cpu in done)
    return outcome | settle(service, sending, slow=slow)


def power_trial(service: Service, disk: Disk, *, seed: int, cuts: int) -> Outcome:
    """So many power cuts of one service, its data folder on a disk that forgets; compared."""
    dice = random.Random(seed)  # noqa: S311  # trials that can be repeated
    ports = load.prepare(service)
    disk.on()
    (service.folder / "data").symlink_to(disk.mount)
    service.start()
    sending = load.Load.of(service, ports)
    sending.start()
    for _ in range(cuts):
        time.sleep(dice.uniform(0.0, 3.0))
        disk.cut()
        service.end()
        disk.on()
        service.start()
    sending.finish()
    return {"seed": seed, "cuts": cuts} | settle(service, sending)


def kill(service: Service, part: str) -> tuple[float, float]:
    """`kill -9`, and wait until `/readyz` says yes with the new process in its place.

    Returns the seconds that took, and those of a processor that the service needed for it.
    """
    began, used = time.monotonic(), service.cpu()
    if part in ("up", "group"):
        service.kill(whole_group=part == "group")
        service.start()
        return time.monotonic() - began, service.cpu()
    starts = service.starts(part)
    service.kill_part(part)
    while service.starts(part) == starts:
        assert time.monotonic() - began < load.PATIENCE, f"{part} was not started again"
        time.sleep(0.02)
    service.wait_ready()
    return time.monotonic() - began, service.cpu() - used


def settle(service: Service, sending: load.Load, *, slow: bool = False) -> Outcome:
    """Wait until nothing is in flight, stop, and compare ids; the log keeps what it said."""
    acknowledged = sending.acknowledged
    problems = ["not ready in time"] if slow else []
    try:
        drained(service, acknowledged)
    except AssertionError as error:
        problems.append(str(error))
    told = losses(service)
    service.stop()
    stored = service.stored()
    found = [(f.rule_id, f.events[0].raw) for f in service.findings()]
    sent = sending.syslog.sent
    gone = sorted(map(_number, sent - stored.keys()))
    outcome = {
        "acknowledged": len(acknowledged),
        "lost": len(acknowledged - stored.keys()),
        "stored_twice": sum(n - 1 for n in stored.values()),
        "findings": len(found),
        "findings_lost": len(_marked(stored) - {raw.encode() for _, raw in found}),
        "findings_doubled": load.doubled(found),
        "syslog_sent": len(sent),
        "syslog_lost": len(gone),
        "syslog_broken": sending.syslog.broken,
        "syslog_holes": len(_runs(gone)),
        "told_lost": told,
    }
    never = ("lost", "findings_lost", "findings_doubled", "stored_twice")
    problems += [f"{name}: {outcome[name]}" for name in never if outcome[name]]
    return outcome | {"failed": "; ".join(problems + unsound(service))}


def drained(service: Service, acknowledged: set[bytes], within: float = DRAIN) -> None:
    """Wait until everything acknowledged is in the lake and the accounts say nothing is under way.

    Raises AssertionError with what is missing.
    """
    deadline = time.monotonic() + within
    while missing := acknowledged - service.stored().keys():
        assert time.monotonic() < deadline, f"{len(missing)} are not stored: {min(missing)!r}"
        time.sleep(0.3)
    time.sleep(1.0)


def unsound(service: Service) -> list[str]:
    """What is wrong with the accounts, the database or the journal of a service that stopped."""
    problems = []
    verify = sources(service)
    if verify:
        problems.append(verify)
    with sqlite3.connect(service.folder / "data" / "state.db") as database:
        (said,) = database.execute("PRAGMA integrity_check").fetchone()
    database.close()
    if said != "ok":
        problems.append(f"state.db: {said}")
    broken = service.journal_break()
    if broken is not None:
        problems.append(f"journal broken at record {broken}")
    return problems


def sources(service: Service) -> str:
    """What `tocsin sources --verify` says when it is not content; and what stays in flight."""
    command = [sys.executable, "-m", "tocsin", "sources", "--verify", "--json"]
    command += ["--site", str(service.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"sources --verify: {done.stdout}{done.stderr}"
    lines = load.json.loads(done.stdout)
    flying = {one["source_id"]: n for one in lines if (n := one["account"]["in_flight"])}
    return f"in flight: {flying}" if flying else ""


def losses(service: Service) -> dict[str, float]:
    """What the service itself counts as lost, by input and reason (`/metrics`)."""
    url = f"http://127.0.0.1:{service.port}/metrics"
    text = urllib.request.urlopen(url, timeout=10).read().decode()
    lines = [line for line in text.splitlines() if line.startswith("tocsin_lost_records_total{")]
    return {name: float(n) for name, _, n in (line.rpartition(" ") for line in lines)}


def _marked(raws: Any) -> set[bytes]:
    return {raw for raw in raws if load.is_marked(raw)}


def _number(raw: bytes) -> int:
    return int(load.json.loads(raw)["RecordNumber"])


def _runs(numbers: list[int]) -> list[int]:
    """First numbers of the runs of consecutive numbers."""
    known = set(numbers)
    return [number for number in numbers if number - 1 not in known]
