"""Insert-or-update in the SQL that SQLite and PostgreSQL share."""

from collections.abc import Sequence
from typing import Any


def upsert(
    model: Any,
    keys: Sequence[str],
    sets: Sequence[str] = (),
    *,
    add: bool = False,
    conflict: Sequence[str] = (),
) -> str:
    """SQL that stores a row of `keys` then `sets`; on a known key it replaces `sets`.

    With `add` the stored numbers grow by the given ones. Without `sets` a known row stays. What is
    unique is `conflict` where the other keys only come with a new row.
    """
    table = f'"{model._meta.db_table}"'  # noqa: SLF001  # Django's documented Meta API
    columns = ", ".join(f'"{name}"' for name in (*keys, *sets))
    marks = ", ".join(["%s"] * (len(keys) + len(sets)))
    insert = f"INSERT INTO {table} ({columns}) VALUES ({marks}) ON CONFLICT"  # noqa: S608  # names of our own models
    if not sets:
        return f"{insert} DO NOTHING"
    target = ", ".join(f'"{name}"' for name in conflict or keys)
    changes = ", ".join(_change(table, name, add=add) for name in sets)
    return f"{insert} ({target}) DO UPDATE SET {changes}"


def _change(table: str, name: str, *, add: bool) -> str:
    """What becomes of one column of a row that is there already."""
    grown = f'{table}."{name}" + ' if add else ""
    return f'"{name}" = {grown}excluded."{name}"'
