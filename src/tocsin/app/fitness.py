"""Readiness for people: what is in force, what is missing, and overrides."""

from typing import NamedTuple

import msgspec

from tocsin.app.content import disk_content
from tocsin.app.readiness import override_evidence, overrides_of, readiness_of
from tocsin.app.site import Site
from tocsin.detect.vendor import sources_of_alerts_only
from tocsin.errors import UsageError
from tocsin.model.evidence import Evidence
from tocsin.model.readiness import (
    USE_TITLES,
    Gap,
    GapKey,
    Override,
    SourceReadiness,
    Use,
    covering,
    readiness_from_json,
)
from tocsin.normalize.folders import declared_sources, source_files
from tocsin.store import State

LONGEST = 90 * 86_400_000_000
"""How long (us) an override may last."""


class Standing(NamedTuple):
    """A source's readiness for one use as it stands now.

    `readiness` is what was issued last; it counts only while `valid`. `overrides` are the words of
    people that hold now, `left` the gaps that none of them covers.
    """

    source_id: str
    use: Use
    readiness: SourceReadiness | None
    valid: bool
    overrides: tuple[Override, ...]

    @property
    def left(self) -> tuple[Gap, ...]:
        """The gaps that no override covers."""
        gaps = self.readiness.gaps if self.readiness else ()
        return tuple(one for one in gaps if covering(one, self.source_id, self.overrides) is None)

    @property
    def passes(self) -> bool:
        """Whether the guard lets everything of the source pass."""
        return self.valid and self.readiness is not None and not self.left


def standings(site: Site, now: int) -> list[Standing]:
    """Every source that ever delivered, for each use, in order of name."""
    book = State(site.state, read_only=True).readiness
    issued = book.readiness()
    valid = readiness_of(issued, now)
    words = [one for one in overrides_of(book.overrides()) if one.holds_at(now)]
    found = []
    for evidence in sorted(issued, key=_order):
        source, _, use = evidence.subject.rpartition(":")
        if use not in {*Use}:
            continue
        mine = tuple(one for one in words if (one.source_id, one.use.value) == (source, use))
        known = valid.get((source, Use(use)))
        shown = known or readiness_from_json(str(evidence.claims.get("readiness", "")).encode())
        found.append(Standing(source, Use(use), shown, known is not None, mine))
    return found


def only_alerts(site: Site, found: list[Standing]) -> tuple[frozenset[str], bool]:
    """The sources that give other tools' alerts only, and whether nothing else comes here."""
    specs = declared_sources(disk_content(site))
    alerts, raw = sources_of_alerts_only(specs, {one.source_id for one in found})
    return alerts, bool(alerts) and not raw


def _order(evidence: Evidence) -> tuple[str, int]:
    source, _, use = evidence.subject.rpartition(":")
    return source, [*Use].index(Use(use)) if use in {*Use} else len(Use)


def override(site: Site, word: Override) -> Override:
    """Make an override of the gaps in force and journal it; what `word` covers does not count.

    Returns it with the gaps that it covers; raises UsageError when it may not be: also where
    nothing is in force that could be covered.
    """
    if not word.reason.strip() or not word.person.strip():
        raise UsageError("an override needs a person and a reason")
    if not word.made < word.until <= word.made + LONGEST:
        raise UsageError("an override ends in the future, within 90 days")
    state = State(site.state)
    issued = state.readiness.readiness()
    known = {one.subject.rpartition(":")[0] for one in issued}
    known |= set(source_files(disk_content(site)))
    if word.source_id not in known:
        raise UsageError(f"no source is called {word.source_id}; `tocsin readiness` lists them")
    found = readiness_of(issued, word.made).get((word.source_id, word.use))
    word = msgspec.structs.replace(word, covers=_in_force(word, found))
    state.readiness.override(override_evidence(word), word.made, word.person, word.reason)
    return word


def _in_force(word: Override, readiness: SourceReadiness | None) -> tuple[GapKey, ...]:
    if readiness is None or not readiness.issued <= word.made < readiness.expires:
        raise UsageError(
            f"no readiness of {word.source_id} is in force for {USE_TITLES[word.use]}: an override "
            "covers gaps that were measured. Run `tocsin up`, let records come, and try again"
        )
    if readiness.is_fit:
        raise UsageError(
            f"{word.source_id} is fit for {USE_TITLES[word.use]}: there is no gap to cover"
        )
    return tuple(dict.fromkeys(gap.key for gap in readiness.gaps))


def end_override(site: Site, source_id: str, use: Use, person: str, reason: str, now: int) -> int:
    """End the overrides of a source and use; how many there were."""
    if not reason.strip():
        raise UsageError("say why it ends (--reason)")
    return State(site.state).readiness.revoke(f"{source_id}:{use.value}", now, person, reason)
