"""Where servers of connections hand in what they received, and wait until it is durable."""

import asyncio
from collections.abc import Sequence
from enum import Enum

from tocsin.collect.inbox import Delivery, Inbox, Part
from tocsin.formats.depth import too_deep
from tocsin.formats.limits import Limits
from tocsin.formats.records import Rejected

ANSWER_WITHIN = 10.0
"""Seconds for which a sender waits for durability before it is told to try again."""
ROOM_PAUSE = 0.02
"""Seconds between two looks for room in the inbox, while the socket is not read."""


class Fate(Enum):
    """What became of a delivery."""

    KEPT = "kept"
    """Durable."""
    BUSY = "busy"
    """Not taken, or not durable in time: the sender keeps it and tries again."""


class Desk:
    """Hands deliveries to one inbox from the network's thread."""

    def __init__(self, inbox: Inbox, limits: Limits, within: float = ANSWER_WITHIN) -> None:
        self.limits = limits
        self._inbox = inbox
        self._within = within

    @property
    def busy(self) -> bool:
        """True while nothing would be taken."""
        return self._inbox.busy

    async def keep(self, parts: Sequence[Part], problems: Sequence[Rejected] = ()) -> Fate:
        """Hand in and wait until all of it is durable."""
        found = self.hand_in(parts, problems)
        if found is None:
            return Fate.BUSY
        delivery, durable = found
        try:
            async with asyncio.timeout(self._within):
                await durable
        except TimeoutError:
            self._inbox.withdraw(delivery)
            return Fate.BUSY
        return Fate.KEPT

    def hand_in(
        self, parts: Sequence[Part], problems: Sequence[Rejected] = ()
    ) -> tuple[Delivery, asyncio.Future[None]] | None:
        """Hand in and go on; the future is done once it is durable. None: there is no room."""
        loop = asyncio.get_running_loop()
        durable: asyncio.Future[None] = loop.create_future()

        def settled() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_finish, durable)

        delivery = Delivery(parts, settled, problems)
        return (delivery, durable) if self._inbox.offer(delivery) else None

    async def hand_in_patiently(
        self, parts: Sequence[Part], problems: Sequence[Rejected] = ()
    ) -> asyncio.Future[None]:
        """The same, waiting for room: meanwhile the caller reads nothing from its socket."""
        while (found := self.hand_in(parts, problems)) is None:  # noqa: ASYNC110 - room is made by another thread
            await asyncio.sleep(ROOM_PAUSE)
        return found[1]

    def screen(self, origin: str, raws: Sequence[bytes]) -> tuple[Sequence[bytes], list[Rejected]]:
        """The records within the limits, and the others as dead letters."""
        largest, deepest = self.limits.max_record, self.limits.max_depth
        bad = [
            index
            for index, raw in enumerate(raws)
            if len(raw) > deepest and (len(raw) > largest or too_deep(raw, deepest))
        ]
        if not bad:
            return raws, []
        refused = [self._refuse(origin, raws[index]) for index in bad]
        gone = set(bad)
        return [raw for index, raw in enumerate(raws) if index not in gone], refused

    def _refuse(self, origin: str, raw: bytes) -> Rejected:
        if len(raw) > self.limits.max_record:
            return self.refused(origin, "too-large", f"{len(raw)} bytes", raw)
        return self.refused(origin, "too-deep", "nests too deeply", raw)

    def refused(self, origin: str, reason: str, detail: str, raw: bytes) -> Rejected:
        """A dead letter; the inbox gives it its position."""
        return Rejected(origin, 0, reason, detail, raw[: self.limits.kept_of_rejected])


def _finish(durable: asyncio.Future[None]) -> None:
    if not durable.done():
        durable.set_result(None)
