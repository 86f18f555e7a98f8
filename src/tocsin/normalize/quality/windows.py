"""What just came, as nested windows: the newest slices, with the open hours, with closed ones."""

from collections.abc import Iterator
from typing import NamedTuple

from tocsin.model.quality import WHOLE, Counts, add_cells
from tocsin.normalize.quality.fold import HOUR, Recent
from tocsin.normalize.quality.places import add_units


class Window(NamedTuple):
    """Counts by cell since a time (us UTC)."""

    since: int
    cells: dict[str, Counts]

    @property
    def whole(self) -> Counts:
        """Counts of the whole source."""
        return self.cells.get(WHOLE, {})


def windows(recent: Recent) -> list[Window]:
    """The windows of a source, from the shortest to the longest; those without rows left out."""
    found: list[Window] = []
    ring: dict[str, Counts] = {}
    for row in recent.ring:
        add_cells(ring, row.cells)
        add_units(ring, row.cells)
    if ring:
        found.append(Window(recent.ring[0].at, ring))
    opened: dict[str, Counts] = {}
    live = [(number, hour) for number, hour in recent.open.items() if not hour.history]
    for _, hour in live:
        add_cells(opened, hour.cells)
    if opened:
        found.append(Window(min(number for number, _ in live) * HOUR, opened))
    if recent.closed:
        every: dict[str, Counts] = {}
        add_cells(every, opened)
        for hour in recent.closed.values():
            add_cells(every, hour.cells)
        found.append(Window(min(recent.closed) * HOUR, every))
    return found


def slices(recent: Recent, cell: str) -> Iterator[tuple[int, Counts]]:
    """The newest slices of a cell with when they came, oldest first."""
    for row in recent.ring:
        cells: dict[str, Counts] = {}
        add_cells(cells, row.cells)
        add_units(cells, row.cells)
        if cell in cells:
            yield row.at, cells[cell]
