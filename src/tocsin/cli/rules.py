"""`tocsin rules`: the list, new rules, and trials."""

import sys
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import App, Parameter

from tocsin.app import attacking, firing, overview, ruling
from tocsin.app import content as contents
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.app.site import Site
from tocsin.cli.arguments import Count, Flag, Json
from tocsin.cli.content import agreed
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural, utc
from tocsin.errors import UsageError

DAY = 86_400_000_000
SHOWN = 40
"""Rules that a comparison lists one by one."""

HOSTS = 4
"""Hosts, days and rules without use that are listed of each kind."""

rules = App(name="rules", help="List the rules, take new ones in, put them on trial.")
rules.command(
    "tocsin.cli.explain:explain",
    name="explain",
    help="Show why a rule does or does not hold for an event.",
)


class State(StrEnum):
    """What can become of a rule."""

    ACTIVE = "active"
    BUILDING = "building"
    STAGED = "staged"
    INACTIVE = "inactive"
    UNSUPPORTED = "unsupported"


COLUMNS = ("state", "rule", "title", "findings", "hidden", "last fired", "reason")


@rules.default
def show(  # noqa: PLR0913  # each is an option
    site: Path | None = None,
    *,
    folder: Annotated[Path | None, Parameter(name="--rules")] = None,
    state: State | None = None,
    days: Count = 30,
    noisy: Flag = False,
    attack: Flag = False,
    json: Json = False,
) -> int:
    """List the rules: active, building, staged, inactive or unsupported, and what each found.

    Parameters
    ----------
    site
        Site folder; without it the one found here, or only what ships.
    folder
        Folder or archive of rules to look at instead.
    state
        Only rules in this state.
    days
        Count the findings of so many days.
    noisy
        Those with most findings first.
    attack
        Also tell how each rule's ATT&CK labels stand.
    json
        Print JSON.
    """
    since = SystemClock().now() - days * DAY
    where = sites.open_site(site)
    lines = overview.rules(where, folder, since)
    shown = [line for line in lines if state is None or line.state == state]
    if noisy:
        shown.sort(key=lambda line: -line.findings)
    if json:
        sys.stdout.buffer.write(orjson.dumps(shown, option=JSON_OPTIONS, default=overview.plain))
        return 0
    labels = attacking.label_states(where, folder) if attack else {}
    Screen().table(
        [*COLUMNS, *["ATT&CK labels"] * attack],
        [
            [
                line.state,
                line.rule_id[:8],
                line.title,
                f"{line.findings:,}",
                f"{line.hidden:,}",
                utc(line.last) if line.last else "never",
                line.reason,
                *[labels.get(line.rule_id, "none")] * attack,
            ]
            for line in shown
        ],
        right=frozenset({"findings", "hidden"}),
    )
    counts = Counter(line.state for line in lines)
    Screen().line(", ".join(f"{n:,} {name}" for name, n in sorted(counts.items())))
    waiting = [] if folder is not None else contents.waiting(where)
    if waiting:
        names = ", ".join(f"{change.path} {change.kind}" for change in waiting[:HOSTS])
        more = f" and {len(waiting) - HOSTS} more" if len(waiting) > HOSTS else ""
        Screen().line(f"on disk, not applied: {names}{more}; `tocsin apply` puts that to work")
    return 0


@rules.command
def add(
    source: Path,
    *,
    staged: Flag = False,
    days: Count = 30,
    yes: Flag = False,
    site: Path | None = None,
) -> int:
    """Take rules into the site: show what is different and what they would have fired.

    Parameters
    ----------
    source
        A rule file, or a folder or archive of them.
    staged
        On trial: they detect and count, and open no incident until promoted.
    days
        Try them on the stored events of so many days.
    yes
        Do not ask.
    site
        Site folder; without it the one found here.
    """
    coming = ruling.compare(sites.required_site(site), source, whole=False)
    return _take(sites.required_site(site), coming, staged=staged, days=days, yes=yes)


@rules.command
def update(
    source: Path,
    *,
    staged: Flag = False,
    days: Count = 30,
    yes: Flag = False,
    site: Path | None = None,
) -> int:
    """Bring the rules of a folder up to date, and take away those that are gone from it.

    Parameters
    ----------
    source
        The folder or archive that `tocsin rules add` was given, as it is now.
    staged
        What is new, or fires on something else than before, goes on trial.
    days
        Try them on the stored events of so many days.
    yes
        Do not ask.
    site
        Site folder; without it the one found here.
    """
    coming = ruling.compare(sites.required_site(site), source, whole=True)
    return _take(sites.required_site(site), coming, staged=staged, days=days, yes=yes)


