"""What the runner asks of a transport."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from tocsin.formats.records import RawBatch


class Checkpoint(msgspec.Struct, frozen=True):
    """How far `key` (a file, a partition of a broker) was read; None: it is forgotten.

    `position` is the transport's own; the spool only keeps it.
    """

    key: str
    position: dict[str, Any] | None


class Chunk(NamedTuple):
    """Records and problems of one key, and its position after them."""

    batch: RawBatch
    source_id: str | None
    checkpoint: Checkpoint


class Transport(Protocol):
    """A way in for records."""

    def resume(self, positions: Mapping[str, Any], refused: Mapping[str, Any]) -> None:
        """Take up again where the spool ends; called once, before the first poll.

        `positions` belong to the last chunk of each key whose records are durable, `refused` to the
        last one whose problems are: up to there a problem must not be given again.
        """

    def poll(self, now: int) -> Iterator[Chunk]:
        """Everything that is there by now; `now` is microseconds UTC."""
