"""The Normalizer: raw bytes to native records, native records to OCSF."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from tocsin.model.records import NativeRecord, Position, Undecodable
from tocsin.model.sources import SourceSpec
from tocsin.model.stages import IDENTITIES, ContextSnapshot, HostClock
from tocsin.normalize.assemble import Assembler, sparse
from tocsin.normalize.columns import ALL_ROWS, Path
from tocsin.normalize.moments import Moment, estimate_host_clocks
from tocsin.normalize.ocsf.tables import class_names, class_schema
from tocsin.normalize.program import Group, Program
from tocsin.normalize.recognizer import Recognizer
from tocsin.normalize.routes import CompiledShape
from tocsin.normalize.times import SECOND, day_of

DAY = 24 * 60 * 60 * SECOND

CHUNK = 2_048
"""Records mapped at a time: few enough to find most of them still in the processor's cache."""


class Mapped(NamedTuple):
    """Records after mapping, before they are Arrow.

    Every record is in one group, and may be in one more that is `second`. A group's `rows` count
    from the beginning of its chunk; `starts` says where that is, group by group. `moments` and
    `uids` are in the order of the records.
    """

    groups: list[Group]
    starts: list[int]
    moments: list[Moment]
    uids: list[str]


class _Batch:
    """Records of one chunk, with what was found out about each of them."""

    __slots__ = ("context", "moments", "positions", "raws", "records", "uids")

    def __init__(
        self,
        records: Sequence[NativeRecord],
        positions: Sequence[Position],
        raws: Sequence[bytes],
        context: ContextSnapshot,
    ) -> None:
        self.records = records
        self.positions = positions
        self.raws = raws
        self.context = context
        self.moments: list[Any] = [None] * len(records)
        self.uids: list[Any] = [None] * len(records)


