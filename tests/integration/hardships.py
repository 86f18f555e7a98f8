"""More trials of `make proof-3`: a full disk, broken records, backups, records sent twice."""

import json
import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Self

import pytest
from tests.integration import load
from tests.integration.conftest import Truth
from tests.integration.service import Service
from tests.integration.trials import Outcome, drained, settle, unsound

from tocsin.store import State

DISK = 900 * 1024 * 1024
"""Size of the small disk: the spool keeps 512 MiB of any disk free for the others."""
RECOVERED = 30.0
"""Seconds after which a service goes on by itself once there is room again."""
FULL = 12.0
"""Seconds for which the disk stays full."""


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of its own; skips the test where it cannot be mounted."""
    folder.mkdir(parents=True)
    if os.geteuid() or _mount(folder, "-t", "tmpfs", "-o", f"size={DISK}", "none"):
        pytest.skip("mounting a tmpfs is not possible here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def _mount(folder: Path, *words: str) -> int:
    command = ["mount", *words, str(folder)]
    return subprocess.run(command, check=False, capture_output=True).returncode


def _leave_free(folder: Path, free: int) -> bool:
    """Make the disk so small that only so many bytes are free; False when it grew meanwhile."""
    disk = os.statvfs(folder)
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    return _mount(folder, "-o", f"remount,size={used + free}") == 0


def full_trial(service: Service, disk: Path, *, seed: int) -> Outcome:
    """The disk becomes full under load, and has room again; everything compared."""
    dice = random.Random(seed)  # noqa: S311  # trials that can be repeated
    ports = load.prepare(service)
    (service.folder / "data").symlink_to(disk)
    service.start()
    sending = load.Load.of(service, ports)
    sending.start()
    time.sleep(dice.uniform(1.0, 4.0))
    hec, _bulk, file = sending.sure
    free = dice.choice([0, 65_536, 1 << 20])
    until = time.monotonic() + FULL
    filled = 0
    while time.monotonic() < until:
        filled += _leave_free(disk, free)
        time.sleep(0.5)
    assert filled, "the disk could not be made smaller"
    refused, told = hec.refused[503], "reading stands still" in service.log()
    before = len(hec.acknowledged)
    assert _mount(disk, "-o", f"remount,size={DISK}") == 0
    began = time.monotonic()
    while len(hec.acknowledged) == before and time.monotonic() - began < 2 * RECOVERED:
        time.sleep(0.1)
    recovered = time.monotonic() - began
    sending.finish()
    outcome = {
        "seed": seed, "left_free": free, "refused_503": refused, "stood_still": told,
        "recovered_s": round(recovered, 1), "written_to_file": file.made,
    } | settle(service, sending)  # fmt: skip
    slow = recovered > RECOVERED
    problems = ["no 503"] * (not refused) + ["nothing stood still"] * (not told)
    problems += ["not by itself within 30 s"] * slow + [outcome["failed"]] * bool(outcome["failed"])
    return outcome | {"failed": "; ".join(problems)}


KINDS = (
    "truncated", "flipped", "not-utf8", "nul", "deep", "twice", "nan", "digits", "oversized",
)  # fmt: skip
SURELY = frozenset({"truncated", "not-utf8", "deep", "nan", "oversized"})
"""Kinds of which nothing can be a record: every one must be a dead letter."""
LARGE = 8 * 1024 * 1024 + 1
OVERSIZED = 20
"""No more of these: they are 8 MB each."""


def malformed(kind: str, number: int, dice: random.Random) -> bytes:
    """One broken record, told from others by its number."""
    good = load.record("ws-bad", number)
    at = dice.randrange(20, len(good) - 20)
    match kind:
        case "truncated":
            return good[:at]
        case "flipped":
            flipped = bytes([good[at] ^ 1 << dice.randrange(7)])
            return (good[:at] + flipped + good[at + 1 :]).replace(b"\n", b"x")
        case "not-utf8":
            return good[:-2] + b'\xff\xfe"}'
        case "nul":
            return good[:at] + b"\0" + good[at:]
        case "deep":
            return good[:-1] + b', "a": ' + b"[" * 2_000 + b"]" * 2_000 + b"}"
        case "twice":
            return good[:-1] + b', "CommandLine": "again", "EventID": 1}'
        case "nan":
            return good[:-1] + b', "a": NaN}'
        case "digits":
            return good[:-1] + b', "a": ' + b"9" * 5_000 + b"}"
    return good[:-2] + b"a" * LARGE + b'"}'


@dataclass
class Memory:
    """How much memory the processes of a service take, looked at all the time."""

    service: Service
    seen: list[int] = field(default_factory=list)
    _stop: Event = field(default_factory=Event)

    def __enter__(self) -> Self:
        self._thread = Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            self.seen.append(self.service.memory())


def poison_trial(service: Service, *, seed: int, good: int, bad: int) -> Outcome:
    """Broken records among good ones, in files and over HEC; every one of them must be somewhere.

    The half of both comes through a file, the other half over HEC's raw lines.
    """
    dice = random.Random(seed)  # noqa: S311  # trials that can be repeated
    ports = load.prepare(service)
    service.start()
    lines = [load.record("ws-good", number) for number in range(1, good + 1)]
    wanted = set(lines)
    kinds: dict[bytes, str] = {}
    for number in range(1, bad + 1):
        kind = KINDS[number % len(KINDS)]
        if kind == "oversized" and number > OVERSIZED * len(KINDS):
            kind = "digits"
        raw = malformed(kind, number, dice)
        kinds[raw] = kind
        lines.append(raw)
    dice.shuffle(lines)
    with Memory(service) as memory:
        began = time.monotonic()
        warm = _feed(service, ports, lines, memory)
        drained(service, wanted, within=60 + (good + bad) / 250)
        _until_quiet(service)
        seconds = time.monotonic() - began
    crashed = service.log().count("restarting")
    service.stop()
    stored = service.stored()
    letters = letters_of(service)
    spread: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for raw, kind in kinds.items():
        place = letters.get(_key(raw)) or ("stored" if raw in stored else "nowhere")
        spread[kind][place] += 1
    nowhere = sum(places["nowhere"] for places in spread.values())
    kept = sum(spread[kind]["stored"] for kind in SURELY)
    peak, after = max(memory.seen), memory.seen[-1]
    problems = unsound(service)
    problems += [f"good and not stored: {len(wanted - stored.keys())}"] * bool(
        wanted - stored.keys()
    )
    problems += [f"bad and nowhere: {nowhere}"] * bool(nowhere)
    problems += [f"bad and taken for good: {kept}"] * bool(kept)
    problems += [f"restarted: {crashed}"] * bool(crashed)
    return {
        "seed": seed, "good": good, "bad": len(kinds), "seconds": round(seconds, 1),
        "spread": {kind: dict(places) for kind, places in spread.items()},
        "memory_warm_mb": warm >> 20, "memory_peak_mb": peak >> 20, "memory_after_mb": after >> 20,
        "failed": "; ".join(problems),
    }  # fmt: skip


def _feed(service: Service, ports: load.Ports, lines: list[bytes], memory: Memory) -> int:
    """Half to a file, half over HEC in requests of up to 200; the memory after a tenth."""
    path = service.logs / "mixed.json"
    warm = 0
    for start in range(0, len(lines), 400):
        part = lines[start : start + 400]
        with path.open("ab") as file:
            file.writelines(raw + b"\n" for raw in part[::2])
        body = b"\n".join(part[1::2])
        status, deadline = 0, time.monotonic() + load.PATIENCE
        while status != 200:
            assert time.monotonic() < deadline, f"HEC answers {status}"
            status, _ = load.post(
                ports.http, "/services/collector/raw", body, Authorization=f"Splunk {load.TOKEN}"
            )
            time.sleep(0.0 if status == 200 else 0.2)
        if not warm and start >= len(lines) // 10:
            warm = memory.seen[-1] if memory.seen else service.memory()
    return warm


def _until_quiet(service: Service) -> None:
    """Wait until no more dead letters come."""
    before, deadline = -1, time.monotonic() + load.PATIENCE
    while (now := sum(_counts(service).values())) != before:
        assert time.monotonic() < deadline
        before = now
        time.sleep(2.0)


def _counts(service: Service) -> dict[str, int]:
    state = State(service.folder / "data" / "state.db", read_only=True)
    return dict(state.intake.dead_letter_counts())


def letters_of(service: Service) -> dict[bytes, str]:
    """Why each dead letter is one, by the beginning of what it is about."""
    state = State(service.folder / "data" / "state.db", read_only=True)
    return {_key(one.raw): one.reason for one in state.intake.dead_letters(1_000_000)}


def _key(raw: bytes) -> bytes:
    return raw.rstrip(b"\r\n")[:60_000]


def backup_trial(service: Service, other: Service, target: Path, *, seed: int) -> Outcome:
    """A backup under load, restored into a new folder; what was acknowledged before is there."""
    dice = random.Random(seed)  # noqa: S311  # trials that can be repeated
    ports = load.prepare(service)
    service.start()
    sending = load.Load.of(service, ports)
    sending.start()
    time.sleep(dice.uniform(2.0, 6.0))
    file = sending.sure[-1]
    sure = set().union(*(set(one.acknowledged) for one in sending.sure if one is not file))
    began = time.monotonic()
    service.command("backup", str(target))
    seconds = time.monotonic() - began
    sending.finish()
    whole = settle(service, sending)
    load.prepare(other)
    (other.logs / "app.json").write_bytes((service.logs / "app.json").read_bytes())
    other.command("restore", str(target))
    other.start()
    problems = [f"original: {whole['failed']}"] * bool(whole["failed"])
    try:
        drained(other, sure)
    except AssertionError as error:
        problems.append(str(error))
    time.sleep(2.0)
    other.stop()
    stored = other.stored()
    found = [(f.rule_id, f.events[0].raw) for f in other.findings()]
    outcome = {
        "seed": seed, "backup_s": round(seconds, 1), "acknowledged_before": len(sure),
        "lost": len(sure - stored.keys()), "findings_doubled": load.doubled(found),
        "stored_twice": sum(n - 1 for n in stored.values()),
    }  # fmt: skip
    problems += [
        f"{name}: {outcome[name]}" for name in ("lost", "findings_doubled") if outcome[name]
    ]
    return outcome | {"failed": "; ".join(problems + unsound(other))}


NEAR = 20
"""Lines by which a record may be moved."""


def disturbed(lines: list[bytes], dice: random.Random) -> list[bytes]:
    """The same with 10 % of the lines twice, and every line moved a little."""
    places = [(n + dice.uniform(0, NEAR), raw) for n, raw in enumerate(lines)]
    places += [
        (n + dice.uniform(0, 5 * NEAR), raw) for n, raw in enumerate(lines) if dice.random() < 0.1
    ]
    return [raw for _, raw in sorted(places)]


def judged(service: Service, truth: Truth, lines: dict[str, list[bytes]]) -> tuple[Outcome, int]:
    """Feed a service, and what it found: findings and incidents by what they are about."""
    service.prepare()
    service.start()
    for step in range(10):
        for name, every in lines.items():
            part = every[len(every) * step // 10 : len(every) * (step + 1) // 10]
            with (service.logs / name).open("ab") as file:
                file.writelines(part)
        time.sleep(0.3)
    service.wait_stored(truth.total, within=120)
    time.sleep(2.0)
    service.stop()
    state = State(service.folder / "data" / "state.db", read_only=True)
    book = state.casebook
    incidents = sorted(
        (one.level.value, one.title, sorted((f.rule_id, f.events[0].raw) for f in members))
        for one in book.incidents(100_000)
        for members in [list(book.findings(one.incident_id))]
    )
    findings = sorted((f.rule_id, f.events[0].raw) for f in book.all_findings())
    told = {"findings": findings, "incidents": incidents}
    return json.loads(json.dumps(told)), service.stored().total()


def twice_trial(clean: Service, dirty: Service, truth: Truth, *, seed: int) -> Outcome:
    """With repeats and another order the same is found as without."""
    dice = random.Random(seed)  # noqa: S311  # trials that can be repeated
    expected, _ = judged(clean, truth, truth.lines)
    sent = {name: disturbed(lines, dice) for name, lines in truth.lines.items()}
    found, stored = judged(dirty, truth, sent)
    outcome = {
        "seed": seed, "events": truth.total, "sent": sum(map(len, sent.values())),
        "stored": stored, "findings": len(expected["findings"]),
        "incidents": len(expected["incidents"]),
    }  # fmt: skip
    problems = [name for name in ("findings", "incidents") if found[name] != expected[name]]
    problems += ["stored"] * (stored != truth.total)
    return outcome | {"failed": ", ".join(f"{name} differ" for name in problems)}
