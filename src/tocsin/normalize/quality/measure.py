"""What `observe` counts about a batch: small whole numbers per source and slice.

All counts are exact but two. Native field names are counted on one record in `KEYS_EVERY` (by
spool offset, so that a re-run samples the same), and of the hosts of a slice only those whose
clock stands out and the busiest are told.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from tocsin.model.context import NOWHERE, NoContext, Place, Placing
from tocsin.model.quality import (
    EMPTY,
    LONGEST_OFFSET,
    MAX_CELLS,
    QUALITY,
    SLICE,
    WHOLE,
    Counts,
    HostDelay,
    Measured,
    cell_key,
    measured_to_bytes,
)
from tocsin.model.records import NativeRecord, Position
from tocsin.model.sources import SourceSpec
from tocsin.normalize.columns import Path
from tocsin.normalize.moments import LABEL_RECEIVED
from tocsin.normalize.normalizer import Mapped
from tocsin.normalize.program import Group
from tocsin.normalize.quality.senders import Senders
from tocsin.normalize.quality.shapes import Shapes, host_shape, is_person, user_shape

FIELDS = (
    "user.name", "actor.user.name", "device.hostname", "src_endpoint.ip", "dst_endpoint.ip",
    "process.name", "process.cmd_line", "actor.process.name", "file.name", "query.hostname",
    "http_request.url.url_string", "api.operation",
)  # fmt: skip
"""Attributes whose presence is counted where the content says nothing else."""

USERS: tuple[Path, ...] = (("actor", "user", "name"), ("user", "name"))
HOSTS: tuple[Path, ...] = (("device", "hostname"),)
ADDRESSES: tuple[Path, ...] = (("src_endpoint", "ip"), ("device", "ip"))
ENUMS: tuple[Path, ...] = (("activity_id",), ("status_id",))

GENERAL = "base_event"
"""The class of records that fit no other: what is required there needs no field of the record."""

OTHER = 99
"""The value of an OCSF enumeration for a word that it does not have."""

KEYS_EVERY = 32
MAX_KEYS, MAX_KEY = 128, 64
"""Native fields told of a slice, and characters of a name."""

MOST_HOSTS, MOST_ODD = 8, 32
"""Busiest hosts told of a slice; and those whose clock stands out. Of further ones that stand out
the two extremes are told without a name (`Measured.untold`), so that none passes unseen."""

ODD_SECONDS = 120.0
"""How far (s) a host's median delay may lie from its source's, or from none, before it stands
out: where most clocks are wrong, the source's median is wrong as well."""

STEADY = 60.0
"""By how much (s) the delays of a host whose clock is wrong may differ."""

DELAYS = (-43_200, -5_400, -1_800, -300, -60, -5, 5, 60, 300, 900, 1_800, 2_700, 5_400, 21_600,
          86_400)  # fmt: skip
"""Upper bounds (s) of the buckets of delay; `delay:N` counts below the Nth, the last all else."""

_SECOND, _MINUTE = 1_000_000, 60_000_000


class Batch(NamedTuple):
    """A batch after mapping: readable records with their positions, and what became of them."""

    raw: pa.RecordBatch
    records: Sequence[NativeRecord]
    positions: Sequence[Position]
    mapped: Mapped
    rejects: pa.RecordBatch


class _Part:
    """What is known of one source in one slice."""

    __slots__ = ("at", "delays", "first", "last", "measured")

    def __init__(self, first: int, last: int) -> None:
        self.measured = Measured({WHOLE: {}})
        self.delays: dict[str, list[float]] = {}
        self.first, self.last, self.at = first, last, 0


