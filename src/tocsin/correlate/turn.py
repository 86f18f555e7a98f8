"""One step of correlation at work: it places findings, joins groups, and tells what changed."""

from hashlib import blake2b

import pyarrow as pa

from tocsin.correlate.board import Board, Group, Low, Minute, Ref, Run, learn
from tocsin.correlate.dossier import Dossier
from tocsin.correlate.grouping import (
    MINUTE,
    Grouping,
    Tie,
    anchors,
    either,
    host_of,
    is_core,
    noise_key,
    signature,
    ties,
    traces,
)
from tocsin.correlate.render import incident_of
from tocsin.model.findings import Finding
from tocsin.model.incidents import INCIDENT_CHANGES, Link, incident_to_bytes

MAX_ALIASES = 500
"""Aliases that an incident lists, the newest; the store knows all."""

MAX_RUNS = 64
"""Separate times at which one key is remembered."""

_LOW_CELL = 5
"""Minutes in which repeats of a low finding count as one."""


def incident_id(finding_id: str) -> str:
    """Identity of an incident: from the first finding that arrived."""
    return "inc-" + blake2b(finding_id.encode(), digest_size=8).hexdigest()


class Turn:
    """What one step does to a board; `changed` numbers the groups that are not as they were."""

    def __init__(self, board: Board, grouping: Grouping) -> None:
        self._board = board
        self._grouping = grouping
        self._arrived: list[Ref] = []
        self.changed: set[int] = set()
        self.late = 0
        """New findings older than the watermark of the steps before."""
        self._born: set[int] = set()
        self._ended: list[tuple[int, Group]] = []

    def take(self, finding: Finding) -> None:
        """Place a finding; one that is known changes nothing."""
        if learn(self._board, finding.finding_id):
            place = self._take_core if is_core(finding) else self._take_low
            self._arrived.append(place(finding))
            self._own(finding)
            self._minute(finding.time // MINUTE).observed = False
            watermark = self._board.watermark
            self.late += watermark is not None and finding.time < watermark

    def join(self, newcomer: Ref, known: Ref, reason: str) -> None:
        """Make one group of two; nothing when they are one already or one is closed."""
        board = self._board
        pair = {board.root(newcomer.group), board.root(known.group)}
        if len(pair) == 1 or not pair <= board.groups.keys():
            return
        age = {n: (board.groups[n].dossier.first, board.groups[n].incident_id) for n in pair}
        stays, goes = sorted(pair, key=lambda number: age[number])
        group, gone = board.groups[stays], board.groups.pop(goes)
        board.parent[goes] = stays
        group.dossier.merge(gone.dossier)
        group.dossier.link(Link(newcomer.finding_id, known.finding_id, reason))
        if goes in self._born:
            self._born.discard(goes)
        else:
            group.aliases = [*group.aliases, gone.incident_id, *gone.aliases][-MAX_ALIASES:]
            self._ended.append((stays, gone))
        self.changed.discard(goes)
        self.changed.add(stays)

    def changes(self) -> pa.RecordBatch:
        """Rows of `INCIDENT_CHANGES`: the incidents as they stand, then the new aliases."""
        board = self._board
        joined: dict[int, list[str]] = {}
        for ref in self._arrived:
            joined.setdefault(board.root(ref.group), []).append(ref.finding_id)
        rows: list[tuple[str, str | None, list[str], bytes | None]] = []
        for number in sorted(self.changed):
            group = board.groups[number]
            body = incident_to_bytes(incident_of(group))
            rows.append((group.incident_id, None, joined.get(number, []), body))
        for stays, gone in self._ended:
            living = board.groups[board.root(stays)].incident_id
            rows += [(name, living, [], None) for name in (gone.incident_id, *gone.aliases)]
        arrays = [
            pa.array([row[place] for row in rows], field.type)
            for place, field in enumerate(INCIDENT_CHANGES)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=INCIDENT_CHANGES)

    def _take_core(self, finding: Finding) -> Ref:
        held = ties(finding, self._grouping)
        near = [(tie, run) for tie in held for run in self._near(tie, finding.time)]
        own = self._settle_in(finding, near)
        for tie, run in near:
            self.join(own, run.ref, tie.reason)
        for tie in held:
            self._extend(tie, finding.time, own)
        minute = self._minute(finding.time // MINUTE)
        minute.observed = minute.decided = False
        shared = list(traces(finding, self._grouping))
        for key, _window, _reason in anchors(held, shared, self._grouping):
            known = minute.marks.get(key)
            if known is None or own.finding_id < known.finding_id:
                minute.marks[key] = own
        root = self._board.root
        for trace in shared:
            members = minute.traces.setdefault(trace.key, {})
            _reason, refs = members.setdefault(trace.member, (trace.reason, []))
            if all(root(ref.group) != root(own.group) for ref in refs):
                refs.append(own)
        return own

    def _take_low(self, finding: Finding) -> Ref:
        board = self._board
        cell = (finding.time // MINUTE // _LOW_CELL + 1) * _LOW_CELL - 1
        minute = self._minute(cell)
        shared = list(traces(finding, self._grouping))
        held = anchors(ties(finding, self._grouping), shared, self._grouping)
        for trace in shared:
            members = self._minute(finding.time // MINUTE).traces.setdefault(trace.key, {})
            members.setdefault(trace.member, (trace.reason, []))
        noise = noise_key(finding)
        people = [key for key, _, _ in held if key[0] in "sb"]
        own = people or [key for key, _, _ in held]
        name = _digest(str(cell), noise, signature(finding), *own)
        low = minute.lows.get(name)
        number = -1 if low is None else board.root(low.ref.group)
        if number in board.groups:
            board.groups[number].dossier.add(finding)
            self.changed.add(number)
            if low is not None and low.anchors != held:
                low.anchors = either(low.anchors, held)
        else:
            number = self._open(finding)
            minute.lows[name] = Low(Ref(finding.finding_id, number), noise, held)
            minute.observed = False
        return Ref(finding.finding_id, number)

    def _own(self, finding: Finding) -> None:
        """Note which addresses the finding's host calls its own."""
        host = host_of(finding)
        own = [e.key for e in finding.entities if e.kind == "address" and e.role == "subject"]
        if host and own:
            minute = self._minute(finding.time // MINUTE)
            for ip in own:
                minute.owners[ip] = min(host, minute.owners.get(ip, host))

    def _minute(self, cell: int) -> Minute:
        minute = self._board.minutes.get(cell)
        if minute is None:
            minute = self._board.minutes[cell] = Minute()
        return minute

    def _open(self, finding: Finding) -> int:
        board = self._board
        number = board.next_group
        board.next_group += 1
        dossier = Dossier(finding.site, finding.time, finding.time)
        dossier.add(finding)
        board.groups[number] = Group(incident_id(finding.finding_id), dossier)
        self.changed.add(number)
        self._born.add(number)
        return number

    def _near(self, tie: Tie, time: int) -> list[Run]:
        """The runs of the key that reach to `time`."""
        window = tie.window
        runs = self._board.runs.get(tie.key, ())
        return [run for run in runs if run.first - window <= time <= run.last + window]

    def _settle_in(self, finding: Finding, near: list[tuple[Tie, Run]]) -> Ref:
        """Add the finding to the group that it shares most with, or to a new one."""
        board = self._board
        for tie, run in near:
            number = board.root(run.group)
            group = board.groups.get(number)
            if group is None:
                continue
            if group.dossier.add(finding):
                group.dossier.link(Link(finding.finding_id, run.finding_id, tie.reason))
            self.changed.add(number)
            return Ref(finding.finding_id, number)
        return Ref(finding.finding_id, self._open(finding))

    def _extend(self, tie: Tie, time: int, own: Ref) -> None:
        """Let the run of the key reach to `time`; runs that meet become one."""
        near = self._near(tie, time)
        runs = self._board.runs.setdefault(tie.key, [])
        if not near:
            runs.append(Run(time, time, own.finding_id, own.group))
            del runs[:-MAX_RUNS]
            return
        kept = near[0]
        kept.first = min(time, *(run.first for run in near))
        kept.last = max(time, *(run.last for run in near))
        for run in near[1:]:
            runs.remove(run)


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
