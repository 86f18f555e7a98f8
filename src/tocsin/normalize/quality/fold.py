"""Adds the counts of slices up: what just came, hour by hour; closed hours go on to `days`.

Everything kept is a sum, a maximum, a union, or the newest of a set, so that the order in which
rows come makes no difference. What was added is known by its spool position and added once.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import pyarrow as pa

from tocsin.model.quality import (
    LONGEST_OFFSET,
    WHOLE,
    Counts,
    HostDelay,
    Measured,
    add_cells,
    add_counts,
    measured_from_bytes,
)
from tocsin.model.stages import pack_state, unpack_state
from tocsin.normalize.quality.places import add_units
from tocsin.normalize.quality.senders import Runs, merged

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3_600 * SECOND, 86_400 * SECOND

LATENESS = 15 * MINUTE
"""How long (us) an hour stays open for rows that come late; later ones are a block of their own."""

RING_EVENTS, RING_ROWS = 1_536, 8
"""The newest rows that are kept as they are: so many events, or so many rows."""

KEPT_EVENTS, KEPT_HOURS = 768, 48
"""Closed hours that are kept beside them, for sources of which little comes."""

MOST_HOSTS, HOST_ROWS = 256, 4
"""Hosts whose clock is watched, and slices of each: those that told of it last, of these the ones
that are furthest off."""

STALE = 2 * HOUR
"""How long (us) what a host's clock was is believed after it was last told."""

OFF_SECONDS = 60.0
"""A delay (s) within which a host that is let go of cannot be missed."""

MOST_UNTOLD = 16

MOST_SENDERS = 256
MOST_ABOVE = 1_024
"""Positions that are remembered one by one above the one below which all was added."""

MOST_KEYS = 256

HOURS = pa.schema(
    [
        pa.field("source_id", pa.string(), nullable=False),
        pa.field("number", pa.int64(), nullable=False),
        pa.field("hour", pa.int64(), nullable=False),
        pa.field("body", pa.binary(), nullable=False),
    ]
)
"""Closed hours (or late parts of one). `number` counts the rows of a source, `hour` is the hour
since 1970, `body` an `Hour` in MessagePack."""


class Hour(msgspec.Struct, array_like=True):
    """An hour of a source."""

    cells: dict[str, Counts]
    minutes: dict[int, int] = {}
    """Events by minute of the hour."""
    keys: dict[str, int] = {}
    sequences: dict[str, Runs] = {}
    history: bool = False
    unlearned: list[tuple[str, str]] = []
    """(cell, what) of which the hour must not count as usual: see `days`."""


class Slice(msgspec.Struct, array_like=True, order=True):
    """A row as it came, without what only hours need."""

    at: int
    partition: str
    first: int
    cells: dict[str, Counts]

    @property
    def events(self) -> int:
        """Events of the slice."""
        return self.cells.get(WHOLE, {}).get("n", 0)


class Added(msgspec.Struct, array_like=True):
    """Positions of a partition that were added: all below `floor`, and those of `above`."""

    floor: int = -1
    above: list[int] = []


class Recent(msgspec.Struct):
    """State of a source. Times are microseconds UTC; hours count since 1970, minus for history."""

    added: dict[str, Added] = {}
    ring: list[Slice] = []
    open: dict[int, Hour] = {}
    closed: dict[int, Hour] = {}
    hosts: dict[str, list[tuple[int, int, float, float]]] = {}
    """(at, events, median delay, spread in s) of the newest slices of each host."""
    ends: dict[str, int] = {}
    """The last number of each sender in closed hours."""
    newest: int = 0
    """When the newest live event was received."""
    history_to: int = 0
    """How far (us) backfilled events have come."""
    history_mark: int = 0
    """The watermark when the last backfilled events came."""
    number: int = 0
    """Hours handed on so far."""
    untold: list[tuple[int, int, float, float]] = []
    """(at, events, median delay, spread in s) of hosts that stand out and are not watched."""