class Meter:
    """Counts the quality of batches. Its caches make it faster and change no result."""

    def __init__(self, sources: Sequence[SourceSpec], fields: Sequence[str] = FIELDS) -> None:
        """`fields` are OCSF attributes (`a.b.c`) whose presence is counted."""
        self._fields: tuple[tuple[Path, str], ...] = tuple(
            (tuple(name.split(".")), name) for name in fields
        )
        self._shapes: dict[Path, Shapes] = {path: Shapes(user_shape) for path in USERS}
        self._shapes |= {path: Shapes(host_shape) for path in HOSTS}
        self._senders = Senders(sources)

    def measure(
        self, batch: Batch, placing: Placing | None = None, *, history: bool = False
    ) -> pa.RecordBatch:
        """Rows of `QUALITY`: one for each source and slice of `SLICE` records.

        `history` says that the batch was backfilled: it has no delays, and its minutes are those
        of the events. The rows of one batch never share a source and a first offset.
        """
        run = _Run(self, batch, placing, history=history)
        for group, start in zip(batch.mapped.groups, batch.mapped.starts, strict=True):
            if not group.second:
                run.take(group, start)
        run.sample_keys()
        run.number(self._senders)
        run.reject()
        return run.rows()

    def count(self, group: Group, part: slice, rows: list[int] | None, into: Counts) -> None:
        """Presence, shapes and enumerations of some rows of a group: those of `part`, or `rows`."""
        n = (part.stop - part.start) if rows is None else len(rows)
        into["n"] = into.get("n", 0) + n
        for path, name in self._fields:
            column = group.columns.get(path)
            if column is None:
                there = group.constants.get(path) is not None
                if there or path in group.program.names:
                    _add(into, f"{name}#", n)
                    _add(into, name, n if there else 0)
                continue
            values = column[part] if rows is None else [column[row] for row in rows]
            missing = values.count(None)
            _add(into, f"{name}#", n)
            _add(into, name, n - missing)
            if path in self._shapes and missing < n:
                for shape, k in self._shaped(path, values):
                    _add(into, f"{name}~{shape}", k)
        for path in ENUMS:
            column = group.columns.get(path)
            if column is not None:
                values = column[part] if rows is None else [column[row] for row in rows]
                _add(into, f"{path[0]}#", n)
                _add(into, f"{path[0]}!", values.count(OTHER))

    def _shaped(self, path: Path, values: list[Any]) -> list[tuple[str, int]]:
        shape_of = self._shapes[path]
        return [(shape_of[v], k) for v, k in Counter(values).items() if v is not None]


