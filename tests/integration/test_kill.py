"""`kill -9` under load: nothing spooled is lost, no finding is doubled, ready within 10 s."""

import random
import re
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from tests.integration.conftest import Truth
from tests.integration.service import Service

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

TRIALS = 10
SEED = 20_261_123
SOURCE = Path(__file__).resolve().parents[2] / "src"
ELSEWHERE = {
    "spool.rotated": "needs 64 MB of input: tests/collect/test_spool.py",
    "spool.snapshot": "comes with rotation: tests/collect/test_spool.py",
    "spool.released": "comes with rotation: tests/collect/test_spool.py",
    "backfill.judged": "a command of its own: tests/app/test_backfill.py",
    "backfill.stored": "a command of its own: tests/app/test_backfill.py",
    "upkeep.files-written": "once a day: tests/app/test_upkeep.py",
    "upkeep.committed": "once a day: tests/app/test_upkeep.py",
}


def crash_points() -> list[str]:
    """Every named point in the code."""
    texts = (path.read_text() for path in sorted(SOURCE.rglob("*.py")))
    found = {name for text in texts for name in re.findall(r'crash\.point\("([^"]+)"\)', text)}
    return sorted(found - ELSEWHERE.keys())


def feed(folder: Path, truth: Truth, seconds: float) -> threading.Thread:
    """Append all lines to their files in small steps over about `seconds`."""
    steps = max(1, int(seconds / 0.05))

    def run() -> None:
        for step in range(steps):
            append(folder, truth, (step, step + 1), steps)
            time.sleep(0.05)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def append(folder: Path, truth: Truth, steps: tuple[int, int], of: int) -> None:
    """Append the lines of some steps `of` so many to their files."""
    for name, lines in truth.lines.items():
        part = lines[len(lines) * steps[0] // of : len(lines) * steps[1] // of]
        if part:
            with (folder / name).open("ab") as file:
                file.writelines(part)


def check(service: Service, truth: Truth) -> None:
    """Everything is stored once, everything is found once."""
    service.wait_stored(truth.total)
    expected = Counter(line.rstrip(b"\n") for lines in truth.lines.values() for line in lines)
    assert service.stored() == expected
    found = Counter((f.rule_id, f.events[0].raw) for f in service.findings())
    assert found == truth.findings
    assert service.journal_break() is None


def test_random_kills_under_load(truth: Truth, service: Service) -> None:
    """One service lives through all kills; half take every process, half only the supervisor."""
    dice = random.Random(SEED)  # noqa: S311  # trials that can be repeated
    service.prepare()
    readiness = [service.start()]
    feeder = feed(service.logs, truth, seconds=2.0 * TRIALS)
    for trial in range(TRIALS):
        time.sleep(dice.uniform(0.0, 2.0))
        service.kill(whole_group=trial % 2 == 0)
        readiness.append(service.start())
    feeder.join()
    check(service, truth)
    service.stop()
    print(f"seed {SEED}, {TRIALS} kills, ready again after at most {max(readiness):.1f} s")


@pytest.mark.parametrize("part", ["edge", "core", "observer"])
def test_a_part_that_dies_is_started_again(truth: Truth, service: Service, part: str) -> None:
    service.prepare()
    service.start()
    feeder = feed(service.logs, truth, seconds=3.0)
    time.sleep(1.0)
    service.kill_part(part)
    time.sleep(0.3)
    service.wait_ready()
    feeder.join()
    check(service, truth)
    service.stop()


@pytest.mark.parametrize("point", crash_points())
def test_every_crash_point(truth: Truth, service: Service, point: str) -> None:
    service.prepare()
    (service.logs / "not-a-log.bin").write_bytes(b"\x89PNG\r\n" + bytes(64))
    service.start(crash_at=point)
    feeder = feed(service.logs, truth, seconds=2.0)
    assert service.logged("restarting", within=25.0), service.log()[-2000:]
    service.kill(whole_group=True)
    feeder.join()
    service.start()
    check(service, truth)
    service.stop()
