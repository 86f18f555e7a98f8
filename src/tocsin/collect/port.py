"""What the runner asks of a transport."""

from collections.abc import Iterator, Mapping, Sequence
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
    """Records and problems of one key, and its position after them.

    `ticket` is the transport's own: what it needs to know once the chunk is durable.
    """

    batch: RawBatch
    source_id: str | None
    checkpoint: Checkpoint
    ticket: Any = None


class Transport(Protocol):
    """A way in for records. All methods are called by one thread."""

    def resume(self, positions: Mapping[str, Any], refused: Mapping[str, Any]) -> None:
        """Take up again where the spool ends; called once, before the first poll.

        `positions` belong to the last chunk of each key whose records are durable, `refused` to the
        last one whose problems are: up to there a problem must not be given again.
        """

    def poll(self, now: int) -> Iterator[Chunk]:
        """Everything that is there by now; `now` is microseconds UTC. It never waits."""

    def durable(self, chunks: Sequence[Chunk]) -> None:
        """These chunks survive from now on: their senders may be told.

        Chunks come in the order in which they were given, each once, perhaps while `poll` still
        runs. One that was given and does not come was not stored, and is not after a restart.
        """
