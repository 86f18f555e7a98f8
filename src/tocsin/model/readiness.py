"""Readiness of a source: for which use its telemetry is fit, what is missing, and the guard.

The guard is pure and refuses whatever it cannot evaluate: no readiness, one that has expired, one
of another form. More gaps never open it; only the override of a person does, for the gaps that it
names and until it ends.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import msgspec


class Use(StrEnum):
    """What telemetry is used for, in rising demand."""

    DETECTION = "detection"
    TRAINING = "training"
    AUTONOMY = "autonomy"


USE_TITLES = {
    Use.DETECTION: "detection",
    Use.TRAINING: "profiles and training",
    Use.AUTONOMY: "autonomous action",
}


class Scope(msgspec.Struct, frozen=True):
    """What a gap is about: the whole source, or only a class, field, unit, segment or host."""

    class_name: str = ""
    field: str = ""
    unit: str = ""
    segment: str = ""
    host: str = ""

    @property
    def text(self) -> str:
        """The scope in words."""
        parts = (
            ("class", self.class_name), ("field", self.field), ("unit", self.unit),
            ("segment", self.segment), ("host", self.host),
        )  # fmt: skip
        return ", ".join(f"{name} {value}" for name, value in parts if value) or "whole source"


GapKey = tuple[str, Scope]
"""What makes it the same gap when it is measured again: its measure and its scope."""


class Gap(msgspec.Struct, frozen=True):
    """One reason why a source is not fit.

    `measure` names what was measured (docs/explanation/readiness.md), `value` what it was and
    `threshold` what it may be, both in `unit_of`. `since` is microseconds UTC.
    """

    measure: str
    value: float
    threshold: float
    since: int
    cause: str
    fix: str
    owner: str = ""
    scope: Scope = Scope()
    unit_of: str = ""

    @property
    def key(self) -> GapKey:
        """What makes it the same gap when it is measured again."""
        return self.measure, self.scope


class Override(msgspec.Struct, frozen=True):
    """A person's word that a source may be used in spite of some gaps, for a reason and a time.

    `covers` are the gaps that it was given for. It says nothing about any other.
    """

    source_id: str
    use: Use
    person: str
    reason: str
    made: int
    until: int
    covers: tuple[GapKey, ...] = ()

    def holds_at(self, now: int) -> bool:
        """Whether it counts at a time; it needs a person and a reason."""
        return bool(self.person and self.reason) and self.made <= now < self.until


class SourceReadiness(msgspec.Struct, frozen=True):
    """What one source is fit for. Times are microseconds UTC.

    `fit_since` is when the source was last not fit for this use; 0 while it is not. `history_days`
    counts the days of the last 90 that can be used, backfilled ones too, and `complete_at` is when
    the window of 90 is full (0: it is).
    """

    source_id: str
    use: Use
    issued: int
    expires: int
    gaps: tuple[Gap, ...] = ()
    fit_since: int = 0
    history_days: int = 0
    complete_at: int = 0
    notes: tuple[str, ...] = ()

    @property
    def is_fit(self) -> bool:
        """Whether nothing is missing."""
        return not self.gaps


class Asked(msgspec.Struct, frozen=True):
    """What the guard is asked about: where a finding comes from, and which fields it rests on."""

    source_id: str
    class_names: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    unit: str = ""
    segment: str = ""
    hosts: tuple[str, ...] = ()


class Fit(msgspec.Struct, frozen=True):
    """The guard lets it pass; `overrides` are those that it needed."""

    overrides: tuple[Override, ...] = ()


class Refused(msgspec.Struct, frozen=True):
    """The guard refuses, for these reasons."""

    reasons: tuple[str, ...]


Answer = Fit | Refused


def touches(gap: Gap, asked: Asked) -> bool:
    """Whether a gap bears on what is asked; what is not known of either side counts as touched."""
    scope = gap.scope
    if scope.class_name and asked.class_names and scope.class_name not in asked.class_names:
        return False
    if scope.field and asked.fields and not _shares(scope.field, asked.fields):
        return False
    if scope.unit and asked.unit and scope.unit != asked.unit:
        return False
    if scope.segment and asked.segment and scope.segment != asked.segment:
        return False
    known = {host.lower() for host in asked.hosts}
    return not (scope.host and known and scope.host.lower() not in known)


def _shares(field: str, fields: Iterable[str]) -> bool:
    """Whether a field, or one above or below it, is among `fields`."""
    return any(
        one == field or one.startswith(f"{field}.") or field.startswith(f"{one}.") for one in fields
    )


def guard(
    asked: Sequence[Asked],
    use: Use,
    known: Mapping[tuple[str, Use], SourceReadiness],
    overrides: Iterable[Override],
    now: int,
) -> Answer:
    """Whether what is asked may be used so, now (us UTC).

    A finding of several sources is asked about each of them. An override covers the gaps that it
    names, of its source and use. None covers that readiness is missing, has expired or cannot be
    read: then nobody knows what there is to cover.
    """
    if not asked:
        return Refused(("nothing is known about where this comes from",))
    mine = [one for one in overrides if one.use is use and one.holds_at(now)]
    reasons: list[str] = []
    needed: list[Override] = []
    for one in asked:
        found = _judged(one, use, known.get((one.source_id, use)), now)
        if isinstance(found, str):
            reasons.append(found)
            continue
        for gap in found.gaps:
            if not touches(gap, one):
                continue
            word = covering(gap, one.source_id, mine)
            if word is None:
                reasons.append(f"{one.source_id}: {gap.cause} ({gap.scope.text})")
            else:
                needed.append(word)
    if reasons:
        return Refused(tuple(dict.fromkeys(reasons)))
    return Fit(tuple(dict.fromkeys(needed)))


def covering(gap: Gap, source_id: str, words: Iterable[Override]) -> Override | None:
    """The first of these overrides that names a gap of a source; their use and time are given."""
    return next(
        (one for one in words if one.source_id == source_id and gap.key in one.covers), None
    )


def _judged(asked: Asked, use: Use, readiness: object, now: int) -> SourceReadiness | str:
    """The readiness of one source as it counts, or why there is none that does."""
    name = asked.source_id or "a source without a name"
    if readiness is None:
        return f"{name}: no readiness was ever issued for {USE_TITLES[use]}"
    if not isinstance(readiness, SourceReadiness):
        return f"{name}: its readiness cannot be read"
    if readiness.source_id != asked.source_id or readiness.use is not use:
        return f"{name}: its readiness is of another source or use"
    if not readiness.issued <= now < readiness.expires:
        return f"{name}: its readiness has expired"
    return readiness


_encode = msgspec.json.Encoder(order="deterministic").encode
_decode = msgspec.json.Decoder(SourceReadiness).decode
_decode_keys = msgspec.json.Decoder(tuple[GapKey, ...]).decode


def readiness_to_json(readiness: SourceReadiness) -> bytes:
    """The same readiness gives the same bytes."""
    return _encode(readiness)


def readiness_from_json(data: bytes) -> SourceReadiness | None:
    """A stored readiness; None when it cannot be read, which the guard refuses."""
    try:
        return _decode(data)
    except msgspec.DecodeError:
        return None


def keys_to_json(keys: Sequence[GapKey]) -> bytes:
    """The gaps that an override covers; the same keys give the same bytes."""
    return _encode(keys)


def keys_from_json(data: bytes) -> tuple[GapKey, ...]:
    """Stored keys; none when they cannot be read, so that they cover nothing."""
    try:
        return _decode_keys(data)
    except msgspec.DecodeError:
        return ()
