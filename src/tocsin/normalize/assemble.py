"""Columns of mapped groups to Arrow batches and to sparse dictionaries.

Both read the same groups, so that an event and its row in the lake cannot differ.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from tocsin.normalize.columns import Path
from tocsin.normalize.ocsf.tables import LAKE_COLUMNS, arrow_type, class_schema, tables
from tocsin.normalize.program import Group

_ROWS = 8_192


class Assembler:
    """Builds the batch of one class; empty columns are cut from cached ones."""

    def __init__(self) -> None:
        self._empty: dict[int, pa.Array] = {}
        self._empty_trees: dict[int, pa.Array] = {}

    def batch(self, class_name: str, groups: Sequence[Group]) -> pa.RecordBatch:
        """All rows of the groups, which are of this class, in the class's fixed schema."""
        schema = class_schema(class_name)
        rows = sum(len(group.rows) for group in groups)
        filled = {path for group in groups for path in (*group.columns, *group.constants)}
        prefixes = {path[:depth] for path in filled for depth in range(1, len(path) + 1)}
        build = _Build(self, groups, rows, prefixes)
        arrays = [
            build.node((name,), kind, schema.field(name).type)
            for name, kind in tables()[class_name].items()
        ]
        arrays += [build.leaf((name,), kind) for name, kind in LAKE_COLUMNS.items()]
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def empty(self, kind: Any, of: pa.DataType, rows: int) -> pa.Array:
        """An array without values; structs in it are there, their attributes are not."""
        if rows > _ROWS:
            return _empty(kind, of, rows)
        key = id(kind) if isinstance(kind, dict) else hash(of)
        cached = self._empty.get(key)
        if cached is None:
            cached = self._empty[key] = _empty(kind, of, _ROWS)
        return cached.slice(0, rows)


def _empty(kind: Any, of: pa.DataType, rows: int) -> pa.Array:
    if not isinstance(kind, dict):
        return pa.nulls(rows, of)
    fields = list(of)
    arrays = [_empty(kind[field.name], field.type, rows) for field in fields]
    return pa.StructArray.from_arrays(arrays, fields=fields)


class _Build:
    """The state of building one batch."""

    def __init__(
        self, assembler: Assembler, groups: Sequence[Group], rows: int, prefixes: set[Path]
    ) -> None:
        self.assembler = assembler
        self.groups = groups
        self.rows = rows
        self.prefixes = prefixes

    def node(self, path: Path, kind: Any, of: pa.DataType) -> pa.Array:
        if path not in self.prefixes:
            return self.assembler.empty(kind, of, self.rows)
        if not isinstance(kind, dict):
            return self.leaf(path, of)
        fields = list(of)
        arrays = [self.node((*path, f.name), kind[f.name], f.type) for f in fields]
        return pa.StructArray.from_arrays(arrays, fields=fields)

    def leaf(self, path: Path, of: pa.DataType) -> pa.Array:
        groups = self.groups
        if all(path in group.constants for group in groups):
            values = [group.constants[path] for group in groups]
            if all(value == values[0] for value in values) and not pa.types.is_list(of):
                return pa.repeat(pa.scalar(values[0], of), self.rows)
        column = self.values(path)
        if pa.types.is_list(of):
            return _distinct(column, of)
        return pa.array(column, of)

    def values(self, path: Path) -> list[Any]:
        """The column of a leaf over all groups."""
        column: list[Any] = []
        for group in self.groups:
            part = group.columns.get(path)
            if part is None:
                part = [group.constants.get(path)] * len(group.rows)
            if len(self.groups) == 1:
                return part
            column.extend(part)
        return column


def _distinct(column: list[Any], of: pa.DataType) -> pa.Array:
    """Lists are shared between rows (memos): convert each once."""
    places: dict[int, int] = {}
    distinct: list[Any] = []
    indices: list[int] = []
    for value in column:
        place = places.get(id(value))
        if place is None:
            place = places[id(value)] = len(distinct)
            distinct.append(value)
        indices.append(place)
    return pa.array(distinct, of).take(pa.array(indices, pa.int32()))


def sparse(group: Group, row: int) -> dict[str, Any]:
    """The event of one row as nested dictionaries, without empty attributes."""
    event: dict[str, Any] = {}
    for path, value in _values(group, row):
        place = event
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return event


def _values(group: Group, row: int) -> Iterator[tuple[Path, Any]]:
    yield from group.constants.items()
    for path, column in group.columns.items():
        value = column[row]
        if value is not None:
            yield path, value


def row_to_event(row: Any) -> Any:
    """A row of a lake table (`to_pylist`) without what is empty: the inverse of `Assembler`."""
    if isinstance(row, list):
        return [row_to_event(item) for item in row]
    if not isinstance(row, dict):
        return row
    found = {name: row_to_event(value) for name, value in row.items() if value is not None}
    return {name: value for name, value in found.items() if value != {}}


__all__ = ["Assembler", "arrow_type", "row_to_event", "sparse"]