class QualityFold:
    """A Fold over `model.quality.QUALITY`, by source; hands on `HOURS`."""

    name = "quality"
    version = 1

    def key(self, rows: pa.RecordBatch) -> pa.Array:
        """The source."""
        return rows.column("source_id")

    def step(
        self,
        state: bytes | None,
        rows: pa.RecordBatch,
        *,
        watermark: int,
        now: int,  # noqa: ARG002 - the contract's: an hour closes by the watermark alone
    ) -> tuple[bytes | None, pa.RecordBatch]:
        """Add rows; the hours that are over."""
        recent = recent_from_bytes(state)
        source = ""
        for row in rows.to_pylist():
            source = row["source_id"]
            if _is_new(recent, row["partition"], row["first"]):
                _add(recent, row, watermark)
        _trim(recent)
        closed = list(_close(recent, watermark))
        if not rows.num_rows and not closed:
            return state, _NONE
        # A step without rows has no name at hand: `named` puts it in.
        return pack_state(self.version, recent), _rows(source, closed)


_NONE = pa.RecordBatch.from_pylist([], schema=HOURS)


def recent_from_bytes(state: bytes | None) -> Recent:
    """The state of a source; an empty one before the first row."""
    if state is None:
        return Recent()
    return unpack_state(state, Recent, QualityFold.version, {})


def named(rows: pa.RecordBatch, source_id: str) -> pa.RecordBatch:
    """`HOURS` under the key of their source: a step without rows does not know it."""
    column = pa.array([source_id] * rows.num_rows, pa.string())
    return rows.set_column(0, HOURS.field(0), column)


