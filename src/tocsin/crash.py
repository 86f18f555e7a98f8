"""Named crash points: where a test may end this process as `kill -9` would.

A point costs one comparison when nothing is armed. `TOCSIN_CRASH_AT=name` or `name:3` (the third
time) arms it. The names are collected from the code by the fault tests, so that none is missed.
"""

import os
import signal

_NAME, _, _COUNT = os.environ.get("TOCSIN_CRASH_AT", "").partition(":")
_left = [int(_COUNT or 1)]


def point(name: str) -> None:
    """End this process at once if `name` is armed and has been reached often enough."""
    if name != _NAME:
        return
    _left[0] -= 1
    if _left[0] <= 0:
        os.kill(os.getpid(), signal.SIGKILL)
