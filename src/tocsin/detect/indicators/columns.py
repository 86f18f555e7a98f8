"""Reading the nested columns of a batch of OCSF rows by path, without making rows of them."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc


class Column:
    """The values at one path of a batch; a list on the way gives several for a row."""

    __slots__ = ("_parents", "values")

    def __init__(self, values: pa.Array, parents: list[pa.Array]) -> None:
        self.values = values
        self._parents = parents

    def rows(self, number: int, indices: pa.Array) -> list[int]:
        """The rows at which the dictionary-encoded values have this number."""
        places = pc.indices_nonzero(pc.equal(indices, number))
        for parents in reversed(self._parents):
            places = parents.take(places)
        return sorted(set(places.to_pylist()))


def column_at(rows: pa.RecordBatch, path: Sequence[str]) -> Column | None:
    """The column at a path; None where the batch has none, or nothing in it."""
    number = rows.schema.get_field_index(path[0])
    if number < 0:
        return None
    found, parents = rows.column(number), list[pa.Array]()
    for name in (*path[1:], None):
        while pa.types.is_list(found.type):
            if found.null_count == len(found):
                return None
            parents.append(pc.list_parent_indices(found))
            found = found.flatten()
        if not len(found) or found.null_count == len(found):
            return None
        if name is not None:
            if found.type.get_field_index(name) < 0:
                return None
            found = found.field(name)
    return Column(found, parents)


def texts_at(rows: pa.RecordBatch, *path: str) -> list[Any]:
    """A value for each row of a path without lists; None for each where there is no such column."""
    found = column_at(rows, path)
    return [None] * rows.num_rows if found is None else found.values.to_pylist()
