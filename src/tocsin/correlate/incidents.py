"""The Fold that groups findings into incidents.

Invariants, each with a test of the same name:

- the grouping is the same for every order of arrival within lateness and every split of batches;
- an incident gets its id once, from the first finding that arrived;
- when two turn out to be one, the one with the older first event stays (tie: the smaller id) and
  the other becomes its alias, with all aliases it had;
- a finding that is already known changes nothing;
- a hub joins nothing by itself, and a low finding never makes one incident of two;
- the counts of all incidents add up to the findings that came.

Links are made in two ways. What identifies one activity (a process, a logon session, a person on
a host) joins at once and is never taken back. What many may share (a host alone, an address, a
person or a file across hosts), and low findings, wait for the watermark: see `settle`. The caller
therefore steps the fold also when only time has passed (an empty batch), and at the end of a
finite input once with the watermark `END`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa

from tocsin.correlate.board import CORE, Board, prune
from tocsin.correlate.grouping import Grouping
from tocsin.correlate.settle import settle
from tocsin.correlate.story import rank
from tocsin.correlate.turn import Turn
from tocsin.model.decisions import Constraints
from tocsin.model.findings import Finding, findings_from_arrow
from tocsin.model.stages import pack_state, unpack_state

__all__ = ["END", "IncidentFold", "rank"]

END = 2**62
"""Watermark after the last record of a finite input (microseconds UTC)."""


def _with_late_marks(plain: dict[str, Any]) -> dict[str, Any]:
    """Version 2 keeps the marks of late findings beside those that are newer."""
    marks = {name: {"last": plain[name], "late": {}} for name in ("marks", "trails", "noise")}
    last = {key: seen[2] for key, seen in plain["seen"].items() if seen[2] is not None}
    others = {
        "seen": {key: seen[:2] for key, seen in plain["seen"].items()},
        "shared": {"last": last, "late": {}},
        "waiting": {name: waits[0] for name, waits in plain["waiting"].items()},
    }
    return {**plain, **marks, **others}


def _with_cells(plain: dict[str, Any]) -> dict[str, Any]:
    """Version 3 keeps the findings of a group in cells, which a decision may take apart."""
    groups = {}
    for number, (name, dossier, aliases) in plain.get("groups", {}).items():
        *kept, links = dossier if len(dossier) > _DOSSIER else [*dossier, []]
        core = any(step[2] not in ("informational", "low") for step in kept[4].values())
        names = dict.fromkeys((*aliases, name), "")
        span = kept[0], kept[1], kept[2]
        groups[number] = [name, *span, {"": kept}, links, names, name, {}, core]
    return {**plain, "groups": groups}


_DOSSIER = 6
"""Fields of a dossier without its links."""


def _with_kin(plain: dict[str, Any]) -> dict[str, Any]:
    """Version 4 knows what belongs together without decisions; until now they counted."""
    kin = dict(plain.get("parent", {}))
    kin |= {number: CORE for number, group in plain.get("groups", {}).items() if group[_IS_CORE]}
    groups = {number: group[:_IS_CORE] for number, group in plain.get("groups", {}).items()}
    return {**plain, "groups": groups, "kin": kin}


_IS_CORE = 9
"""Place in a group of version 3 that said whether it holds more than low findings."""

_UPGRADES: Mapping[int, Callable[[Any], Any]] = {
    1: _with_late_marks,
    2: _with_cells,
    3: _with_kin,
}
"""`_UPGRADES[n]` turns the plain form of state version n into n + 1."""


class IncidentFold:
    """Findings of one site in, changed incidents out.

    A finding that comes too late groups by what is still remembered within the windows around its
    own time: only findings on time are promised the same grouping in every order.
    """

    name = "incidents"
    version = 4

    def __init__(
        self, grouping: Grouping | None = None, constraints: Constraints | None = None
    ) -> None:
        self.grouping = grouping or Grouping()
        self.constraints = constraints or Constraints()
        """What people decided; the state must know of it: see `decide`."""
        self.late = 0
        """New findings of the last step that were older than the watermark of the step before."""
        self._last: tuple[bytes, Board, dict[int, msgspec.Raw]] | None = None
        self._live: tuple[Board, dict[int, msgspec.Raw]] = Board(), {}

    def key(self, rows: pa.RecordBatch) -> pa.Array:
        """The site of each row."""
        return pa.array([finding.site for finding in findings_from_arrow(rows)], pa.string())

    def step(
        self, state: bytes | None, rows: pa.RecordBatch, *, watermark: int, now: int
    ) -> tuple[bytes | None, pa.RecordBatch]:
        """Group new findings, settle what is due; rows of `INCIDENT_CHANGES`. `now` is unused."""
        del now
        board, packed = self._load(state)
        changes = self._advance(board, packed, rows, watermark)
        return self._pack(board, packed), changes

    def resume(self, state: bytes | None) -> None:
        """Go on from here with `advance`, which keeps the state in memory."""
        self._live = self._load(state)

    def advance(self, rows: pa.RecordBatch, *, watermark: int) -> pa.RecordBatch:
        """What `step` says, without its cost of writing the whole state down: see `snapshot`.

        The state is the same function of the same rows and watermarks in the same steps; so what
        came since a snapshot, told again, makes it again.
        """
        return self._advance(*self._live, rows, watermark)

    def snapshot(self) -> bytes:
        """The state that `advance` has come to."""
        return self._pack(*self._live)

    def _advance(
        self, board: Board, packed: dict[int, msgspec.Raw], rows: pa.RecordBatch, watermark: int
    ) -> pa.RecordBatch:
        turn = Turn(board, self.grouping, self.constraints)
        for finding in findings_from_arrow(rows):
            turn.take(finding)
        settle(board, watermark, self.grouping, turn.join)
        changes = turn.changes()
        self.late = turn.late
        board.late += turn.late
        board.watermark = watermark if board.watermark is None else max(board.watermark, watermark)
        prune(board, watermark, self.grouping)
        for number in turn.changed:
            packed.pop(number, None)
        return changes

    def _pack(self, board: Board, packed: dict[int, msgspec.Raw]) -> bytes:
        for number in packed.keys() - board.groups.keys():
            del packed[number]
        data = _pack(self.version, board, packed)
        self._last = (data, board, packed)
        return data

    def decide(
        self,
        state: bytes | None,
        constraints: Constraints,
        findings: Mapping[str, Sequence[Finding]],
    ) -> tuple[bytes, pa.RecordBatch]:
        """Do what people decided since the state was made; rows of `INCIDENT_CHANGES`.

        `constraints` are all decisions, the new ones too. `findings` are all findings of each
        incident that the new decisions name, by its present id. From then on the fold keeps to
        them; a fold that knew of them from the start comes to the same incidents.
        """
        board, packed = self._load(state)
        turn = Turn(board, self.grouping, constraints)
        for incident_id, whole in findings.items():
            if whole:
                turn.rebind(incident_id, whole, self.constraints)
        changes = turn.changes()
        self.constraints = constraints
        for number in turn.changed:
            packed.pop(number, None)
        return self._pack(board, packed), changes

    def _load(self, state: bytes | None) -> tuple[Board, dict[int, msgspec.Raw]]:
        """The state and its packed groups, from memory when these are the bytes of last time."""
        last, self._last = self._last, None
        if state is None:
            return Board(), {}
        if last is not None and last[0] == state:
            return last[1], last[2]
        return unpack_state(state, Board, self.version, _UPGRADES), {}


def _pack(version: int, board: Board, packed: dict[int, msgspec.Raw]) -> bytes:
    """State as bytes; most groups are as they were and keep the bytes they have in `packed`."""
    for number in board.groups.keys() - packed.keys():
        packed[number] = msgspec.Raw(msgspec.msgpack.encode(board.groups[number]))
    fields = {name: getattr(board, name) for name in board.__struct_fields__}
    fields["groups"] = {number: packed[number] for number in board.groups}
    return pack_state(version, fields)
