"""How loud rules are where nothing bad happens: `python -m bench.noise`.

Seven simulated benign days of a whole enterprise go through `tocsin hunt`, once with the rules that
ship and once with SigmaHQ's. Synthetic: what people at the simulated enterprise do is written down
in `lab/`, and says nothing of what others do.
"""

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.inputs import data_folder
from bench.record import keep
from tocsin.app.hunt import Report, hunt_files
from tocsin.lab import Enterprise, write_history
from tocsin.lab.hosts import equip
from tocsin.lab.world import RandomFor
from tocsin.model.findings import Finding, Level, Standing

MONDAY = 1_772_406_000_000_000
"""2026-03-01 23:00 UTC: midnight at the simulated enterprise."""

DAY = 86_400_000_000
NOISIEST = 10


def main() -> None:
    """Simulate, measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=200)
    parser.add_argument("--days", type=int, default=7)
    parser.add_argument("--volume", type=int, default=1_000, help="Windows records of a person")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", choices=["shipped", "sigmahq"])
    parser.add_argument("--print", action="store_true", help="keep nothing")
    options = parser.parse_args()
    enterprise = Enterprise.of(options.people, options.seed, volume=options.volume)
    machines = equip(enterprise.people, RandomFor(options.seed, MONDAY)).values()
    hosts = sum(machine.logs for machine in machines)
    scale = hosts * options.days / 100
    with tempfile.TemporaryDirectory() as folder:
        logs = Path(folder) / "logs"
        truth = Path(folder) / "truth.jsonl"
        written = write_history(
            logs, truth, options.seed, MONDAY, options.days * DAY, enterprise=enterprise
        )
        print(f"{written.records:,} records of {hosts} hosts in {options.days} days", flush=True)
        for name, rules in (("shipped", None), ("sigmahq", Path("detection/sigma_rules.tar.xz"))):
            if options.only in (None, name):
                source = None if rules is None else data_folder() / rules
                figures = {
                    "people": options.people,
                    "hosts": hosts,
                    "days": options.days,
                    "seed": options.seed,
                    "volume": options.volume,
                    "by_source": dict(written.by_source),
                    **noise(hunt_files([logs], rules=source), scale),
                }
                tell(name, figures)
                if not options.print:
                    keep(f"noise-{name}", figures)


def noise(report: Report, scale: float) -> dict[str, Any]:
    """The figures of one run; `scale` is the number of hundred-host days."""
    events = sum(n for classes in report.events.values() for n in classes.values())
    loud = [one for one in report.incidents if one.level.rank >= Level.MEDIUM.rank]
    return {
        "events": events,
        "recognized": {name: sum(n.values()) for name, n in sorted(report.events.items())},
        "findings": len(report.findings),
        "loud_findings": len(_loud(report.findings)),
        "incidents": len(report.incidents),
        "loud_incidents": len(loud),
        "loud_incidents_per_100_hosts_and_day": round(len(loud) / scale, 3),
        "loud_findings_per_100k_events": round(len(_loud(report.findings)) / events * 1e5, 2),
        "noisiest": noisiest(report.findings),
        "openers": noisiest(_members(report, loud)),
        "titles": dict(Counter(one.title for one in loud).most_common(NOISIEST)),
    }


def _loud(findings: Iterable[Finding]) -> list[Finding]:
    """Open findings of medium or higher."""
    return [
        f for f in findings if f.level.rank >= Level.MEDIUM.rank and f.standing is Standing.OPEN
    ]


def _members(report: Report, incidents: Iterable[Any]) -> list[Finding]:
    """The findings of these incidents that make them as bad as they are."""
    known = {finding.finding_id: finding for finding in report.findings}
    ids = [i for one in incidents for i in report.members[one.incident_id]]
    return _loud(known[i] for i in ids)


def noisiest(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """The rules with most findings of medium or higher."""
    counts = Counter((f.rule_id, f.title, f.level.value) for f in _loud(findings))
    return [
        {"rule": rule, "title": title, "level": level, "findings": n}
        for (rule, title, level), n in counts.most_common(NOISIEST)
    ]


def tell(name: str, figures: dict[str, Any]) -> None:
    """Print them."""
    print(
        f"{name}: {figures['events']:,} events, {figures['findings']:,} findings, "
        f"{figures['loud_incidents']:,} incidents of medium or higher: "
        f"{figures['loud_incidents_per_100_hosts_and_day']} per 100 hosts and day",
        flush=True,
    )
    for one in figures["noisiest"]:
        print(f"  {one['findings']:>7,}  {one['level']:<8} {one['title']}")


if __name__ == "__main__":
    main()
