"""`tocsin upkeep` and `tocsin hold`."""

import sys
from pathlib import Path

import orjson
from cyclopts import App

from tocsin.app import content as contents
from tocsin.app import holding
from tocsin.app import site as sites
from tocsin.app import upkeep as rounds
from tocsin.app.clock import SystemClock
from tocsin.cli.arguments import Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, utc

hold = App(name="hold", help="Say what retention must not remove, and until when that holds.")


def upkeep(site: Path | None = None, *, json: Json = False) -> int:
    """Remove what expired, join small files of the lake, and sweep; the service does it daily.

    What an open incident or a decision cites stays, and what a legal hold covers.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    json
        Print JSON.
    """
    report = rounds.run_round(sites.required_site(site))
    if json:
        sys.stdout.buffer.write(orjson.dumps(rounds.plain(report), option=JSON_OPTIONS))
        return 0
    screen = Screen()
    changed = [one for one in report.rewritten if one.expired]
    if changed:
        screen.table(
            ["class", "day", "expired"],
            [[one.class_name, one.day, f"{sum(one.expired.values()):,}"] for one in changed],
            right=frozenset({"expired"}),
        )
    screen.line(
        f"{report.expired:,} events, {report.findings:,} findings and"
        f" {report.dead_letters:,} dead letters expired;"
        f" {len(report.rewritten):,} days were written anew, {report.swept:,} files swept"
    )
    return 0


@hold.command
def place(  # noqa: PLR0913 (one option each)
    hold_id: str,
    *,
    reason: str,
    entity: str = "",
    source: str = "",
    event_class: str = "",
    since: str = "",
    until: str = "",
    site: Path | None = None,
) -> int:
    """Keep events until the hold is released; every condition that is given must be met.

    Parameters
    ----------
    hold_id
        A name for it, such as a file number.
    reason
        Why.
    entity
        A host, user or address that the events name.
    source
        Id of a source.
    event_class
        An OCSF class, such as file_activity.
    since
        The events' own time, from: YYYY-MM-DD or ISO 8601, UTC.
    until
        And up to.
    site
        Site folder; without it the one found here.
    """
    wanted = holding.Wanted(hold_id, reason, entity, source, event_class, since, until)
    made = holding.place(sites.required_site(site), wanted, contents.person(), SystemClock().now())
    Screen().line(f"hold {made.hold_id}: {holding.covers(made)}")
    return 0


@hold.command
def release(hold_id: str, *, reason: str, site: Path | None = None) -> int:
    """End a hold.

    Parameters
    ----------
    hold_id
        Its name.
    reason
        Why it is over.
    site
        Site folder; without it the one found here.
    """
    by = contents.person()
    holding.release(sites.required_site(site), hold_id, by, reason, SystemClock().now())
    Screen().line(f"hold {hold_id} released by {by}")
    return 0


@hold.command(name="list")
def listed(*, site: Path | None = None) -> int:
    """List the holds, those in force first.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    """
    found = holding.all_holds(sites.required_site(site))
    screen = Screen()
    if not found:
        screen.line("there is no hold")
        return 0
    screen.table(
        ["hold", "covers", "by", "since", "reason", "released"],
        [
            [
                one.hold_id,
                holding.covers(one),
                one.by,
                utc(one.at),
                one.reason,
                f"{utc(one.released)} by {one.released_by}" if one.released else "",
            ]
            for one in found
        ],
    )
    return 0