class Normalizer:
    """Compiled sources. Its caches make it faster and change no result."""

    def __init__(
        self, sources: tuple[SourceSpec, ...], shapes: Mapping[tuple[str, str], CompiledShape]
    ) -> None:
        self.sources = sources
        self._shapes = dict(shapes)
        self._recognizer = Recognizer(sources)
        self._assembler = Assembler()
        self.decode = self._recognizer.decode

    def decode_all(
        self, raws: Sequence[bytes], source_ids: Sequence[str | None]
    ) -> list[NativeRecord | Undecodable]:
        """`decode` for every raw record."""
        return list(map(self._recognizer.decode, raws, source_ids))

    def shape(self, source_id: str, shape_id: str) -> CompiledShape:
        """What is compiled for one shape of a source; raises KeyError."""
        return self._shapes[source_id, shape_id]

    def class_names(self) -> tuple[str, ...]:
        """Every class that has a table in the lake."""
        return class_names()

    def class_schema(self, class_name: str) -> pa.Schema:
        """The fixed Arrow schema of a class."""
        return class_schema(class_name)

    def host_clocks(self, records: Iterable[NativeRecord]) -> dict[str, HostClock]:
        """What `ContextSnapshot.host_clocks` should hold for hosts seen in `records`."""
        resolvers = {key: shape.times for key, shape in self._shapes.items()}
        return estimate_host_clocks(resolvers, records)

    def class_counts(self, records: Iterable[NativeRecord]) -> dict[tuple[str, str], int]:
        """How many records there are of each source and class; a second event does not count."""
        tally: dict[Program, int] = {}
        routers = {kind: shape.router for kind, shape in self._shapes.items()}
        known, choose = ("", ""), None
        for source_id, shape_id, fields in records:
            if choose is None or source_id is not known[0] or shape_id is not known[1]:
                known = (source_id, shape_id)
                choose = routers[known].choose
            program = choose(fields)
            tally[program] = tally.get(program, 0) + 1
        counts: dict[tuple[str, str], int] = {}
        for program, n in tally.items():
            which = (program.source_id, program.class_name)
            counts[which] = counts.get(which, 0) + n
        return counts

    def events(
        self,
        records: Sequence[NativeRecord],
        positions: Sequence[Position],
        raws: Sequence[bytes],
        context: ContextSnapshot,
    ) -> list[tuple[str, dict[str, Any]]]:
        """Class and sparse OCSF event of each record, with Tocsin's own columns.

        What a record states as well (`also:`) is left out.
        """
        return [first for first, *_ in self.all_events(records, positions, raws, context)]

    def all_events(
        self,
        records: Sequence[NativeRecord],
        positions: Sequence[Position],
        raws: Sequence[bytes],
        context: ContextSnapshot,
    ) -> list[list[tuple[str, dict[str, Any]]]]:
        """`events` with what each record states as well, in second place."""
        groups = self._map(_Batch(records, positions, raws, context), as_json=False)
        found: list[list[tuple[str, dict[str, Any]]]] = [[] for _ in records]
        for group in sorted(groups, key=lambda group: group.second):
            for index, row in enumerate(group.rows):
                found[row].append((group.program.class_name, sparse(group, index)))
        return found

    def event(
        self, record: NativeRecord, position: Position, raw: bytes, context: ContextSnapshot
    ) -> tuple[str, dict[str, Any]]:
        """`events` of one record."""
        return self.events([record], [position], [raw], context)[0]

    def batches(
        self,
        records: Sequence[NativeRecord],
        positions: Sequence[Position],
        raws: Sequence[bytes],
        context: ContextSnapshot,
    ) -> tuple[dict[str, pa.RecordBatch], pa.RecordBatch]:
        """OCSF rows by class (`class_schema`) and `stages.IDENTITIES` in the order of `records`.

        Rows that are what a record states as well have `tocsin_also`.
        Within a class, rows stand by `CHUNK`, then by event type, then in the order of `records`.
        """
        mapped = self.mapped(records, positions, raws, context)
        return self.assemble(mapped.groups), identities_of(mapped, records, positions)

    def columns(
        self,
        records: Sequence[NativeRecord],
        positions: Sequence[Position],
        raws: Sequence[bytes],
        context: ContextSnapshot,
    ) -> list[Group]:
        """The first half of `batches`: mapped columns, group by group."""
        return self.mapped(records, positions, raws, context).groups

    def assemble(self, groups: Sequence[Group]) -> dict[str, pa.RecordBatch]:
        """The second half of `batches`: mapped groups as Arrow, by class."""
        by_class: dict[str, list[Group]] = {}
        for group in groups:
            by_class.setdefault(group.program.class_name, []).append(group)
        return {name: self._assembler.batch(name, by_class[name]) for name in sorted(by_class)}

    def mapped(
        self,
        records: Sequence[NativeRecord],
        positions: Sequence[Position],
        raws: Sequence[bytes],
        context: ContextSnapshot,
    ) -> Mapped:
        """Mapped groups, times and identities of any number of records."""
        mapped = Mapped([], [], [], [])
        for start in range(0, len(records), CHUNK):
            part = slice(start, start + CHUNK)
            batch = _Batch(records[part], positions[part], raws[part], context)
            groups = self._map(batch, as_json=True)
            mapped.groups.extend(groups)
            mapped.starts.extend([start] * len(groups))
            mapped.moments.extend(batch.moments)
            mapped.uids.extend(batch.uids)
        return mapped

    def _map(self, batch: _Batch, *, as_json: bool) -> list[Group]:
        """Mapped groups of a batch, whose times and identities are filled in."""
        groups: list[Group] = []
        todo = self._survey(batch)
        records = batch.records
        while todo:
            misfits: dict[Program, list[int]] = {}
            for program, rows in todo.items():
                group, bad = program.run([records[row].fields for row in rows], rows)
                for row in bad:
                    default = self.shape(*records[row][:2]).router.default
                    misfits.setdefault(default, []).append(row)
                if group.rows:
                    groups.append(group)
                    groups.extend(_seconds(group, records))
            todo = misfits
        for group in groups:
            _complete(group, batch, as_json=as_json)
        return groups

    def _survey(self, batch: _Batch) -> dict[Program, list[int]]:
        """Fill in time and identity of each record; which program maps which rows."""
        kinds: dict[tuple[str, str], list[int]] = {}
        for row, record in enumerate(batch.records):
            kinds.setdefault(record[:2], []).append(row)
        todo: dict[Program, list[int]] = {}
        for kind, rows in kinds.items():
            shape = self._shapes[kind]
            fields = [batch.records[row].fields for row in rows]
            received = [batch.positions[row].received_at for row in rows]
            found = shape.times.moments(fields, received, batch.context.host_clocks)
            choose, uid = shape.router.choose, shape.uid
            for row, native, moment in zip(rows, fields, found, strict=True):
                batch.moments[row] = moment
                batch.uids[row] = uid(native, batch.positions[row], batch.raws[row], moment[0])
                program = choose(native)
                if program in todo:
                    todo[program].append(row)
                else:
                    todo[program] = [row]
        return todo


