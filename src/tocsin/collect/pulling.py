"""What inputs that are asked for records share: a thread that asks, and a bounded queue.

The puller's thread may wait for the network. The runner's thread only takes what is queued, and
says afterwards what became durable; neither ever waits for the other, but for a full queue.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tocsin.collect.port import Chunk
from tocsin.formats.depth import too_deep
from tocsin.formats.limits import Limits
from tocsin.formats.records import Rejected
from tocsin.model.ports import Clock

MOST_BYTES = 32 * 1024 * 1024
"""What may wait in one queue, and what may be given and not durable beside it."""
SHORTEST, LONGEST = 1.0, 900.0
"""Seconds before asking again after the first failure, and at most."""
ROW = 64
"""Bytes that a record costs beside its own."""
AGAIN_AFTER = 30.0
"""Seconds after which a thread that ended of itself is started again."""
_LOOK = 0.2
"""Seconds between two looks for room in the queue."""


class Troubles:
    """What went wrong while asking: counted by reason, and the one that lasts."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.standing = ""
        """Why nothing comes just now, for a person; empty when all is well. Never a secret."""

    def note(self, reason: str, text: str) -> None:
        """Something failed; `reason` is stable, `text` says what and where."""
        self.counts[reason] += 1
        self.standing = f"{reason}: {text}"

    def over(self) -> None:
        """It works."""
        self.standing = ""


class Puller:
    """A transport with a thread of its own. Subclasses say in `pull` what that thread does."""

    def __init__(
        self, name: str, clock: Clock, ring: Callable[[], None], most: int = MOST_BYTES
    ) -> None:
        self.troubles = Troubles()
        self.name = name
        self.clock = clock
        self.positions: dict[str, Any] = {}
        self.refused: Mapping[str, Any] = {}
        self.stopping = threading.Event()
        self._ring = ring
        self._most = most
        self._changed = threading.Condition()
        self._queue: deque[Chunk] = deque()
        self._held = 0
        self._given: list[Chunk] = []
        self._thread: threading.Thread | None = None
        self._ended_at: float | None = None

    # What subclasses say and call, in the thread of the puller.

    def pull(self) -> None:
        """Ask until `stopping` is set."""
        raise NotImplementedError

    def kept(self, chunks: Sequence[Chunk]) -> None:
        """These chunks are durable. It is called by the runner's thread and must not wait."""

    def put(self, chunk: Chunk, *, wait: bool = True) -> bool:
        """Queue a chunk, waiting for room if asked to; False when it is time to end."""
        cost = weight(chunk)
        with self._changed:
            while wait and self._held and self._held + cost > self._most:
                if self.stopping.is_set():
                    return False
                self._changed.wait(_LOOK)
            if self.stopping.is_set():
                return False
            self._queue.append(chunk)
            self._held += cost
        self._ring()
        return True

    @property
    def full(self) -> bool:
        """True while `put` would wait."""
        with self._changed:
            return self._held >= self._most

    def drop(self, keys: set[str]) -> None:
        """Take what belongs to these keys out of the queue again."""
        with self._changed:
            kept = [chunk for chunk in self._queue if chunk.checkpoint.key not in keys]
            self._held -= sum(weight(c) for c in self._queue if c.checkpoint.key in keys)
            self._queue = deque(kept)

    def settle(self, keys: set[str], within: float) -> None:
        """Wait until nothing of these keys is given and not durable, at most so many seconds."""
        with self._changed:
            self._changed.wait_for(
                lambda: (
                    self.stopping.is_set()
                    or not any(chunk.checkpoint.key in keys for chunk in self._given)
                ),
                within,
            )

    # What the runner calls.

    def resume(self, positions: Mapping[str, Any], refused: Mapping[str, Any]) -> None:
        """Note how far each key is durable."""
        self.positions, self.refused = dict(positions), dict(refused)

    def poll(self, now: int) -> Iterator[Chunk]:  # noqa: ARG002 - the port's signature
        """What is queued by now; the first call starts the thread."""
        self._see_to_thread()
        for _ in range(len(self._queue)):
            with self._changed:
                if not self._queue:
                    return
                chunk = self._queue.popleft()
                self._held -= weight(chunk)
                self._given.append(chunk)
                self._changed.notify_all()
            yield chunk

    def durable(self, chunks: Sequence[Chunk]) -> None:
        """Tell the subclass, then whoever waits in `settle`."""
        self.kept(chunks)
        self.positions |= {chunk.checkpoint.key: chunk.checkpoint.position for chunk in chunks}
        with self._changed:
            done = {id(chunk) for chunk in chunks}
            self._given = [chunk for chunk in self._given if id(chunk) not in done]
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread; what is queued and not durable is asked for again next time."""
        self.stopping.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=10.0)

    def _see_to_thread(self) -> None:
        if self.stopping.is_set() or (self._thread is not None and self._thread.is_alive()):
            return
        if self._thread is not None:
            if self._ended_at is None:
                self._ended_at = self.clock.monotonic()
                self.troubles.note("ended", "asking ended by a fault of Tocsin's own; see its log")
            if self.clock.monotonic() - self._ended_at < AGAIN_AFTER:
                return
            self._ended_at = None
            self.drop({chunk.checkpoint.key for chunk in self._queue})
        self._thread = threading.Thread(target=self.pull, name=self.name, daemon=True)
        self._thread.start()


def weight(chunk: Chunk) -> int:
    """Bytes that a chunk takes."""
    problems = sum(len(p.raw) for p in chunk.batch.problems if isinstance(p, Rejected))
    return chunk.batch.size + problems + ROW * (1 + len(chunk.batch.raws))


def pause_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row: doubled each time."""
    return min(LONGEST, SHORTEST * 2.0 ** min(failures - 1, 20))


def beyond(limits: Limits, origin: str, position: int, raw: bytes) -> Rejected | None:
    """Why a record is refused by its size or nesting; None when it is within the limits."""
    kept = raw[: limits.kept_of_rejected]
    if len(raw) > limits.max_record:
        return Rejected(origin, position, "too-large", f"{len(raw)} bytes", kept)
    if too_deep(raw, limits.max_depth):
        return Rejected(origin, position, "too-deep", "nests too deeply", kept)
    return None
