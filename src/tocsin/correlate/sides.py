"""Where people's decisions cut through what belongs together otherwise.

Correlation itself knows nothing of decisions but that events bound together are tied: which
findings belong together stays a matter of what they share, the same in every order. What a person
took apart is cut afterwards, here, from what a group holds. A group keeps its findings in *cells*:
one for each bound block, and one for each person on a host for all the others. A group that holds
blocks that are kept apart falls into sides; each cell goes with the side it shares the strongest
thing with.
"""

from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import NamedTuple

from tocsin.correlate.dossier import Dossier
from tocsin.correlate.entities import joins
from tocsin.correlate.grouping import host_of, users_of
from tocsin.model.decisions import Constraints
from tocsin.model.findings import Finding

BOUND, FREE, REST = "!", "=", "~"
"""How the name of a cell begins: a block's, a place's, and what is left when there are too many."""

COMMON = 16
"""What more cells of a group than this share says nothing about where they belong."""

_STRENGTH = {
    name: place
    for place, name in enumerate(
        ("process", "session", "place", "hash", "file", "address", "host", "user")
    )
}


class Side(NamedTuple):
    """One incident of a group: its id and its cells, in order of name."""

    incident_id: str
    cells: tuple[str, ...]


def cell_of(finding: Finding, constraints: Constraints) -> str:
    """The cell that a finding is kept in."""
    block = constraints.block_of(finding)
    if block:
        return BOUND + block
    people = users_of(finding)
    return f"{FREE}{host_of(finding)}|{people[0].key if people else ''}"


def sides_of(incident_id: str, cells: dict[str, Dossier], constraints: Constraints) -> list[Side]:
    """The incidents that these cells are: one, unless decisions keep some of them apart.

    A side bears the id of its eldest block; a group without any bears `incident_id`.
    """
    blocks = [name[1:] for name in cells if name.startswith(BOUND)]
    if not any(constraints.are_apart(*pair) for pair in combinations(blocks, 2)):
        eldest = min(blocks, key=constraints.order.__getitem__, default=None)
        name = constraints.blocks[eldest].incident_id if eldest is not None else incident_id
        return [Side(name, tuple(sorted(cells)))]
    return list(_named(_clusters(cells, constraints), constraints))


def _named(clusters: Iterable[list[str]], constraints: Constraints) -> Iterator[Side]:
    used: set[str] = set()
    for cluster in clusters:
        blocks = sorted(
            (name[1:] for name in cluster if name.startswith(BOUND)),
            key=constraints.order.__getitem__,
        )
        names = [constraints.blocks[block].incident_id for block in blocks]
        free = [name for name in names if name not in used]
        chosen = free[0] if free else f"{names[0]}.{blocks[0]}"
        used.add(chosen)
        yield Side(chosen, tuple(sorted(cluster)))


def _clusters(cells: dict[str, Dossier], constraints: Constraints) -> list[list[str]]:
    """Cells joined by the strongest that they share, never across what is kept apart.

    What shares nothing goes with the eldest side that it may: the one that stayed.
    """

    def age(name: str) -> tuple[int, str]:
        block = constraints.order[name[1:]] if name.startswith(BOUND) else len(constraints.order)
        return block, name

    ordered = sorted(cells, key=age)
    cluster = {name: [name] for name in ordered}

    def join(one: str, other: str) -> None:
        first, second = cluster[one], cluster[other]
        if first is second or _conflict(first, second, constraints):
            return
        first.extend(second)
        for name in second:
            cluster[name] = first

    for first, second in _nearest_first(cells, ordered):
        join(ordered[first], ordered[second])
    for one, other in combinations(ordered, 2):
        join(one, other)
    return list({id(names): names for names in cluster.values()}.values())


def _conflict(first: list[str], second: list[str], constraints: Constraints) -> bool:
    return any(
        constraints.are_apart(one[1:], other[1:])
        for one in first
        if one.startswith(BOUND)
        for other in second
        if other.startswith(BOUND)
    )


def _nearest_first(cells: dict[str, Dossier], ordered: list[str]) -> list[tuple[int, int]]:
    """Pairs of cells (by place in the order), those first that share most of the strongest."""
    holders: dict[tuple[int, str], list[int]] = {}
    for place, name in enumerate(ordered):
        for key in sorted(_things(cells[name])):
            holders.setdefault(key, []).append(place)
    shared: dict[tuple[int, int], list[int]] = {}
    for (strength, _), places in holders.items():
        for pair in combinations(places, 2) if len(places) <= COMMON else ():
            shared.setdefault(pair, [0] * len(_STRENGTH))[strength] -= 1
    return sorted(shared, key=lambda pair: (shared[pair], pair))


def _things(dossier: Dossier) -> set[tuple[int, str]]:
    """What a cell may share with another."""
    found = {
        (_STRENGTH[entity.kind], entity.key)
        for entity in dossier.entities.values()
        if entity.kind in _STRENGTH and joins(entity)
    }
    place = _STRENGTH["place"]
    found |= {(place, f"{s.host}|{s.user}") for s in dossier.steps.values() if s.host and s.user}
    return found