class _Run:
    """One batch being counted."""

    def __init__(
        self, meter: Meter, batch: Batch, placing: Placing | None, *, history: bool
    ) -> None:
        self._meter, self._batch, self._history = meter, batch, history
        self._placing = None if placing is None or isinstance(placing, NoContext) else placing
        self._places: dict[tuple[str, str, str], Place] = {}
        self._parts: dict[tuple[str, int], _Part] = {}
        self._offsets = batch.raw.column("offset")
        self._times = [moment[0] for moment in batch.mapped.moments]
        self._received = [position.received_at for position in batch.positions]

    def take(self, group: Group, start: int) -> None:
        """Count a group, slice by slice."""
        rows = group.rows
        begin = 0
        while begin < len(rows):
            number = (rows[begin] + start) // SLICE
            end = bisect_left(rows, (number + 1) * SLICE - start, begin + 1)
            self._slice(group, start, number, slice(begin, end))
            begin = end

    def _part(self, source: str, number: int) -> _Part:
        found = self._parts.get((source, number))
        if found is None:
            edge = [number * SLICE, min((number + 1) * SLICE, len(self._batch.positions)) - 1]
            first, last = (self._batch.positions[row].offset for row in edge)
            found = self._parts[source, number] = _Part(first, last)
        return found

    def _slice(self, group: Group, start: int, number: int, part: slice) -> None:
        into = self._part(group.program.source_id, number)
        rows = [row + start for row in group.rows[part]]
        self._clock(into, group, part, rows)
        class_name = group.program.class_name
        if class_name == GENERAL:
            _add(into.measured.cells[WHOLE], "misfit", len(rows))
        if self._placing is None:
            cell = into.measured.cells.setdefault(cell_key(class_name), {})
            self._meter.count(group, part, None, cell)
            return
        for place, members, strangers in self._by_place(group, part, rows):
            key = cell_key(class_name, *place)
            if key not in into.measured.cells and len(into.measured.cells) >= MAX_CELLS:
                key = cell_key(class_name)
            cell = into.measured.cells.setdefault(key, {})
            self._meter.count(group, part, members, cell)
            for name, n in strangers.items():
                _add(cell, name, n)

    def _clock(self, into: _Part, group: Group, part: slice, rows: list[int]) -> None:
        """Delays of events by host, minutes in which they came, and the newest."""
        whole = into.measured.cells[WHOLE]
        _add(whole, "n", len(rows))
        clock = self._times if self._history else self._received
        at = [clock[row] for row in rows]
        into.at = max(into.at, *at)
        first, last = min(at) // _MINUTE, max(at) // _MINUTE
        minutes = into.measured.minutes
        if first == last:
            minutes[first] = minutes.get(first, 0) + len(at)
        else:
            for minute, n in Counter(time // _MINUTE for time in at).items():
                minutes[minute] = minutes.get(minute, 0) + n
        if self._history:
            return
        labels = group.columns.get(("metadata", "labels"))
        if labels is not None:
            unknown = labels[part].count(LABEL_RECEIVED)
            if unknown:
                _add(whole, "received-time", unknown)
                if unknown == len(rows):
                    return
        times, received, delays = self._times, self._received, into.delays
        for host, row in zip(_texts(group, part, HOSTS), rows, strict=True):
            late = (received[row] - times[row]) / _SECOND
            if host in delays:
                delays[host].append(late)
            else:
                delays[host] = [late]

    def _by_place(
        self, group: Group, part: slice, rows: list[int]
    ) -> list[tuple[Place, list[int] | None, Counts]]:
        """Rows (numbers in the group) by the place of their events, and who is a stranger there."""
        names = list(
            zip(
                _texts(group, part, HOSTS),
                _texts(group, part, USERS),
                _texts(group, part, ADDRESSES),
                strict=True,
            )
        )
        found: dict[Place, list[int]] = {}
        strange: dict[Place, Counts] = {}
        at = self._times[rows[0]]
        several = Counter(names)
        known = {name: self._where(*name, at) for name in several}
        for name, n in several.items():
            place, kinds = known[name]
            counts = strange.setdefault(place, {})
            for kind in kinds:
                _add(counts, kind, n)
        if len(strange) == 1:
            (place, counts) = next(iter(strange.items()))
            return [(place, None, counts)]
        for number, name in enumerate(names, part.start):
            found.setdefault(known[name][0], []).append(number)
        return [(place, members, strange[place]) for place, members in found.items()]

    def _where(self, host: str, user: str, address: str, at: int) -> tuple[Place, list[str]]:
        """The place of an event, and which of its names are strangers to its unit."""
        by_host = self._place(host, "", "", at) if host else NOWHERE
        person = is_person(user)
        by_user = self._place("", user, "", at) if user else NOWHERE
        by_address = self._place("", "", address, at) if address else NOWHERE
        unit = by_host.unit or by_user.unit or by_address.unit
        place = Place(unit, by_host.segment or by_address.segment or by_user.segment)
        kinds = []
        if by_host.unit and person:
            kinds.append("@user#")
            if not by_user.unit:
                kinds.append("@user-nowhere")
            elif by_user.unit != by_host.unit:
                kinds.append("@user-elsewhere")
        if by_user.unit and host:
            kinds.append("@host#")
            if not by_host.unit:
                kinds.append("@host-nowhere")
        return place, kinds

    def _place(self, host: str, user: str, address: str, at: int) -> Place:
        key = (host, user, address)
        found = self._places.get(key)
        if found is None:
            assert self._placing is not None  # noqa: S101 - asked only with a context
            found = self._places[key] = self._placing.place(host, user, address, at)
        return found

    def sample_keys(self) -> None:
        """Names of native fields, on a sample."""
        for row, position in enumerate(self._batch.positions):
            if position.offset % KEYS_EVERY:
                continue
            record = self._batch.records[row]
            part = self._part(record.source_id, row // SLICE)
            _add(part.measured.cells[WHOLE], "sampled", 1)
            keys = part.measured.keys
            for name in record.fields:
                short = name[:MAX_KEY]
                if short in keys or len(keys) < MAX_KEYS:
                    keys[short] = keys.get(short, 0) + 1

    def number(self, senders: Senders) -> None:
        """Numbers that senders gave their records."""
        if not senders.any:
            return
        for start in range(0, len(self._batch.records), SLICE):
            seen = senders.runs(self._batch.records[start : start + SLICE])
            for source, runs in seen.items():
                self._part(source, start // SLICE).measured.sequences = runs

    def reject(self) -> None:
        """Rejected records count for the source that they were declared as, or for none."""
        rejects = self._batch.rejects
        if not rejects.num_rows:
            return
        raw = self._batch.raw
        declared = dict(
            zip(self._offsets.to_pylist(), raw.column("source_id").to_pylist(), strict=True)
        )
        offsets = rejects.column("offset").to_pylist()
        reasons = rejects.column("reason").to_pylist()
        received = rejects.column("received_at").to_pylist()
        for offset, reason, at in zip(offsets, reasons, received, strict=True):
            part = self._reject_part(declared.get(offset) or "", offset)
            whole = part.measured.cells[WHOLE]
            _add(whole, "rejected", 1)
            _add(whole, f"rejected:{reason}", 1)
            part.at = max(part.at, at)

    def _reject_part(self, source: str, offset: int) -> _Part:
        """The part of a source that ends last before an offset, or one of its own."""
        mine = [number for name, number in self._parts if name == source]
        for number in sorted(mine):
            if self._parts[source, number].last >= offset:
                return self._parts[source, number]
        if mine:
            return self._parts[source, max(mine)]
        offsets = (self._offsets[0].as_py(), self._offsets[-1].as_py())
        return self._parts.setdefault((source, 0), _Part(*offsets))

    def rows(self) -> pa.RecordBatch:
        """All parts as `QUALITY`, in order of source and slice."""
        if not self._parts:
            return EMPTY
        partition = self._batch.raw.column("partition")[0].as_py()
        rows = []
        for (source, _), part in sorted(self._parts.items()):
            _tell_delays(part)
            whole = part.measured.cells[WHOLE]
            rows.append(
                {
                    "source_id": source,
                    "partition": partition,
                    "first": part.first,
                    "last": part.last,
                    "at": part.at,
                    "history": self._history,
                    "events": whole.get("n", 0),
                    "body": measured_to_bytes(part.measured),
                }
            )
        return pa.RecordBatch.from_pylist(rows, schema=QUALITY)


def _tell_delays(part: _Part) -> None:
    """The delays of hosts as medians, those of all as buckets."""
    if not part.delays:
        return
    every = sorted(late for values in part.delays.values() for late in values)
    whole = part.measured.cells[WHOLE]
    at = 0
    for number, bound in enumerate(DELAYS):
        below = bisect_left(every, bound, at)
        if below > at:
            _add(whole, f"delay:{number}", below - at)
        at = below
    if at < len(every):
        _add(whole, f"delay:{len(DELAYS)}", len(every) - at)
    middle = _summary(every)
    hosts = {host: _summary(sorted(v)) for host, v in part.delays.items() if host}
    by_size = sorted(hosts, key=lambda host: (-hosts[host].n, host))
    odd = [h for h in by_size if abs(hosts[h].median - middle.median) > ODD_SECONDS]
    off = [h for h in by_size if ODD_SECONDS < abs(hosts[h].median) <= LONGEST_OFFSET]
    told = dict.fromkeys([*by_size[:MOST_HOSTS], *odd[:MOST_ODD]])
    part.measured.hosts = {"": middle, **{host: hosts[host] for host in told}}
    # One whose delays differ is late, not wrong: it must not stand for one that is.
    untold = [hosts[h] for h in off if h not in told and hosts[h].spread <= STEADY]
    if untold:
        by_delay = sorted(untold, key=lambda one: (one.median, one.n))
        part.measured.untold = [by_delay[0], by_delay[-1]]


def _summary(ordered: list[float]) -> HostDelay:
    n = len(ordered)
    quarter = n // 4
    return HostDelay(
        n, round(ordered[n // 2], 1), round(ordered[n - 1 - quarter] - ordered[quarter], 1)
    )


def _texts(group: Group, part: slice, paths: Sequence[Path]) -> list[str]:
    """The first of some attributes that a group has, row by row; empty where there is none."""
    for path in paths:
        column = group.columns.get(path)
        if column is not None:
            return [value or "" for value in column[part]]
        if group.constants.get(path):
            return [str(group.constants[path])] * (part.stop - part.start)
    return [""] * (part.stop - part.start)


def _add(counts: Counts, name: str, n: int) -> None:
    counts[name] = counts.get(name, 0) + n


def watched(cells: Mapping[str, Mapping[str, int]]) -> frozenset[str]:
    """The attributes that some cell counts."""
    return frozenset(name[:-1] for counts in cells.values() for name in counts if name[-1] == "#")
