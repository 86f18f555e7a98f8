"""Where deliveries of the network wait for the spool: between the threads of senders and runner.

A delivery is what one sender is answered for: a request, a frame of RELP, some lines of a
connection. Its sender is told once all of it is durable. The inbox is bounded; when it is full, or
the spool does not move, it refuses, and whoever serves the sender answers "busy" or stops reading.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tocsin.collect.port import Checkpoint, Chunk
from tocsin.formats.records import Block, RawBatch, Rejected
from tocsin.model.envelope import BATCH_BYTES, BATCH_ROWS
from tocsin.model.ports import Clock

MOST_BYTES = 64 * 1024 * 1024
"""What may wait in one inbox. A delivery larger than that is taken when nothing else waits."""
STALLED = 2.0
"""Seconds after which a delivery that was taken and is not durable means: the disk is full."""
UNREAD = 5.0
"""Seconds after which a delivery that nobody took means the same: another input of this edge stands
still, and they share a thread."""
_ROW = 64
"""Bytes that a record costs beside its own: many empty ones must not pass for nothing."""


class Part(NamedTuple):
    """Records of one origin and, where it was declared, one source."""

    origin: str
    source_id: str | None
    raws: Sequence[bytes]


@dataclass(slots=True, eq=False)
class Delivery:
    """What one sender waits for; `settled` is called by the runner's thread when it is durable."""

    parts: Sequence[Part]
    settled: Callable[[], None]
    problems: Sequence[Rejected] = ()
    size: int = field(init=False)
    _open: int = field(init=False, default=0)
    """Chunks that hold something of it and are not durable; one more while it is taken apart."""

    def __post_init__(self) -> None:
        self.size = _ROW * (1 + len(self.problems))
        self.size += sum(len(raw) + _ROW for part in self.parts for raw in part.raws)
        self.size += sum(len(problem.raw) for problem in self.problems)

    def opened(self) -> None:
        """One more thing has to happen before it is durable."""
        self._open += 1

    def closed(self) -> None:
        """One of them did."""
        self._open -= 1
        if not self._open:
            self.settled()


@dataclass(slots=True)
class _Bucket:
    """A batch on its way: records of one declared source, and the deliveries they are of."""

    batch: RawBatch = field(default_factory=RawBatch)
    of: list[Delivery] = field(default_factory=list)

    def join(self, delivery: Delivery) -> None:
        """Something of this delivery is in here."""
        if not self.of or self.of[-1] is not delivery:
            delivery.opened()
            self.of.append(delivery)


class Inbox:
    """The transport that gives what senders deliver.

    A record's position is a number that is never given twice under one name: it begins at the time
    (us), counts up, and goes on behind the last durable one. `ring` wakes whoever polls.
    """

    def __init__(
        self,
        clock: Clock,
        ring: Callable[[], None] = lambda: None,
        most: int = MOST_BYTES,
        name: str = "",
    ) -> None:
        """`name` is the input's: two inputs count by themselves, so it is part of the origin."""
        self._behind = f"@{name}" if name else ""
        self._clock = clock
        self._ring = ring
        self._most = most
        self._lock = threading.Lock()
        self._waiting: deque[Delivery] = deque()
        self._held = 0
        self._next = 0
        self._counting = False
        self._given_since = 0.0
        self._given = 0
        self._offered_since = 0.0
        """Since when nobody took what waits."""

    # What threads that serve senders call.

    def offer(self, delivery: Delivery) -> bool:
        """Hand in; False when there is no room: the sender is to try again."""
        with self._lock:
            if self._stands_still() or (self._held and self._held + delivery.size > self._most):
                return False
            if not self._waiting:
                self._offered_since = self._clock.monotonic()
            self._waiting.append(delivery)
            self._held += delivery.size
        self._ring()
        return True

    def withdraw(self, delivery: Delivery) -> bool:
        """Take back what was not taken yet; False when it may become durable."""
        with self._lock:
            if delivery not in self._waiting:
                return False
            self._waiting.remove(delivery)
            self._held -= delivery.size
        return True

    @property
    def busy(self) -> bool:
        """True while it would refuse."""
        with self._lock:
            return self._stands_still() or self._held >= self._most

    def _stands_still(self) -> bool:
        now = self._clock.monotonic()
        if self._given:
            return now - self._given_since > STALLED
        return bool(self._waiting) and now - self._offered_since > UNREAD

    # What the runner calls.

    def resume(self, positions: Mapping[str, Any], refused: Mapping[str, Any]) -> None:
        """Go on counting behind the last durable position."""
        known = (found.get(_KEY, {}).get(_KEY, 0) for found in (positions, refused))
        self._next = max(known, default=0)

    def poll(self, now: int) -> Iterator[Chunk]:
        """What came in until now, in batches."""
        if not self._waiting:
            return
        self._offered_since = self._clock.monotonic()
        if not self._counting:
            self._next, self._counting = max(self._next, now), True
        buckets: dict[str | None, _Bucket] = {}
        for _ in range(len(self._waiting)):
            with self._lock:
                delivery = self._waiting.popleft() if self._waiting else None
            if delivery is None:
                break
            delivery.opened()
            yield from self._sort(delivery, buckets)
            self._release(delivery)
        for source_id, bucket in buckets.items():
            yield self._chunk(source_id, bucket)

    def durable(self, chunks: Sequence[Chunk]) -> None:
        """Tell the senders of what is durable now."""
        with self._lock:
            self._given -= len(chunks)
            self._given_since = self._clock.monotonic()
        for chunk in chunks:
            for delivery in chunk.ticket:
                delivery.closed()

    def _release(self, delivery: Delivery) -> None:
        with self._lock:
            self._held -= delivery.size
        delivery.closed()

    def _sort(self, delivery: Delivery, buckets: dict[str | None, _Bucket]) -> Iterator[Chunk]:
        """Put the records with others of their source; gives what became full."""
        for part in delivery.parts:
            at = 0
            while at < len(part.raws):
                bucket = buckets.setdefault(part.source_id, _Bucket())
                end = at + _fits(bucket.batch, part.raws, at)
                bucket.join(delivery)
                positions = range(self._next, self._next + end - at)
                bucket.batch.add(
                    Block(part.origin + self._behind, positions, list(part.raws[at:end]))
                )
                self._next, at = positions.stop, end
                if len(bucket.batch) >= BATCH_ROWS or bucket.batch.size >= BATCH_BYTES:
                    yield self._chunk(part.source_id, buckets.pop(part.source_id))
        if delivery.problems:
            bucket = buckets.setdefault(None, _Bucket())
            bucket.join(delivery)
            for problem in delivery.problems:
                origin = problem.origin + self._behind
                bucket.batch.problems.append(problem._replace(origin=origin, position=self._next))
                self._next += 1

    def _chunk(self, source_id: str | None, bucket: _Bucket) -> Chunk:
        with self._lock:
            if not self._given:
                self._given_since = self._clock.monotonic()
            self._given += 1
        return Chunk(bucket.batch, source_id, Checkpoint(_KEY, {_KEY: self._next}), bucket.of)


_KEY = "next"


def _fits(batch: RawBatch, raws: Sequence[bytes], at: int) -> int:
    """How many records from `at` on the batch takes; at least one."""
    room = BATCH_BYTES - batch.size
    most = min(BATCH_ROWS - len(batch), len(raws) - at)
    for count in range(most):
        room -= len(raws[at + count])
        if room < 0:
            return max(count, 1)
    return most
