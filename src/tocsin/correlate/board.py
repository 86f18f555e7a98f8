"""What correlation remembers between steps: open groups and the keys that lead to them.

Groups go by a small number inside; `parent` leads from the number of a group that was joined into
another to that other. Times are microseconds UTC, `cell` values are minutes since 1970.
"""

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from tocsin.correlate.dossier import MAX_LINKS, Dossier
from tocsin.correlate.grouping import MINUTE, Grouping, anchor_window, tie_window
from tocsin.correlate.sides import BOUND, REST
from tocsin.model.findings import Finding
from tocsin.model.incidents import Link

MAX_GROUPS = 20_000
"""Open incidents of a site; past it the longest inactive are closed early."""

MAX_MINUTES = 20_000
"""Minutes that wait for the watermark; past it the latest lose what they would have shared."""

MAX_KNOWN = 256
"""Finding ids remembered for each of 256 first bytes: a guard behind the caller's own."""

MAX_LATE = 20_000
"""Findings later than the watermark after which what they left behind is looked through."""

MAX_CELLS = 64
"""Cells of one group; what comes after them shares one."""

MAX_NAMES = 500
"""Ids that a group remembers, the newest; the store knows all."""

DAY = 24 * 60
"""Minutes."""

CORE = -1
"""What every group is kin to that is an incident without what people decided."""

_ID_BYTES = 8
_PRUNE_EVERY = 60 * MINUTE


