"""`tocsin backfill`: exports and archives go into the lake at the time of their events.

They count: in the lake, in the accounts of their sources, in the history that readiness asks for.
Their findings are kept as history: no incident opens, nobody is told, nothing acts.

A run is a partition of its own, named by what it reads. What was done is not done again: a run that
was stopped goes on behind its cursors, and an event that is known already is a repeat.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from tocsin import crash, flow
from tocsin.app import accounts, parts
from tocsin.app.arrow import to_bytes
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.context import index_of
from tocsin.app.isolation import isolating
from tocsin.app.readiness import PAST
from tocsin.app.reading import by_file, clocks_of
from tocsin.app.site import Site
from tocsin.errors import UsageError
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import files_below, printable, read_batches
from tocsin.formats.records import Problem, Rejected, Skipped, Stamp, to_envelope
from tocsin.model.envelope import REJECTS
from tocsin.model.findings import findings_from_arrow
from tocsin.model.stages import ContextSnapshot, HostClock, Observed
from tocsin.store import State
from tocsin.store.lake import Lake
from tocsin.store.retention import divide, policy_of
from tocsin.store.seen import HISTORY
from tocsin.store.think import Think

COMMIT_ROWS = 131_072
"""Events of one commit to the lake."""


@dataclass(slots=True)
class Filled:
    """What a run did so far. Times are microseconds UTC, 0 while there is none."""

    records: int = 0
    repeats: int = 0
    dead_letters: int = 0
    findings: int = 0
    earliest: int = 0
    latest: int = 0
    sources: Counter[str] = field(default_factory=Counter)
    """Events by source."""
    read: int = 0
    """Bytes of the files on disk."""


def backfill(
    site: Site,
    paths: Sequence[Path],
    *,
    source: str | None,
    received: int,
    now: int,
    told: Callable[[Filled], None],
) -> Filled:
    """Read files into the lake of a site; it may be running.

    `source` declares of which source all records are; without it each is recognized. `received` (us
    UTC) is when they are taken to have been received: RFC 3164 has no year of its own. `told`
    hears of every batch. Raises UsageError for a path that is not there or an unknown source.
    """
    state = State(site.state)
    try:
        run = _Run(site, state, paths, (source, received, now))
        for filled in run.batches():
            told(filled)
        return run.filled
    finally:
        state.close()


class _Run:
    """A backfill under way."""

    def __init__(
        self,
        site: Site,
        state: State,
        paths: Sequence[Path],
        stamp: tuple[str | None, int, int],
    ) -> None:
        self.filled = Filled()
        self._source, self._received, self._now = stamp
        content = applied_content(site) if is_applied(site) else disk_content(site)
        setup = parts.prepare(content, parts.rule_files(content, None), site.plans)
        self._compiled = replace(parts.build(setup), surroundings=index_of(site))
        normalizer = self._compiled.normalizer
        _usable(paths, self._source, {spec.id for spec in normalizer.sources})
        self._context = ContextSnapshot(site.settings.site, content.content_id, history=True)
        self._partition = run_of(paths, self._source)
        self._state = state
        self._seen = state.history_seen()
        self._paths = paths
        self._lake = Lake(site.lake, normalizer.class_schema)
        self._judged = state.cursor(self._partition, "think")
        self._stored = state.cursor(self._partition, "lake")
        self._refused = state.cursor(self._partition, "refused")
        self._problems = 0
        """Problems of the reader so far; those up to the cursor were kept before."""
        self._policy = policy_of(content.files)
        self._held: dict[str, list[pa.RecordBatch]] = {}
        self._rows = 0
        self._last = self._stored

    def batches(self) -> Iterator[Filled]:
        """Do it, batch by batch."""
        offset, file = 0, ""
        for batch in read_batches(list(self._paths), DEFAULT):
            self._refuse(batch.problems, offset)
            for name, part in by_file(batch):
                stamp = Stamp(
                    self._context.site, self._partition, offset, self._source, self._received
                )
                raw = to_envelope(part, stamp)
                if name != file:
                    file, clocks = name, clocks_of(raw, self._compiled)
                    table = msgspec.convert(clocks, dict[str, HostClock])
                    self._context = msgspec.structs.replace(self._context, host_clocks=table)
                offset += len(part)
                self._take(raw)
            self.filled.read = batch.bytes_read
            yield self.filled
        self._store()
        yield self.filled

    def _take(self, raw: pa.RecordBatch) -> None:
        """Judge the rows behind the one cursor, keep those behind the other."""
        for part in _cut(raw, (self._stored, self._judged)):
            if part.column("offset")[0].as_py() > self._stored:
                self._observe(part)
        if self._rows >= COMMIT_ROWS:
            self._store()

    def _observe(self, raw: pa.RecordBatch) -> None:
        observed = isolating(flow.observe, raw, self._compiled, self._context)
        self._last = raw.column("offset")[-1].as_py()
        repeats = self._judge(observed)
        self._count(observed, repeats)
        known = pa.array(repeats, pa.int64())
        for name, rows in observed.events.items():
            fresh = rows.filter(pc.invert(pc.is_in(rows.column("tocsin_offset"), known)))
            if fresh.num_rows:
                self._held.setdefault(name, []).append(fresh)
                self._rows += fresh.num_rows

    def _judge(self, observed: Observed) -> list[int]:
        """One transaction for all that a batch led to; returns the offsets of its repeats."""
        identities, rejects = observed.identities, observed.rejects
        columns = identities.to_pydict()
        uids, offsets = columns["event_uid"], columns["offset"]
        with self._state.think(self._partition) as tx:
            live = tx.seen_live(uids)
            repeats = {n for n, uid in zip(offsets, uids, strict=True) if uid in live}
            new = [row for row, offset in enumerate(offsets) if offset not in repeats]
            # Only what no live partition has: each event is in the lake by one of the two.
            columns = {name: [values[row] for row in new] for name, values in columns.items()}
            repeats.update(
                self._seen.first_seen(
                    self._partition,
                    columns["event_uid"],
                    columns["offset"],
                    columns["source_id"],
                    columns["time"],
                )
            )
            if self._last > self._judged:
                self._tell(tx, observed, repeats)
                tx.add_rejects(rejects)
                tx.set_cursor("think", self._last)
        crash.point("backfill.judged")
        return sorted(repeats)

    def _tell(self, tx: Think, observed: Observed, repeats: set[int]) -> None:
        """Findings, counts and quality of a batch that is judged for the first time."""
        repeated = pa.array(sorted(repeats), pa.int64())
        known = pc.is_in(observed.hits.column("offset"), repeated)
        findings = flow.shown(observed.hits.filter(pc.invert(known)))
        self.filled.findings += tx.add_findings(findings_from_arrow(findings))
        identities = observed.identities
        again = identities.filter(pc.is_in(identities.column("offset"), repeated))
        tx.count(observed.counts)
        tx.count(accounts.judged(observed.counts, again, observed.rejects))
        if observed.quality.num_rows:
            key = f"{self._partition}|{self._last:020d}"
            tx.put_fold_states(PAST, {key: to_bytes(observed.quality)})
        body = {
            "last": self._last,
            "events": identities.num_rows,
            "findings": findings.num_rows,
            "content": self._context.content_id,
        }
        tx.journal(self._now, "backfill", "batch", subject=self._partition, body=body)

    def _count(self, observed: Observed, repeats: Sequence[int]) -> None:
        filled, identities = self.filled, observed.identities
        filled.records += identities.num_rows + observed.rejects.num_rows
        filled.repeats += len(repeats)
        filled.dead_letters += observed.rejects.num_rows
        filled.sources.update(identities.column("source_id").to_pylist())
        if identities.num_rows:
            bounds = pc.min_max(identities.column("time")).as_py()
            filled.earliest = min(filled.earliest or bounds["min"], bounds["min"])
            filled.latest = max(filled.latest, bounds["max"])

    def _store(self) -> None:
        """Commit what is held; the cursor and the accounts follow."""
        if self._last <= self._stored:
            return
        kept, unwanted = divide(self._policy, self._held)
        self._lake.append(self._partition, self._last, kept)
        crash.point("backfill.stored")
        sources = accounts.by_source(rows for held in kept.values() for rows in held)
        with self._state.think(self._partition) as tx:
            tx.count(accounts.settled(accounts.STORED, sources))
            tx.count(accounts.settled(accounts.DROPPED, accounts.by_source(unwanted)))
            tx.set_cursor("lake", self._last)
        self._stored, self._held, self._rows = self._last, {}, 0

    def _refuse(self, problems: Sequence[Problem], offset: int) -> None:
        """Keep what the reader refused, unless an earlier try of this run did."""
        known = min(max(self._refused + 1 - self._problems, 0), len(problems))
        self._problems += len(problems)
        problems = problems[known:]
        if not problems:
            return
        rows = [
            {
                "partition": self._partition,
                "offset": offset,
                "origin": one.origin,
                "position": one.position if isinstance(one, Rejected) else 0,
                "received_at": self._received,
                "reason": one.reason,
                "detail": one.detail,
                "raw": b"" if isinstance(one, Skipped) else one.raw,
                "source_id": self._source,
            }
            for one in problems
        ]
        rejects = pa.RecordBatch.from_pylist(rows, schema=REJECTS)
        self.filled.dead_letters += rejects.num_rows
        self.filled.records += rejects.num_rows
        with self._state.think(self._partition) as tx:
            tx.add_rejects(rejects)
            tx.count(accounts.unread(rejects))
            tx.set_cursor("refused", self._problems - 1)


def run_of(paths: Sequence[Path], source: str | None) -> str:
    """The partition of a run: another one when a file was added, removed or changed."""
    digest = blake2b(digest_size=8)
    digest.update((source or "").encode())
    for path in paths:
        for found in files_below(path):
            if isinstance(found, Path):
                status = found.stat()
                text = f"{printable(found.resolve())}|{status.st_size}|{status.st_mtime_ns}\n"
                digest.update(text.encode())
    return f"{HISTORY}{digest.hexdigest()}"


def _usable(paths: Sequence[Path], source: str | None, known: set[str]) -> None:
    if not paths:
        raise UsageError("name at least one file or folder to read")
    for path in paths:
        if not path.exists():
            raise UsageError(f"{path} does not exist")
    if source is not None and source not in known:
        raise UsageError(f"there is no source {source}; `tocsin sources --every` lists them")


def _cut(raw: pa.RecordBatch, cursors: tuple[int, int]) -> Iterator[pa.RecordBatch]:
    """The rows in parts that no cursor divides."""
    first, end = raw.column("offset")[0].as_py(), raw.column("offset")[-1].as_py() + 1
    inner = {at + 1 for at in cursors if first < at + 1 < end}
    edges = sorted({first, end, *inner})
    for start, stop in pairwise(edges):
        yield raw.slice(start - first, stop - start)
