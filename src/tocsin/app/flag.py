"""A yes or no that processes share.

`multiprocessing.Event` has a lock, and a process that is killed while it holds the lock leaves it
locked: whoever asks next waits for ever. One byte of shared memory needs none.
"""

from ctypes import c_bool

from tocsin.app.workers import SPAWN


class Flag:
    """Not set at first. It is handed to a process as an argument when that is started."""

    def __init__(self) -> None:
        self._byte = SPAWN.RawValue(c_bool, False)  # noqa: FBT003 - ctypes takes it in this way

    def set(self) -> None:
        """Say yes."""
        self._byte.value = True

    def clear(self) -> None:
        """Say no."""
        self._byte.value = False

    def is_set(self) -> bool:
        """What was said last."""
        return bool(self._byte.value)
