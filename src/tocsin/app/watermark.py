"""How far time has come: what a fold may take as complete.

Each source of each partition has seen events up to some time. The slowest of those that deliver
decides, so that a source that is behind is not late; one that has fallen silent waits for nobody.
"""

from collections.abc import Mapping

from tocsin import flow


class Watermark:
    """Times are microseconds UTC, `now` microseconds of any steady clock."""

    def __init__(self, silence: int) -> None:
        """A source that delivered nothing for `silence` does not hold the others back."""
        self._silence = silence
        self._seen: dict[tuple[str, str], tuple[int, int]] = {}
        self.value = 0

    def see(self, partition: str, newest: Mapping[str, int], received_at: int, now: int) -> int:
        """A batch brought these newest event times by source; the watermark as it now is.

        A time ahead of the clock at reception is a clock that goes wrong: reception counts.
        """
        for source, time in newest.items():
            known, _ = self._seen.get((partition, source), (0, 0))
            self._seen[partition, source] = (max(known, min(time, received_at)), now)
        times = [time for time, at in self._seen.values() if now - at < self._silence]
        if times:
            self.value = max(self.value, min(times) - flow.LATENESS)
        return self.value

    def advance(self, time: int) -> int:
        """Time has come this far although nothing came in."""
        self.value = max(self.value, time - flow.LATENESS)
        return self.value
