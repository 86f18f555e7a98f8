"""One input that fetches, with its runner and a spool in memory, and no service around it."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.collect.pushing import RealClock
from tests.collect.spooling import LARGE, PARTITION

from tocsin.app.inlets import inlets_of
from tocsin.app.site import Site
from tocsin.collect.pulling import Puller
from tocsin.collect.reader import SpoolReader
from tocsin.collect.runner import Runner
from tocsin.collect.spool import Spool
from tocsin.settings import load

WITHIN = 20.0


def until(done: Callable[[], Any], within: float = WITHIN) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + within
    while not done():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.005)


@dataclass
class Pulled:
    """What runs."""

    root: Path
    puller: Puller
    runner: Runner
    spool: Spool
    held: threading.Event = field(default_factory=threading.Event)
    """While set, nothing is taken from the queue."""
    stop: threading.Event = field(default_factory=threading.Event)

    def carry(self) -> None:
        """Body of the thread that feeds the spool."""
        while not self.stop.is_set():
            if not self.held.is_set():
                self.runner.step()
            time.sleep(0.002)

    def rows(self, partition: str = PARTITION) -> list[dict[str, Any]]:
        """What is in the spool, or another partition of it, by now."""
        reader, found, after = SpoolReader(self.root / "spool"), [], -1
        while (rows := reader.read(partition, after)) is not None:
            found += rows.to_pylist()
            after = found[-1]["offset"]
        reader.close()
        return found

    def wait(self, count: int, partition: str = PARTITION) -> list[dict[str, Any]]:
        """The rows, once there are so many."""
        until(lambda: len(self.rows(partition)) >= count)
        return self.rows(partition)

    def position(self, key: str) -> Any:
        """How far the spool says that a key was read."""
        return self.spool.checkpoints().get(f"@{self.puller.name}/{key}")


@contextmanager
def pulled(root: Path, text: str) -> Iterator[Pulled]:
    """Run the one input that `text` (TOML) describes; at the end it stops as the edge does."""
    root.mkdir(exist_ok=True)
    (root / "tocsin.toml").write_text(text)
    inlets = inlets_of(Site(root, load(root, {}), root), 1, RealClock())
    inlet = next(one for one in inlets if isinstance(one.transport, Puller))
    puller = inlet.transport
    assert isinstance(puller, Puller)
    (root / "spool").mkdir(exist_ok=True)
    with (
        Spool(root / "spool", PARTITION, options=LARGE) as spool,
        Spool(root / "spool", "dead", options=LARGE) as dead,
    ):
        stop = threading.Event()
        runner = Runner(
            puller, spool, dead, clock=RealClock(),
            pause=lambda seconds: not stop.wait(seconds), name=inlet.name,
        )  # fmt: skip
        running = Pulled(root, puller, runner, spool, stop=stop)
        carrier = threading.Thread(target=running.carry)
        carrier.start()
        try:
            yield running
        finally:
            stop.set()
            carrier.join()
            inlet.close()
