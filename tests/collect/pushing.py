"""A site of network inputs without the rest: listeners, inboxes, runners and a spool in memory."""

import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.collect.spooling import LARGE, PARTITION

from tocsin.app.inlets import Inlet, inlets_of
from tocsin.app.site import Site
from tocsin.collect.network import Network
from tocsin.collect.reader import SpoolReader
from tocsin.collect.runner import Runner
from tocsin.collect.spool import Spool
from tocsin.settings import Limits, Settings, load


class RealClock:
    """What the product's clock says."""

    def now(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class Edge:
    """One input that listens on a free port, and what it stored."""

    root: Path
    inlet: Inlet
    spool: Spool
    dead: Spool
    network: Network
    runner: Runner
    stop: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    """While set, nothing is taken from the inbox."""

    @property
    def port(self) -> int:
        return self.inlet.listener.port  # type: ignore[union-attr,attr-defined]  # they all have it

    def carry(self) -> None:
        """Body of the thread that feeds the spool."""
        while not self.stop.is_set():
            if not self.held.is_set():
                self.runner.step()
            time.sleep(0.001)

    def rows(self, partition: str = PARTITION) -> list[dict[str, Any]]:
        """What is in the spool, or another partition of it, by now."""
        reader, found, after = SpoolReader(self.root), [], -1
        while (rows := reader.read(partition, after)) is not None:
            found += rows.to_pylist()
            after = found[-1]["offset"]
        reader.close()
        return found

    def raws(self) -> list[bytes]:
        return [row["raw"] for row in self.rows()]

    def wait(self, count: int, partition: str = PARTITION) -> list[dict[str, Any]]:
        """The rows, once there are so many."""
        deadline = time.monotonic() + 10
        while len(found := self.rows(partition)) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} came"
            time.sleep(0.01)
        return found

    def ask(
        self, method: str, path: str, body: bytes | str = b"", **headers: str
    ) -> tuple[int, Any]:
        """One HTTP request; the answer's status and JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, names)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        is_json = answer.headers.get_content_type() == "application/json"
        return answer.status, json.loads(content) if is_json and content else content


@contextmanager
def edge(
    root: Path, text: str, *, start: bool = True, limits: Limits | None = None
) -> Iterator[Edge]:
    """Run the one input that `text` (TOML) describes."""
    root.mkdir(exist_ok=True)
    (root / "tocsin.toml").write_text(text)
    settings: Settings = load(root, {})
    if limits is not None:
        settings = Settings(input=settings.input, limits=limits)
    inlets = inlets_of(Site(root, settings, root), 1, RealClock())
    inlet = next(one for one in inlets if one.listener is not None)
    with (
        Spool(root / "spool", PARTITION, options=LARGE) as spool,
        Spool(root / "spool", "dead", options=LARGE) as dead,
    ):
        stop = threading.Event()
        runner = Runner(
            inlet.transport, spool, dead, clock=RealClock(),
            pause=lambda seconds: not stop.wait(seconds), name=inlet.name,
        )  # fmt: skip
        network = Network([inlet.listener])
        network.open()
        running = Edge(root / "spool", inlet, spool, dead, network, runner, stop)
        carrier = threading.Thread(target=running.carry)
        if start:
            carrier.start()
        try:
            yield running
        finally:
            stop.set()
            if start:
                carrier.join()
            network.close()
