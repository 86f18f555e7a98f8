"""How much a reader accepts before it calls an input hostile, and the running account of it."""

from dataclasses import dataclass, field

import msgspec

from tocsin.errors import InputError

MIB = 1024 * 1024


class Limits(msgspec.Struct, frozen=True):
    """Bounds of what is read; sizes are bytes.

    `max_ratio` is unpacked to packed size of one compressed stream, checked once more than
    `ratio_floor` came out of it (the best packed real log set seen so far is 61:1). The same ratio
    holds for a whole file with everything nested in it, above `total_floor`.
    """

    max_record: int = 8 * MIB
    max_depth: int = 128
    max_ratio: int = 200
    ratio_floor: int = 16 * MIB
    total_floor: int = 1024 * MIB
    max_unpacked: int = 256 * 1024 * MIB
    max_nesting: int = 6
    max_members: int = 100_000
    max_held: int = 256 * MIB
    """A nested archive that needs random access is held in memory up to this size."""
    kept_of_rejected: int = 64 * 1024
    """How much of an oversized record its dead letter keeps."""


DEFAULT = Limits()


class Unreadable(InputError):
    """One stream or member cannot be read further; what came before stays valid."""


class Trailing(Unreadable):
    """Rubbish follows a stream that itself is whole: all that came before it is complete."""


@dataclass(slots=True)
class Account:
    """What one file on disk has cost so far, over everything nested in it."""

    limits: Limits
    packed: int
    unpacked: int = 0
    members: int = 0
    _ceiling: int = field(init=False)

    def __post_init__(self) -> None:
        by_ratio = max(self.limits.total_floor, self.limits.max_ratio * self.packed)
        self._ceiling = min(self.limits.max_unpacked, by_ratio)

    def spend(self, unpacked: int) -> None:
        """Count unpacked bytes; raises Unreadable when the whole file gives too many."""
        self.unpacked += unpacked
        if self.unpacked > self._ceiling:
            detail = f"{self.packed} bytes unpack to more than {self._ceiling}"
            raise Unreadable("too-much-unpacked", detail)

    def enter_member(self) -> None:
        """Count an archive member; raises Unreadable when there are too many."""
        self.members += 1
        if self.members > self.limits.max_members:
            raise Unreadable("too-many-members", f"more than {self.limits.max_members}")

    def check_ratio(self, packed: int, unpacked: int) -> None:
        """Judge one compressed stream by what went in and came out so far."""
        if unpacked > max(self.limits.ratio_floor, self.limits.max_ratio * packed):
            detail = f"{packed} bytes unpack to more than {unpacked}"
            raise Unreadable("compression-ratio", detail)
