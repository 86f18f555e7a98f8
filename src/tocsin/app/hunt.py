"""One shot over files: what do they say? Writes nothing but what it was asked to.

The parent reads and unpacks, the workers observe, and once every finding is in, they are grouped
in order of their own time: files of one incident may come in any order.
"""

import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from tocsin import flow
from tocsin.app import parts
from tocsin.app.arrow import from_bytes, to_bytes
from tocsin.app.clock import SystemClock
from tocsin.app.reading import by_file, clocks_of
from tocsin.app.site import open_site
from tocsin.app.workers import Reply, Request, Worker, in_parallel, serve
from tocsin.correlate.grouping import Grouping
from tocsin.correlate.hubs import grouping_of
from tocsin.correlate.incidents import END, IncidentFold, rank
from tocsin.detect.sigma.windows.fold import WindowsFold
from tocsin.errors import UsageError
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches, total_bytes
from tocsin.formats.records import Rejected, Stamp, to_envelope
from tocsin.model.findings import Finding, Standing, findings_from_arrow, findings_to_arrow
from tocsin.model.incidents import Incident, incident_from_bytes
from tocsin.model.rules import RuleStatus
from tocsin.model.stages import ContextSnapshot, HostClock
from tocsin.store.lake import Lake

FINDINGS_PER_STEP = 4_096

LAKE_ROWS = 131_072
"""Events that a worker gathers before it commits them."""


class Unrecognized(msgspec.Struct, frozen=True):
    """Records or files kept out for one reason; the first of them as an example."""

    reason: str
    count: int
    example: str
    detail: str