@rules.command
def stage(rule: str, *, site: Path | None = None) -> int:
    """Put a rule on trial: it detects and counts, and opens no incident until promoted.

    Parameters
    ----------
    rule
        Id of the rule, or the beginning of it.
    site
        Site folder; without it the one found here.
    """
    place = sites.required_site(site)
    found = [one for one in overview.rules(place, None) if one.rule_id.startswith(rule)]
    if len(found) != 1:
        what = "several rules begin" if found else "no rule begins"
        raise UsageError(f"{what} with {rule!r}: `tocsin rules` lists them")
    ruling.stage(place, {found[0].rule_id: found[0].title})
    Screen().line(f"on trial: {found[0].title}; `tocsin apply` puts that to work")
    return 0


@rules.command
def promote(*rule: str, site: Path | None = None) -> int:
    """End the trial of rules: from the next apply on their findings open incidents.

    Parameters
    ----------
    rule
        Ids of rules on trial, or the beginnings of them.
    site
        Site folder; without it the one found here.
    """
    if not rule:
        raise UsageError("name at least one rule on trial: `tocsin rules --state staged`")
    for line in ruling.promote(sites.required_site(site), rule):
        Screen().line(f"promoted {line}")
    Screen().line("`tocsin apply` puts that to work")
    return 0


def _take(site: Site, coming: ruling.Coming, *, staged: bool, days: int, yes: bool) -> int:
    screen = Screen()
    _tell_changes(screen, coming)
    ruling.refuse_unsupported(coming)
    now = SystemClock().now()
    _tell_fired(screen, firing.fired(site, coming, now - days * DAY, now), days)
    if not [change for change in coming.changes if change.kind != "same"]:
        screen.line("nothing is different")
        return 0
    if not yes and not agreed("Write these rules? [y/N] ", "written", "writes"):
        screen.line("nothing was written")
        return 1
    touched = ruling.put(site, coming, staged=staged)
    trial = f", {plural(len(coming.fresh), 'rule')} on trial" if staged else ""
    screen.line(f"{plural(len(touched), 'file')} written{trial}: `tocsin apply` puts them to work")
    return 0


def _tell_changes(screen: Screen, coming: ruling.Coming) -> None:
    changes = [change for change in coming.changes if change.kind != "same"]
    for change in changes[:SHOWN]:
        screen.line(f"{change.kind:<8} {change.rule_id[:8]}  {change.title}{_what(change)}")
    if len(changes) > SHOWN:
        screen.line(f"... and {len(changes) - SHOWN} more")
    counts = Counter(change.kind for change in coming.changes)
    screen.line(", ".join(f"{n:,} {kind}" for kind, n in sorted(counts.items())))
    unused = ruling.unusable(coming.statuses)
    reasons = Counter(f"{status.state.value}: {status.reason}" for status in unused)
    for reason, n in reasons.most_common(HOSTS):
        screen.line(f"  {plural(n, 'rule')} {reason}")


def _what(change: ruling.Change) -> str:
    if change.kind != "changed":
        return ""
    logic = f"fires otherwise ({', '.join(change.logic)})" if change.logic else ""
    told = f"tells otherwise ({', '.join(change.told)})" if change.told else ""
    return f": {'; '.join(part for part in (logic, told) if part)}"


def _tell_fired(screen: Screen, found: list[firing.Fired], days: int) -> None:
    """What new rules would have found, the noisiest first."""
    loud = sorted((one for one in found if one.findings), key=lambda one: -one.findings)
    if found:
        silent = len(found) - len(loud)
        screen.line(f"On the stored events of {plural(days, 'day')}: {silent:,} would be silent")
    for one in loud[:SHOWN]:
        per_day = one.findings / len(one.by_day)
        hosts = ", ".join(f"{name} {n:,}" for name, n in one.hosts[:HOSTS])
        more = f" and {len(one.hosts) - HOSTS} more" if len(one.hosts) > HOSTS else ""
        screen.line(
            f"  {one.rule_id[:8]}  {one.title}: {plural(one.findings, 'finding')}, "
            f"{per_day:,.1f} on each of {plural(len(one.by_day), 'day')}; {hosts}{more}"
        )
        for time, host, matched in one.examples:
            screen.short(f"      {utc(time)}  {host}  {matched}", style="dim")
    if len(loud) > SHOWN:
        screen.line(f"  ... and {len(loud) - SHOWN} more rules that fire")
