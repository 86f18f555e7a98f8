"""Which shares are not what they were: attributes, forms of names, words, places, native fields.

A share counts as changed when it rose by what the thresholds allow at most, above the highest hour
that was seen, and when that is less likely than `FALSE_ALARM` by the source's own history
(`chance`). About 100 shares of each of 20 sources are looked at in three windows; their hours are
some million independent looks a week, so that chance alone gives a false alarm in ten weeks. What
the model does not hold, such as the first weekend, is what the demands on the rise are for.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from tocsin.model.quality import WHOLE, Counts, cell_parts
from tocsin.model.readiness import Scope
from tocsin.normalize.quality.chance import (
    Usual,
    chance_of_less,
    chance_of_more,
    combined,
    usual_of,
)
from tocsin.normalize.quality.fold import Recent
from tocsin.normalize.quality.proportions import (
    KEYS,
    Base,
    Past,
    Proportion,
    denominators,
    of_what,
    proportions,
)
from tocsin.normalize.quality.readings import Reading
from tocsin.normalize.quality.windows import Window, slices

FALSE_ALARM = 1e-8

LEAST_HOURS, LEAST_EVENTS = 6, 200
"""History without which nothing is called a change."""

WEEK_HOURS = 168
_YOUNG = 2.0
"""A history that knows no whole week must be exceeded by so much more."""

LEAST_NOW = 24
"""Events in a window below which a share says nothing."""

LEAST_HOUR = 5
"""Events of an hour that make it one of the hours that are looked at one by one."""

NEARLY_ALL = 0.95
"""A share that some hour had cannot be exceeded any more: then only chance decides."""

UNIT_EXPECTED, UNIT_LEFT, UNIT_HOURS = 200, 0.02, 0.9
"""Events that a unit must be expected to have before it can be missed, the share then left, and
the share of hours in which it was there before."""


class Change(NamedTuple):
    """A share that rose (or, for a unit, fell)."""

    cell: str
    one: Proportion
    usual: Usual
    rise: float
    window: Window


def changes(
    found: list[Window], past: Mapping[str, Past], least: Mapping[str, float]
) -> Iterator[Change]:
    """Changed shares, each once, in the shortest window that shows it.

    `least` is the rise by kind (`kind_of`) that is worth telling; other kinds are not looked at.
    """
    told: set[tuple[str, str]] = set()
    for window in found:
        for cell, counts in window.cells.items():
            known = past.get(cell)
            if known is None:
                continue
            for change in _in_cell(cell, counts, known, least, window):
                if (cell, change.one.name) not in told:
                    told.add((cell, change.one.name))
                    yield change


def kind_of(name: str) -> str:
    """The measure of a proportion; empty for those that are judged elsewhere."""
    if name.startswith("absent:") or name == "misfit":
        return "field"
    if name.startswith(("@", "unit:")):
        return "place"
    if "~" in name:
        return "format"
    return "enum" if name.endswith("!") else ""


def _in_cell(
    cell: str, counts: Counts, known: Past, least: Mapping[str, float], window: Window
) -> Iterator[Change]:
    strangers = cell_parts(cell)[0] == ""
    for one in proportions(counts):
        kind = kind_of(one.name)
        if kind not in least or one.n < LEAST_NOW or one.name.startswith("unit:"):
            continue
        if one.k < one.n * min(least[kind], 0.8):
            continue
        if one.name.startswith("@") and not strangers:
            continue
        usual = _usual(known, one.name)
        if (
            usual is not None
            and _rose(one, usual, least[kind])
            and _unlikely(cell, one, usual, window)
        ):
            yield Change(cell, one, usual, one.k / one.n - usual.mean, window)
    if cell == WHOLE and "place" in least:
        yield from _missed_units(counts, known, window)


def _usual(known: Past, name: str) -> Usual | None:
    base = known.bases.get(of_what(name), Base())
    if base.hours < LEAST_HOURS or base.n < LEAST_EVENTS:
        return None
    return usual_of(base, known.spreads.get(name))


def _rose(one: Proportion, usual: Usual, least: float) -> bool:
    """Whether a share is higher than history explains."""
    least *= _YOUNG if usual.hours < WEEK_HOURS else 1.0
    share, room = one.k / one.n, 1 - usual.mean
    if share < usual.mean + min(least, room * 0.8):
        return False
    return not (usual.worst < NEARLY_ALL and share < min(usual.worst + least / 2, NEARLY_ALL))


def _unlikely(cell: str, one: Proportion, usual: Usual, window: Window) -> bool:
    """Whether chance would not do it: in the window as one draw, or in its hours one by one."""
    if chance_of_more(one.k, one.n, usual) < FALSE_ALARM:
        return True
    chances = []
    for hour in window.hours:
        counts = hour.get(cell, {})
        mine = next((p for p in proportions(counts) if p.name == one.name), None)
        n = mine.n if mine else dict(denominators(counts)).get(of_what(one.name), 0)
        if n >= LEAST_HOUR:
            chances.append(chance_of_more(mine.k if mine else 0, n, usual))
    return len(chances) > 1 and combined(chances) < FALSE_ALARM


def _missed_units(counts: Counts, known: Past, window: Window) -> Iterator[Change]:
    n = counts.get("n", 0)
    for name in known.spreads:
        if not name.startswith("unit:"):
            continue
        usual = _usual(known, name)
        k = counts.get(name, 0)
        if usual is None or usual.hours < WEEK_HOURS or n * usual.mean < UNIT_EXPECTED:
            continue
        if known.spreads[name].hours < UNIT_HOURS * usual.hours:
            continue
        if k < UNIT_LEFT * usual.mean * n and chance_of_less(k, n, usual) < FALSE_ALARM:
            yield Change(WHOLE, Proportion(name, k, n), usual, 1 - k / (n * usual.mean), window)


def readings(
    recent: Recent, found: list[Window], past: Mapping[str, Past], least: Mapping[str, float]
) -> Iterator[Reading]:
    """Changed shares in words."""
    for change in changes(found, past, least):
        yield _reading(change, _since(recent, change))


def _since(recent: Recent, change: Change) -> int:
    """When the first of the slices came that are all changed; the window's beginning otherwise."""
    middle = change.usual.mean + change.rise / 2
    since = 0
    for at, counts in slices(recent, change.cell):
        one = next((p for p in proportions(counts) if p.name == change.one.name), None)
        if one is not None and one.n and one.k / one.n >= middle:
            since = since or at
        elif counts.get(of_what(change.one.name), 0):
            since = 0
    return since or change.window.since


