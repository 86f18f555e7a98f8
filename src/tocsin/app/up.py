"""The supervisor of `tocsin up`: starts the processes, restarts one that dies, ends them in order.

    edge      transports -> spool; /healthz /readyz /metrics
    core      spool -> findings, incidents, lake; owns the observing workers
    courier   what people decided -> the SIEMs that alerts came from, where there are any
    upkeep    once a day: what expired goes, small files of the lake are joined
    intelligence  feeds -> tables of indicators; new ones are looked for in the lake
    more      what the caller adds (the lab, when the demonstration runs)

A child that dies is started again after 0.1 s, doubled up to 5 s while it keeps dying. When the
supervisor itself dies, its children notice (their end of a pipe closes) and leave at once.
"""

import fcntl
import os
import shutil
import signal
import socket
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

import structlog

from tocsin.app.child import Part, run_child
from tocsin.app.clock import SystemClock
from tocsin.app.flag import Flag
from tocsin.app.inlets import inlets_of, refuse_taken
from tocsin.app.logs import speak
from tocsin.app.site import Site
from tocsin.app.workers import SPAWN, worker_count
from tocsin.collect.folder import make_folder, sync_folder, write_durably
from tocsin.errors import SettingsError, StorageError
from tocsin.model.ports import Clock

FIRST_PAUSE, LONGEST_PAUSE, CALM = 0.1, 5.0, 30.0
"""Seconds before a restart: the first, the longest, and the life after which a child is calm."""

GRACE = 10.0
"""Seconds that a child has to end by itself after SIGTERM."""

log = structlog.get_logger()


@dataclass(slots=True)
class _Child:
    part: Part
    process: SpawnProcess
    lifeline: Connection
    started: float
    pause: float = FIRST_PAUSE
    due: float | None = None


@dataclass(slots=True)
class Supervisor:
    """Keeps parts running until asked to stop."""

    parts: list[Part]
    clock: Clock = field(default_factory=SystemClock)
    _children: list[_Child] = field(default_factory=list)
    _stopping: bool = False

    def run(self) -> None:
        """Start everything and return once everything has ended after SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._children = [self._start(part) for part in self.parts]
        while not self._stopping:
            self._watch()
        self._end()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True

    def _start(self, part: Part) -> _Child:
        ours, theirs = SPAWN.Pipe()
        process = SPAWN.Process(target=run_child, args=(part.target, theirs, *part.args))
        process.start()
        theirs.close()
        log.info("started", part=part.name, pid=process.pid)
        return _Child(part, process, ours, self.clock.monotonic())

    def _watch(self) -> None:
        wait([c.process.sentinel for c in self._children if c.due is None], timeout=0.2)
        now = self.clock.monotonic()
        for index, child in enumerate(self._children):
            if child.due is None and not child.process.is_alive():
                self._schedule(child, now)
            elif child.due is not None and now >= child.due:
                fresh = self._start(child.part)
                fresh.pause = child.pause
                self._children[index] = fresh

    def _schedule(self, child: _Child, now: float) -> None:
        calm = now - child.started > CALM
        child.due = now + (FIRST_PAUSE if calm else child.pause)
        child.pause = FIRST_PAUSE if calm else min(LONGEST_PAUSE, child.pause * 2)
        child.lifeline.close()
        if child.part.ready is not None:
            child.part.ready.clear()
        if not self._stopping:
            code = child.process.exitcode
            log.warning("restarting", part=child.part.name, code=code, after=child.due - now)

    def _end(self) -> None:
        for child in self._children:
            if child.process.is_alive():
                child.process.terminate()
        deadline = self.clock.monotonic() + GRACE
        for child in self._children:
            child.process.join(timeout=max(0.0, deadline - self.clock.monotonic()))
            if child.process.is_alive():
                log.warning("killed", part=child.part.name, after=GRACE)
                child.process.kill()
                child.process.join()
            child.lifeline.close()


def serve_site(site: Site, more: list[Part]) -> int:
    """Run the service of a site until SIGTERM or SIGINT; returns the exit code."""
    speak(site.settings.log.level)
    os.umask(0o077)
    held = lock(site.data)
    inlets_of(site, 1, SystemClock())
    refuse_taken(site)
    _refuse_taken(site.settings.http.host, site.settings.http.port)
    run_folder = site.data / "run"
    shutil.rmtree(run_folder, ignore_errors=True)
    run_folder.mkdir()
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(run_folder)
    edge_ready, core_ready = Flag(), Flag()
    partitions = _partitions(site)
    parts = [
        Part(
            "edge",
            "tocsin.app.edge:run_edge",
            (site, partitions, edge_ready, core_ready),
            edge_ready,
        ),
        Part("core", "tocsin.app.core:run_core", (site, partitions, core_ready), core_ready),
        Part("upkeep", "tocsin.app.upkeep:run_upkeep", (site,)),
        Part("intelligence", "tocsin.app.intelligence:run_intelligence", (site,)),
        *([Part("courier", "tocsin.app.courier:run_courier", (site,))] * bool(site.settings.siem)),
        *more,
    ]
    Supervisor(parts).run()
    os.close(held)
    return 0


def _partitions(site: Site) -> tuple[str, ...]:
    """The partitions of the spool: as many as observers at the first start, then the same for good.

    A file's read position lives in its partition; with another number it would be read again.
    """
    path = site.data / "partitions"
    if not path.exists():
        write_durably(path, str(worker_count(len(os.sched_getaffinity(0)), 1)).encode())
        sync_folder(site.data)
    return tuple(f"p{number}" for number in range(int(path.read_text())))


def _refuse_taken(host: str, port: int) -> None:
    """Say that a port is taken before anything starts, not again and again afterwards."""
    try:
        with socket.create_server((host, port)):
            return
    except OSError as error:
        raise SettingsError(
            f"http: {host}:{port} cannot be used ({error.strerror}); set another [http] port"
        ) from error


def lock(home: Path) -> int:
    """Hold `home` for one `tocsin up`; the lock is released when this process ends.

    Raises StorageError when another one holds it.
    """
    make_folder(home)
    handle = os.open(home / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(handle)
        raise StorageError(
            f"{home} is in use by another `tocsin up`; stop that one first"
        ) from error
    os.ftruncate(handle, 0)
    os.write(handle, f"{os.getpid()}\n".encode())
    return handle
