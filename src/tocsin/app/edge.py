"""The process at the edge: transports into the spool; health and metrics for the outside.

Every input belongs to one partition for good (by its path), so that a partition has one writer and
its records keep the order in which they were read.
"""

import signal
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from pathlib import Path
from types import FrameType
from zlib import crc32

import msgspec
import structlog

from tocsin.app import metrics
from tocsin.app.clock import SystemClock
from tocsin.app.health import serve_health
from tocsin.app.logs import speak
from tocsin.app.site import DEAD, Site
from tocsin.collect.folder import backlog
from tocsin.collect.runner import Runner
from tocsin.collect.spool import Spool, SpoolLocked
from tocsin.collect.transports.files import Files, FileSource
from tocsin.errors import SettingsError
from tocsin.formats.limits import DEFAULT
from tocsin.settings import Input

IDLE = 0.05
"""Seconds between two looks at inputs that had nothing new."""

LOCK_TRIES, LOCK_PAUSE = 100, 0.1
"""How often, and after how many seconds, a partition that is still locked is tried again."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Stop:
    """Becomes set when it is time to end."""

    event: threading.Event = field(default_factory=threading.Event)

    def on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.event.set()

    def pause(self, seconds: float) -> bool:
        """Wait; False when it is time to end."""
        return not self.event.wait(seconds)


def run_edge(site: Site, partitions: Sequence[str], edge_ready: Event, core_ready: Event) -> None:
    """Body of the process."""
    speak(site.settings.log.level)
    metrics.restarts.labels("edge").inc()
    stop, clock = _Stop(), SystemClock()
    signal.signal(signal.SIGTERM, stop.on_signal)
    http = site.settings.http
    server = serve_health(
        http.host, http.port, lambda: {"edge": edge_ready.is_set(), "core": core_ready.is_set()}
    )
    log.info("answering probes", host=http.host, port=server.server_port)
    spools = [_spool(site, name, stop) for name in partitions]
    dead = _spool(site, DEAD, stop)
    for spool in (*spools, dead):
        for damage in spool.recovery.damaged:
            log.error("spool damaged", partition=spool.partition, place=damage)
    runners = [
        Runner(_files(site, n, len(spools)), spool, dead, clock=clock, pause=stop.pause)
        for n, spool in enumerate(spools)
    ]
    edge_ready.set()
    try:
        _collect(runners, stop, site, partitions)
    finally:
        edge_ready.clear()
        for spool in (*spools, dead):
            spool.close()


def _spool(site: Site, partition: str, stop: _Stop) -> Spool:
    """A partition to write; an edge that was killed may hold it while its last fsync ends."""
    for _ in range(LOCK_TRIES):
        try:
            return Spool(site.spool, partition, site=site.settings.site)
        except SpoolLocked:
            stop.pause(LOCK_PAUSE)
    return Spool(site.spool, partition, site=site.settings.site)


def _files(site: Site, number: int, of: int) -> Files:
    """The inputs of one partition as one transport."""
    limits = site.settings.limits
    bounds = msgspec.structs.replace(
        DEFAULT, max_record=limits.record_bytes, max_depth=limits.depth, max_ratio=limits.ratio
    )
    mine = [one for one in site.settings.input if crc32(one.path.encode()) % of == number]
    return Files([_source(site, one) for one in mine], bounds)


def _source(site: Site, one: Input) -> FileSource:
    path = (site.folder or Path.cwd()) / one.path
    if "*" in str(path.parent):
        raise SettingsError(f"input {one.path}: `*` is only understood in the last part of a path")
    if "*" in path.name:
        return FileSource(path.parent, one.source, one.follow, path.name)
    return FileSource(path, one.source, one.follow)


def _collect(runners: Sequence[Runner], stop: _Stop, site: Site, partitions: Sequence[str]) -> None:
    """Step every partition's inputs in turn until it is time to end."""
    clock, told = SystemClock(), 0.0
    refused: Counter[tuple[str, str]] = Counter()
    while not stop.event.is_set():
        moved = 0
        for name, runner in zip(partitions, runners, strict=True):
            before, size = runner.counts.received, runner.counts.bytes
            runner.step()
            moved += runner.counts.received - before
            metrics.received.labels(name).inc(runner.counts.received - before)
            metrics.received_bytes.labels(name).inc(runner.counts.bytes - size)
            _export(name, runner, refused)
        if clock.monotonic() - told > 1:
            told = clock.monotonic()
            metrics.spool_waiting.set(sum(backlog(site.spool, name)[0] for name in partitions))
        if not moved:
            stop.pause(IDLE)


def _export(name: str, runner: Runner, refused: Counter[tuple[str, str]]) -> None:
    """Count what was refused since the last time, and say when reading stands still."""
    for reason, n in runner.counts.rejected.items():
        metrics.refused.labels(name, reason).inc(n - refused[name, reason])
        refused[name, reason] = n
    metrics.standing_still.labels(name).set(bool(runner.counts.waiting))
