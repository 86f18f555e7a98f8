"""`python -m bench.readiness`: faults found and false alarms, on simulated telemetry.

All figures are SYNTHETIC. Faults are put into records of the simulated enterprise, which go through
the product's own decoding, mapping, measuring, folds and judgement. Clean weeks are counts of 20
sources (`lab.telemetry`: no records, hence no measuring), through the same folds and judgement.
"""

import argparse
import tempfile
import time
from bisect import bisect
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from tocsin.app import parts
from tocsin.app.readiness import MEMORY, Readiness
from tocsin.lab import write_history
from tocsin.lab.enterprise import Enterprise
from tocsin.lab.faults import (
    Directory,
    Fault,
    Line,
    Truth,
    clock_ahead,
    deliveries,
    lines_of,
    renamed_users,
    silenced,
    vanished,
)
from tocsin.lab.readiness import Alarm, Watch, run, specs, thresholds
from tocsin.lab.telemetry import ticks, twenty
from tocsin.lab.world import DAY, HOUR, MINUTE
from tocsin.model.context import Placing
from tocsin.model.readiness import Asked, Refused, Use
from tocsin.normalize import Normalizer, compile_sources
from tocsin.normalize.quality.measure import Meter

START = 1_772_323_200_000_000
"""2026-03-01 00:00 UTC, a Sunday."""
LEARNED = 8 * DAY + 10 * HOUR
PEOPLE = 20
GIVE_UP = 8 * HOUR
USERS = ("SubjectUserName", "TargetUserName")


def faults(since: int) -> Iterator[tuple[Fault, int]]:
    """Every fault, with the events (or minutes, for silence) within which it must be found."""
    for source, names in (("windows_security", USERS), ("windows_sysmon", ("User", "SourceUser"))):
        yield renamed_users(source, names, "{}@northquay.example", since), 1_000
    yield vanished("windows_security", USERS, since, "user.name"), 1_000
    yield vanished("windows_sysmon", ("User", "Image"), since, "actor.user.name"), 1_000
    yield vanished("aws_cloudtrail", ("sourceIPAddress",), since, "src_endpoint.ip"), 1_000
    for source in ("windows_security", "windows_sysmon", "zeek"):
        yield clock_ahead(source, 3_600, since), 500
    yield clock_ahead("windows_security", -3_600, since), 500
    yield clock_ahead("windows_security", 3_600, since, "DC01"), 500
    for source in ("windows_security", "windows_sysmon", "zeek"):
        yield silenced(source, since), 0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--volume", type=int, default=200, help="Windows records a person and day")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", choices=("faults", "clean"), default="")
    options = parser.parse_args()
    if options.part != "clean":
        find_faults(options.volume, options.seed)
    if options.part != "faults":
        clean_weeks(options.weeks, options.seed)


def find_faults(volume: int, seed: int) -> None:
    """Learn eight days, then let every fault happen by itself."""
    normalizer, problems = compile_sources(parts.load_content(None))
    if normalizer is None:
        raise SystemExit(f"the sources do not compile: {problems[0]}")
    enterprise = Enterprise.of(PEOPLE, seed, volume=volume)
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        end = LEARNED + GIVE_UP
        write_history(logs, Path(folder) / "truth", seed, START, end, enterprise=enterprise)
        lines = lines_of(logs, normalizer, START + end)
    since = START + LEARNED
    lab = Lab(lines, since, normalizer, enterprise)
    print(
        f"SYNTHETIC: {lab.cut:,} records of {len({x.source_id for x in lines})} sources learned in "
        f"8 days, {len(lab.watch.alarms)} false alarms in them: {_named(lab.watch.alarms)}"
    )
    for fault, limit in faults(since):
        print(lab.one(fault, lab.right, limit), flush=True)
    for unit in sorted({person.unit for person in enterprise.people}):
        wrong = Directory(enterprise.people, wrong=unit, since=since)
        truth = Truth("a unit's directory data is wrong", "place", "", unit)
        print(lab.one(Fault(truth, lambda line: line), wrong, 1_000), flush=True)


