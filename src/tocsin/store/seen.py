"""Which events were seen, and where first: recognizes what a sender delivers again.

A table with one row per event and an index on its uid was tried: uids are random, so each batch of
8,192 touched nearly every page, and a commit grew to 85 ms and 30 MB of log at one million events.
Here a batch adds one row, and a set of short keys in memory says what is surely new. What may not
be new (a repeat, our own redelivery, or one in 10^12 by chance) is looked up in full in the runs.
"""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from django.db import transaction

from tocsin.store.database import Database
from tocsin.store.state import models

WINDOW = 1_048_576
"""At least so many newest events are remembered: about 100 MB in the process that thinks."""

HISTORY = "back-"
"""How the partition of a backfill begins."""

UID_BYTES = 16
_UID = pa.binary(UID_BYTES)


class Seen:
    """The seen events of one database. Every method runs in the caller's transaction.

    The keys in memory are those of committed runs; runs of another process are taken up, too.
    """

    def __init__(self, database: Database, window: int = WINDOW, *, history: bool = False) -> None:
        """With `history` the events of backfills, which never push live ones out of the window."""
        self._database = database
        self._window = window
        self._history = history
        self._keys: set[int] = set()
        self._newest_run = 0
        self._events = 0

    def first_seen(
        self,
        partition: str,
        uids: Sequence[str],
        offsets: Sequence[int],
        sources: Iterable[str],
        times: Sequence[int],
    ) -> list[int]:
        """Note events of `partition`; returns the offsets of those seen elsewhere before.

        An event counts as seen before when its uid (32 hexadecimal digits) is kept with another
        partition or offset: our own redelivery of the same position is no duplicate.
        """
        if not uids:
            return []
        self._catch_up()
        whole = bytes.fromhex("".join(uids))
        keys = _keys(whole)
        fresh = set(keys)
        new: Sequence[int] = range(len(keys))
        duplicates: list[int] = []
        if len(fresh) < len(keys) or not self._keys.isdisjoint(fresh):
            new, duplicates = self._tell_apart(partition, whole, keys, offsets)
        run = models.SeenRun(
            partition=partition,
            events=len(new),
            sources="\n".join(sorted(set(sources))),
            newest=max(times),
            uids=b"".join(_part(whole, row) for row in new) if len(new) < len(keys) else whole,
            offsets=array("q", [offsets[row] for row in new]).tobytes(),
        )
        if run.events:
            run.save(using=self._database.alias, force_insert=True)
            cut = self._cut(run.events)
            transaction.on_commit(partial(self._settle, *cut), using=self._database.alias)
        return duplicates

    def known(self, uids: Sequence[str]) -> set[str]:
        """Those of `uids` that are among the seen events."""
        self._catch_up()
        whole = bytes.fromhex("".join(uids))
        suspects = [_part(whole, row) for row, key in enumerate(_keys(whole)) if key in self._keys]
        return {uid.hex() for uid in self._find(suspects)}

    def _tell_apart(
        self, partition: str, whole: bytes, keys: Sequence[int], offsets: Sequence[int]
    ) -> tuple[list[int], list[int]]:
        """Rows that are new, and the offsets of duplicates, by what is kept in full."""
        suspects = [_part(whole, row) for row, key in enumerate(keys) if key in self._keys]
        first = self._find(suspects)
        new: list[int] = []
        duplicates: list[int] = []
        for row, offset in enumerate(offsets):
            uid = _part(whole, row)
            if uid not in first:
                first[uid] = (partition, offset)
                new.append(row)
            elif first[uid] != (partition, offset):
                duplicates.append(offset)
        return new, duplicates

    def _find(self, uids: list[bytes]) -> dict[bytes, tuple[str, int]]:
        """Where uids were seen first, as far as they were."""
        wanted = pa.array(uids, _UID)
        found: dict[bytes, tuple[str, int]] = {}
        if not uids:
            return found
        for run in self._runs().values_list("partition", "uids", "offsets").iterator(100):
            kept = _uid_array(run[1])
            for row in pc.indices_nonzero(pc.is_in(kept, wanted)).to_pylist():
                offset = int.from_bytes(run[2][8 * row : 8 * row + 8], "little", signed=True)
                found.setdefault(kept[row].as_py(), (run[0], offset))
        return found

    def _catch_up(self) -> None:
        """Take up the keys of runs that are committed and not yet in memory."""
        newest = self._runs().order_by("-id").values_list("id", flat=True).first() or 0
        if newest == self._newest_run:
            return
        later = self._runs().filter(id__gt=self._newest_run)
        for number, uids in later.values_list("id", "uids").iterator(100):
            keys = _keys(bytes(uids))
            self._keys.update(keys)
            self._events += len(keys)
            self._newest_run = number

    def _cut(self, coming: int) -> tuple[int, Sequence[int]]:
        """Cut off the oldest runs beyond the window; how many events that were, and their keys."""
        keys = array("q")
        excess, cut = self._events + coming - self._window, 0
        last = 0
        for number, events, uids in self._oldest():
            if cut + events > excess:
                break
            cut += events
            keys.extend(_keys(bytes(uids)))
            last = number
        if cut:
            self._runs().filter(id__lte=last).delete()
        return cut, keys

    def _oldest(self) -> Iterator[Any]:
        rows = self._runs().values_list("id", "events", "uids")
        return iter(rows.iterator(8))

    def _settle(self, cut: int, keys: Sequence[int]) -> None:
        """Bring memory in line with what is committed now."""
        self._events -= cut
        self._keys.difference_update(keys)
        self._catch_up()

    def _runs(self) -> Any:
        rows = models.SeenRun.objects.using(self._database.alias).order_by("id")
        past = {"partition__startswith": HISTORY}
        return rows.filter(**past) if self._history else rows.exclude(**past)


def _keys(uids: bytes) -> Sequence[int]:
    """A short key of every uid: its first 8 bytes."""
    both = array("q", uids)
    return both[::2]


def _part(uids: bytes, row: int) -> bytes:
    return uids[UID_BYTES * row : UID_BYTES * (row + 1)]


def _uid_array(uids: bytes) -> pa.Array:
    """Uids in Arrow, without a copy."""
    count = len(uids) // UID_BYTES
    return pa.Array.from_buffers(_UID, count, [None, pa.py_buffer(bytes(uids))])
