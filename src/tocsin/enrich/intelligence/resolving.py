"""From an indicator as published, and what it relates to, to one that is looked for."""

from collections.abc import Callable, Iterable, Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from tocsin.enrich.intelligence.bundle import THREATS, StixObject, moment, technique_ids
from tocsin.enrich.intelligence.markings import strictest, tlp_word
from tocsin.enrich.intelligence.pattern import read_pattern
from tocsin.model.intelligence import DAY, Alternative, FeedSpec, Indicator

MAX_TECHNIQUES = 10
MAX_THREATS = 5
STIX = ("stix", "")
"""`pattern_type` of what is read here; STIX 2.0 has none."""

_SCALES = {
    "none": 0, "low": 15, "med": 50, "medium": 50, "high": 85,
    "confirmed": 95, "probably true": 70, "possibly true": 50, "doubtful": 30, "improbable": 10,
    "almost no chance / remote": 5, "very unlikely / highly improbable": 15,
    "unlikely / improbable": 30, "roughly even chance / roughly even odds": 50,
    "likely / probable": 70, "very likely / highly probable": 85,
    "almost certain / nearly certain": 95,
    "impossible": 0, "highly unlikely/almost certainly not": 10, "unlikely/probably not": 30,
    "even chance": 50, "likely/probable": 70, "highly likely/almost certain": 90, "certain": 100,
}  # fmt: skip
"""STIX 2.1, appendix A: None/Low/Med/High, Admiralty credibility, WEP and DNI, as numbers."""

_ADMIRALTY = {"1": 90, "2": 70, "3": 50, "4": 30, "5": 10}
"""Admiralty credibility by its number; 6 cannot be judged."""


class Decay(msgspec.Struct, frozen=True):
    """How fast confidence goes: half-lives (us) by kind, `other` for the rest, and the floor."""

    half_lives: dict[str, int] = {}
    floor: int = 0
    other: int = 90 * DAY

    def half_life(self, alternatives: Iterable[Alternative]) -> int:
        """Of an indicator: that of what ages fastest in it."""
        kinds = {term.kind for one in alternatives for term in one if not term.negated}
        return min((self.half_lives.get(kind, self.other) for kind in kinds), default=0)


class Related(NamedTuple):
    """What an indicator relates to, and when it was last seen (us UTC, 0: never)."""

    indicates: Sequence[StixObject] = ()
    uses: Sequence[StixObject] = ()
    """Attack patterns that what it indicates uses."""
    last_seen: int = 0


class Resolved(NamedTuple):
    """An indicator ready to be looked for, or none; `unsupported` says what of it is not."""

    indicator: Indicator | None
    unsupported: tuple[str, ...] = ()


def confidence_of(value: int | str | None, default: int) -> int:
    """A confidence from 0 to 100, given as a number or in the words of a scale of STIX."""
    if value is None or isinstance(value, bool):
        return default
    if isinstance(value, int):
        return min(100, max(0, value))
    word = " ".join(value.lower().split())
    number, _, rest = word.partition(" - ")
    if word.isdecimal():
        return min(100, int(word))
    if rest and number in _ADMIRALTY:
        return _ADMIRALTY[number]
    return _SCALES.get(word, default)


def unsupported_of(one: StixObject) -> tuple[str, ...]:
    """Why an indicator, or a part of it, is not looked for."""
    if one.pattern_type not in STIX:
        return (f"a pattern of type {one.pattern_type[:60]}",)
    return read_pattern(one.pattern).unsupported


def resolve(
    one: StixObject,
    related: Related,
    feed: FeedSpec,
    decay: Decay,
    known: Callable[[str], StixObject | None],
) -> Resolved:
    """What is looked for; `known` has identities and markings by id. A revoked one is nothing."""
    if one.revoked:
        return Resolved(None)
    if one.pattern_type not in STIX:
        return Resolved(None, unsupported_of(one))
    reading = read_pattern(one.pattern)
    if not reading.alternatives:
        return Resolved(None, reading.unsupported)
    threats = [o for o in related.indicates if o.type in THREATS and not o.revoked]
    direct = [o for o in related.indicates if o.type == "attack-pattern"]
    techniques = [t for o in (direct or related.uses) for t in technique_ids(o)]
    techniques += list(technique_ids(one))
    publisher = known(one.created_by_ref) if one.created_by_ref else None
    tlp = strictest(one.object_marking_refs, known, tlp_word(feed.tlp))
    since = moment(one.valid_from)
    indicator = Indicator(
        feed=feed.id,
        indicator_id=one.id,
        digest=digest_of(reading.alternatives),
        alternatives=reading.alternatives,
        name=one.name,
        confidence=confidence_of(one.confidence, feed.confidence),
        basis=max(since, one.version, related.last_seen),
        since=since,
        until=moment(one.valid_until),
        half_life=decay.half_life(reading.alternatives),
        floor=decay.floor,
        tlp=tlp.value if tlp else "",
        source=publisher.name if publisher else feed.title,
        threats=tuple(dict.fromkeys(o.name for o in threats if o.name))[:MAX_THREATS],
        techniques=tuple(dict.fromkeys(techniques))[:MAX_TECHNIQUES],
        tactics=_tactics(one),
    )
    return Resolved(indicator, reading.unsupported)


def digest_of(alternatives: Sequence[Alternative]) -> str:
    """Of what is looked for alone: other words about it do not make another finding of it."""
    plain = msgspec.msgpack.encode(sorted(alternatives, key=repr))
    return blake2b(plain, digest_size=8).hexdigest()


def _tactics(one: StixObject) -> tuple[str, ...]:
    phases = (p for p in one.kill_chain_phases if p.kill_chain_name.startswith("mitre-"))
    return tuple(dict.fromkeys(p.phase_name for p in phases))
