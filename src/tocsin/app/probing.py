"""`tocsin source test`: a harmless, marked event through the real path, followed stage by stage.

Nothing is cleaned up afterwards: what arrives stays as any event does, under the identity told.
"""

import fcntl
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pyarrow.compute as pc

from tocsin.app.clock import SystemClock
from tocsin.app.probe_event import NEAR, Probe, make_probe
from tocsin.app.probe_ways import Way, fitting
from tocsin.app.site import DEAD, Site
from tocsin.collect.reader import SpoolReader
from tocsin.errors import InputError, StorageError, UsageError
from tocsin.store import State
from tocsin.store.scan import scan

_T = TypeVar("_T")
LOOK = 0.05
"""Seconds between two looks."""
LETTERS = 200
"""Newest dead letters among which the event is looked for."""
ACCEPTED, DURABLE, OBSERVED, JUDGED, STORED = STAGES = (
    "accepted", "durable", "observed", "judged", "in the lake",
)  # fmt: skip


class Step(msgspec.Struct, frozen=True):
    """A stage that the event reached, how many seconds after it was sent, and what is known."""

    stage: str
    seconds: float
    detail: str


class Tested(msgspec.Struct, frozen=True):
    """How far the event came. `stopped` is the stage that it did not reach, empty when it arrived.

    `cause` and `advice` then say why, probably, and what to do.
    """

    source_id: str
    input: str
    kind: str
    class_name: str
    marker: str
    uid: str
    dated: bool
    steps: tuple[Step, ...]
    stopped: str = ""
    cause: str = ""
    advice: str = ""


class _Stopped(Exception):
    def __init__(self, stage: str, cause: str, advice: str) -> None:
        super().__init__(cause)
        self.stage, self.cause, self.advice = stage, cause, advice


def probe_source(site: Site, source_id: str, wanted: str | None, timeout: float) -> Tested:
    """Send an event of a source over an input (`wanted`, or the first that fits) and follow it.

    Raises UsageError, before anything is sent, when there is no site, no such source or way, or no
    event of the source that is sure to be harmless.
    """
    if site.folder is None:
        raise UsageError("there is no site here: `tocsin init soc` makes one, --site names another")
    way = fitting(site, source_id, wanted)
    marker = f"tocsin-test-{secrets.token_hex(8)}"
    now = SystemClock().now()
    probe = make_probe(site, source_id, marker, now, declared=way.source is not None)
    trail = _Trail(site, way, probe, timeout)
    stopped = trail.follow(now)
    return Tested(
        source_id,
        way.name,
        way.kind,
        trail.class_name or probe.class_name,
        marker,
        trail.uid or probe.uid,
        probe.dated,
        tuple(trail.steps),
        *((stopped.stage, stopped.cause, stopped.advice) if stopped else ()),
    )


