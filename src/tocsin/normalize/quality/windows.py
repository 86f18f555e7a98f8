"""What just came, as nested windows: the newest slices, with the open hours, with closed ones."""

from collections.abc import Iterator
from typing import NamedTuple

from tocsin.model.quality import WHOLE, Counts, add_cells
from tocsin.normalize.quality.fold import HOUR, Recent
from tocsin.normalize.quality.places import add_units

STEPS = (64, 256, 768)
"""Closed hours are added, the newest first, until a window has so many events."""


class Window(NamedTuple):
    """Counts by cell since a time (us UTC)."""

    since: int
    cells: dict[str, Counts]
    hours: tuple[dict[str, Counts], ...] = ()
    """The hours that it is the sum of."""

    @property
    def whole(self) -> Counts:
        """Counts of the whole source."""
        return self.cells.get(WHOLE, {})


def windows(recent: Recent) -> list[Window]:
    """The windows of a source, from the shortest to the longest; those without rows left out."""
    found: list[Window] = []
    if recent.ring:
        ring: dict[str, Counts] = {}
        for row in recent.ring:
            add_cells(ring, row.cells)
        add_units(ring, {key: dict(counts) for key, counts in ring.items()})
        found.append(Window(recent.ring[0].at, ring))
    live = {number: hour.cells for number, hour in recent.open.items() if not hour.history}
    if live:
        found.append(Window(min(live) * HOUR, _sum(list(live.values())), tuple(live.values())))
    wanted = list(STEPS)
    every = list(live.values())
    for number in sorted(recent.closed, reverse=True):
        before = sum(map(_events, every))
        while wanted and before >= wanted[0]:
            wanted.pop(0)
        if not wanted:
            break
        every.append(recent.closed[number].cells)
        if before + _events(every[-1]) >= wanted[0] or number == min(recent.closed):
            found.append(Window(number * HOUR, _sum(every), tuple(every)))
    return found


def _sum(hours: list[dict[str, Counts]]) -> dict[str, Counts]:
    if len(hours) == 1:
        return hours[0]
    total: dict[str, Counts] = {}
    for cells in hours:
        add_cells(total, cells)
    return total


def _events(cells: dict[str, Counts]) -> int:
    return cells.get(WHOLE, {}).get("n", 0)


def slices(recent: Recent, cell: str) -> Iterator[tuple[int, Counts]]:
    """The newest slices of a cell with when they came, oldest first."""
    for row in recent.ring:
        cells: dict[str, Counts] = {}
        add_cells(cells, row.cells)
        add_units(cells, row.cells)
        if cell in cells:
            yield row.at, cells[cell]
