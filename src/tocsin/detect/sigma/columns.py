"""Detection on columns: which stored events cannot match, without reading them.

The native fields that rules name are kept as columns of texts (`ColumnsBuilder`). Rules are decided
on the distinct values of a column, by the views and the memo that the matcher uses for records; an
event on which no rule can hold is ruled out, and the others (`suspects`) are matched as records.
What columns cannot say (a list, a keyword, a field that was not kept) makes an event a suspect, so
that the findings are those of the records whatever the columns hold.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin.detect.sigma.automata import RawSearch, report
from tocsin.detect.sigma.matcher import Matcher
from tocsin.detect.sigma.plan import Plan
from tocsin.detect.sigma.routes import Route
from tocsin.detect.sigma.semantics import scalar_text
from tocsin.detect.sigma.streams import Stream
from tocsin.detect.sigma.views import Slots
from tocsin.model.records import NativeRecord, Undecodable

T = TypeVar("T")

BLOCK = 64
"""Raw records that are searched at once where most of them have to be."""

LONGEST = 16_384
"""Characters of a text that a column keeps; an event with a longer one is always a suspect."""

_RADIX = 1 << 60
_PLAIN = {str, type(None)}
ROW = "row"


class Stretch(msgspec.Struct, frozen=True):
    """Rows of one source and shape that stand together; `odd` ones hold what no column can say."""

    source_id: str
    shape: str
    odd: bool
    rows: int


class Columns(NamedTuple):
    """Rows of `table` stand stretch after stretch; `ROW` is where a row stood among the records.

    `kept` are the names of fields that have a column where any record has the field, `names` those
    of all fields that the records have.
    """

    stretches: tuple[Stretch, ...]
    table: pa.Table
    kept: frozenset[str]
    names: frozenset[str]


class Search(NamedTuple):
    """Rows (their `ROW`) that match nothing unless one of the expressions is in their raw bytes.

    Without expressions anything may be.
    """

    wanted: tuple[bytes, ...] | None
    rows: pa.Array


class Suspects(NamedTuple):
    """Rows (their `ROW`) on which a rule may hold."""

    rows: list[pa.Array]
    searches: list[Search]


def named_by(plan: Plan) -> frozenset[str]:
    """Native names of all fields that the rules of a plan look at."""
    fields = {predicate.field for predicate in plan.predicates if predicate.field}
    return frozenset(name for scope in plan.scopes for f in fields for name in scope.natives(f))


class ColumnsBuilder:
    """Makes columns of records, given part by part."""

    def __init__(self, names: frozenset[str]) -> None:
        self._kept = names
        self._names: set[str] = set()
        self._parts: dict[tuple[str, str, bool], list[pa.Table]] = {}
        self._row = 0

    def add(self, records: Sequence[NativeRecord | Undecodable]) -> None:
        """Append records; one that could not be read stays a suspect."""
        kinds: dict[tuple[str, str], list[int]] = {}
        for place, record in enumerate(records):
            kind = record[:2] if isinstance(record, NativeRecord) else ("", "")
            kinds.setdefault(kind, []).append(place)
        for (source_id, shape), places in kinds.items():
            rows = [self._row + place for place in places]
            if source_id:
                fields = [r.fields for p in places if isinstance(r := records[p], NativeRecord)]
                self._add(source_id, shape, rows, fields)
            else:
                self._keep((source_id, shape, True), rows, {})
        self._row += len(records)

    def _add(
        self, source_id: str, shape: str, rows: list[int], fields: list[dict[str, Any]]
    ) -> None:
        names = set().union(*fields)
        self._names |= names
        odd: set[int] = set()
        columns = {
            name: _texts([record.get(name) for record in fields], odd)
            for name in self._kept.intersection(names)
        }
        if odd:
            strange = [row for n, row in enumerate(rows) if n in odd]
            self._keep((source_id, shape, True), strange, {})
            columns = {name: _without(texts, odd) for name, texts in columns.items()}
            rows = _without(rows, odd)
        if rows:
            self._keep((source_id, shape, False), rows, columns)

    def _keep(
        self,
        kind: tuple[str, str, bool],
        rows: list[int],
        columns: Mapping[str, list[str | None]],
    ) -> None:
        arrays = {name: pa.array(texts, pa.string()) for name, texts in columns.items()}
        part = pa.table({ROW: pa.array(rows, pa.int32()), **arrays})
        self._parts.setdefault(kind, []).append(part)

    def finish(self) -> Columns:
        """The columns of all records."""
        stretches = []
        tables = [pa.table({ROW: pa.array([], pa.int32())})]
        for (source_id, shape, odd), parts in self._parts.items():
            tables += parts
            rows = sum(part.num_rows for part in parts)
            stretches.append(Stretch(source_id, shape, odd, rows))
        table = pa.concat_tables(tables, promote_options="default")
        return Columns(tuple(stretches), table, self._kept, frozenset(self._names))


def _without(values: list[T], odd: set[int]) -> list[T]:
    return [value for n, value in enumerate(values) if n not in odd]


def _texts(values: list[Any], odd: set[int]) -> list[str | None]:
    """Values as the texts that they are compared as; `odd` gets the places of what is no text."""
    kinds = set(map(type, values))
    if kinds <= _PLAIN and max(map(len, filter(None, values)), default=0) <= LONGEST:
        return values
    for place, value in enumerate(values):
        if isinstance(value, list | dict) or (value.__class__ is str and len(value) > LONGEST):
            odd.add(place)
            values[place] = None
        elif value is not None:
            values[place] = scalar_text(value)
    return values


def suspects(matcher: Matcher, columns: Columns) -> Suspects:
    """Rows that the columns cannot rule out."""
    found = Suspects([], [])
    unknown = columns.names - columns.kept
    start = 0
    for stretch in columns.stretches:
        part = columns.table.slice(start, stretch.rows)
        start += stretch.rows
        if stretch.odd:
            found.rows.append(part.column(ROW).combine_chunks())
        else:
            stream = matcher.stream(stretch.source_id, stretch.shape)
            _Sieve(stream, part, unknown).into(found)
    return found


class _Sieve:
    """Decides the rows of one stretch; `unknown` are fields that some have and no column says."""

    def __init__(self, stream: Stream, part: pa.Table, unknown: frozenset[str]) -> None:
        self._stream = stream
        self._part = part
        self._unknown = unknown
        self._columns: dict[str, pa.DictionaryArray] = {}
        self._own = frozenset(part.column_names) - {ROW}

    def into(self, found: Suspects) -> None:
        """Add what cannot be ruled out."""
        rows = self._part.column(ROW).combine_chunks()
        if not self._unknown.isdisjoint(self._stream.keys):
            found.rows.append(rows)
            return
        for route, places in self._routes():
            mine = rows if places is None else rows.take(places)
            held = self._held(route, places, len(mine))
            if held is True:
                found.rows.append(mine)
                continue
            if held is not None:
                found.rows.append(mine.filter(held))
            if route.search is not None:
                found.searches.append(Search(route.wanted, mine))

    def _routes(self) -> Iterator[tuple[Route, pa.Array | None]]:
        """Each route with the places of its rows; None for all."""
        keys = self._stream.keys
        here = [key for key in keys if key in self._own]
        coded = [_coded(self._column(key), None) for key in here]
        combined = _Combined()
        for code in coded:
            combined.add(code.ids, len(code.values))
        routes: dict[int, tuple[Route, list[int]]] = {}
        for number, ids in combined.distinct():
            known = {key: code.values[n] for key, code, n in zip(here, coded, ids, strict=True)}
            route = self._stream.routes[tuple(known.get(key) for key in keys)]
            routes.setdefault(id(route), (route, []))[1].append(number)
        for route, numbers in routes.values():
            mask = combined.among(numbers) if len(routes) > 1 else None
            yield route, None if mask is None else pc.indices_nonzero(mask)

    def _held(self, route: Route, places: pa.Array | None, count: int) -> "pa.Array | bool | None":
        """Which rows may match: a mask, True for all, None for none."""
        if not self._unknown.isdisjoint(route.looked_at):
            return True
        parts: list[list[Slots]] = []
        combined = _Combined()
        for name, view in zip(route.names, route.views, strict=True):
            if name not in self._own:
                parts.append([view[None]])
                continue
            code = _coded(self._column(name), places)
            slots: dict[Slots, int] = {}
            ids = [slots.setdefault(view[value], len(slots)) for value in code.values]
            if len(slots) > 1:
                numbers = pa.array(ids, pa.int64())
                combined.add(numbers.take(code.ids), len(slots))
            parts.append(list(slots))
        held = [number for number, ids in combined.distinct() if route.memo[_signature(parts, ids)]]
        if not held or not count:
            return None
        return combined.among(held)

    def _column(self, name: str) -> pa.DictionaryArray:
        found = self._columns.get(name)
        if found is None:
            column = self._part.column(name).combine_chunks()
            if not pa.types.is_dictionary(column.type):
                column = column.dictionary_encode()
            found = self._columns[name] = column
        return found


class _Coded(NamedTuple):
    """A column as numbers of its distinct values."""

    ids: pa.Array
    values: list[str | None]


def _coded(column: pa.DictionaryArray, places: pa.Array | None) -> _Coded:
    indices = column.indices if places is None else column.indices.take(places)
    distinct = pc.unique(indices)
    ids = pc.index_in(indices, value_set=distinct).cast(pa.int64())
    return _Coded(ids, column.dictionary.take(distinct).to_pylist())


def _signature(parts: Sequence[Sequence[Any]], ids: Iterable[int]) -> tuple[Any, ...]:
    """One slot set of each part: the one that `ids` names where there is a choice."""
    chosen = iter(ids)
    return tuple(part[next(chosen)] if len(part) > 1 else part[0] for part in parts)


class _Combined:
    """Several columns of small numbers as one."""

    def __init__(self) -> None:
        self._whole: pa.Array | None = None
        self._sizes: list[int] = []
        self._span = 1
        self._packed: list[tuple[int, ...]] = []

    def add(self, ids: pa.Array, size: int) -> None:
        """One more column, of numbers below `size`."""
        if self._whole is None:
            self._whole = ids
        else:
            if self._span * size >= _RADIX:
                self._pack(self._whole)
            self._whole = pc.add(pc.multiply(self._whole, pa.scalar(size, pa.int64())), ids)
        self._sizes.append(size)
        self._span *= size

    def _pack(self, whole: pa.Array) -> None:
        """Number the combinations that occur, so that there is room for more columns."""
        codes = pc.unique(whole)
        self._packed = [self._split(code) for code in codes.to_pylist()]
        self._whole = pc.index_in(whole, value_set=codes).cast(pa.int64())
        self._sizes, self._span = [], max(len(self._packed), 1)

    def _split(self, code: int) -> tuple[int, ...]:
        parts = []
        for size in reversed(self._sizes):
            code, part = divmod(code, size)
            parts.append(part)
        front = self._packed[code] if self._packed else ()
        return (*front, *reversed(parts))

    def distinct(self) -> Iterator[tuple[int, tuple[int, ...]]]:
        """Each combination that occurs, with its number."""
        if self._whole is None:
            yield 0, ()
            return
        for code in pc.unique(self._whole).to_pylist():
            yield code, self._split(code)

    def among(self, numbers: Sequence[int]) -> "pa.Array | bool":
        """The rows of some combinations: a mask, or True for all."""
        if self._whole is None:
            return True
        return pc.is_in(self._whole, value_set=pa.array(numbers, pa.int64()))


class Raws(Protocol):
    """The raw bytes of rows, in their order, in one piece of memory."""

    def __len__(self) -> int: ...

    def __getitem__(self, row: int, /) -> Any:
        """The bytes of one row."""

    def between(self, start: int, end: int) -> Any:
        """The bytes of neighbouring rows."""

    def texts(self) -> AbstractSet[int]:
        """Rows that are no JSON object."""


def searched(matcher: Matcher, searches: Sequence[Search], raws: Raws) -> list[int]:
    """Rows in whose raw bytes one of the wanted expressions is, or that are no JSON object."""
    if not searches:
        return []
    every = {wanted for wanted, _ in searches}
    wanted: set[bytes] = set().union(*(found for found in every if found is not None))
    search = matcher.search(None if None in every else tuple(sorted(wanted)))
    rows = pa.concat_arrays([part for _, part in searches])
    asked = rows.to_pylist()
    texts = raws.texts()
    found = [row for row in asked if row in texts] if texts else []
    if len(asked) > len(raws) // 4:
        asked = _in_blocks(search, sorted(asked), raws)
    return found + [row for row in asked if _sees(search, raws[row])]


def _in_blocks(search: RawSearch, rows: list[int], raws: Raws) -> list[int]:
    """Rows of those blocks of neighbours in which a search finds something."""
    found: list[int] = []
    for start in range(0, len(raws), BLOCK):
        end = min(start + BLOCK, len(raws))
        if _sees(search, raws.between(start, end)):
            found += rows[bisect_left(rows, start) : bisect_left(rows, end)]
    return found


def _sees(search: RawSearch, data: Any) -> bool:
    sightings: list[int] = []
    search(data, report, 0, sightings)
    return bool(sightings)
