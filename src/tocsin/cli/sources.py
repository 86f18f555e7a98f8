"""`tocsin sources`."""

import sys
from pathlib import Path

import orjson

from tocsin.app import overview
from tocsin.app import site as sites
from tocsin.app.overview import SourceLine
from tocsin.app.site import Site
from tocsin.cli.arguments import Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, utc

NOBODY = "(unrecognized)"
"""What stands for the source of records that nobody recognized."""

_NUMBERS = ("received", "stored", "repeats", "dead", "dropped", "in flight")


def sources(
    site: Path | None = None, *, every: bool = False, verify: bool = False, json: Json = False
) -> int:
    """Say of every source where its records are: nothing may be missing.

    received = stored + repeats + dead letters + dropped by policy + in flight.

    Parameters
    ----------
    site
        Site folder; without it the one found here, or only what ships.
    every
        Show the sources, too, from which nothing came.
    verify
        Count what really is in the lake; 1 is returned when that is not what the accounts say.
    json
        Print JSON.
    """
    where = sites.open_site(site)
    lines = overview.sources(where)
    lake = overview.in_lake(where) if verify else None
    if json:
        body = [_plain(line, lake) for line in lines]
        sys.stdout.buffer.write(orjson.dumps(body, option=JSON_OPTIONS))
    else:
        _show(where, lines, every=every)
    return _verified(lines, lake) if lake is not None else 0


def _show(site: Site, lines: list[SourceLine], *, every: bool) -> None:
    screen = Screen()
    seen = [line for line in lines if line.account.received or every]
    if seen:
        screen.table(
            ["source", *_NUMBERS, "last received"],
            [_row(line) for line in seen],
            right=frozenset(_NUMBERS),
        )
    if len(seen) < len(lines):
        quiet = len(lines) - len(seen)
        screen.line(f"{quiet} sources from which nothing came (--every shows them)", style="dim")
    for words, n in overview.befell(site).items():
        screen.line(f"{n:,} {words}")
    if refused := overview.refused(site):
        counted = ", ".join(f"{n:,} {reason}" for reason, n in refused.items())
        screen.line(f"not used: {counted} (`tocsin dead-letters` shows them)")


def _row(line: SourceLine) -> list[str]:
    account = line.account
    numbers = (
        account.received,
        account.stored,
        account.duplicates,
        account.dead_letters,
        account.dropped,
        account.in_flight,
    )
    last = utc(line.last_received) if line.last_received else "never"
    return [line.source_id or NOBODY, *(f"{number:,}" for number in numbers), last]


def _plain(line: SourceLine, lake: dict[str, int] | None) -> dict[str, object]:
    plain = overview.plain(line)
    plain["account"]["in_flight"] = line.account.in_flight
    if lake is not None:
        plain["in_lake"] = lake.get(line.source_id, 0)
    return dict(plain)


def _verified(lines: list[SourceLine], lake: dict[str, int]) -> int:
    """Tell where the lake holds other than what the accounts say."""
    wrong = 0
    for line in lines:
        there, account = lake.get(line.source_id, 0), line.account
        if there != account.stored - account.expired:
            wrong += 1
            print(
                f"{line.source_id}: {there:,} events in the lake, but {account.stored:,} stored"
                f" and {account.expired:,} expired; were a commit just under way, ask again",
                file=sys.stderr,
            )
    return 1 if wrong else 0
