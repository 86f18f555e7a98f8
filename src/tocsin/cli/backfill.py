"""`tocsin backfill`."""

import sys
from pathlib import Path

import orjson

from tocsin.app import backfill as fills
from tocsin.app import site as sites
from tocsin.app.backfill import Filled
from tocsin.app.clock import SystemClock
from tocsin.app.holding import moment
from tocsin.app.hunt import Progress
from tocsin.cli.arguments import Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural, utc
from tocsin.formats.read import total_bytes


def backfill(
    *paths: Path,
    source: str | None = None,
    received: str = "",
    site: Path | None = None,
    json: Json = False,
) -> int:
    """Bring exports and archives into the lake, at the time of their events.

    They count as history: for readiness, for what is learned later, for queries. What rules find in
    them is kept, and opens no incident. The same files again change nothing; a run that was stopped
    goes on where it was. The service may be running.

    Parameters
    ----------
    paths
        Files, folders or archives.
    source
        Id of the source; without it each record's format is recognized.
    received
        When they were received, as YYYY-MM-DD, where their times have no year; today without it.
    site
        Site folder; without it the one found here.
    json
        Print JSON.
    """
    clock = SystemClock()
    now, began = clock.now(), clock.monotonic()
    total = max(total_bytes(paths), 1)
    with Screen().progress() as bar:

        def show(so_far: Filled) -> None:
            share, seconds = so_far.read / total, clock.monotonic() - began
            bar.update(Progress(so_far.records, share, seconds, so_far.findings))

        filled = fills.backfill(
            sites.required_site(site),
            paths,
            source=source,
            received=moment(received) or now,
            now=now,
            told=show,
        )
    if json:
        sys.stdout.buffer.write(orjson.dumps(_plain(filled), option=JSON_OPTIONS))
    else:
        _tell(filled)
    return 0


def _plain(filled: Filled) -> dict[str, object]:
    return {
        "records": filled.records,
        "repeats": filled.repeats,
        "dead_letters": filled.dead_letters,
        "findings": filled.findings,
        "earliest": filled.earliest,
        "latest": filled.latest,
        "sources": dict(sorted(filled.sources.items())),
    }


def _tell(filled: Filled) -> None:
    screen = Screen()
    if filled.sources:
        screen.table(
            ["source", "events"],
            [[name, f"{n:,}"] for name, n in filled.sources.most_common()],
            right=frozenset({"events"}),
        )
        screen.line(f"events from {utc(filled.earliest)} to {utc(filled.latest)}")
    screen.line(
        f"{plural(filled.records, 'record')}: {filled.repeats:,} known already,"
        f" {filled.dead_letters:,} could not be used;"
        f" {plural(filled.findings, 'finding')} kept as history"
    )
