"""Readiness for people: what is in force, what is missing, and overrides."""

from typing import NamedTuple

from tocsin.app.content import disk_content
from tocsin.app.readiness import override_evidence, overrides_of, readiness_of
from tocsin.app.site import Site
from tocsin.detect.vendor import sources_of_alerts_only
from tocsin.errors import UsageError
from tocsin.model.evidence import Evidence
from tocsin.model.readiness import Override, SourceReadiness, Use, readiness_from_json
from tocsin.normalize.folders import declared_sources, source_files
from tocsin.store import State

LONGEST = 90 * 86_400_000_000
"""How long (us) an override may last."""


class Standing(NamedTuple):
    """A source's readiness for one use as it stands now.

    `readiness` is what was issued last; it counts only while `valid`. `override` is the person's
    word that holds now, if any.
    """

    source_id: str
    use: Use
    readiness: SourceReadiness | None
    valid: bool
    override: Override | None


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
        word = next((w for w in words if (w.source_id, w.use.value) == (source, use)), None)
        known = valid.get((source, Use(use)))
        shown = known or readiness_from_json(str(evidence.claims.get("readiness", "")).encode())
        found.append(Standing(source, Use(use), shown, known is not None, word))
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
    """Make an override and journal it; raises UsageError when it may not be."""
    if not word.reason.strip() or not word.person.strip():
        raise UsageError("an override needs a person and a reason")
    if not word.made < word.until <= word.made + LONGEST:
        raise UsageError("an override ends in the future, within 90 days")
    state = State(site.state)
    known = {one.subject.rpartition(":")[0] for one in state.readiness.readiness()}
    known |= set(source_files(disk_content(site)))
    if word.source_id not in known:
        raise UsageError(f"no source is called {word.source_id}; `tocsin readiness` lists them")
    state.readiness.override(override_evidence(word), word.made, word.person, word.reason)
    return word


def end_override(site: Site, source_id: str, use: Use, person: str, reason: str, now: int) -> int:
    """End the overrides of a source and use; how many there were."""
    if not reason.strip():
        raise UsageError("say why it ends (--reason)")
    return State(site.state).readiness.revoke(f"{source_id}:{use.value}", now, person, reason)