class Ref(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A group, and the finding that stands for the claim."""

    finding_id: str
    group: int


class Run(msgspec.Struct, array_like=True, gc=False):
    """Findings that share a key with no gap longer than its window."""

    first: int
    last: int
    finding_id: str
    group: int

    @property
    def ref(self) -> Ref:
        """The group, and the finding that the run began with."""
        return Ref(self.finding_id, self.group)


class Mark(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Where a key was last seen by a finding of an incident."""

    cell: int
    ref: Ref
    stage: int = 0
    """The latest ATT&CK stage in that minute (see `grouping.stage_of`)."""


class Marks(msgspec.Struct):
    """Where each key was last seen, and where a late finding saw it before that."""

    last: dict[str, Mark] = {}
    late: dict[str, Mark] = {}

    def note(self, key: str, mark: Mark) -> None:
        """Remember a mark; what is newer than it stays."""
        known = self.last.get(key)
        newest = known is None or known.cell <= mark.cell
        (self.last if newest else self.late)[key] = mark

    def of(self, key: str) -> list[Mark]:
        """What is remembered of the key, the newest first."""
        return [marks[key] for marks in (self.last, self.late) if key in marks]

    def forget(self, oldest: Callable[[str], int]) -> None:
        """Drop every mark of a minute before `oldest` of its key."""
        for marks in (self.last, self.late):
            for key in [key for key, mark in marks.items() if mark.cell < oldest(key)]:
                del marks[key]

    def groups(self) -> Iterator[int]:
        """The group of every mark."""
        for marks in (self.last, self.late):
            yield from (mark.ref.group for mark in marks.values())


class Seen(msgspec.Struct, array_like=True):
    """Who shares something that joins only when few do."""

    members: dict[str, int] = {}
    hub_until: int = -1


class Low(msgspec.Struct, array_like=True):
    """An informational or low finding that looks for an incident, with its repeats in one cell.

    `placed` once it found something to attach to: it is never attached again.
    """

    ref: Ref
    noise_key: str
    anchors: list[tuple[str, int, str]]
    placed: bool = False


class Minute(msgspec.Struct, array_like=True):
    """What one minute of event time brought, until time has passed it."""

    marks: dict[str, Ref] = {}
    traces: dict[str, dict[str, tuple[str, list[Ref]]]] = {}
    lows: dict[str, Low] = {}
    owners: dict[str, str] = {}
    observed: bool = False
    decided: bool = False
    stages: dict[str, int] = {}
    """The latest ATT&CK stage in which each key is shared."""


class Group(msgspec.Struct, array_like=True):
    """An open incident; more than one where a decision cut it.

    `cells` are its findings (see `sides`), `names` the ids under which it was told, each with the
    cell that it began with, `told` the last of them. Where a decision cut it, `where` says in which
    incidents the findings of each cell are kept.
    """

    incident_id: str
    site: str
    first: int
    last: int
    cells: dict[str, Dossier] = {}
    links: list[Link] = []
    names: dict[str, str] = {}
    told: str = ""
    where: dict[str, list[str]] = {}

    def add(self, cell: str, finding: Finding) -> bool:
        """Take one more finding in; True when it is a new kind of step."""
        self.first = min(self.first, finding.time)
        self.last = max(self.last, finding.time)
        return self._cell(cell).add(finding)

    def take_in(self, gone: "Group") -> None:
        """Make everything of another group its own."""
        cut = bool(self.where or gone.where) or any(
            name.startswith(BOUND) for group in (self, gone) for name in group.cells
        )
        if cut:
            self.where = {name: self.kept(name) for name in self.cells}
            for name in gone.cells:
                self.where[name] = sorted({*self.where.get(name, ()), *gone.kept(name)})
        self.first, self.last = min(self.first, gone.first), max(self.last, gone.last)
        for name, dossier in gone.cells.items():
            self._cell(name).merge(dossier)
        self.links = [*self.links, *gone.links][:MAX_LINKS]
        self.names = dict([*self.names.items(), *gone.names.items()][-MAX_NAMES:])

    def link(self, link: Link) -> None:
        """Remember why a finding is here."""
        if len(self.links) < MAX_LINKS:
            self.links.append(link)

    def amend(self, cell: str, finding: Finding) -> bool:
        """Know a finding better that is counted already; False when it is not in this cell."""
        dossier = self.cells.get(cell)
        if dossier is None or not dossier.amend(finding):
            return False
        self.first, self.last = min(self.first, finding.time), max(self.last, finding.time)
        return True

    def kept(self, cell: str) -> list[str]:
        """The incidents in which the findings of a cell are kept."""
        if self.where:
            return self.where.get(cell, [])
        return [self.told] if self.told else []

    def _cell(self, name: str) -> Dossier:
        if name not in self.cells and len(self.cells) >= MAX_CELLS:
            name = REST
        cell = self.cells.get(name)
        if cell is None:
            cell = self.cells[name] = Dossier(self.site, 2**63 - 1, -(2**63))
        return cell


Runs: TypeAlias = dict[str, list[Run]]


class Board(msgspec.Struct):
    """The whole state of one site."""

    groups: dict[int, Group] = {}
    parent: dict[int, int] = {}
    kin: dict[int, int] = {}
    """As `parent`, but for what was joined without decisions; ends at `CORE` for incidents."""
    next_group: int = 0
    runs: Runs = {}
    minutes: dict[int, Minute] = {}
    marks: Marks = msgspec.field(default_factory=Marks)
    """Where incidents were, for low findings."""
    trails: Marks = msgspec.field(default_factory=Marks)
    """Where low findings were, by process."""
    shared: Marks = msgspec.field(default_factory=Marks)
    """Who shared a thing last."""
    seen: dict[str, Seen] = {}
    owners: dict[str, tuple[str, int]] = {}
    """Which host had an address last, and when."""
    waiting: dict[str, int] = {}
    """Low findings that found nothing yet, by name, with the minute that holds them."""
    noise: Marks = msgspec.field(default_factory=Marks)
    """Low findings that stand for themselves, by rule and host."""
    known: dict[int, bytes] = {}
    pruned_at: int = 0
    watermark: int | None = None
    """The highest so far: what is older comes late."""
    late: int = 0
    """Late findings since the last look at what can be forgotten."""
    rhythm: dict[str, list[int]] = {}
    """In which hours each low rule spoke on each host, the last ones."""
    tied: dict[int, Ref] = {}
    """Where the events are that each decision binds."""

    def root(self, group: int) -> int:
        """The group that `group` is part of now."""
        while (above := self.parent.get(group)) is not None:
            group = above
        return group

    def is_incident(self, ref: Ref) -> bool:
        """True when what `ref` is part of holds more than low findings, decisions aside.

        Low findings settle by this. When a decision comes, some have settled and some have not:
        if it counted, a replay that knows the decision earlier would settle them otherwise.
        """
        return self.root(ref.group) in self.groups and self._eldest_kin(ref.group) == CORE

    def relate(self, one: int, other: int) -> None:
        """Note that two groups belong together by what they share."""
        low, high = sorted((self._eldest_kin(one), self._eldest_kin(other)))
        if low != high:
            self.kin[high] = low

    def _eldest_kin(self, group: int) -> int:
        while (above := self.kin.get(group)) is not None:
            group = above
        return group


def learn(board: Board, finding_id: str) -> bool:
    """Remember a finding; False when it was known."""
    encoded = finding_id.encode("utf-8", "surrogatepass")
    digest = blake2b(encoded, digest_size=_ID_BYTES).digest()
    shelf = board.known.get(digest[0], b"")
    at = shelf.find(digest)
    while at >= 0:
        if at % _ID_BYTES == 0:
            return False
        at = shelf.find(digest, at + 1)
    board.known[digest[0]] = (shelf + digest)[-MAX_KNOWN * _ID_BYTES :]
    return True


def prune(board: Board, watermark: int, grouping: Grouping) -> None:
    """Forget what no finding on time can reach any more; looks only now and then."""
    crowded = len(board.groups) > MAX_GROUPS or len(board.minutes) > MAX_MINUTES
    due = watermark - board.pruned_at >= _PRUNE_EVERY or board.late > MAX_LATE
    if not due and not crowded:
        return
    board.late = 0
    board.pruned_at = max(board.pruned_at, watermark)
    _close(board, watermark - grouping.horizon)
    _forget_runs(board, watermark, grouping)
    _forget_marks(board, watermark // MINUTE, grouping)
    _forget_parents(board)
    for cell in sorted(board.minutes)[MAX_MINUTES * 9 // 10 :] if crowded else ():
        del board.minutes[cell]
    board.waiting = {name: at for name, at in board.waiting.items() if at in board.minutes}


def _close(board: Board, oldest: int) -> None:
    groups = board.groups
    closed = [number for number, group in groups.items() if group.last < oldest]
    if len(groups) - len(closed) > MAX_GROUPS:
        quiet = sorted(groups, key=lambda number: groups[number].last)
        closed = quiet[: len(groups) - MAX_GROUPS * 9 // 10]
    for number in closed:
        del groups[number]


def _forget_runs(board: Board, watermark: int, grouping: Grouping) -> None:
    for key, runs in list(board.runs.items()):
        window = tie_window(key, grouping)
        kept = [
            run
            for run in runs
            if run.last + window >= watermark and board.root(run.group) in board.groups
        ]
        if kept:
            board.runs[key] = kept
        else:
            del board.runs[key]


def _forget_parents(board: Board) -> None:
    """Drop the numbers that nothing refers to any more."""
    referenced = set(_referenced(board))
    board.parent = _reached(board.parent, referenced)
    board.kin = _reached(board.kin, referenced)


def _reached(above: dict[int, int], referenced: Iterable[int]) -> dict[int, int]:
    kept: dict[int, int] = {}
    for start in sorted(referenced):
        number = start
        while number in above and number not in kept:
            kept[number] = above[number]
            number = kept[number]
    return kept


def _referenced(board: Board) -> Iterator[int]:
    for runs in board.runs.values():
        yield from (run.group for run in runs)
    for marks in (board.marks, board.trails, board.noise, board.shared):
        yield from marks.groups()
    yield from (ref.group for ref in board.tied.values())
    for minute in board.minutes.values():
        yield from (ref.group for ref in minute.marks.values())
        yield from (low.ref.group for low in minute.lows.values())
        for members in minute.traces.values():
            yield from (ref.group for _, refs in members.values() for ref in refs)


def _forget_marks(board: Board, now: int, grouping: Grouping) -> None:
    """Low findings of minute `now` and later look back no further than their anchors' windows."""
    for marks in (board.marks, board.trails):
        marks.forget(lambda key: now - anchor_window(key, grouping) // MINUTE)
    noisy = now - (grouping.low_window + grouping.repeat_window) // MINUTE
    board.noise.forget(lambda _: noisy)
    cell = now - grouping.horizon // MINUTE
    board.shared.forget(lambda _: cell)
    hours = (now - DAY) // 60
    board.rhythm = {key: seen for key, seen in board.rhythm.items() if seen[-1] >= hours}
    board.owners = {ip: own for ip, own in board.owners.items() if own[1] >= cell}
    for key, seen in list(board.seen.items()):
        if max(seen.hub_until, *seen.members.values(), -1) < cell:
            del board.seen[key]