class Report(msgspec.Struct, frozen=True):
    """What a hunt found.

    `members` maps each incident to all of its findings, `also_in` a finding to the other files that
    hold the very same event: it counts once.
    """

    events: dict[str, dict[str, int]]
    findings: list[Finding]
    incidents: list[Incident]
    members: dict[str, list[str]]
    also_in: dict[str, list[str]]
    rules: list[RuleStatus]
    unrecognized: list[Unrecognized]
    seconds: float
    bytes_read: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a hunt is: events, share of the input read (0 to 1), seconds, findings so far."""

    events: int
    share: float
    seconds: float
    findings: int


@dataclass(slots=True)
class _Tally:
    """What came in so far."""

    counts: Counter[str] = field(default_factory=Counter)
    findings: dict[str, Finding] = field(default_factory=dict)
    also_in: dict[str, set[str]] = field(default_factory=dict)
    kept_out: dict[str, Unrecognized] = field(default_factory=dict)
    events: int = 0
    size: int = 0
    read: int = 0

    def keep_out(self, reason: str, detail: str, example: str) -> None:
        """Count it; details name bytes and keys, so that only the first of a reason is kept."""
        known = self.kept_out.get(reason) or Unrecognized(reason, 0, example, detail)
        self.kept_out[reason] = msgspec.structs.replace(known, count=known.count + 1)

    def take(self, reply: Reply) -> None:
        self.counts.update(reply.args["counts"])
        self.events += reply.args["rows"]
        for finding in findings_from_arrow(from_bytes(reply.parts["findings"])):
            known = self.findings.setdefault(finding.finding_id, finding)
            place = finding.events[0].origin
            if known is not finding and place != known.events[0].origin:
                self.also_in.setdefault(finding.finding_id, set()).add(place)
        for row in from_bytes(reply.parts["rejects"]).to_pylist():
            self.keep_out(row["reason"], row["detail"], f"{row['origin']}:{row['position']}")


class HuntTask(msgspec.Struct, frozen=True):
    """What a worker of a hunt needs; `lake` is empty when no events are kept."""

    setup: parts.Setup
    site: str
    lake: str
    partition: str


def hunt_files(
    paths: Sequence[Path],
    *,
    rules: Path | None = None,
    lake: Path | None = None,
    site: Path | None = None,
    cores: int = 2,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Report:
    """Read `paths` once with `cores` workers.

    Raises UsageError when there is nothing to read, SettingsError when `site` is no site.
    """
    clock = SystemClock()
    began = clock.monotonic()
    total = _total_bytes(paths)
    _refuse_used(lake)
    content = parts.load_content(site if site is None else open_site(site).folder)
    setup = parts.prepare(content, parts.rule_files(content, rules), parts.cache_folder())
    compiled = parts.build(setup)
    tally, workers = _Tally(), list[Worker]()
    try:
        for n in range(cores):
            task = HuntTask(setup, "hunt", str(lake or ""), f"hunt-{n}")
            workers.append(_undisturbed(task))
        requests = _requests(paths, compiled, clock.now(), tally)
        for reply in in_parallel(workers, requests):
            tally.take(reply)
            elapsed = clock.monotonic() - began
            share = tally.read / total if total else 1.0
            progress(Progress(tally.events, share, elapsed, len(tally.findings)))
        for worker in workers:
            worker.ask("finish")
    finally:
        for worker in workers:
            worker.close()
    findings = _concluded(tally.findings.values(), compiled, clock.now())
    incidents, members = _incidents(findings, grouping_of(content.files), clock.now())
    return Report(
        events=_by_source(tally.counts),
        findings=findings,
        incidents=incidents,
        members=members,
        also_in={finding_id: sorted(places) for finding_id, places in tally.also_in.items()},
        rules=list(compiled.plan.statuses),
        unrecognized=sorted(tally.kept_out.values(), key=lambda u: -u.count),
        seconds=clock.monotonic() - began,
        bytes_read=tally.size,
    )


def _undisturbed(task: HuntTask) -> Worker:
    """A worker that Ctrl-C does not reach, not even while it starts: its parent ends it."""
    resource_tracker.ensure_running()  # starting it would unblock the signal too early
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return Worker(run_hunter, task)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _total_bytes(paths: Sequence[Path]) -> int:
    if not paths:
        raise UsageError("name at least one file or folder to read")
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
    return total_bytes(paths)


def _refuse_used(lake: Path | None) -> None:
    if lake is not None and lake.exists() and any(lake.iterdir()):
        raise UsageError(f"{lake} is not empty: name a new folder, so that no event is kept twice")


def _requests(
    paths: Sequence[Path], compiled: flow.Compiled, now: int, tally: _Tally
) -> Iterator[Request]:
    """One request per batch; a batch never spans two files, so that host clocks stay apart."""
    task = offset = 0
    file, clocks = "", {}
    for batch in read_batches(list(paths), DEFAULT):
        tally.read = batch.bytes_read
        for problem in batch.problems:
            place = f":{problem.position}" if isinstance(problem, Rejected) else ""
            tally.keep_out(problem.reason, problem.detail, f"{problem.origin}{place}")
        for name, part in by_file(batch):
            raw = to_envelope(part, Stamp("hunt", "hunt", offset, None, now))
            if name != file:
                file, clocks = name, clocks_of(raw, compiled)
            tally.size += part.size
            yield Request("observe", task, {"clocks": clocks}, to_bytes(raw))
            task, offset = task + 1, offset + len(part)


def _by_source(counts: Counter[str]) -> dict[str, dict[str, int]]:
    events: dict[str, dict[str, int]] = {}
    for key, n in counts.items():
        name, source, class_name = key.split("|")
        if name == "classified":
            events.setdefault(source, {})[class_name] = n
    return events


def _concluded(found: Iterable[Finding], compiled: flow.Compiled, now: int) -> list[Finding]:
    """The findings with what correlation rules say about them, in order of time.

    Findings that exist only to feed correlations are left out.
    """
    findings = sorted(found, key=_by_time)
    plan = compiled.plan
    fold = WindowsFold(
        plan.correlations,
        content_id=findings[0].content_id if findings else "",
        standing_of=plan.standing_of,
    )
    known = flow.Known(compiled.standings, compiled.surroundings)
    said: dict[str, Finding] = {}
    states: dict[str, bytes] = {}
    for start in range(0, len(findings) if plan.correlations else 0, FINDINGS_PER_STEP):
        part = findings[start : start + FINDINGS_PER_STEP]
        rows = findings_to_arrow(list(enumerate(part, start)))
        watermark = part[0].time - flow.LATENESS
        changed, concluded = flow.conclude(states, rows, fold, known, watermark=watermark, now=now)
        states |= {key: state for key, state in changed.items() if state is not None}
        said |= {finding.finding_id: finding for finding in findings_from_arrow(concluded)}
    for state in states.values():
        _, rows = fold.step(state, flow.NO_FINDINGS, watermark=END, now=now)
        for finding in findings_from_arrow(flow.stand([rows], known)):
            said[finding.finding_id] = finding
    shown = [f for f in (*findings, *said.values()) if f.standing is not Standing.BUILDING]
    return sorted(shown, key=_by_time)


def _by_time(finding: Finding) -> tuple[int, str]:
    return finding.time, finding.finding_id


def _incidents(
    findings: list[Finding], grouping: Grouping, now: int
) -> tuple[list[Incident], dict[str, list[str]]]:
    """Group all findings of a hunt; returns incidents worst first and their members."""
    fold = IncidentFold(grouping)
    states: dict[str, bytes] = {}
    current: dict[str, Incident] = {}
    members: dict[str, list[str]] = {}
    for start in range(0, len(findings), FINDINGS_PER_STEP):
        part = findings[start : start + FINDINGS_PER_STEP]
        rows = findings_to_arrow(list(enumerate(part, start)))
        watermark = part[0].time - flow.LATENESS
        changed, outputs = flow.judge(states, rows, fold, watermark=watermark, now=now)
        states = {key: state for key, state in changed.items() if state is not None}
        for output in outputs:
            _apply(output, current, members)
    for state in states.values():
        _, output = fold.step(state, flow.NO_FINDINGS, watermark=END, now=now)
        _apply(output, current, members)
    return sorted(current.values(), key=rank, reverse=True), members


def _apply(
    changes: pa.RecordBatch, current: dict[str, Incident], members: dict[str, list[str]]
) -> None:
    for change in changes.to_pylist():
        incident_id, older = change["incident_id"], change["alias_of"]
        kept = older or incident_id
        members.setdefault(kept, []).extend(change["new_finding_ids"])
        if older is not None:
            members[kept].extend(members.pop(incident_id, []))
            current.pop(incident_id, None)
        elif change["body"] is not None:
            current[incident_id] = incident_from_bytes(change["body"])


class Hunter:
    """A worker of a hunt."""

    def __init__(self, task: HuntTask) -> None:
        self._task = task
        self._compiled = parts.build(task.setup)
        self._context = ContextSnapshot(task.site, task.setup.content.content_id)
        self._lake = (
            Lake(Path(task.lake), self._compiled.normalizer.class_schema) if task.lake else None
        )
        self._events: dict[str, list[pa.RecordBatch]] = {}
        self._rows = 0
        self._last = -1

    def handle(self, request: Request) -> Reply:
        """Observe a batch, or store what is left."""
        if request.kind == "finish":
            self._store()
            return Reply(request.task)
        raw = from_bytes(request.payload)
        clocks = msgspec.convert(request.args["clocks"], dict[str, HostClock])
        context = msgspec.structs.replace(self._context, host_clocks=clocks)
        if self._lake is None:
            observed = flow.look(raw, self._compiled, context)
        else:
            observed = flow.observe(raw, self._compiled, context)
            self._keep(raw, observed.events)
        args = {"rows": raw.num_rows, "counts": dict(observed.counts)}
        bulk = {"findings": to_bytes(observed.hits), "rejects": to_bytes(observed.rejects)}
        return Reply(request.task, args, bulk)

    def _keep(self, raw: pa.RecordBatch, events: Any) -> None:
        self._last = raw.column("offset")[-1].as_py()
        for name, rows in events.items():
            self._events.setdefault(name, []).append(rows)
            self._rows += rows.num_rows
        if self._rows >= LAKE_ROWS:
            self._store()

    def _store(self) -> None:
        if self._lake is not None and self._rows:
            self._lake.append(self._task.partition, self._last, self._events)
            self._events, self._rows = {}, 0


def run_hunter(connection: Connection, task: HuntTask) -> None:
    """Body of the process."""
    serve(connection, Hunter(task).handle)
