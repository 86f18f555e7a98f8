"""The one real clock; everything that thinks is handed one instead of reading the time."""

import time


class SystemClock:
    """`model.ports.Clock` on this machine."""

    def now(self) -> int:
        """Microseconds since 1970 UTC."""
        return time.time_ns() // 1_000

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()