def _reading(change: Change, since: int) -> Reading:
    class_name, unit, segment = cell_parts(change.cell)
    one, before = change.one, change.usual.mean
    now = f"{one.k / one.n:.0%} of {one.n:,} events, usually {before:.1%}"
    scope = Scope(class_name=class_name, unit=unit, segment=segment)
    kind = kind_of(one.name)
    if one.name == "misfit":
        return Reading(
            "field", change.rise, scope, since,
            f"events lost what their class requires, and are of no class: {now}",
            "find out which field the sender leaves out, or mend the mapping",
        )  # fmt: skip
    if kind == "field":
        field = one.name.removeprefix("absent:")
        return Reading(
            "field", change.rise, Scope(class_name, field, unit, segment), since,
            f"{field} is missing in {now}",
            f"find out what changed at the sender, or mend the mapping of {field}",
        )  # fmt: skip
    if kind == "format":
        field, _, shape = one.name.partition("~")
        return Reading(
            "format", change.rise, Scope(class_name, field, unit, segment), since,
            f"{field} is written in another form: {_SHAPES.get(shape, shape)} in {now}",
            f"map the new form of {field}, or have the sender write it as before",
        )  # fmt: skip
    if kind == "enum":
        field = one.name.removesuffix("!")
        return Reading(
            "enum", change.rise, Scope(class_name, field, unit, segment), since,
            f"{field} has words that OCSF does not know in {now}",
            f"add the new words to the table of {field} in the mapping",
        )  # fmt: skip
    if one.name.startswith("unit:"):
        unit = one.name.removeprefix("unit:")
        return Reading(
            "place", change.rise, Scope(unit=unit), since,
            f"events are hardly ever placed in unit {unit} any more: {now}",
            f"look at the directory data of {unit}: users and hosts may have lost their unit",
        )  # fmt: skip
    who, _, where = one.name[1:].partition("-")
    lost = "no unit" if where == "nowhere" else "another unit"
    return Reading(
        "place", change.rise, scope, since,
        f"the {who}s of unit {unit} belong to {lost} in {now}",
        f"look at the directory data of {unit}: {who} names and their unit",
    )  # fmt: skip


_SHAPES = {
    "bare": "a bare name", "mail": "user@domain", "down-level": "DOMAIN\\user", "sid": "a SID",
    "guid": "a GUID", "words": "words with blanks", "full": "with its domain",
    "short": "without its domain", "address": "an address", "other": "no text",
}  # fmt: skip


def schema_readings(recent: Recent, past: Mapping[str, Past], least: float) -> Iterator[Reading]:
    """Native fields that were nearly always there and are gone; new ones are `new_keys`."""
    keys, sampled, since = _keys(recent)
    known = past.get(KEYS)
    if known is None or sampled < LEAST_NOW * 2:
        return
    for name in sorted(known.spreads):
        usual = _usual(known, name)
        if usual is None or usual.mean < least:
            continue
        k = keys.get(name.removeprefix("key:"), 0)
        missing = 1 - k / (sampled * usual.mean)
        if missing > least and k == 0 and chance_of_less(k, sampled, usual) < FALSE_ALARM:
            field = name.removeprefix("key:")
            yield Reading(
                "schema", missing, Scope(field=f"native:{field}"), since,
                f"the native field {field} is gone: 0 of {sampled:,} sampled records, "
                f"usually {usual.mean:.0%}",
                "find out what changed at the sender; a mapping may rest on this field",
            )  # fmt: skip


def new_keys(recent: Recent, past: Mapping[str, Past]) -> list[str]:
    """Native fields that history does not have, and that now are in a tenth of the records."""
    keys, sampled, _ = _keys(recent)
    known = past.get(KEYS)
    if known is None or known.bases.get("sampled", Base()).n < LEAST_EVENTS or sampled < LEAST_NOW:
        return []
    fresh = [name for name, k in keys.items() if f"key:{name}" not in known.spreads and k > 1]
    return sorted(name for name in fresh if keys[name] * 10 >= sampled)


def _keys(recent: Recent) -> tuple[dict[str, int], int, int]:
    """Native fields of the open hours, how many records were sampled, and since when."""
    keys: dict[str, int] = {}
    sampled, since = 0, 0
    for number, hour in recent.open.items():
        if hour.history:
            continue
        sampled += hour.cells.get(WHOLE, {}).get("sampled", 0)
        since = min(since, number) if since else number
        for name, k in hour.keys.items():
            keys[name] = keys.get(name, 0) + k
    return keys, sampled, since * 3_600_000_000
