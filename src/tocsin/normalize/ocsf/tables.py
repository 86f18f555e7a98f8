"""The fixed Arrow schema of each OCSF class, as it lies in the lake.

An object is a struct that is never null itself (its attributes are); a list of objects is a list
of structs; free-form JSON and `unmapped` are JSON text. Beside the OCSF columns stand Tocsin's own:
`tocsin_time` (us UTC), `tocsin_partition` and `tocsin_offset` (spool position), `tocsin_source`,
`tocsin_also` (whether its record states this beside another event, which stands in the table of its
own class) and `ingest_day` (YYYY-MM-DD of received_at, UTC).
"""

import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import msgspec
import pyarrow as pa

TABLES_FILE = "shipped/ocsf/tables.json"

Tree = dict[str, Any]
"""attribute -> type name | Tree | [type name] | [Tree]"""

TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "json": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "double": pa.float64(),
}

LAKE_COLUMNS: dict[str, pa.DataType] = {
    "tocsin_time": pa.int64(),
    "tocsin_partition": pa.string(),
    "tocsin_offset": pa.int64(),
    "tocsin_source": pa.string(),
    "tocsin_also": pa.bool_(),
    "ingest_day": pa.string(),
}


@cache
def tables() -> dict[str, Tree]:
    """The committed tree of every class; package data, read once like code."""
    data = pkgutil.get_data("tocsin", TABLES_FILE)
    loaded: dict[str, Tree] = msgspec.json.decode(data or b"{}")
    return loaded


def class_names() -> tuple[str, ...]:
    """The classes that have a table."""
    return tuple(tables())


@cache
def class_schema(class_name: str) -> pa.Schema:
    """The fixed schema of a class; raises KeyError for a class without a table."""
    fields = [pa.field(name, arrow_type(kind)) for name, kind in tables()[class_name].items()]
    own = [pa.field(name, kind) for name, kind in LAKE_COLUMNS.items()]
    return pa.schema(fields + own)


def arrow_type(kind: str | Tree | list[Any]) -> pa.DataType:
    """The Arrow type of one entry of a tree."""
    if isinstance(kind, str):
        return TYPES[kind]
    if isinstance(kind, list):
        return pa.list_(arrow_type(kind[0]))
    return pa.struct([pa.field(name, arrow_type(inner)) for name, inner in kind.items()])


def leaves(tree: Tree, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every column of a tree with its path; a list is one column."""
    for name, kind in tree.items():
        path = (*prefix, name)
        if isinstance(kind, dict):
            yield from leaves(kind, path)
        else:
            yield path, kind


@cache
def columns_of(class_name: str) -> frozenset[tuple[str, ...]]:
    """The path of every column of a class's table."""
    return frozenset(path for path, _ in leaves(tables()[class_name]))
