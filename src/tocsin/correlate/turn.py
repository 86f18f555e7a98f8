"""One step of correlation at work: it places findings, joins groups, and tells what changed."""

from collections.abc import Iterator, Sequence
from hashlib import blake2b
from typing import NamedTuple

import pyarrow as pa

from tocsin.correlate.board import CORE, Board, Group, Low, Minute, Ref, Run, learn
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
    stage_of,
    ties,
    traces,
)
from tocsin.correlate.render import incident_of
from tocsin.correlate.sides import REST, Side, cell_of, sides_of
from tocsin.model.decisions import Constraints
from tocsin.model.findings import Finding
from tocsin.model.incidents import INCIDENT_CHANGES, Link, incident_to_bytes

MAX_RUNS = 64
"""Separate times at which one key is remembered."""

_LOW_CELL = 5
"""Minutes in which repeats of a low finding count as one."""


def incident_id(finding_id: str) -> str:
    """Identity of an incident: from the first finding that arrived."""
    return "inc-" + blake2b(finding_id.encode(), digest_size=8).hexdigest()


class Arrival(NamedTuple):
    """A finding that a step placed, and the incident that it was in before."""

    ref: Ref
    cell: str
    source: str = ""


class Turn:
    """What one step does to a board; `changed` numbers the groups that are not as they were."""

    def __init__(
        self, board: Board, grouping: Grouping, constraints: Constraints | None = None
    ) -> None:
        self._board = board
        self._grouping = grouping
        self._constraints = constraints or Constraints()
        self._arrived: list[Arrival] = []
        self.changed: set[int] = set()
        self.late = 0
        """New findings older than the watermark of the steps before."""
        self._ended: list[tuple[int, str]] = []

    def take(self, finding: Finding) -> None:
        """Place a finding; one that is known changes nothing, but may be known better now."""
        if learn(self._board, finding.finding_id):
            place = self._take_core if is_core(finding) else self._take_low
            ref, cell = place(finding)
            self._arrived.append(Arrival(ref, cell))
            self._tie(finding, ref)
            self._own(finding)
            self._minute(finding.time // MINUTE).observed = False
            watermark = self._board.watermark
            self.late += watermark is not None and finding.time < watermark
        elif len(finding.event_uids) > 1 and is_core(finding):
            self._amend(finding)

    def join(self, newcomer: Ref, known: Ref, reason: str) -> None:
        """Make one group of two by what they share; nothing when one is closed."""
        groups, root = self._board.groups, self._board.root
        if root(newcomer.group) in groups and root(known.group) in groups:
            self._board.relate(newcomer.group, known.group)
            self._unite(newcomer, known, reason)

    def _unite(self, newcomer: Ref, known: Ref, reason: str) -> None:
        """Make one group of two; nothing when they are one already or one is closed."""
        board = self._board
        pair = {board.root(newcomer.group), board.root(known.group)}
        if len(pair) == 1 or not pair <= board.groups.keys():
            return
        age = {n: (board.groups[n].first, board.groups[n].incident_id) for n in pair}
        stays, goes = sorted(pair, key=lambda number: age[number])
        group, gone = board.groups[stays], board.groups.pop(goes)
        board.parent[goes] = stays
        group.take_in(gone)
        group.link(Link(newcomer.finding_id, known.finding_id, reason))
        self._ended += [(stays, name) for name in gone.names]
        self.changed.discard(goes)
        self.changed.add(stays)

    def rebind(self, incident_id: str, findings: Sequence[Finding], before: Constraints) -> None:
        """Put all findings of an incident where the decisions want them.

        `findings` are all that it has; `before` is what was demanded when they were placed.
        """
        number = self._group_of(incident_id, findings)
        group = self._board.groups[number]
        stale = {cell_of(finding, before) for finding in findings} | {REST, ""}
        kept = {name: group.kept(name) for name in group.cells if name not in stale}
        group.cells = {name: group.cells[name] for name in kept}
        for finding in findings:
            cell = cell_of(finding, self._constraints)
            group.add(cell, finding)
            ref = Ref(finding.finding_id, number)
            self._arrived.append(Arrival(ref, cell, incident_id))
        group.where = {name: kept.get(name, []) for name in group.cells}
        self.changed.add(number)
        for finding in findings:
            self._tie(finding, Ref(finding.finding_id, number))

    def changes(self) -> pa.RecordBatch:
        """Rows of `INCIDENT_CHANGES`: incidents as they stand, what moved, then new aliases."""
        board = self._board
        arrived: dict[int, list[Arrival]] = {}
        for arrival in self._arrived:
            arrived.setdefault(board.root(arrival.ref.group), []).append(arrival)
        ended: dict[int, list[str]] = {}
        for stays, name in self._ended:
            ended.setdefault(board.root(stays), []).append(name)
        rows: list[Change] = []
        aliases: list[Change] = []
        for number in sorted(self.changed & board.groups.keys()):
            group = board.groups[number]
            sides = sides_of(group.incident_id, group.cells, self._constraints)
            rows += _stand(group, sides, arrived.get(number, []))
            rows += _moves(group, sides)
            aliases += _aliases(group, sides, ended.get(number, []))
            _tell(group, sides)
        rows += aliases
        arrays = [
            pa.array([row[place] for row in rows], field.type)
            for place, field in enumerate(INCIDENT_CHANGES)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=INCIDENT_CHANGES)

    def _tie(self, finding: Finding, own: Ref) -> None:
        """Keep what decisions bound in one group."""
        board = self._board
        for number in self._constraints.ties_of(finding):
            known = board.tied.get(number)
            if known is None:
                board.tied[number] = own
            else:
                self._unite(own, known, self._constraints.reasons[number])

    def _group_of(self, incident_id: str, findings: Sequence[Finding]) -> int:
        """The group that an incident is (part of); one of its own when it is closed here."""
        groups = self._board.groups
        for number, group in groups.items():
            if incident_id in group.names:
                return number
        number = self._board.next_group
        self._board.next_group += 1
        times = [finding.time for finding in findings]
        group = Group(incident_id, findings[0].site, min(times), max(times))
        group.told = incident_id
        group.names = {incident_id: cell_of(findings[0], self._constraints)}
        groups[number] = group
        return number

    def _amend(self, finding: Finding) -> None:
        """A finding over several events came again with more of them: refresh, count nothing."""
        for tie in ties(finding, self._grouping):
            for run in self._near(tie, finding.time):
                number = self._board.root(run.group)
                group = self._board.groups.get(number)
                if group is not None and group.amend(cell_of(finding, self._constraints), finding):
                    self.changed.add(number)
                    return

    def _take_core(self, finding: Finding) -> tuple[Ref, str]:
        cell = cell_of(finding, self._constraints)
        held = ties(finding, self._grouping)
        near = [(tie, run) for tie in held for run in self._near(tie, finding.time)]
        own = self._settle_in(finding, cell, near)
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
        stage = stage_of(finding)
        for trace in shared:
            minute.stages[trace.key] = max(stage, minute.stages.get(trace.key, 0))
            members = minute.traces.setdefault(trace.key, {})
            _reason, refs = members.setdefault(trace.member, (trace.reason, []))
            if all(root(ref.group) != root(own.group) for ref in refs):
                refs.append(own)
        return own, cell

    def _take_low(self, finding: Finding) -> tuple[Ref, str]:
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
        place = cell_of(finding, self._constraints)
        if number in board.groups:
            board.groups[number].add(place, finding)
            self.changed.add(number)
            if low is not None and low.anchors != held:
                low.anchors = either(low.anchors, held)
        else:
            number = self._open(finding, place)
            minute.lows[name] = Low(Ref(finding.finding_id, number), noise, held)
            minute.observed = False
        return Ref(finding.finding_id, number), place

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

    def _open(self, finding: Finding, cell: str) -> int:
        board = self._board
        number = board.next_group
        board.next_group += 1
        name = incident_id(finding.finding_id)
        group = Group(name, finding.site, finding.time, finding.time)
        group.add(cell, finding)
        board.groups[number] = group
        if is_core(finding):
            board.kin[number] = CORE
        self.changed.add(number)
        return number

    def _near(self, tie: Tie, time: int) -> list[Run]:
        """The runs of the key that reach to `time`."""
        window = tie.window
        runs = self._board.runs.get(tie.key, ())
        return [run for run in runs if run.first - window <= time <= run.last + window]

    def _settle_in(self, finding: Finding, cell: str, near: list[tuple[Tie, Run]]) -> Ref:
        """Add the finding to the group that it shares most with, or to a new one."""
        board = self._board
        for tie, run in near:
            number = board.root(run.group)
            group = board.groups.get(number)
            if group is None:
                continue
            if group.add(cell, finding):
                group.link(Link(finding.finding_id, run.finding_id, tie.reason))
            self.changed.add(number)
            return Ref(finding.finding_id, run.group)
        return Ref(finding.finding_id, self._open(finding, cell))

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


Change = tuple[str, str | None, list[str], bytes | None, list[str], str | None]
"""A row of `INCIDENT_CHANGES`."""


def _stand(group: Group, sides: Sequence[Side], arrived: Sequence[Arrival]) -> Iterator[Change]:
    """Each incident of a group as it stands, with the findings that are new in it."""
    for side in sides:
        joined = [
            arrival.ref.finding_id
            for arrival in arrived
            if (len(sides) == 1 or arrival.cell in side.cells or _rest(arrival, group, side))
            and arrival.source != side.incident_id
            and not (arrival.source and len(sides) == 1)
        ]
        yield side.incident_id, None, joined, incident_to_bytes(incident_of(group, side)), [], None


def _rest(arrival: Arrival, group: Group, side: Side) -> bool:
    return arrival.cell not in group.cells and REST in side.cells


def _moves(group: Group, sides: Sequence[Side]) -> Iterator[Change]:
    """Cells whose findings are kept in another incident than the one they are part of now."""
    if len(sides) == 1:
        return
    moved: dict[tuple[str, str], list[str]] = {}
    for side in sides:
        for cell in side.cells:
            for source in group.kept(cell):
                if source != side.incident_id:
                    moved.setdefault((side.incident_id, source), []).append(cell)
    for (target, source), cells in sorted(moved.items()):
        yield target, None, [], None, cells, source


def _aliases(group: Group, sides: Sequence[Side], ended: Sequence[str]) -> Iterator[Change]:
    """Ids that are other names now: of what was joined, and of sides that are no more."""
    standing = {side.incident_id for side in sides}
    gone = dict.fromkeys(ended)
    if group.told and len(sides) == 1:
        gone[group.told] = None
    if group.where or len(sides) > 1:
        gone |= dict.fromkeys(group.names)
    for name in gone:
        if name not in standing:
            cell = group.names.get(name, "")
            living = next((side for side in sides if cell in side.cells), sides[0])
            yield name, living.incident_id, [], None, [], None


def _tell(group: Group, sides: Sequence[Side]) -> None:
    """Remember what was told."""
    for side in sides:
        group.names.setdefault(side.incident_id, side.cells[0])
        for name, cell in group.names.items():
            if name == side.incident_id and cell not in side.cells:
                group.names[name] = side.cells[0]
    group.told = sides[0].incident_id
    cut = len(sides) > 1
    group.where = {c: [side.incident_id] for side in sides for c in side.cells} if cut else {}


def _digest(*parts: str) -> str:
    return blake2b("\0".join(parts).encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
