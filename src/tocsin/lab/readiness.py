"""Runs the product's readiness over simulated quality, in memory: the same folds, no database."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from heapq import merge
from typing import Any, NamedTuple

import pyarrow as pa

from tocsin.app.readiness import Readiness
from tocsin.content import load
from tocsin.lab.telemetry import Stream, Tick, batch
from tocsin.lab.world import MINUTE, SECOND
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.evidence import Evidence
from tocsin.model.readiness import Gap, Use
from tocsin.model.sources import IdentitySpec, ProductSpec, SourceSpec

_USUAL_DELAY = 900
"""Seconds of delay from which on a simulated source declares it."""

_TRAILS = 2 * MINUTE
"""How far (us) the watermark trails the clock."""


class Memory:
    """Books that are kept in memory."""

    def __init__(self) -> None:
        self.states: dict[tuple[str, str], bytes] = {}
        self.evidence: list[Evidence] = []
        self.records: list[tuple[int, str, dict[str, Any]]] = []

    def fold_states(self, fold: str, keys: Iterable[str]) -> dict[str, bytes]:
        """The states of some keys."""
        found = {key: self.states.get((fold, key)) for key in set(keys)}
        return {key: state for key, state in found.items() if state is not None}

    def all_fold_states(self, fold: str) -> dict[str, bytes]:
        """The states of all keys."""
        return {key: state for (name, key), state in self.states.items() if name == fold}

    def put_fold_states(self, fold: str, states: Mapping[str, bytes | None]) -> None:
        """Store states."""
        for key, state in states.items():
            if state is None:
                self.states.pop((fold, key), None)
            else:
                self.states[fold, key] = state

    def put_evidence(self, evidence: Evidence) -> None:
        """Keep a claim."""
        self.evidence.append(evidence)

    def forget_readiness(self, subjects: Sequence[str], before: int) -> None:
        """Nothing is kept for so long here."""

    def journal(
        self, at: int, actor: str, kind: str, *, subject: str, body: Mapping[str, Any]
    ) -> None:
        """Keep a record."""
        self.records.append((at, f"{actor} {kind} {subject}", dict(body)))


class Alarm(NamedTuple):
    """A gap that opened at a time (us UTC)."""

    at: int
    source_id: str
    gap: Gap


class Watch:
    """Readiness over a stretch of simulated time; every gap that opens is an alarm.

    What only time can mend (a window of 90 days that is not full yet) is none.
    """

    def __init__(
        self,
        sources: Iterable[SourceSpec],
        *,
        holidays: Iterable[str] = (),
        look_every: int = MINUTE,
    ) -> None:
        self.books = Memory()
        self.readiness = Readiness({})
        self.readiness.work_with(thresholds(holidays), list(sources))
        self.alarms: list[Alarm] = []
        self._open: set[tuple[str, object]] = set()
        self._look_every = look_every
        self._looked = 0

    def take(self, made: Sequence[Tick]) -> list[Alarm]:
        """Rows that came together; the gaps that they open."""
        now = max(one.at for one in made) + SECOND
        quality = batch(list(made))
        self.readiness.take(self.books, quality, {}, watermark=now - _TRAILS, now=now)
        return self._news(now)

    def measured(self, at: int, quality: pa.RecordBatch) -> list[Alarm]:
        """What was measured of records that arrived by `at`; the gaps that open up to then."""
        waited = self.wait(at)
        self.readiness.take(self.books, quality, {}, watermark=at - _TRAILS, now=at)
        return waited + self._news(at)

    def wait(self, now: int) -> list[Alarm]:
        """Time passes up to `now`; the gaps that this opens."""
        if now - self._looked < self._look_every:
            return []
        self._looked = now
        self.readiness.let_time_pass(self.books, watermark=now - _TRAILS, now=now)
        return self._news(now)

    def _news(self, now: int) -> list[Alarm]:
        current = {
            (source, gap.key): Alarm(now, source, gap)
            for (source, use), one in self.readiness.known.items()
            if use is Use.AUTONOMY
            for gap in one.gaps
            if gap.measure != "history"
        }
        fresh = [alarm for key, alarm in current.items() if key not in self._open]
        self._open = set(current)
        self.alarms += fresh
        return fresh


def thresholds(holidays: Iterable[str] = ()) -> ContentSet:
    """What ships, and the holidays of the simulated enterprise."""
    lines = "".join(f"  - {day}\n" for day in holidays)
    own = ContentFile("readiness/lab.yaml", f"holidays:\n{lines}".encode(), "site")
    mine = [file for file in load(None).files if file.path.startswith("readiness/")]
    return ContentSet.of([*mine, own] if lines else mine)


def specs(streams: Iterable[Stream]) -> list[SourceSpec]:
    """Sources for simulated streams; nothing about their rhythm is declared."""
    return [
        SourceSpec(
            one.source_id, one.source_id, ProductSpec(one.source_id, "lab"), (), (),
            IdentitySpec(), owner="lab", delay=int(one.delay) if one.delay > _USUAL_DELAY else 0,
        )
        for one in streams
    ]  # fmt: skip


def run(watch: Watch, streams: Iterable[Iterator[Tick]], end: int, step: int) -> None:
    """Let every stream come in order of time until `end`, and time pass in steps (us)."""
    waited = 0
    held: list[Tick] = []
    for tick in merge(*streams, key=lambda one: one.at):
        if held and tick.at // step != held[0].at // step:
            watch.take(held)
            held = []
        waited = waited or tick.at
        while waited + step <= tick.at:
            waited += step
            watch.wait(waited)
        held.append(tick)
    if held:
        watch.take(held)
    while waited + step <= end:
        waited += step
        watch.wait(waited)
