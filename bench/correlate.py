"""What correlation costs: `python -m bench.correlate`. Synthetic findings, CPU time of one core.

stream  10,000 findings of 200 hosts over 14 hours, a third of them low, in batches of 50
storm   10,000 times the same finding
wide    2,000 findings that share nothing, then batches of 50: the cost of state alone
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random

from tocsin.app.keeping import LEAST, entry_of
from tocsin.correlate.entities import entities_of
from tocsin.correlate.incidents import IncidentFold
from tocsin.model.findings import Finding, Level, Match, findings_to_arrow

T0 = 1_700_000_000_000_000
SECOND = 1_000_000
LATENESS = 300 * SECOND
BATCH = 50


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    seed = parser.parse_args().seed
    inputs: dict[str, Callable[[Random], list[Finding]]] = {
        "stream": lambda rng: list(_stream(rng, 10_000)),
        "storm": lambda _: [_finding(n, 0, n, 1, Level.HIGH) for n in range(10_000)],
        "wide": lambda _: [_finding(n, n, 0, n, Level.HIGH) for n in range(4_000)],
    }
    print(
        f"{'':8}{'findings':>9}{'CPU s':>8}{'us each':>9}"
        f"{'step ms':>9}{'max ms':>8}{'state KB':>10}"
    )
    for name, make in inputs.items():
        findings = make(Random(seed))  # noqa: S311 - a repeatable input, no secret
        steps, size = _run(findings)
        total = sum(steps)
        print(
            f"{name:8}{len(findings):9,}{total:8.2f}{total / len(findings) * 1e6:9,.0f}"
            f"{statistics.median(steps) * 1e3:9.2f}{max(steps) * 1e3:8.1f}{size / 1e3:10,.0f}"
        )
    cold = _cold(findings)
    print(f"an empty step of a new process on the state of `wide`: {cold * 1e3:.1f} ms")


def _run(findings: Sequence[Finding]) -> tuple[list[float], int]:
    """CPU seconds of each step as the service makes them, and the size of the state at the end.

    It writes the state down when what came since is as much: the cost is part of that step.
    """
    fold, steps, since, size = IncidentFold(), [], 0, LEAST
    for start in range(0, len(findings), BATCH):
        part = findings[start : start + BATCH]
        rows = findings_to_arrow([(0, one) for one in part])
        began = time.process_time()
        fold.advance(rows, watermark=part[-1].time - LATENESS)
        since += len(entry_of(rows, part[-1].time - LATENESS))
        if since > size:
            since, size = 0, max(LEAST, len(fold.snapshot()))
        steps.append(time.process_time() - began)
    return steps, len(fold.snapshot())


def _cold(findings: Sequence[Finding]) -> float:
    """CPU seconds of an empty step of a new process."""
    rows = findings_to_arrow([(0, one) for one in findings])
    state, _ = IncidentFold().step(None, rows, watermark=T0 - LATENESS, now=0)
    began = time.process_time()
    IncidentFold().step(state, rows.slice(0, 0), watermark=T0 - LATENESS, now=0)
    return time.process_time() - began


def _stream(rng: Random, size: int) -> Iterator[Finding]:
    levels = (Level.LOW, Level.MEDIUM, Level.HIGH)
    for number in range(size):
        yield _finding(number, number % 200, number * 5, rng.randrange(1_000), rng.choice(levels))


def _finding(number: int, host: int, second: int, pid: int, level: Level) -> Finding:
    name = f"ws{host:04}"
    event = {
        "activity_id": 1,
        "device": {"hostname": f"{name}.example.org"},
        "process": {
            "pid": pid,
            "uid": f"{{{name}-{pid}}}",
            "name": "powershell.exe",
            "user": {"name": f"user{host}", "domain": "EXAMPLE"},
        },
        "actor": {"process": {"pid": 7, "uid": f"{{{name}-7}}", "name": "cmd.exe"}},
    }
    return Finding(
        finding_id=f"{number:032x}",
        rule_id=f"rule-{number % 7}",
        rule_digest="",
        title=f"Encoded command of kind {number % 7}",
        level=level,
        techniques=("T1059.001",),
        tactics=("execution",),
        time=T0 + second * SECOND,
        event_uids=(f"e{number}",),
        matched=(Match("CommandLine", "contains", "powershell -enc AAAA"),),
        entities=entities_of("process_activity", event),
        events=(),
        site="bench",
        source_id="windows_sysmon",
        content_id="",
    )


if __name__ == "__main__":
    main()