def identities_of(
    mapped: Mapped, records: Sequence[NativeRecord], positions: Sequence[Position]
) -> pa.RecordBatch:
    """`stages.IDENTITIES` of mapped records, in their order."""
    return pa.RecordBatch.from_arrays(
        [
            pa.array([position.offset for position in positions], pa.int64()),
            pa.array(mapped.uids, pa.string()),
            pa.array([record.source_id for record in records], pa.string()),
            pa.array([moment[0] for moment in mapped.moments], pa.int64()),
        ],
        schema=IDENTITIES,
    )


def _seconds(group: Group, records: Sequence[NativeRecord]) -> Iterator[Group]:
    """What the records of a group state as well: of each the first that it has all for, if any."""
    rows = list(group.rows)
    for program in group.program.also:
        if not rows:
            return
        second, rows = program.run([records[row].fields for row in rows], rows)
        second.second = True
        if second.rows:
            yield second


def _complete(group: Group, batch: _Batch, *, as_json: bool) -> None:
    """Fill what Tocsin itself knows of each row."""
    rows, uids = group.rows, batch.uids
    places = [batch.positions[row] for row in rows]
    times = [batch.moments[row] for row in rows]
    raws = [batch.raws[row] for row in rows]
    natives = [batch.records[row].fields for row in rows]
    own: dict[Path, list[Any]] = {
        ("time",): [moment[0] // 1000 for moment in times],
        ("tocsin_time",): [moment[0] for moment in times],
        ("metadata", "uid"): [uids[row] for row in rows],
        ("metadata", "original_time"): [moment[1] for moment in times],
        ("metadata", "labels"): [moment[2] for moment in times],
        ("metadata", "logged_time"): [place.received_at // 1000 for place in places],
        ("raw_data",): _originals(raws) if as_json else [_text(raw) for raw in raws],
        ("tocsin_partition",): [place.partition for place in places],
        ("tocsin_offset",): [place.offset for place in places],
        ("ingest_day",): _days_of([place.received_at for place in places]),
    }
    if not group.second:
        own["unmapped",] = _unmapped(group, natives, as_json=as_json)
    group.columns.update(own)
    group.constants["tocsin_source",] = group.program.source_id
    group.constants["tocsin_also",] = group.second


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")


def _originals(raws: list[bytes]) -> list[bytes]:
    r"""The records as UTF-8: a byte of a text line that is none stands as `\xNN`."""
    return [raw if raw.isascii() else _text(raw).encode() for raw in raws]


def _days_of(received: list[int]) -> list[str]:
    """The UTC day of each time; one for all of them, as a rule."""
    if min(received) // DAY == max(received) // DAY:
        return [day_of(received[0])] * len(received)
    return list(map(day_of, received))


def _unmapped(group: Group, records: Sequence[dict[str, Any]], *, as_json: bool) -> list[Any]:
    """The native fields of each row that its event does not carry."""
    lost = group.lost
    used = group.program.used.difference(lost.get(ALL_ROWS, ()))
    kept: list[Any] = []
    for row, record in enumerate(records):
        rest = record.copy()
        gone = used.difference(lost[row]) if row in lost else used
        for name in gone:
            rest.pop(name, None)
        kept.append(rest)
    return [_json(rest) for rest in kept] if as_json else [rest or None for rest in kept]


def _json(rest: dict[str, Any]) -> bytes | None:
    if not rest:
        return None
    try:
        return orjson.dumps(rest)
    except orjson.JSONEncodeError:
        plain = {k: v for k, v in rest.items() if not isinstance(v, dict | list)}
        return orjson.dumps(plain)
