"""Which rows of a lake table a legal hold covers."""

import pyarrow as pa
import pyarrow.compute as pc

from tocsin.model.holds import Hold
from tocsin.store.scan import SOURCE, TIME

ENTITIES = (
    "device.hostname", "device.ip", "actor.user.name", "user.name", "src_endpoint.ip",
    "src_endpoint.hostname", "dst_endpoint.ip", "dst_endpoint.hostname",
)  # fmt: skip
"""Columns in which an event names hosts, users and addresses."""


_FALSE = pa.scalar(value=False)


def held(hold: Hold, class_name: str, rows: pa.Table) -> pa.ChunkedArray:
    """Which rows a legal hold covers."""
    if hold.class_name not in ("", class_name):
        return _no(rows)
    time = rows.column(TIME)
    held = pc.greater_equal(time, hold.since)
    if hold.until:
        held = pc.and_(held, pc.less(time, hold.until))
    if hold.source:
        held = pc.and_(held, pc.equal(rows.column(SOURCE), hold.source))
    if hold.entity:
        held = pc.and_(held, _names(rows, hold.entity.lower()))
    return held


def _names(rows: pa.Table, entity: str) -> pa.ChunkedArray:
    r"""Which rows name a host, user or address: as it stands, or before a dot, behind a `\`."""
    found = _no(rows)
    for path in ENTITIES:
        column = column_at(rows, path)
        if column is not None:
            text = pc.utf8_lower(column)
            for same in (
                pc.equal(text, entity),
                pc.starts_with(text, f"{entity}."),
                pc.starts_with(text, f"{entity}@"),
                pc.ends_with(text, f"\\{entity}"),
            ):
                found = pc.or_(found, pc.fill_null(same, _FALSE))
    return found


def _no(rows: pa.Table) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(_FALSE, rows.num_rows)])


def column_at(rows: pa.Table, path: str) -> pa.ChunkedArray | None:
    """A column within structs, or None when the table has none there."""
    top, *steps = path.split(".")
    if top not in rows.column_names:
        return None
    column = rows.column(top)
    for step in steps:
        if not pa.types.is_struct(column.type) or column.type.get_field_index(step) < 0:
            return None
        column = pc.struct_field(column, step)
    return column
