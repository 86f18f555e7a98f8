"""One exception as its file says it."""

from enum import StrEnum

import msgspec

from tocsin.detect.exceptions.conditions import Condition, Window
from tocsin.model.findings import Level

DAY = 86_400_000_000
"""Microseconds of a day."""

LONGEST = 90
"""Days that an exception may last: then somebody has to look at it again."""


class Effect(StrEnum):
    """What an exception does to the findings that it covers."""

    HIDE = "hide"
    LOWER = "lower"


class Entry(msgspec.Struct, frozen=True):
    """One exception. `created` and `expires` are the first us UTC of their days.

    It is about `rules` (ids), or about everything of one `source`. `covers` and `leaves` are its
    tests: records (a mapping of native fields, or the original as text), each with the line of its
    file.
    """

    id: str
    title: str
    where: str
    rules: tuple[str, ...]
    source: str
    conditions: tuple[Condition, ...]
    window: Window | None
    effect: Effect
    level: Level | None
    owner: str
    approved_by: str
    reason: str
    created: int
    expires: int
    covers: tuple[tuple[int, dict[str, object] | str], ...]
    leaves: tuple[tuple[int, dict[str, object] | str], ...]

    @property
    def approved(self) -> bool:
        """True when a second person stands for it."""
        return bool(self.approved_by) and _folded(self.approved_by) != _folded(self.owner)

    @property
    def broad(self) -> bool:
        """True when it covers a whole source, or whatever a rule says."""
        return bool(self.source) or not self.conditions

    def in_force(self, at: int) -> bool:
        """True from the day it was created up to, not including, the day it expires."""
        return self.created <= at < self.expires


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()
