"""A record after its shape was read and before it is mapped."""

from typing import Any, NamedTuple


class NativeRecord(NamedTuple):
    """One telemetry record in its source's own field names.

    `fields` is flat: the shape's reader has already lifted nested event data to the top. It is
    what detection rules see and what a mapping reads.
    """

    source_id: str
    shape: str
    fields: dict[str, Any]


class Undecodable(NamedTuple):
    """A record that no shipped or site source recognizes, or that cannot be parsed."""

    reason: str
    detail: str


class Position(NamedTuple):
    """Where a record stands: see `model.envelope` for the meaning of each part."""

    site: str
    partition: str
    offset: int
    received_at: int
    origin: str
    position: int
