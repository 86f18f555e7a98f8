"""The runner: takes chunks from a transport and makes them durable, in order, exactly once.

Problems become dead letters before the position behind them is stored. A transport that is read
again after a crash may give them twice; it is told which were kept, and leaves those out.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tocsin import crash
from tocsin.collect.port import Checkpoint, Chunk, Transport
from tocsin.collect.spool import Spool
from tocsin.errors import StorageError
from tocsin.formats.records import Rejected, Skipped
from tocsin.model.envelope import BATCH_BYTES
from tocsin.model.ports import Clock

LINGER = 0.010
"""Seconds for which appended records may wait for the fsync that they share."""
_RETRY = 0.25
"""Seconds between two tries while the spool is full."""
_MARK = "@"
"""Begins the keys of named transports; those of files begin with a device or a path."""


@dataclass(slots=True)
class Counts:
    """Plain numbers for whoever exports them."""

    received: int = 0
    bytes: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """Problems by reason."""
    waits: int = 0
    """How often the spool or the disk was full and reading stopped."""
    waiting: str = ""
    """Why reading stands still just now; empty when it does not."""


class Runner:
    """Carries one transport's records into the spool, its problems into the dead letters."""

    def __init__(
        self,
        transport: Transport,
        spool: Spool,
        dead: Spool,
        *,
        clock: Clock,
        pause: Callable[[float], bool],
        name: str = "",
    ) -> None:
        """`pause(seconds)` waits and answers False when it is time to stop.

        `name` sets the positions of this transport apart from those of others in the same spool.
        """
        self.counts = Counts()
        self._prefix = f"{_MARK}{name}/" if name else ""
        self._transport = transport
        self._spool = spool
        self._dead = dead
        self._clock = clock
        self._pause = pause
        self._unsynced = 0
        self._since = 0.0
        self._taken: list[Chunk] = []
        transport.resume(*map(self._own, (spool.checkpoints(), dead.checkpoints())))

    def run(self, idle: float = 0.25) -> None:
        """Poll until `pause` says stop; StorageError when the disk fails for good."""
        while True:
            before = self.counts.received
            if not self.step():
                return
            if self.counts.received == before and not self._pause(idle):
                return

    def step(self) -> bool:
        """Take in what is there now, durable on return; False when told to stop on the way."""
        for chunk in self._transport.poll(self._clock.now()):
            if not self._take(chunk):
                return False
            if self._unsynced >= BATCH_BYTES or self._clock.monotonic() - self._since >= LINGER:
                self._sync()
            if not self._pause(0):
                break
        self._sync()
        return self._pause(0)

    def _own(self, positions: Mapping[str, Any]) -> dict[str, Any]:
        """The positions that this transport has noted, by its own keys."""
        if not self._prefix:
            return {key: value for key, value in positions.items() if key[:1] != _MARK}
        return {
            key.removeprefix(self._prefix): value
            for key, value in positions.items()
            if key.startswith(self._prefix)
        }

    def _take(self, chunk: Chunk) -> bool:
        """Append a chunk, waiting as long as there is no room."""
        now = self._clock.now()
        note = Checkpoint(self._prefix + chunk.checkpoint.key, chunk.checkpoint.position)
        problems = [_dead_letter(problem) for problem in chunk.batch.problems]
        if problems:
            if not self._patiently(
                lambda: self._dead.append_rejects(
                    problems,
                    source_id=chunk.source_id,
                    received_at=now,
                    checkpoint=note,
                )
            ):
                return False
            self._dead.sync()
            crash.point("collect.rejected")
        if not self._patiently(
            lambda: self._spool.append(
                chunk.batch,
                source_id=chunk.source_id,
                received_at=now,
                checkpoint=note,
            )
        ):
            return False
        if not self._unsynced:
            self._since = self._clock.monotonic()
        self._unsynced += chunk.batch.size + 1
        self._taken.append(chunk)
        self.counts.received += len(chunk.batch)
        self.counts.bytes += chunk.batch.size
        self.counts.rejected.update(problem.reason for problem in problems)
        return True

    def _patiently(self, append: Callable[[], object]) -> bool:
        """Try until there is room; what failed left nothing behind. False when told to stop."""
        while True:
            try:
                append()
            except StorageError as error:
                if self._spool.broken or self._dead.broken:
                    raise
                self._sync()
                self.counts.waits += 1
                self.counts.waiting = str(error)
                if not self._pause(_RETRY):
                    return False
            else:
                self.counts.waiting = ""
                return True

    def _sync(self) -> None:
        if self._unsynced:
            self._spool.sync()
            self._unsynced = 0
            taken, self._taken = self._taken, []
            self._transport.durable(taken)


def _dead_letter(problem: Rejected | Skipped) -> Rejected:
    if isinstance(problem, Rejected):
        return problem
    return Rejected(problem.origin, 0, problem.reason, problem.detail, b"")
