"""Which technique is found in which recording: `python -m bench.recall`.

Each OTRF archive shows one or two techniques, which a file beside them names. It counts as found
when an open finding of medium or higher is labelled with the technique (exact), or with one of the
same family (parent). Labels of other releases of ATT&CK count by the shipped crosswalk.
"""

import argparse
import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bench.inputs import data_folder
from bench.record import keep
from tocsin.app.hunt import hunt_files
from tocsin.content import load
from tocsin.enrich.attack.crosswalk import read_crosswalk
from tocsin.model.attack import Crosswalk
from tocsin.model.findings import Level, Standing

OTRF = Path("detection/otrf")


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=["shipped", "sigmahq"])
    parser.add_argument("--print", action="store_true", help="keep nothing")
    options = parser.parse_args()
    crosswalk = read_crosswalk(load(None).under("attack/"))
    for name, rules in (("shipped", None), ("sigmahq", Path("detection/sigma_rules.tar.xz"))):
        if options.only in (None, name):
            source = None if rules is None else data_folder() / rules
            rows = [score(path, wanted, source, crosswalk) for path, wanted in recordings()]
            figures = summary(rows)
            tell(name, figures)
            if not options.print:
                keep(f"recall-{name}", figures)


def recordings() -> list[tuple[Path, list[str]]]:
    """(archive, its techniques), in order of path."""
    root = data_folder() / OTRF
    with (root / "technique_map.csv").open() as file:
        rows = list(csv.DictReader(file))
    return sorted(
        (root / row["path"].removeprefix("datasets/"), row["techniques"].split(",")) for row in rows
    )


def score(
    path: Path, wanted: list[str], rules: Path | None, crosswalk: Crosswalk
) -> dict[str, Any]:
    """What was found in one archive."""
    report = hunt_files([path], rules=rules, cores=1)
    loud = [
        f
        for f in report.findings
        if f.level.rank >= Level.MEDIUM.rank and f.standing is Standing.OPEN
    ]
    named = {name for f in loud for label in f.techniques for name in names_of(label, crosswalk)}
    families = {name.partition(".")[0] for name in named}
    row = {
        "archive": path.relative_to(data_folder() / OTRF / "atomic").as_posix(),
        "techniques": wanted,
        "exact": [t for t in wanted if t in named],
        "parent": [t for t in wanted if t.partition(".")[0] in families],
        "events": sum(n for classes in report.events.values() for n in classes.values()),
        "findings": len(loud),
        "incidents": sum(one.level.rank >= Level.MEDIUM.rank for one in report.incidents),
    }
    print(f"{row['archive']}: {row['exact'] or row['parent'] or '-'}", flush=True)
    return row


def names_of(label: str, crosswalk: Crosswalk) -> Iterable[str]:
    """A technique under all of its names."""
    return {label, *crosswalk.newer(label), *crosswalk.older(label)}


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The table and its totals."""
    events = sum(row["events"] for row in rows)
    return {
        "archives": len(rows),
        "read": sum(row["events"] > 0 for row in rows),
        "exact": sum(bool(row["exact"]) for row in rows),
        "parent": sum(bool(row["parent"]) for row in rows),
        "any": sum(row["findings"] > 0 for row in rows),
        "events": events,
        "findings": sum(row["findings"] for row in rows),
        "rows": rows,
    }


def tell(name: str, figures: dict[str, Any]) -> None:
    """Print the totals."""
    print(
        f"{name}: {figures['archives']} archives ({figures['read']} read), exact technique in "
        f"{figures['exact']}, parent in {figures['parent']}, any finding in {figures['any']}; "
        f"{figures['findings']:,} findings of medium or higher in {figures['events']:,} events"
    )


if __name__ == "__main__":
    main()