class _Trail:
    """Where the event is by now."""

    def __init__(self, site: Site, way: Way, probe: Probe, timeout: float) -> None:
        self._site, self._way, self._probe = site, way, probe
        self._clock = SystemClock()
        self._timeout = timeout
        self._state = State(site.state, read_only=True)
        self._partitions = [*partitions(site), DEAD]
        self._mark = probe.marker.encode()
        self._began = 0.0
        self.steps: list[Step] = []
        self.uid = self.class_name = ""

    def follow(self, now: int) -> _Stopped | None:
        """Send, and look until it arrived or the time is up; where it stopped, if it did."""
        try:
            self._send()
            partition, offset = self._durable()
            self._judged(partition, offset)
            self._stored(partition, offset, now)
        except _Stopped as stopped:
            return stopped
        return None

    def _step(self, stage: str, detail: str) -> None:
        self.steps.append(Step(stage, round(self._clock.monotonic() - self._began, 3), detail))

    def _wait(self, look: Callable[[], _T | None], why: Callable[[], _Stopped]) -> _T:
        """The first answer of `look`; raises what `why` gives when the time is up."""
        while True:
            if (found := look()) is not None:
                return found
            if self._clock.monotonic() - self._began > self._timeout:
                raise why()
            time.sleep(LOOK)

    def _send(self) -> None:
        self._reader = SpoolReader(self._site.spool)
        self._at = {name: self._state.cursor(name, "think") for name in self._partitions}
        self._began = self._clock.monotonic()
        if not is_running(self._site.data):
            raise _Stopped(
                ACCEPTED,
                "`tocsin up` does not run here; nothing was sent",
                "start it, then ask again",
            )
        try:
            done = self._way.send(self._probe.raw, self._probe.marker)
        except InputError as error:
            raise _Stopped(ACCEPTED, str(error), _REFUSED) from error
        self._step(ACCEPTED, done)

    def _durable(self) -> tuple[str, int]:
        partition, offset, refused = self._wait(
            self._spooled,
            lambda: _Stopped(DURABLE, *_NOT_READ[self._way.kind == "file", self._way.sure]),
        )
        if partition == DEAD:
            raise _Stopped(
                DURABLE,
                f"the input could not make a record of it: {refused}",
                "`tocsin dead-letters` shows it and why",
            )
        self._step(DURABLE, f"partition {partition}, offset {offset}")
        return partition, offset

    def _spooled(self) -> tuple[str, int, str] | None:
        for name in self._partitions:
            try:
                rows = self._reader.read(name, self._at[name])
            except StorageError:
                continue
            if rows is None:
                continue
            self._at[name] = rows.column("offset")[-1].as_py()
            for row, raw in enumerate(rows.column("raw").to_pylist()):
                if self._mark in raw:
                    refused = rows.column("reason")[row].as_py() if name == DEAD else ""
                    return name, rows.column("offset")[row].as_py(), refused
        return None

    def _judged(self, partition: str, offset: int) -> None:
        def reached() -> bool | None:
            return self._state.cursor(partition, "think") >= offset or None

        self._wait(reached, lambda: _Stopped(OBSERVED, *_NOT_JUDGED))
        letters = self._state.intake.dead_letters(LETTERS)
        for letter in letters:
            if self._mark in letter.raw:
                raise _Stopped(OBSERVED, f"refused, {letter.reason}: {letter.detail}", _UNREAD)
        self._step(OBSERVED, f"source {self._probe.source_id}, class {self._probe.class_name}")
        self._step(JUDGED, "no rule, indicator or alert in it")

    def _stored(self, partition: str, offset: int, now: int) -> None:
        def reached() -> bool | None:
            return self._state.cursor(partition, "lake") >= offset or None

        self._wait(reached, lambda: _Stopped(STORED, *_NOT_STORED))
        row = self._row(offset, now)
        if row is None:
            raise _Stopped(
                STORED,
                "it was taken for a repeat of an event that is stored, or policy dropped it",
                "look at `identity:` in source.yaml: two records must not share one",
            )
        self.uid, self.class_name = row["uid"], row["origin"].removeprefix("lake/")
        self._step(STORED, f"{row['source_id']}, {self.class_name}")

    def _row(self, offset: int, now: int) -> dict[str, Any] | None:
        since = now - 2 * NEAR if self._probe.dated else 0
        sources = {self._probe.source_id}
        for batch in scan(
            self._site.lake, site=self._site.settings.site, since=since, sources=sources
        ):
            rows = batch.filter(pc.equal(batch.column("offset"), offset))
            for row in rows.to_pylist():
                if self._mark in row["raw"]:
                    return dict(row)
        return None


_REFUSED = "see whether `tocsin up` listens there, and whether its secret and certificate are right"
_UNREAD = "`tocsin normalize` with such a record says what is missing; mend the source, `reprocess`"
_FILE = (
    (
        "the file was written but not read: the service does not follow this path, may not read"
        " it, or was started before the input was set up"
    ),
    "restart `tocsin up` after a change of tocsin.toml; look at its log and at /readyz",
)
_ACKNOWLEDGED = (
    "it was acknowledged, so it is durable, and went on before it could be seen in the spool",
    "ask again; the event is in the lake under its marker",
)
_SENT = (
    (
        "it was sent, but the protocol has no acknowledgement and nothing came: another program may"
        " listen there, a firewall dropped it, or reading stands still"
    ),
    "look at `tocsin sources`, and at tocsin_lost_total and tocsin_standing_still in /metrics",
)
_NOT_READ = {(True, False): _FILE, (False, True): _ACKNOWLEDGED, (False, False): _SENT}
_NOT_JUDGED = (
    "it waits in the spool: an observer or core does not run, or has much to do before it",
    "look at /readyz and at the log of `tocsin up`; a longer --timeout tells whether it is slow",
)
_NOT_STORED = (
    (
        "it was judged, but the lake did not take it yet: it commits every [lake] commit_seconds,"
        " or refuses (a full disk)"
    ),
    "give a --timeout longer than commit_seconds; look at the log of `tocsin up`",
)


def partitions(site: Site) -> tuple[str, ...]:
    """The partitions of the spool; none before `tocsin up` ran."""
    try:
        number = int((site.data / "partitions").read_text())
    except (FileNotFoundError, ValueError):
        return ()
    return tuple(f"p{one}" for one in range(number))


def is_running(home: Path) -> bool:
    """Whether a `tocsin up` holds the data in `home`."""
    try:
        handle = os.open(home / "up.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False
