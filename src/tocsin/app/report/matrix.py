"""What was found, in the columns of the ATT&CK matrix."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from tocsin.enrich.attack import Labels
from tocsin.model.attack import TACTICS, Label, LabelState
from tocsin.model.findings import Finding, Level
from tocsin.model.text import visible

MAX_CELLS = 60
"""Techniques of one column."""
_NAME = 80

SHORT_STATES = {
    LabelState.CURRENT: "",
    LabelState.UNCHECKED: "",
    LabelState.NEWER: "newer",
    LabelState.RENAMED: "renamed",
    LabelState.REVOKED: "revoked",
    LabelState.DEPRECATED: "deprecated",
    LabelState.UNKNOWN: "unknown id",
    LabelState.MALFORMED: "malformed",
}


@dataclass(frozen=True, slots=True)
class LabelView:
    """A label as a page shows it; `state` is empty when there is nothing to say of it."""

    text: str
    name: str
    state: str
    note: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A technique in a column: how many findings name it and the worst level among them."""

    label: LabelView
    level: str
    total: int


@dataclass(frozen=True, slots=True)
class Column:
    """A tactic; `left_out` is how many techniques are not shown."""

    name: str
    note: str
    cells: tuple[Cell, ...]
    left_out: int
    total: int


@dataclass(slots=True)
class _Seen:
    total: int = 0
    level: Level = Level.INFORMATIONAL

    def add(self, level: Level) -> None:
        self.total += 1
        self.level = max(self.level, level, key=lambda one: one.rank)


@dataclass(slots=True)
class _Gathered:
    cells: dict[str, _Seen] = field(default_factory=dict)
    findings: _Seen = field(default_factory=_Seen)


def label_view(label: Label) -> LabelView:
    """A label in words."""
    state = SHORT_STATES[label.state]
    if label.state is LabelState.RENAMED and label.others:
        state = f"now {' or '.join(label.others)}"
    name = visible(label.name, _NAME)
    return LabelView(visible(label.text, _NAME), name, state, visible(label.note, 240))


def order(labels: Labels) -> tuple[str, ...]:
    """Tactics in kill chain order: of the loaded release, else as they are known."""
    return labels.release.order if labels.release else TACTICS


def columns(findings: Iterable[Finding], labels: Labels) -> list[Column]:
    """The columns of the matrix in order; tactics that the release lacks stand after their kin."""
    gathered: dict[str, _Gathered] = {}
    for finding in findings:
        for tactic in _tactics(finding, labels):
            column = gathered.setdefault(tactic, _Gathered())
            column.findings.add(finding.level)
            for technique in finding.techniques:
                if _belongs(technique, tactic, finding, labels):
                    column.cells.setdefault(technique, _Seen()).add(finding.level)
    return [_column(name, gathered.get(name), labels) for name in _ordered(gathered, labels)]


def _tactics(finding: Finding, labels: Labels) -> Sequence[str]:
    """The tactics that the rule names, else those of its techniques."""
    if finding.tactics:
        return tuple(dict.fromkeys(finding.tactics))
    found = (tactic for one in finding.techniques for tactic in labels.judge(one).tactics)
    return tuple(dict.fromkeys(found)) or ("",) * bool(finding.techniques)


def _belongs(technique: str, tactic: str, finding: Finding, labels: Labels) -> bool:
    """A technique stands under those of the rule's tactics that it has; under all if under none."""
    own = labels.judge(technique).tactics
    shared = [name for name in finding.tactics if name in own]
    return tactic in shared if shared else True


def _ordered(gathered: Iterable[str], labels: Labels) -> list[str]:
    known = list(order(labels))
    if labels.release is None:  # both ages of one column, where only one of them was seen
        known = [name for name in known if name in gathered or name in _BEFORE_19]
    for name in sorted(set(gathered) - set(known)):
        kin = [older for older in labels.judge(name).others if older in known]
        place = max((known.index(older) for older in kin), default=len(known) - 1)
        known.insert(place + 1, name)
    return known


_BEFORE_19 = frozenset(TACTICS) - {"stealth", "defense-impairment"}


def _column(name: str, gathered: _Gathered | None, labels: Labels) -> Column:
    label = labels.judge(name)
    title = label.name or visible(name, 40).replace("-", " ").capitalize() or "No tactic named"
    state = SHORT_STATES[label.state] if name else ""
    if gathered is None:
        return Column(title, state, (), 0, 0)
    ranked = sorted(
        gathered.cells.items(), key=lambda item: (-item[1].level.rank, -item[1].total, item[0])
    )
    cells = tuple(
        Cell(label_view(labels.judge(technique)), seen.level.value, seen.total)
        for technique, seen in ranked[:MAX_CELLS]
    )
    return Column(title, state, cells, max(0, len(ranked) - MAX_CELLS), gathered.findings.total)