def _rows(source: str, closed: Iterable[tuple[int, int, Hour]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [
            {"source_id": source, "number": n, "hour": h, "body": msgspec.msgpack.encode(one)}
            for n, h, one in closed
        ],
        schema=HOURS,
    )


def hour_from_bytes(body: bytes) -> Hour:
    """The body of a row of `HOURS`."""
    return msgspec.msgpack.decode(body, type=Hour)


def _is_new(recent: Recent, partition: str, first: int) -> bool:
    """Note a position; whether it was not added before."""
    added = recent.added.setdefault(partition, Added())
    if first <= added.floor or first in added.above:
        return False
    added.above = sorted([*added.above, first])
    if len(added.above) > MOST_ABOVE:
        added.floor = added.above[len(added.above) // 2]
        added.above = [one for one in added.above if one > added.floor]
    return True


def _add(recent: Recent, row: dict[str, Any], watermark: int) -> None:
    measured = measured_from_bytes(row["body"])
    if row["history"]:
        recent.history_to = max(recent.history_to, row["at"])
        recent.history_mark = max(recent.history_mark, watermark)
    else:
        recent.newest = max(recent.newest, row["at"])
        recent.ring.append(Slice(row["at"], row["partition"], row["first"], measured.cells))
        for host, delay in measured.hosts.items():
            _add_host(recent, host, row["at"], delay)
        for delay in measured.untold:
            recent.untold.append((row["at"], delay.n, delay.median, delay.spread))
    _add_hours(recent, measured, at=row["at"], history=row["history"])


def _add_host(recent: Recent, host: str, at: int, delay: HostDelay) -> None:
    known = recent.hosts.setdefault(host, [])
    known.append((at, delay.n, delay.median, delay.spread))
    known.sort()
    del known[:-HOST_ROWS]


def _add_hours(recent: Recent, measured: Measured, *, at: int, history: bool) -> None:
    """The cells of a slice belong to the hour of its newest event, its minutes to their own."""
    hour = _hour(recent, at // HOUR, history=history)
    add_cells(hour.cells, measured.cells)
    add_units(hour.cells, measured.cells)
    for name, n in measured.keys.items():
        if name in hour.keys or len(hour.keys) < MOST_KEYS:
            hour.keys[name] = hour.keys.get(name, 0) + n
    for sender, runs in measured.sequences.items():
        hour.sequences[sender] = merged([*hour.sequences.get(sender, ()), *runs])
    for minute, n in measured.minutes.items():
        into = _hour(recent, minute // 60, history=history).minutes
        into[minute % 60] = into.get(minute % 60, 0) + n


def _hour(recent: Recent, hour: int, *, history: bool) -> Hour:
    key = -hour if history else hour
    if key not in recent.open:
        recent.open[key] = Hour({}, history=history)
    return recent.open[key]


def _trim(recent: Recent) -> None:
    """Keep what is newest of what has a bound."""
    recent.ring.sort()
    left = RING_EVENTS
    for kept, row in enumerate(reversed(recent.ring)):
        if left <= 0 or kept >= RING_ROWS:
            del recent.ring[: len(recent.ring) - kept]
            break
        left -= row.events
    if len(recent.hosts) > MOST_HOSTS:
        _let_go(recent)
    _trim_untold(recent)


def _let_go(recent: Recent) -> None:
    """Watch fewer hosts. One that is off and heard of late is not forgotten: it is `untold`."""
    since = recent.newest - STALE

    def order(host: str) -> tuple[bool, bool, float, int, str]:
        at, _, median, _ = recent.hosts[host][-1]
        fresh = at >= since
        # What is too far off to be a clock says nothing about one.
        off = abs(median) if fresh and abs(median) <= LONGEST_OFFSET else 0.0
        return not host, fresh, off, at, host

    by_worth = sorted(recent.hosts, key=order)
    for host in by_worth[: len(recent.hosts) - MOST_HOSTS]:
        row = recent.hosts.pop(host)[-1]
        if (
            row[0] >= since
            and OFF_SECONDS < abs(row[2]) <= LONGEST_OFFSET
            and row[3] <= OFF_SECONDS
        ):
            recent.untold.append(row)


def _trim_untold(recent: Recent) -> None:
    """Of those that still count, the furthest ahead and behind and the newest."""
    since = recent.newest - STALE
    rows = sorted({row for row in recent.untold if row[0] >= since})
    if len(rows) > MOST_UNTOLD:
        worst = {min(rows, key=lambda row: row[2]), max(rows, key=lambda row: row[2])}
        rows = sorted({*worst, *rows[len(worst) - MOST_UNTOLD :]})
    recent.untold = rows


def _close(recent: Recent, watermark: int) -> Iterator[tuple[int, int, Hour]]:
    """Take out the hours that are over, oldest first, with their numbers."""
    for key in sorted(recent.open, key=abs):
        hour = recent.open[key]
        end = (abs(key) + 1) * HOUR + LATENESS
        over = max(recent.history_to if hour.history else recent.newest, 0) >= end
        waited = recent.history_mark + HOUR if hour.history else end
        if over or watermark >= waited:
            del recent.open[key]
            _count_lost(recent, hour)
            recent.number += 1
            if not hour.history:
                _keep(recent, abs(key), hour)
            yield recent.number, abs(key), hour


def _count_lost(recent: Recent, hour: Hour) -> None:
    """Numbers that were expected in an hour and did not come; a sender that begins anew is fine."""
    numbered = lost = 0
    for sender, runs in sorted(hour.sequences.items()):
        end = recent.ends.get(sender)
        if end is None and len(recent.ends) >= MOST_SENDERS:
            continue
        if end is not None and runs[-1][1] > end:
            fresh = [(max(first, end + 1), last) for first, last in runs if last > end]
        else:
            fresh, end = runs, None
        came = sum(last - first + 1 for first, last in fresh)
        span = fresh[-1][1] - (fresh[0][0] if end is None else end + 1) + 1
        numbered, lost = numbered + span, lost + span - came
        recent.ends[sender] = runs[-1][1]
    hour.sequences = {}
    if numbered:
        add_counts(hour.cells.setdefault(WHOLE, {}), {"numbered": numbered, "lost": lost})


def _keep(recent: Recent, number: int, hour: Hour) -> None:
    """Remember the newest closed hours of a source of which little comes."""
    if number in recent.closed:
        add_cells(recent.closed[number].cells, hour.cells)
    else:
        recent.closed[number] = Hour({key: dict(one) for key, one in hour.cells.items()})
    left = KEPT_EVENTS
    for kept, old in enumerate(sorted(recent.closed, reverse=True)):
        if left <= 0 or kept >= KEPT_HOURS:
            del recent.closed[old]
        else:
            left -= recent.closed[old].cells.get(WHOLE, {}).get("n", 0)
