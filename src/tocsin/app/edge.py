"""The process at the edge: transports into the spool; health and metrics for the outside.

Every input belongs to one partition for good (by its path or name), so that a partition has one
writer and its records keep the order in which they were read. One thread carries everything into
the spool; what senders connect to is served in another, which rings when something came.
"""

import signal
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

import structlog

from tocsin.app import metrics
from tocsin.app.clock import SystemClock
from tocsin.app.flag import Flag
from tocsin.app.health import serve_health
from tocsin.app.inlets import Inlet, inlets_of
from tocsin.app.logs import speak
from tocsin.app.site import DEAD, Site
from tocsin.collect.folder import backlog
from tocsin.collect.network import Network
from tocsin.collect.pulling import Puller
from tocsin.collect.runner import Runner
from tocsin.collect.spool import Spool, SpoolLocked

IDLE, AWAKE = 0.05, 0.004
"""Seconds between two looks at inputs that had nothing new, and while something came lately."""

LATELY = 2.0
"""Seconds after which nothing came lately."""

SHARE = 4
"""A pause is at least so many times as long as the look before it: many files cost time."""

LOCK_TRIES, LOCK_PAUSE = 100, 0.1
"""How often, and after how many seconds, a partition that is still locked is tried again."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Stop:
    """Becomes set when it is time to end."""

    event: threading.Event = field(default_factory=threading.Event)
    bell: threading.Event = field(default_factory=threading.Event)
    """Rung when something came in, or when it is time to end."""

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.event.set()
        self.bell.set()

    def pause(self, seconds: float) -> bool:
        """Wait; False when it is time to end."""
        return not self.event.wait(seconds)

    def doze(self, seconds: float) -> None:
        """Wait until the bell rings, at most so long."""
        self.bell.wait(seconds)
        self.bell.clear()


def run_edge(site: Site, partitions: Sequence[str], edge_ready: Flag, core_ready: Flag) -> None:
    """Body of the process."""
    speak(site.settings.log.level)
    metrics.restarts.labels("edge").inc()
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop.on_signal)
    http = site.settings.http
    server = serve_health(
        http.host, http.port, lambda: {"edge": edge_ready.is_set(), "core": core_ready.is_set()}
    )
    log.info("answering probes", host=http.host, port=server.server_port)
    clock = SystemClock()
    inlets = inlets_of(site, len(partitions), clock, stop.bell.set)
    with _spools(site, (*partitions, DEAD), stop) as (*spools, dead):
        carriers = [Carrier(inlet, spools[inlet.partition], dead, stop) for inlet in inlets]
        network = Network([inlet.listener for inlet in inlets if inlet.listener is not None])
        _open(network, stop)
        edge_ready.set()
        try:
            _collect(carriers, stop, site)
            _drain(carriers, network)
        finally:
            edge_ready.clear()
            for inlet in inlets:
                inlet.close()


def _open(network: Network, stop: _Stop) -> None:
    """Listen; the ports of an edge that was killed may be free a moment later only."""
    for _ in range(LOCK_TRIES):
        try:
            network.open()
        except OSError as error:
            log.warning("cannot listen yet", reason=error.strerror)
            stop.pause(LOCK_PAUSE)
        else:
            return
    network.open()


def _drain(carriers: Sequence["Carrier"], network: Network) -> None:
    """Stop listening, and make durable meanwhile what was received until then."""
    closing = threading.Thread(target=network.close, name="closing")
    closing.start()
    while closing.is_alive():
        for carrier in carriers:
            carrier.step()
        closing.join(AWAKE)
    for carrier in carriers:
        carrier.step()


@contextmanager
def _spools(site: Site, partitions: Sequence[str], stop: _Stop) -> Iterator[list[Spool]]:
    """The partitions to write; says what damage was found in them."""
    spools = [_spool(site, name, stop) for name in partitions]
    for spool in spools:
        for damage in spool.recovery.damaged:
            log.error("spool damaged", partition=spool.partition, place=damage)
    try:
        yield spools
    finally:
        for spool in spools:
            spool.close()


def _spool(site: Site, partition: str, stop: _Stop) -> Spool:
    """A partition to write; an edge that was killed may hold it while its last fsync ends."""
    for _ in range(LOCK_TRIES):
        try:
            return Spool(site.spool, partition, site=site.settings.site)
        except SpoolLocked:
            stop.pause(LOCK_PAUSE)
    return Spool(site.spool, partition, site=site.settings.site)


class Carrier:
    """One inlet with its runner, and what is exported about them."""

    def __init__(self, inlet: Inlet, spool: Spool, dead: Spool, stop: _Stop) -> None:
        self._finishes = inlet.listener is not None
        """What was taken out of an inbox is carried to its end: no file has it still."""
        self._name = spool.partition
        self._input = inlet.name or "files"
        self._losses = inlet.listener.losses if inlet.listener is not None else Counter[str]()
        self._stop = stop
        self._seen: Counter[str] = Counter()
        self._why = ""
        self._troubles = inlet.transport.troubles if isinstance(inlet.transport, Puller) else None
        self._trouble = ""
        self._runner = Runner(
            inlet.transport, spool, dead, clock=SystemClock(), pause=self._pause, name=inlet.name
        )

    def step(self) -> bool:
        """Read what is there; True when there was something."""
        before = self._seen["received"]
        self._runner.step()
        self._export()
        return self._seen["received"] > before

    def _pause(self, seconds: float) -> bool:
        if seconds:
            self._export()
        return self._stop.pause(seconds) or (self._finishes and not seconds)

    def _export(self) -> None:
        """Count what came since the last time, and say when reading stands still and why."""
        counts = self._runner.counts
        metrics.received.labels(self._name).inc(counts.received - self._seen["received"])
        metrics.received_by_input.labels(self._input).inc(counts.received - self._seen["received"])
        metrics.received_bytes.labels(self._name).inc(counts.bytes - self._seen["bytes"])
        self._seen["received"], self._seen["bytes"] = counts.received, counts.bytes
        for reason, n in counts.rejected.items():
            if not self._seen[f"refused {reason}"]:
                log.warning("refused; `tocsin dead-letters` shows what", reason=reason)
            metrics.refused.labels(self._name, reason).inc(n - self._seen[f"refused {reason}"])
            self._seen[f"refused {reason}"] = n
        for what, n in list(self._losses.items()):
            metrics.lost.labels(self._input, what).inc(n - self._seen[f"lost {what}"])
            if n and not self._seen[f"lost {what}"]:
                log.warning("records are lost", input=self._input, what=what)
            self._seen[f"lost {what}"] = n
        self._tell_troubles()
        metrics.standing_still.labels(self._name).set(bool(counts.waiting))
        if counts.waiting and counts.waiting != self._why:
            log.error("reading stands still", partition=self._name, reason=counts.waiting)
        self._why = counts.waiting

    def _tell_troubles(self) -> None:
        """Count what failed while asking, and say once what lasts and when it is over."""
        if self._troubles is None:
            return
        for reason, n in list(self._troubles.counts.items()):
            told = self._seen[f"failed {reason}"]
            metrics.fetch_failures.labels(self._input, reason).inc(n - told)
            self._seen[f"failed {reason}"] = n
        standing = self._troubles.standing
        metrics.fetch_failing.labels(self._input).set(bool(standing))
        kind = standing.partition(":")[0]
        if kind and kind != self._trouble:
            log.warning("cannot be asked", input=self._input, reason=standing)
        elif self._trouble and not kind:
            log.info("can be asked again", input=self._input)
        self._trouble = kind


def _collect(carriers: Sequence[Carrier], stop: _Stop, site: Site) -> None:
    """Step every inlet in turn until it is time to end."""
    clock, told, moved_at = SystemClock(), 0.0, 0.0
    names = [path.name for path in site.spool.iterdir() if path.is_dir()]
    while not stop.event.is_set():
        began = clock.monotonic()
        moved = [carrier.step() for carrier in carriers]
        now = clock.monotonic()
        if now - told > 1:
            told = now
            metrics.spool_bytes.set(sum(backlog(site.spool, name)[0] for name in names))
        if any(moved):
            moved_at = now
        else:
            pause = AWAKE if now - moved_at < LATELY else IDLE
            stop.doze(min(max(pause, SHARE * (now - began)), IDLE))
