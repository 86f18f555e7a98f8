"""Which events were seen, and where first: recognizes what a sender delivers again."""

from collections.abc import Sequence

from tocsin.store.database import Database
from tocsin.store.state import models
from tocsin.store.upserts import upsert

_LOW = (1 << 63) - 1
_LOOKUP = 500
_COLUMNS = ("key", "fingerprint", "partition", "offset", "source", "time")
_INSERT = upsert(models.SeenEvent, _COLUMNS)
SLICES = 256
"""The key space is pruned in so many steps, each a range of keys, to keep transactions short."""


class Seen:
    """The table of seen events of one database. Every method runs in the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def first_seen(
        self,
        partition: str,
        uids: Sequence[str],
        offsets: Sequence[int],
        sources: Sequence[str],
        times: Sequence[int],
    ) -> list[int]:
        """Note events of `partition`; returns the offsets of those seen elsewhere before.

        An event counts as seen before when its uid (hexadecimal, 128 bits) is stored with another
        partition or offset: our own redelivery of the same position is no duplicate. `times` are
        microseconds UTC and serve pruning only.
        """
        numbers = self._numbers({partition, *sources})
        own = numbers[partition]
        keys = [_key(uid) for uid in uids]
        rows = [
            (key, fingerprint, own, offset, numbers[source], time)
            for (key, fingerprint), offset, source, time in zip(
                keys, offsets, sources, times, strict=True
            )
        ]
        if self._database.execute_many(_INSERT, rows) == len(rows):
            return []
        known = self._known([key for key, _ in keys])
        return [
            offset
            for (key, fingerprint), offset in zip(keys, offsets, strict=True)
            if known[key][0] == fingerprint and known[key][1:] != (own, offset)
        ]

    def forget(self, before: int, turn: int) -> int:
        """Drop events with a time before `before` (us) in the slice `turn` of the keys; how many.

        Calling it with `turn` 0, 1, 2, ... (any SLICES consecutive numbers) visits every key once.
        """
        width = (_LOW + 1) // SLICES
        low = (turn % SLICES) * width
        rows = models.SeenEvent.objects.using(self._database.alias)
        gone, _ = rows.filter(key__gte=low, key__lt=low + width, time__lt=before).delete()
        return int(gone)

    def _known(self, keys: list[int]) -> dict[int, tuple[int, int, int]]:
        """Fingerprint, partition and offset of stored keys."""
        rows = models.SeenEvent.objects.using(self._database.alias)
        found: dict[int, tuple[int, int, int]] = {}
        for start in range(0, len(keys), _LOOKUP):
            part = rows.filter(key__in=keys[start : start + _LOOKUP])
            for key, *rest in part.values_list("key", "fingerprint", "partition", "offset"):
                found[key] = (rest[0], rest[1], rest[2])
        return found

    def _numbers(self, names: set[str]) -> dict[str, int]:
        """The numbers of names, given out on first use."""
        rows = models.SeenName.objects.using(self._database.alias)
        known = dict(rows.filter(name__in=names).values_list("name", "id"))
        for name in sorted(names - known.keys()):
            known[name] = rows.create(name=name).id
        return known


def _key(uid: str) -> tuple[int, int]:
    """Two 63-bit numbers that stand for a uid: SQLite's integers are signed."""
    number = int(uid, 16)
    return number & _LOW, (number >> 63) & _LOW
