"""The thread that serves connections: one event loop for all listeners of a process."""

import asyncio
import threading
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Protocol

import structlog

OPEN_WITHIN, CLOSE_WITHIN = 30.0, 5.0
"""Seconds that opening or closing all listeners may take."""

log = structlog.get_logger()


class Listener(Protocol):
    """Something that accepts connections while it is open."""

    losses: Counter[str]
    """What senders gave and could not be taken, by what befell it."""
    port: int
    """The port that is listened on, once it is open."""

    async def open(self) -> None:
        """Bind and accept; raises OSError when the address cannot be used."""

    async def close(self) -> None:
        """Accept nothing more and let go of every connection."""


class Network:
    """Runs listeners in a thread of their own, so that writing to the disk never keeps one waiting.

    A listener talks to the runner's thread through an inbox only.
    """

    def __init__(self, listeners: Sequence[Listener]) -> None:
        self._listeners = listeners
        self._closed = list(listeners)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="network")

    def open(self) -> None:
        """Open every listener that is not; raises OSError of the first that cannot be."""
        if not self._thread.is_alive():
            self._thread.start()
        while self._closed:
            self._run(self._closed[0].open(), OPEN_WITHIN)
            self._closed.pop(0)

    def close(self) -> None:
        """Close them all and end the thread; waiting senders get no answer."""
        for listener in self._listeners:
            try:
                self._run(listener.close(), CLOSE_WITHIN)
            except TimeoutError:
                log.warning("a listener did not close in time")
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLOSE_WITHIN)
        if not self._thread.is_alive():
            self._loop.close()

    def _run(self, work: Awaitable[None], seconds: float) -> None:
        async def within() -> None:
            await asyncio.wait_for(work, seconds)

        asyncio.run_coroutine_threadsafe(within(), self._loop).result()
