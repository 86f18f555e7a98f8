"""A compiled mapping of one kind of record: columns in, columns of a valid OCSF event out.

Validity is by construction. A value that does not convert is left out. An object that lacks what
OCSF requires of it is left out whole. A row that then lacks what its class requires is handed back,
for the default of its source, which needs nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tocsin.normalize.columns import ALL_ROWS, Fields, Lost, Path, Step

Mask = list[bool] | None
"""Which rows have an object; None means every row."""


@dataclass(frozen=True, slots=True)
class Presence:
    """How to tell whether an attribute is there: a leaf column, or the mask of an object."""

    path: Path
    is_object: bool

    def mask(
        self, columns: Mapping[Path, list[Any]], masks: Mapping[Path, Mask], rows: int
    ) -> Mask:
        """The rows that have it."""
        if self.is_object:
            return masks[self.path]
        column = columns.get(self.path)
        if column is None:
            return [False] * rows
        return [value is not None for value in column] if None in column else None


@dataclass(frozen=True, slots=True)
class ObjectRule:
    """When an object may be there: all of `needs`, one of `any_of`.

    `constants` are its own and follow it; `leaves` is all else below it, down to the constants of
    the objects inside.
    """

    path: Path
    needs: tuple[Presence, ...]
    any_of: tuple[Presence, ...]
    leaves: tuple[Path, ...]
    constants: tuple[tuple[Path, Any], ...]

    def mask(
        self, columns: Mapping[Path, list[Any]], masks: Mapping[Path, Mask], rows: int
    ) -> Mask:
        """The rows in which the object is complete."""
        found = all_of([need.mask(columns, masks, rows) for need in self.needs])
        if not self.any_of:
            return found
        return all_of([found, one_of([one.mask(columns, masks, rows) for one in self.any_of])])


def all_of(masks: Sequence[Mask]) -> Mask:
    """Rows that every mask has."""
    partial = [mask for mask in masks if mask is not None]
    if len(partial) < 2:  # noqa: PLR2004 (nothing to combine)
        return partial[0] if partial else None
    return [all(row) for row in zip(*partial, strict=True)]


def one_of(masks: Sequence[Mask]) -> Mask:
    """Rows that at least one mask has."""
    partial = [mask for mask in masks if mask is not None]
    if len(partial) < len(masks):
        return None
    return partial[0] if len(partial) == 1 else [any(row) for row in zip(*partial, strict=True)]


@dataclass(slots=True)
class Group:
    """Rows of one program after it ran. `constants` hold for every row.

    `second` says that they are what records state beside their own event.
    """

    program: "Program"
    rows: list[int]
    columns: dict[Path, list[Any]]
    constants: dict[Path, Any]
    lost: Lost
    second: bool = False

    def only(self, kept: list[int]) -> None:
        """Keep these rows (places in `rows`) and forget the others."""
        self.rows = [self.rows[k] for k in kept]
        for path, column in self.columns.items():
            self.columns[path] = [column[k] for k in kept]
        everywhere = {ALL_ROWS: self.lost[ALL_ROWS]} if ALL_ROWS in self.lost else {}
        places = {old: new for new, old in enumerate(kept)}
        self.lost = everywhere | {places[r]: n for r, n in self.lost.items() if r in places}


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """What one kind of record of one shape becomes."""

    source_id: str
    class_name: str
    class_uid: int
    steps: tuple[Step, ...]
    constants: dict[Path, Any]
    objects: tuple[ObjectRule, ...]
    required: ObjectRule
    reads: tuple[str, ...]
    used: frozenset[str]
    names: dict[Path, tuple[str, ...]]
    """Leaf -> native fields it is made of."""
    also: "tuple[Program, ...]" = ()
    """What the same records may state as well: the first that fits a record counts."""

    def run(self, records: Sequence[dict[str, Any]], rows: list[int]) -> tuple[Group, list[int]]:
        """Map `records` (which stand at `rows` of the batch); also the rows that do not fit."""
        columns: dict[Path, list[Any]] = {}
        lost: Lost = {}
        fields = Fields(records, self.reads)
        for step in self.steps:
            step.run(fields, columns, lost)
        group = Group(self, rows, columns, dict(self.constants), lost)
        fits = self._settle(group)
        if ("activity_id",) in columns:
            base = self.class_uid * 100
            columns["type_uid",] = [base + activity for activity in columns["activity_id",]]
        if fits is None:
            return group, []
        misfits = [rows[k] for k, fit in enumerate(fits) if not fit]
        group.only([k for k, fit in enumerate(fits) if fit])
        return group, misfits

    def _settle(self, group: Group) -> Mask:
        masks: dict[Path, Mask] = {}
        count = len(group.rows)
        for rule in self.objects:
            masks[rule.path] = mask = rule.mask(group.columns, masks, count)
            if mask is None:
                group.constants.update(rule.constants)
            else:
                self._withhold(rule, mask, group)
        return self.required.mask(group.columns, masks, count)

    def _withhold(self, rule: ObjectRule, mask: list[bool], group: Group) -> None:
        """Take an incomplete object out of its rows, with all that is inside it."""
        for leaf in rule.leaves:
            column = group.columns.get(leaf)
            if column is None:
                if leaf in group.constants:
                    value = group.constants.pop(leaf)
                    group.columns[leaf] = [value if there else None for there in mask]
                continue
            for row, (value, there) in enumerate(zip(column, mask, strict=True)):
                if not there and value is not None:
                    group.lost.setdefault(row, set()).update(self.names.get(leaf, ()))
            group.columns[leaf] = [
                value if there else None for value, there in zip(column, mask, strict=True)
            ]
        if any(mask):
            for leaf, value in rule.constants:
                group.columns[leaf] = [value if there else None for there in mask]