class Lab:
    """What was learned, from which every fault starts."""

    def __init__(
        self, lines: list[Line], since: int, normalizer: Normalizer, enterprise: Enterprise
    ) -> None:
        self.normalizer, self.since = normalizer, since
        self.meter = Meter(normalizer.sources)
        self.right = Directory(enterprise.people)
        self.cut = bisect(lines, (since,))
        self.watch = Watch(normalizer.sources)
        learned = deliveries(
            lines[: self.cut], normalizer, self.meter, placing=self.right, rows=1_024
        )
        for one in learned:
            self.watch.measured(one.at, one.quality)
        self.rest = lines[self.cut :]

    def one(self, fault: Fault, placing: Placing, limit: int) -> str:
        """How long a fault took to be found, in events that it touched and in minutes."""
        watch = Watch(self.normalizer.sources)
        watch.books.states = dict(self.watch.books.states)
        watch.readiness = Readiness(watch.books.all_fold_states(MEMORY))
        watch.readiness.work_with(thresholds(), self.normalizer.sources)
        truth, events, other = fault.truth, 0, []
        arriving = deliveries(
            self.rest, self.normalizer, self.meter, alter=fault.alter, placing=placing,
            rows=256, first=10**9,
        )  # fmt: skip
        for one in arriving:
            events += one.events.get(truth.source_id, 0) if truth.source_id else _all(one.events)
            for alarm in watch.measured(one.at, one.quality):
                if _is_it(alarm, truth):
                    return self._said(watch, alarm, truth, (events, limit))
                other.append(alarm)
        return f"NOT FOUND  {truth}; instead {_named(other)}"

    def _said(self, watch: Watch, alarm: Alarm, truth: Truth, n: tuple[int, int]) -> str:
        asked = Asked(alarm.source_id, unit=alarm.gap.scope.unit)
        answer = watch.readiness.ask([asked], Use.AUTONOMY, (), alarm.at)
        minutes = (alarm.at - self.since) / MINUTE
        within = f"limit {n[1]:,}" if n[1] else f"its own limit {alarm.gap.threshold / 60:.0f} min"
        refused = "guard refuses" if isinstance(answer, Refused) else "GUARD LETS IT PASS"
        return (
            f"{truth.fault} [{alarm.source_id} {truth.scope}]: {n[0]:,} events, {minutes:.0f} min "
            f"({within}); {refused}: {alarm.gap.cause}"
        )


def _is_it(alarm: Alarm, truth: Truth) -> bool:
    if alarm.gap.measure != truth.measure:
        return False
    if truth.measure == "place":
        return alarm.gap.scope.unit == truth.scope
    return alarm.source_id == truth.source_id


def _all(events: dict[str, int]) -> int:
    return sum(events.values())


def _named(alarms: list[Alarm]) -> dict[tuple[str, str], int]:
    return dict(Counter((one.source_id, one.gap.measure) for one in alarms))


def clean_weeks(weeks: int, seed: int) -> None:
    """False alarms of 20 sources that are as they always are."""
    began = time.process_time()
    first = START // DAY
    free = [first + 5 + 7 * n + n % 3 for n in range(2, weeks, 3)]
    streams = twenty()
    names = [(date(1970, 1, 1) + timedelta(days=day)).isoformat() for day in free]
    watch = Watch(specs(streams), holidays=names, look_every=5 * MINUTE)
    end = START + weeks * 7 * DAY
    days = frozenset(free)
    run(watch, [ticks(s, seed, START, end, holidays=days) for s in streams], end, 5 * MINUTE)
    rate = len(watch.alarms) / weeks * 20 / len(streams)
    print(
        f"SYNTHETIC: {len(watch.alarms)} false alarms of {len(streams)} sources in {weeks} weeks "
        f"(weekends, {len(free)} holidays, weekly jobs): {rate:.2f} per 20 sources and week; "
        f"{time.process_time() - began:.0f} s of CPU time"
    )
    for alarm in watch.alarms:
        day = (alarm.at - START) / DAY
        print(f"  day {day:.2f}  {alarm.source_id}: {alarm.gap.measure}: {alarm.gap.cause}")


if __name__ == "__main__":
    main()
