"""Events and strangers of each business unit, over all classes of a source."""

from collections.abc import Mapping

from tocsin.model.quality import WHOLE, Counts, add_counts, cell_key, cell_parts

MOST_UNITS = 64


def add_units(into: dict[str, Counts], cells: Mapping[str, Mapping[str, int]]) -> None:
    """How many events are of each unit (in the whole), and its strangers (in a cell of its own)."""
    for key, counts in list(cells.items()):
        class_name, unit, _ = cell_parts(key)
        if not unit or not class_name:
            continue
        whole = into.setdefault(WHOLE, {})
        name = f"unit:{unit}"
        if name not in whole and sum(one.startswith("unit:") for one in whole) >= MOST_UNITS:
            continue
        add_counts(whole, {name: counts.get("n", 0)})
        strangers = {one: n for one, n in counts.items() if one.startswith("@")}
        if strangers:
            add_counts(into.setdefault(cell_key("", unit), {}), strangers)
