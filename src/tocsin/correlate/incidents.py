"""The Fold that groups findings into incidents.

Invariants, each with a test of the same name:

- the grouping is the same for every order of arrival within lateness and every split of batches;
- an incident gets its id once, from the first finding that arrived;
- when two turn out to be one, the one with the older first event stays (tie: the smaller id) and
  the other becomes its alias, with all aliases it had;
- a finding that is already known changes nothing;
- a hub joins nothing by itself; a low finding never makes one incident of two;
- the counts of all incidents add up to the findings that came.

Links are made in two ways. What identifies one activity (a process, a logon session, a person on
a host) joins at once and is never taken back. What many may share (a host alone, an address, a
person or a file across hosts), and low findings, wait for the watermark: see `settle`. The caller
therefore steps the fold also when only time has passed (an empty batch), and at the end of a
finite input once with `END`.
"""

from hashlib import blake2b

import pyarrow as pa

from tocsin.correlate.board import Board, Group, Low, Minute, Ref, Run
from tocsin.correlate.dossier import Dossier
from tocsin.correlate.grouping import MINUTE, Grouping, anchors, is_core, signature, ties, traces
from tocsin.correlate.render import incident_of
from tocsin.correlate.settle import settle
from tocsin.model.findings import Finding, findings_from_arrow
from tocsin.model.incidents import INCIDENT_CHANGES, Link, incident_to_bytes
from tocsin.model.stages import pack_state, unpack_state

END = 2**62
"""Watermark after the last record of a finite input (microseconds UTC)."""

MAX_ALIASES = 500
MAX_KNOWN = 256
"""Finding ids remembered for each of 256 first bytes: a guard behind the caller's own."""

_LOW_CELL = 5
"""Minutes in which repeats of a low finding count as one."""

_ID_BYTES = 8


class IncidentFold:
    """Findings of one site in, changed incidents out."""

    name = "incidents"
    version = 1

    def __init__(self, grouping: Grouping | None = None) -> None:
        self.grouping = grouping or Grouping()
        self._decoded: tuple[bytes, Board] | None = None

    def key(self, rows: pa.RecordBatch) -> pa.Array:
        """The site of each row."""
        sites = [finding.site for finding in findings_from_arrow(rows)]
        return pa.array(sites, pa.string())

    def step(
        self, state: bytes | None, rows: pa.RecordBatch, *, watermark: int, now: int
    ) -> tuple[bytes | None, pa.RecordBatch]:
        """Group the new findings and settle what is due; `now` is not used."""
        del now
        board = self._load(state)
        turn = _Turn(board, self.grouping)
        for finding in findings_from_arrow(rows):
            if _learn(board, finding.finding_id):
                turn.take(finding)
        settle(board, watermark, self.grouping, turn.join)
        output = turn.changes()
        _prune(board, watermark, self.grouping)
        data = pack_state(self.version, board)
        self._decoded = (data, board)
        return data, output

    def _load(self, state: bytes | None) -> Board:
        """The state decoded, from memory when these are the bytes of the step before."""
        cached, self._decoded = self._decoded, None
        if state is None:
            return Board()
        if cached is not None and cached[0] == state:
            return cached[1]
        return unpack_state(state, Board, self.version, {})


