"""`tocsin intelligence`: feeds, what they brought, what it matched, and who was told."""

import sys
from pathlib import Path
from typing import Any

import orjson
from cyclopts import App

from tocsin.app import delivering
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.app.intelligence import Keeper
from tocsin.app.intelligence import load as load_files
from tocsin.app.rules_back import search_for_rules
from tocsin.cli.arguments import Count, Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural, utc

SHORT = 12
"""Characters of an incident's id that the terminal shows."""

intelligence = App(
    name="intelligence",
    help="Show feeds of intelligence, load them, search the past, and tell what became of it.",
)


@intelligence.default
@intelligence.command
def status(*, site: Path | None = None, json: Json = False) -> int:
    """Show what is looked for, what is not and why, and which searches of the past are open.

    Returns 1 when a feed is stale or failed.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    json
        Print JSON.
    """
    told = delivering.status(sites.required_site(site), SystemClock().now())
    if json:
        return _json(told) or int(told.wrong)
    screen = Screen()
    screen.line(f"{plural(told.indicators, 'indicator')} looked for, table {told.table_id or '-'}")
    for label, number in (
        ("could only match what warning lists suppress", told.benign),
        ("revoked or expired", told.ended),
        ("not, or not wholly, used (`tocsin intelligence unsupported`)", told.unsupported),
    ):
        screen.line(f"  {number:,} {label}")
    for job in told.jobs:
        state = f"done {utc(job.finished)}" if job.finished else "under way"
        screen.line(
            f"  match-back {job.number}: {state}, {plural(job.events, 'event')} searched, "
            f"{plural(job.findings, 'new finding')}"
        )
    _tell_feeds(screen, told.feeds)
    return int(told.wrong)


@intelligence.command
def feeds(*, site: Path | None = None, json: Json = False) -> int:
    """List the feeds with their age; returns 1 when one is stale or failed.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    json
        Print JSON.
    """
    told = delivering.status(sites.required_site(site), SystemClock().now())
    if json:
        return _json(told.feeds) or int(told.wrong)
    _tell_feeds(Screen(), told.feeds)
    return int(told.wrong)


@intelligence.command
def load(*path: Path, feed: str, site: Path | None = None) -> int:
    """Read STIX 2.1 (or KEV) files now, as if a declared feed had brought them.

    Parameters
    ----------
    path
        Files, folders or archives.
    feed
        Id of a feed of `intelligence/feeds/`.
    site
        Site folder; without it the one found here.
    """
    came, table_id = load_files(sites.required_site(site), feed, path)
    screen = Screen()
    screen.line(f"{plural(came.changed, 'object')} new or changed; table {table_id or '-'}")
    if came.refused:
        screen.line(f"{plural(came.refused, 'object')} could not be read: {came.note}")
    return 1 if came.refused else 0


@intelligence.command
def poll(*, site: Path | None = None) -> int:
    """Ask every feed now, and make the table anew; `tocsin up` does that by itself.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    """
    keeper = Keeper(sites.required_site(site), SystemClock())
    asked = keeper.ask_due(all_feeds=True)
    keeper.make_table()
    screen = Screen()
    for one in asked:
        screen.line(f"{one.feed}: {one.error or plural(one.indicators, 'indicator')}")
    keeper.close()
    return int(any(one.error for one in asked))


@intelligence.command
def rebuild(*, site: Path | None = None) -> int:
    """Write the table of indicators anew from what is kept.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    """
    keeper = Keeper(sites.required_site(site), SystemClock())
    Screen().line(f"table {keeper.make_table(anew=True) or '-'}")
    keeper.close()
    return 0


@intelligence.command(name="match-back")
def match_back(*, days: Count = 30, rule: tuple[str, ...] = (), site: Path | None = None) -> int:
    """Search stored events for everything that is looked for now, or for rules.

    New indicators are searched for by themselves; this searches for all, and goes on where it was
    stopped. What it finds is taken over by `tocsin up`.

    Parameters
    ----------
    days
        How far back: for indicators by when events came in, for rules by when they happened.
    rule
        Id or title of a rule in force, instead of indicators; more than one can be named.
    site
        Site folder; without it the one found here.
    """
    keeper = Keeper(sites.required_site(site), SystemClock())
    if rule:
        events, found = search_for_rules(keeper.site, keeper.state, rule, days, keeper.clock.now())
    else:
        events, found = delivering.search_all(keeper, days)
    keeper.close()
    Screen().line(f"{plural(events, 'event')} searched, {plural(found, 'new finding')}")
    return 0


@intelligence.command
def unsupported(
    *, feed: str = "", site: Path | None = None, limit: Count = 100, json: Json = False
) -> int:
    """List indicators that are not, or not wholly, looked for, and why.

    Parameters
    ----------
    feed
        Only of this feed.
    site
        Site folder; without it the one found here.
    limit
        How many to list.
    json
        Print JSON.
    """
    rows = delivering.unsupported(sites.required_site(site), feed, limit)
    if json:
        return _json([dict(zip(("feed", "id", "reason"), row, strict=True)) for row in rows])
    Screen().table(["feed", "indicator", "reason"], [list(row) for row in rows])
    return 0


@intelligence.command
def delivery(
    *, days: Count = 30, limit: Count = 50, site: Path | None = None, json: Json = False
) -> int:
    """Tell which intelligence matched, reached an incident, and was seen by whom.

    Parameters
    ----------
    days
        Only matches of the last days, by event time.
    limit
        How many indicators to list.
    site
        Site folder; without it the one found here.
    json
        Print JSON.
    """
    told = delivering.delivery(sites.required_site(site), SystemClock().now(), days, limit)
    if json:
        return _json(told)
    screen = Screen()
    screen.line(
        f"{plural(told.matched, 'indicator')} matched, {told.reached:,} reached an incident, "
        f"{told.seen:,} were seen by somebody"
    )
    screen.table(
        ["indicator", "title", "matches", "last", "incidents", "seen by"],
        [
            [
                one.rule_id,
                one.title,
                f"{one.matches:,}",
                utc(one.last),
                " ".join(name[:SHORT] for name in one.incidents[:3]),
                ", ".join(one.seen_by),
            ]
            for one in told.deliveries
        ],
        right=frozenset({"matches"}),
    )
    return 0


def _tell_feeds(screen: Screen, lines: tuple[delivering.FeedLine, ...]) -> None:
    if not lines:
        screen.line("no feeds: declare them in intelligence/feeds/*.yaml", style="dim")
        return
    screen.table(
        ["feed", "kind", "indicators", "asked", "newest", "state"],
        [
            [
                one.feed,
                one.kind,
                f"{one.indicators:,}",
                utc(one.tried) if one.tried else "never",
                utc(one.newest) if one.newest else "-",
                one.trouble or one.note or "fresh",
            ]
            for one in lines
        ],
        right=frozenset({"indicators"}),
    )


def _json(tree: Any) -> int:
    sys.stdout.buffer.write(orjson.dumps(delivering.plain(tree), option=JSON_OPTIONS))
    return 0
