"""How far time has come: what a fold may take as complete.

Each source of each partition has seen events up to some time. The slowest of those that deliver
decides, so that a source that is behind is not late; one that has fallen silent waits for nobody.

After a start or an outage, files are read one after the other: what the second of them holds is
older than what was just read from the first. So what was seen counts only after a while in which
no more waited; as long as there is a backlog, only what lies a day behind it is complete.
"""

from collections import deque
from collections.abc import Mapping

HOLD = 30_000_000
"""Microseconds (of the steady clock) after which what was seen counts."""

BACKLOG = 24 * 60 * 60 * 1_000_000
"""How far (us) events may trail the newest while there is a backlog."""

_STEP = 1_000_000
"""What was seen is noted once in so many microseconds."""


class Watermark:
    """Times are microseconds UTC, `now` microseconds of any steady clock."""

    def __init__(self, silence: int) -> None:
        """A source that delivered nothing for `silence` does not hold the others back."""
        self._silence = silence
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}
        self._noted: deque[tuple[int, int]] = deque()
        self._busy: int | None = None
        self.time = 0
        """How far time has come; each fold allows for its own lateness."""

    def see(
        self,
        partition: str,
        newest: Mapping[str, int],
        received_at: int,
        now: int,
        *,
        more: bool = False,
    ) -> int:
        """A batch brought these newest event times by source; how far time has come.

        `more`: the batch was full, so more waits. A time ahead of the clock at reception is a
        clock that goes wrong: reception counts.
        """
        for source, time in newest.items():
            known, _ = self._seen.get((partition, source), (0, 0))
            self._seen[partition, source] = (max(known, min(time, received_at)), now)
        if more:
            self._busy = now
        times = [time for time, at in self._seen.values() if now - at < self._silence]
        if times:
            self._note(now, min(times))
        if self._busy is None or now - self._busy >= HOLD:
            while self._noted and now - self._noted[0][0] >= HOLD:
                self.advance(self._noted.popleft()[1])
        elif times:
            self.advance(min(times) - BACKLOG)
        return self.time

    def sources(self) -> set[str]:
        """Every source that delivered."""
        return {source for _, source in self._seen}

    def _note(self, now: int, time: int) -> None:
        if not self._noted or now - self._noted[-1][0] >= _STEP:
            self._noted.append((now, time))

    def advance(self, time: int) -> int:
        """Time has come this far."""
        self.time = max(self.time, time)
        return self.time