class _Turn:
    """One step at work: what it changed, to be told at its end."""

    def __init__(self, board: Board, grouping: Grouping) -> None:
        self.board = board
        self.grouping = grouping
        self.arrived: list[Ref] = []
        self.changed: set[int] = set()
        self.born: set[int] = set()
        self.ended: list[tuple[int, Group]] = []

    def take(self, finding: Finding) -> None:
        """Place one finding that was not known."""
        if is_core(finding):
            ref = self._take_core(finding)
        else:
            ref = self._take_low(finding)
        self.arrived.append(ref)

    def join(self, newcomer: Ref, known: Ref, reason: str) -> None:
        """Make one group of two; nothing when they are one already."""
        board = self.board
        a, b = board.root(newcomer.group), board.root(known.group)
        if a == b or a not in board.groups or b not in board.groups:
            return
        order = {n: (board.groups[n].dossier.first, board.groups[n].incident_id) for n in (a, b)}
        stays, goes = sorted((a, b), key=lambda n: order[n])
        group, gone = board.groups[stays], board.groups.pop(goes)
        board.parent[goes] = stays
        group.dossier.merge(gone.dossier)
        group.dossier.link(Link(newcomer.finding_id, known.finding_id, reason))
        if goes in self.born:
            self.born.discard(goes)
        else:
            group.aliases = [*group.aliases, gone.incident_id, *gone.aliases][-MAX_ALIASES:]
            self.ended.append((stays, gone))
        self.changed.discard(goes)
        self.changed.add(stays)

    def changes(self) -> pa.RecordBatch:
        """Rows of `INCIDENT_CHANGES`: first the aliases, then the incidents as they stand."""
        board = self.board
        rows: list[tuple[str, str | None, list[str], bytes | None]] = []
        for stays, gone in self.ended:
            living = board.groups[board.root(stays)].incident_id
            rows += [(name, living, [], None) for name in (gone.incident_id, *gone.aliases)]
        joined: dict[int, list[str]] = {}
        for ref in self.arrived:
            joined.setdefault(board.root(ref.group), []).append(ref.finding_id)
        for number in sorted(self.changed):
            group = board.groups[number]
            body = incident_to_bytes(incident_of(group))
            rows.append((group.incident_id, None, joined.get(number, []), body))
        columns = list(zip(*rows, strict=True)) or [[], [], [], []]
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, INCIDENT_CHANGES, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=INCIDENT_CHANGES)

    def _take_core(self, finding: Finding) -> Ref:
        board = self.board
        own = Ref(finding.finding_id, self._open(finding))
        for tie in ties(finding, self.grouping):
            self._tie(tie.key, tie.window, tie.reason, finding.time, own)
        cell = finding.time // MINUTE
        minute = board.minutes.setdefault(cell, Minute())
        minute.observed = minute.decided = False
        for key, _window, _reason in anchors(finding, self.grouping):
            known = minute.marks.get(key)
            if known is None or own.finding_id < known.finding_id:
                minute.marks[key] = own
        for trace in traces(finding, self.grouping):
            members = minute.traces.setdefault(trace.key, {})
            _reason, refs = members.setdefault(trace.member, (trace.reason, []))
            if all(board.root(ref.group) != board.root(own.group) for ref in refs):
                refs.append(own)
        return own

    def _take_low(self, finding: Finding) -> Ref:
        cell = (finding.time // MINUTE // _LOW_CELL + 1) * _LOW_CELL - 1
        minute = self.board.minutes.setdefault(cell, Minute())
        held = anchors(finding, self.grouping)
        noise = signature(finding)
        name = blake2b(
            "|".join((str(cell), noise, *(key for key, _, _ in held))).encode(), digest_size=12
        ).hexdigest()
        low = minute.lows.get(name)
        number = -1 if low is None else self.board.root(low.ref.group)
        if low is None or number not in self.board.groups:
            number = self._open(finding)
            minute.lows[name] = Low(Ref(finding.finding_id, number), noise, held)
            minute.observed = False
        else:
            self.board.groups[number].dossier.add(finding)
            self.changed.add(number)
        return Ref(finding.finding_id, number)

    def _open(self, finding: Finding) -> int:
        board = self.board
        number = board.next_group
        board.next_group += 1
        dossier = Dossier(finding.site, finding.time, finding.time)
        dossier.add(finding)
        board.groups[number] = Group(incident_id(finding.finding_id), dossier)
        self.changed.add(number)
        self.born.add(number)
        return number

    def _tie(self, key: str, window: int, reason: str, time: int, own: Ref) -> None:
        """Join the runs of `key` that are near; several become one."""
        runs = self.board.runs.setdefault(key, [])
        near = [r for r in runs if r.first - window <= time <= r.last + window]
        for run in near:
            self.join(own, run.ref, reason)
        if not near:
            runs.append(Run(time, time, window, own))
            return
        kept = near[0]
        kept.first = min(time, *(r.first for r in near))
        kept.last = max(time, *(r.last for r in near))
        if len(near) > 1:
            self.board.runs[key] = [r for r in runs if r not in near[1:]]


def incident_id(finding_id: str) -> str:
    """Identity of an incident: from the first finding that arrived."""
    return "inc-" + blake2b(finding_id.encode(), digest_size=8).hexdigest()


def _learn(board: Board, finding_id: str) -> bool:
    """False when the finding is known; else remember it."""
    digest = blake2b(finding_id.encode(), digest_size=_ID_BYTES).digest()
    shelf = board.known.get(digest[0], b"")
    at = shelf.find(digest)
    while at >= 0:
        if at % _ID_BYTES == 0:
            return False
        at = shelf.find(digest, at + 1)
    board.known[digest[0]] = (shelf + digest)[-MAX_KNOWN * _ID_BYTES :]
    return True


def _prune(board: Board, watermark: int, grouping: Grouping) -> None:
    """Forget what no finding on time can reach any more; looks only now and then."""
    if watermark - board.pruned_at < 10 * MINUTE:
        return
    board.pruned_at = watermark
    for key, runs in list(board.runs.items()):
        board.runs[key] = [r for r in runs if r.last + r.window >= watermark]
        if not board.runs[key]:
            del board.runs[key]
    oldest = watermark - grouping.horizon
    cell = oldest // MINUTE
    for marks in (board.marks, board.trails, board.noise):
        for key in [key for key, mark in marks.items() if mark.cell < cell]:
            del marks[key]
    for key, seen in list(board.seen.items()):
        newest = max([seen.hub_until, *seen.members.values()], default=-1)
        if newest < cell and (seen.last is None or seen.last.cell < cell):
            del board.seen[key]
    for number in [n for n, g in board.groups.items() if g.dossier.last < oldest]:
        del board.groups[number]
    for number in [n for n in board.parent if board.root(n) not in board.groups]:
        del board.parent[number]
