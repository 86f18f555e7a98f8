"""`tocsin query` and `tocsin normalize`."""

import sys
from pathlib import Path

import orjson

from tocsin.app import normalizing, overview
from tocsin.app import site as sites
from tocsin.cli.arguments import Count
from tocsin.cli.screen import Screen
from tocsin.model.text import visible


def query(
    sql: str, *, site: Path | None = None, limit: Count = 1_000, lake: Path | None = None
) -> int:
    """Ask the stored events one SELECT.

    Parameters
    ----------
    sql
        One SELECT; every OCSF class is a table (`SELECT count(*) FROM process_activity`), and so
        are `incidents`, `findings` and `dead_letters` (the newest 10,000).
    site
        Site folder; without it the one found here.
    limit
        How many rows to print at most.
    lake
        Folder that `tocsin hunt --lake` wrote, instead of the site's.
    """
    if lake is not None:
        answer = overview.query(lake, None, sql, limit)
    else:
        where = sites.required_site(site)
        answer = overview.query(where.lake, where.state, sql, limit)
    screen = Screen()
    columns = answer.rows.column_names
    rows = [[_cell(value) for value in row.values()] for row in answer.rows.to_pylist()]
    screen.table(columns, rows)
    more = f" (the first {limit:,}; --limit shows more)" if answer.truncated else ""
    screen.line(f"{len(rows):,} rows{more}", style="dim")
    return 0


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return orjson.dumps(value, default=str).decode()
    return str(value)


def normalize(
    *paths: Path, site: Path | None = None, source: str | None = None, records: Path | None = None
) -> int:
    """Print what log files look like in OCSF, one event a line.

    Parameters
    ----------
    paths
        Files, folders or archives.
    site
        Site folder whose content to use; without it the one found here, or only what ships.
    source
        Id of the source; without it each record's format is recognized.
    records
        A file with one object a line (`id`, `raw`, perhaps `source`), each a record of its own:
        prints for each its id, status (ok, unknown or rejected), source, reason and events.
    """
    where = sites.open_site(site)
    if records is not None:
        for line in normalizing.normalize_records(records, where):
            sys.stdout.buffer.write(line + b"\n")
        return 0
    problems = 0
    for found in normalizing.normalize_files(list(paths), where, source):
        if isinstance(found, normalizing.Refused):
            problems += 1
            print(visible(f"{found.where}: {found.reason}: {found.detail}"), file=sys.stderr)
        else:
            sys.stdout.buffer.write(found + b"\n")
    return 1 if problems else 0
