"""`tocsin lab write`: the logs of a simulated enterprise, for tests and measurements."""

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from cyclopts import App, Parameter

from tocsin.cli.arguments import Count
from tocsin.errors import UsageError
from tocsin.lab import CAMPAIGNS, SOURCES, TYPICAL, Enterprise, write_alerts, write_history
from tocsin.lab.context import write_context

app = App(name="lab", help="Simulate an enterprise: logs in their native forms, truth apart.")

MONDAY = "2026-03-02"
_DAY = 86_400_000_000


@app.command
def write(  # noqa: PLR0913 (one option each)
    out: Path,
    *,
    people: Count = 200,
    days: Count = 7,
    seed: int = 1,
    start: str = MONDAY,
    volume: Count = TYPICAL,
    campaigns: str = "none",
    twins: str = "none",
    sources: str = "all",
    zeek: Literal["json", "tsv"] = "json",
    entra: Literal["diagnostic", "graph"] = "diagnostic",
    alerts: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Write the logs of some days into OUT/logs and what happened into OUT/truth.jsonl.

    OUT/context has what the enterprise knows of itself, for `tocsin context load`.

    Parameters
    ----------
    out
        Folder to write into.
    people
        How many people work there.
    days
        How many days, from midnight on.
    seed
        The same seed gives the same bytes.
    start
        First day, as YYYY-MM-DD.
    volume
        Windows records that a person's work leads to in a working day; more or less routine.
    campaigns
        Intrusions that happen: "none", "all" or names with commas between them.
    twins
        Legitimate work that looks like a campaign: "none", "all" or names of campaigns.
    sources
        Logs to keep: "all" or names with commas between them.
    zeek
        How Zeek writes: JSON lines or tab-separated values.
    entra
        Where Entra's logs come from: diagnostic settings or Graph.
    alerts
        Also write what three tools say of it (Defender, Splunk, Elastic) into OUT/alerts.
    force
        Write into a folder that is not empty, over what an earlier run left.
    """
    if out.is_dir() and any(out.iterdir()) and not force:
        raise UsageError(f"{out} is not empty: name another folder, or --force to write over it")
    begin = _midnight(start)
    enterprise = msgspec.structs.replace(
        Enterprise.of(people, seed, volume=volume),
        sources=_names(sources, SOURCES),
        campaigns=_names(campaigns, CAMPAIGNS),
        attack=campaigns != "none",
        twins=_names(twins, CAMPAIGNS),
        zeek_tsv=zeek == "tsv",
        graph=entra == "graph",
    )
    write_context(out / "context", enterprise, seed, begin)
    written = write_history(
        out / "logs", out / "truth.jsonl", seed, begin, days * _DAY, enterprise=enterprise
    )
    if alerts:
        hosts = [person.workstation for person in enterprise.people]
        said = write_alerts(out / "alerts", out / "truth.jsonl", seed, begin, days * _DAY, hosts)
        for name, count in sorted(said.items()):
            print(f"{name:12} {count:>12,} alerts")
    for name, count in sorted(written.by_source.items()):
        print(f"{name:12} {count:>12,} records, {count / people / days:>8,.1f} a person and day")
    print(f"{'all':12} {written.records:>12,} records in {out / 'logs'}", file=sys.stdout)
    return 0


def _midnight(day: str) -> int:
    """The first moment of a day at the enterprise, in microseconds UTC."""
    try:
        moment = datetime.fromisoformat(f"{day}T00:00:00+01:00")
    except ValueError as error:
        raise UsageError(f"--start {day}: not a day; write it as YYYY-MM-DD") from error
    return int(moment.timestamp()) * 1_000_000


def _names(text: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Names out of `known`; what is not known is refused by the enterprise."""
    if text in ("none", "all"):
        return known if text == "all" else ()
    return tuple(name.strip() for name in text.split(",") if name.strip())
