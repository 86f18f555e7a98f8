"""WindowsFold: findings of rules in, findings of correlation rules out.

Laws (docs/explanation/correlations.md): the findings that remain are the same for every order of
arrival within the lateness, every split into batches and every repeat, and equal what `replay`
computes from all findings at once.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa

from tocsin.detect.sigma.windows.compose import id_of
from tocsin.detect.sigma.windows.correlation import Correlation
from tocsin.detect.sigma.windows.hits import hit_of
from tocsin.detect.sigma.windows.memory import Keep, Memory
from tocsin.detect.sigma.windows.turn import Turn
from tocsin.model.findings import (
    Finding,
    Standing,
    findings_from_arrow,
    findings_to_arrow,
)
from tocsin.model.stages import unpack_state

__all__ = ["WindowsFold", "id_of"]

NO_OFFSET = -1
"""The offset of a finding that no single event completed."""

_UPGRADES: Mapping[int, Callable[[Any], Any]] = {}


class WindowsFold:
    """Correlations of one plan. Keys are site and component: correlations that share rules.

    `counts` says what the last step could not use: `correlation-late` findings older than the
    watermark of the step before, `correlation-ungrouped` ones that miss a field of `group-by`,
    `correlation-given-up` hits that were forgotten too early for want of room.
    """

    name = "sigma-windows"
    version = 1

    def __init__(
        self,
        correlations: Sequence[Correlation],
        *,
        content_id: str = "",
        standing_of: Callable[[str], Standing] = lambda _: Standing.OPEN,
    ) -> None:
        """`correlations` list parts before wholes; `standing_of` answers for a rule id."""
        self._content_id = content_id
        self._standing_of = standing_of
        self._members: dict[str, list[Correlation]] = {}
        self._component: dict[str, str] = {}
        for one in correlations:
            self._members.setdefault(one.component, []).append(one)
            for rule_id in (one.rule.rule_id, *(part.rule_id for part in one.parts)):
                self._component[rule_id] = one.component
        self.counts: Counter[str] = Counter()
        self._kept: dict[tuple[str, str], tuple[bytes, Keep]] = {}

    def feeds(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """The rows of rules that some correlation refers to."""
        wanted = pa.array(
            [rule in self._component for rule in rows.column("rule_id").to_pylist()], pa.bool_()
        )
        return rows.filter(wanted)

    def key(self, rows: pa.RecordBatch) -> pa.Array:
        """Site and component of each row; a row that no correlation refers to has an empty key."""
        components = [self._component.get(r) for r in rows.column("rule_id").to_pylist()]
        found = findings_from_arrow(rows)
        return pa.array(
            [
                "" if component is None else f"{finding.site}|{component}"
                for finding, component in zip(found, components, strict=True)
            ],
            pa.string(),
        )

    def step(
        self, state: bytes | None, rows: pa.RecordBatch, *, watermark: int, now: int
    ) -> tuple[bytes | None, pa.RecordBatch]:
        """Take findings in, say what fired or changed as `FINDINGS`. `now` is unused."""
        del now
        self.counts = Counter()
        found = findings_from_arrow(rows)
        kept = self._load(state, found)
        if kept is None or kept.memory.component not in self._members:
            return None, findings_to_arrow([])
        memory = kept.memory
        turn = Turn(memory, self._members[memory.component], self.counts)
        for finding in found:
            self._take(turn, memory, finding)
        if memory.watermark is not None:
            watermark = max(watermark, memory.watermark)
        said = list(self._said(turn, memory.site, watermark))
        memory.watermark = watermark
        data = kept.pack(self.version, turn.touched)
        self._kept[memory.site, memory.component] = data, kept
        return data, findings_to_arrow([(NO_OFFSET, finding) for finding in said])

    def _load(self, state: bytes | None, found: Sequence[Finding]) -> Keep | None:
        """The state, from memory when these are the bytes of last time.

        What is taken is gone from memory until the step has ended well; of each key there is one.
        """
        if state is not None:
            for key, (data, kept) in self._kept.items():
                if data == state:
                    del self._kept[key]
                    return kept
            return Keep(unpack_state(state, Memory, self.version, _UPGRADES), {})
        component = self._component.get(found[0].rule_id) if found else None
        return None if component is None else Keep(Memory(found[0].site, component), {})

    def _take(self, turn: Turn, memory: Memory, finding: Finding) -> None:
        if memory.watermark is not None and finding.time < memory.watermark:
            self.counts["correlation-late"] += 1
            return
        for correlation in turn.over(finding.rule_id):
            turn.offer(correlation, hit_of(correlation, finding))

    def _said(self, turn: Turn, site: str, watermark: int) -> Iterator[Finding]:
        for correlation in turn.correlations:
            standing = self._standing_of(correlation.rule.rule_id)
            yield from turn.run(correlation, watermark, (site, self._content_id, standing))
