"""Decisions: what people say about incidents, and what follows from all of them together.

A decision speaks of events, not of findings or of ids: another rule may see the same event, a
replay gives other ids, but the event stays what it is. Every decision binds the events that its
incidents held when it was made (`blocks`), and may say which blocks never belong together
(`apart`). An event that several decisions bind is where the last of them put it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from tocsin.model.findings import Finding

MAX_BOUND = 50_000
"""Events that one decision binds, the earliest; what comes after them follows by what it shares."""


class DecisionKind(StrEnum):
    """What a person can do to incidents."""

    MERGE = "merge"
    SPLIT = "split"
    LINK = "link"
    REOPEN = "reopen"


class Block(msgspec.Struct, frozen=True):
    """Events that stay together, and the id of the incident that they are."""

    name: str
    incident_id: str
    events: tuple[str, ...]


class Decision(msgspec.Struct, frozen=True):
    """One act of a person. `at` is microseconds UTC; `number` counts decisions from 1.

    `incident_ids` are the incidents as they were named then. `anchors` is a finding of each of
    them, by which a link finds them again.
    """

    number: int
    kind: DecisionKind
    incident_ids: tuple[str, ...]
    reason: str
    by: str
    at: int
    blocks: tuple[Block, ...] = ()
    apart: tuple[tuple[str, str], ...] = ()
    anchors: tuple[str, ...] = ()


class Constraints:
    """What all decisions together demand; knows no order but that of the decisions."""

    def __init__(self, decisions: Iterable[Decision] = ()) -> None:
        self.count = 0
        """Number of the last decision taken in."""
        self.blocks: dict[str, Block] = {}
        self.order: dict[str, int] = {}
        """Blocks by age: the one that stayed comes before the one that was taken out."""
        self.reasons: dict[int, str] = {}
        self._apart: dict[str, set[str]] = {}
        self._home: dict[str, str] = {}
        self._held: Counter[str] = Counter()
        self._ties: dict[str, tuple[int, ...]] = {}
        for decision in decisions:
            self.add(decision)

    def add(self, decision: Decision) -> None:
        """Take in the next decision."""
        self.count = max(self.count, decision.number)
        if decision.blocks:
            self.reasons[decision.number] = f"{decision.kind.value} by {decision.by}"
        inherited = {block.name: self._inherited(block) for block in decision.blocks}
        for block in decision.blocks:
            self._bind(block, decision.number)
        for name, others in inherited.items():
            for other in others:
                self._part(name, other)
        for one, other in decision.apart:
            self._part(one, other)

    def block_of(self, finding: Finding) -> str:
        """The block that most of its events are bound to (the elder of two), or nothing."""
        if not self._home:
            return ""
        homes = Counter(self._home[uid] for uid in finding.event_uids if uid in self._home)
        if not homes:
            return ""
        return min(homes, key=lambda name: (-homes[name], self.order[name]))

    def ties_of(self, finding: Finding) -> list[int]:
        """Numbers of the decisions that ever bound an event of the finding."""
        if not self._ties:
            return []
        return sorted({n for uid in finding.event_uids for n in self._ties.get(uid, ())})

    def are_apart(self, one: str, other: str) -> bool:
        """True when two blocks that still hold events never belong together."""
        return other in self._apart.get(one, ()) and self._held[one] > 0 and self._held[other] > 0

    def _bind(self, block: Block, number: int) -> None:
        self.blocks[block.name] = block
        self.order[block.name] = len(self.order)
        for uid in block.events:
            before = self._home.get(uid)
            if before is not None:
                self._held[before] -= 1
            self._home[uid] = block.name
            known = self._ties.get(uid, ())
            if number not in known:
                self._ties[uid] = (*known, number)
        self._held[block.name] = len(block.events)

    def _inherited(self, block: Block) -> set[str]:
        """What the blocks that these events leave were kept apart from."""
        homes = {self._home[uid] for uid in block.events if uid in self._home}
        return {other for home in homes for other in self._apart.get(home, ())} - homes

    def _part(self, one: str, other: str) -> None:
        if one != other:
            self._apart.setdefault(one, set()).add(other)
            self._apart.setdefault(other, set()).add(one)


def events_of(findings: Iterable[Finding]) -> tuple[str, ...]:
    """The events to bind, without repeats, those of the earliest findings first."""
    ordered = sorted(findings, key=lambda one: (one.time, one.finding_id))
    uids = dict.fromkeys(uid for one in ordered for uid in one.event_uids)
    return tuple(list(uids)[:MAX_BOUND])


def merged(
    number: int, incident_ids: Sequence[str], findings: Iterable[Finding]
) -> tuple[Block, ...]:
    """The block of a merge: all findings of these incidents, under the first id."""
    return (Block(f"{number}.0", incident_ids[0], events_of(findings)),)


def parted(
    number: int, incident_id: str, kept: Iterable[Finding], taken: Iterable[Finding], new_id: str
) -> tuple[Block, Block]:
    """The blocks of a split: what stays, and what becomes an incident of its own.

    An event that both sides have findings of is taken out with those that were named.
    """
    out = events_of(taken)
    stay = [uid for uid in events_of(kept) if uid not in set(out)]
    return Block(f"{number}.0", incident_id, tuple(stay)), Block(f"{number}.1", new_id, out)
