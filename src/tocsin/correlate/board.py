"""What correlation remembers between steps: open groups and the keys that lead to them.

Groups go by a small number inside; `parent` leads from the number of a group that was joined into
another to that other. Times are microseconds UTC, `cell` values are minutes since 1970.
"""

from typing import TypeAlias

import msgspec

from tocsin.correlate.dossier import Dossier


class Ref(msgspec.Struct, array_like=True, frozen=True):
    """A group, and the finding that stands for the claim."""

    finding_id: str
    group: int


class Run(msgspec.Struct, array_like=True):
    """Findings that share a key with no gap longer than its window."""

    first: int
    last: int
    window: int
    ref: Ref


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """Where a key was last seen by a finding of an incident."""

    cell: int
    ref: Ref


class Seen(msgspec.Struct, array_like=True):
    """Who shares something that joins only when few do."""

    members: dict[str, int] = {}
    hub_until: int = -1
    last: Mark | None = None


class Low(msgspec.Struct, array_like=True):
    """An informational or low finding (with its repeats in one cell) that looks for an incident."""

    ref: Ref
    noise_key: str
    anchors: list[tuple[str, int, str]]


class Minute(msgspec.Struct, array_like=True):
    """What one minute of event time brought, until time has passed it."""

    marks: dict[str, Ref] = {}
    traces: dict[str, dict[str, tuple[str, list[Ref]]]] = {}
    lows: dict[str, Low] = {}
    observed: bool = False
    decided: bool = False


class Group(msgspec.Struct, array_like=True):
    """An open incident."""

    incident_id: str
    dossier: Dossier
    aliases: list[str] = []


Runs: TypeAlias = dict[str, list[Run]]


class Board(msgspec.Struct):
    """The whole state of one site."""

    groups: dict[int, Group] = {}
    parent: dict[int, int] = {}
    next_group: int = 0
    runs: Runs = {}
    minutes: dict[int, Minute] = {}
    marks: dict[str, Mark] = {}
    trails: dict[str, Mark] = {}
    seen: dict[str, Seen] = {}
    waiting: dict[str, tuple[int, Low]] = {}
    noise: dict[str, Mark] = {}
    known: dict[int, bytes] = {}
    pruned_at: int = 0

    def root(self, group: int) -> int:
        """The group that `group` is part of now."""
        while (above := self.parent.get(group)) is not None:
            group = above
        return group
