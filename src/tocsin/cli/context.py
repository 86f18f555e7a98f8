"""`tocsin context`: what the site knows of itself, and what it says of a name on a day."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import App, Parameter

from tocsin.app import context as contexts
from tocsin.app import feeds
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.app.context import Loaded
from tocsin.app.overview import plain
from tocsin.cli.arguments import Flag, Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural, utc
from tocsin.enrich.context import ContextIndex, describe
from tocsin.enrich.context.values import time_of
from tocsin.errors import UsageError
from tocsin.model.context import (
    ALWAYS,
    FOREVER,
    Ambiguous,
    ContextNote,
    Resolved,
)
from tocsin.model.findings import Entity

SHOWN_PROBLEMS = 20
COLUMNS = ("feed", "kind", "appeared", "changed", "vanished", "unchanged", "unreadable")
COUNTS = frozenset(COLUMNS[2:])

context = App(name="context", help="Load and show what the site knows of itself, day by day.")


@context.command
def load(  # noqa: PLR0913 (one option each)
    file: Path,
    *,
    as_: Annotated[str, Parameter(name="--as")],
    feed: str = "",
    columns: Path | None = None,
    list_: Annotated[str, Parameter(name="--list")] = "",
    domain: str = "",
    owner: str = "",
    scope: str = "",
    as_of: str = "",
    partial: Flag = False,
    confirm: Flag = False,
    site: Path | None = None,
) -> int:
    """Load an export: what appeared, changed and vanished since the last one of this feed.

    Nothing is overwritten: what is no longer so ends, and an old event is still read by it. A load
    that would end more than a fifth of what the feed said is refused unless it is confirmed. Lines
    that cannot be read are named; then nothing of the feed ends, because it may be among them.

    Parameters
    ----------
    file
        The export, plain or packed.
    as_
        assets, identities, units, roles, services, zones, watchlist, vulnerabilities, windows or
        leases (tables); cmdb or changes (ServiceNow, JSON); ical; nessus; epss; kev.
    feed
        The feed's name, where there are several of this kind.
    columns
        A YAML file with `field: header`, where the headers are the site's own.
    list
        The watchlist's name, where no column says it.
    domain
        The domain of accounts that are written without one.
    owner
        Who answers for entries that do not say it themselves.
    scope
        What entries of a calendar concern that do not say it themselves.
    as_of
        The day or time that the export speaks of; without it, now.
    partial
        The export is not the whole feed: what it does not say stays.
    confirm
        The export is right, though it ends much or could not be read whole.
    site
        Site folder; without it the one found here.
    """
    where = sites.required_site(site)
    wish = feeds.Wish(
        as_, feed, columns, list_, domain, owner, scope,
        _time(as_of, "--as-of") if as_of else None, partial, confirm,
    )  # fmt: skip
    return _tell(contexts.keep(where, feeds.read_file(file, wish)))


@context.command
def ldap(name: str = "", *, confirm: Flag = False, site: Path | None = None) -> int:
    """Load people, machines and groups from the LDAP directories of the settings.

    Parameters
    ----------
    name
        One `[[directory]]` by its name; without it, all of them.
    confirm
        The directory is right, though much of what it said before is gone.
    site
        Site folder; without it the one found here.
    """
    where = sites.required_site(site)
    code = 0
    for given in feeds.read_ldap(where, name, confirmed=confirm):
        code = max(code, _tell(contexts.keep(where, given)))
    return code


@context.command
def show(entity: str, *, at: str = "", site: Path | None = None, json: Json = False) -> int:
    r"""Show what is known of a user, host or address, and why its records are one.

    Parameters
    ----------
    entity
        DOMAIN\user, user@domain, a SID, a host, an address; user:NAME and host:NAME are clear.
    at
        The day or time; without it, now.
    site
        Site folder; without it the one found here.
    json
        Print JSON.
    """
    index = contexts.index_of(sites.required_site(site))
    moment = _time(at, "--at") if at else SystemClock().now()
    told = _about(index, entity, moment)
    if json:
        sys.stdout.buffer.write(orjson.dumps([plain(one) for one in told], option=JSON_OPTIONS))
        return 0
    screen = Screen()
    screen.line(f"{entity} on {utc(moment)}")
    for found, notes in told:
        if isinstance(found, Resolved):
            _tell_resolved(screen, found)
        elif isinstance(found, Ambiguous):
            screen.line(f"  ambiguous: fits {', '.join(found.candidates)}; none was chosen")
        for note in notes:
            screen.line(f"  {note.kind}: {note.text}")
    if not any(found or notes for found, notes in told):
        screen.line("  nothing is known of it on that day")
    return 0


@context.command
def lists(*, site: Path | None = None) -> int:
    """Write the watchlists into the content, where rules know them as placeholders.

    `field|expand: '%crown_jewels%'` in a rule stands for the entries of the list crown-jewels.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    """
    where = sites.required_site(site)
    path, found = contexts.write_lists(where, SystemClock().now())
    screen = Screen()
    for name, values in found.items():
        screen.line(f"%{name}%  {len(values):,} entries")
    screen.line(f"wrote {path}: `tocsin apply` puts it to work")
    return 0


@context.command
def status(*, site: Path | None = None, json: Json = False) -> int:
    """Show the feeds: when each was loaded last, of which day, and what it changed.

    Parameters
    ----------
    site
        Site folder; without it the one found here.
    json
        Print JSON.
    """
    where = sites.required_site(site)
    loads = contexts.loads_of(where)
    if json:
        sys.stdout.buffer.write(orjson.dumps([plain(one) for one in loads], option=JSON_OPTIONS))
        return 0
    screen = Screen()
    if not loads:
        screen.line("no context is loaded: units, owners and criticality are unknown")
        screen.line("`tocsin context load FILE --as assets` loads a table of machines")
        return 0
    screen.table(
        ["feed", "kind", "as of", "loaded", "by", *COLUMNS[2:], "from"],
        [
            [one.feed, one.kind, utc(one.as_of), utc(one.at), one.by]
            + [f"{getattr(one, name):,}" for name in COLUMNS[2:]]
            + [one.origin]
            for one in loads
        ],
        right=COUNTS,
    )
    index = contexts.index_of(where)
    kinds = ", ".join(f"{n:,} {kind}" for kind, (_, n) in index.shelf.head.kinds.items())
    screen.line(f"index {index.index_id[:16]}: {kinds or 'nothing'} (past ones too)")
    return 0


def _tell(loaded: Loaded) -> int:
    screen = Screen()
    for problem in loaded.problems[:SHOWN_PROBLEMS]:
        screen.line(str(problem))
    if len(loaded.problems) > SHOWN_PROBLEMS:
        screen.line(f"... and {len(loaded.problems) - SHOWN_PROBLEMS:,} more")
    rows = [
        [one.feed, one.kind, *(f"{getattr(one, name):,}" for name in COLUMNS[2:])]
        for one in loaded.loads
    ]
    screen.table(list(COLUMNS), rows, right=COUNTS)
    if loaded.kept:
        screen.line(
            f"{plural(loaded.kept, 'fact')} not said again stay in force: not every line could be "
            "read (--confirm ends them)"
        )
    return 1 if loaded.problems else 0


Told = tuple[Resolved | Ambiguous | None, tuple[ContextNote, ...]]


def _about(index: ContextIndex, text: str, at: int) -> list[Told]:
    """What a name is as a user, and as a host or address."""
    kind, colon, name = text.partition(":")
    kinds = (kind,) if colon and kind in ("user", "host", "address") else ("user", "host")
    asked = name if len(kinds) == 1 else text
    told: list[Told] = []
    for one in kinds:
        entity = Entity(one, asked.lower(), asked)
        known = index.identity(asked, at) if one == "user" else index.asset(asked, at)
        told.append((known, describe((entity,), at, index)))
    return told


def _tell_resolved(screen: Screen, found: Resolved) -> None:
    body = found.body
    screen.line(f"  {type(body).__name__.lower()} {body.name or found.entity}")
    names = ", ".join(f"{one.kind} {one.value}" for one in body.identifiers)
    screen.line(f"  known as: {names}")
    for field in ("unit", "segment", "department", "manager", "owner", "os"):
        if value := getattr(body, field, ""):
            screen.line(f"  {field}: {value}")
    screen.line(
        f"  found by {found.by.kind} {found.by.value}, confidence {found.confidence:.2f}, in "
        f"{', '.join(found.records)}"
    )
    for link in found.links:
        screen.line(f"  one because of the {link.reason} ({link.confidence:.2f})")
    for text in found.disagreements:
        screen.line(f"  its feeds disagree about {text}")


def _time(text: str, option: str) -> int:
    try:
        found = time_of(text)
    except ValueError as error:
        raise UsageError(f"{option} {error}") from error
    if not ALWAYS <= found < FOREVER:
        raise UsageError(f"{option} {text}: no such time")
    return found
