"""ATT&CK as a versioned object: a release, what moved between releases, and how a label stands.

A label is what a detection rule says of itself: a technique's id (`T1003.001`) or a tactic's short
name (`credential-access`).
"""

from collections.abc import Mapping
from enum import StrEnum

import msgspec

TACTICS = (
    "reconnaissance",
    "resource-development",
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "stealth",
    "defense-impairment",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "exfiltration",
    "impact",
)
"""Short names in kill chain order, for when no release is loaded. Release 19 put `stealth` and
`defense-impairment` in the place of `defense-evasion`; rules of both ages are about."""


class Tactic(msgspec.Struct, frozen=True):
    """A column of the matrix; `shortname` is what rules and techniques call it by."""

    tactic_id: str
    shortname: str
    name: str


class Technique(msgspec.Struct, frozen=True):
    """A technique or sub-technique; `tactics` are short names, `successors` ids it was revoked by.

    A revoked or deprecated one stays known, so that an old label can be told from a wrong one.
    """

    technique_id: str
    name: str
    tactics: tuple[str, ...]
    revoked: bool = False
    deprecated: bool = False
    successors: tuple[str, ...] = ()

    @property
    def active(self) -> bool:
        """Neither revoked nor deprecated."""
        return not (self.revoked or self.deprecated)

    @property
    def parent(self) -> str:
        """The technique that a sub-technique refines; empty for a technique."""
        head, dot, _ = self.technique_id.partition(".")
        return head if dot else ""


class Release(msgspec.Struct, frozen=True):
    """One release of the enterprise matrix.

    `version` is what its collection says (`18.1`), empty where the bundle has none. `modified` is
    its newest change (us UTC). `tactics` stand in kill chain order, `techniques` in order of id;
    `digest` is of all of this content, whatever file it came in.
    """

    version: str
    modified: int
    tactics: tuple[Tactic, ...]
    techniques: tuple[Technique, ...]
    digest: str

    @property
    def order(self) -> tuple[str, ...]:
        """Short names of the tactics in kill chain order."""
        return tuple(tactic.shortname for tactic in self.tactics)


class Counts(msgspec.Struct, frozen=True):
    """How much a release holds; techniques and sub-techniques are the active ones."""

    tactics: int
    techniques: int
    sub_techniques: int
    revoked: int
    deprecated: int

    @classmethod
    def of(cls, release: Release) -> "Counts":
        """The counts of a release; what is revoked and deprecated counts as revoked."""
        active = [one for one in release.techniques if one.active]
        subs = sum(1 for one in active if one.parent)
        revoked = sum(1 for one in release.techniques if one.revoked)
        deprecated = len(release.techniques) - len(active) - revoked
        return cls(len(release.tactics), len(active) - subs, subs, revoked, deprecated)


class Move(msgspec.Struct, frozen=True):
    """From this release on (as MITRE numbers it), `old` is called one of `new`."""

    release: str
    old: str
    new: tuple[str, ...]


class Crosswalk(msgspec.Struct, frozen=True):
    """What moved between releases, readable in both directions."""

    forward: Mapping[str, tuple[Move, ...]] = {}
    backward: Mapping[str, tuple[Move, ...]] = {}

    @classmethod
    def of(cls, moves: tuple[Move, ...]) -> "Crosswalk":
        """A crosswalk of these moves; one that stands there twice counts once."""
        forward: dict[str, tuple[Move, ...]] = {}
        backward: dict[str, tuple[Move, ...]] = {}
        for move in dict.fromkeys(moves):
            forward[move.old] = (*forward.get(move.old, ()), move)
            for new in move.new:
                backward[new] = (*backward.get(new, ()), move)
        return cls(forward, backward)

    def newer(self, label: str) -> tuple[str, ...]:
        """What an older label is called later."""
        moves = self.forward.get(label, ())
        return tuple(dict.fromkeys(new for move in moves for new in move.new))

    def older(self, label: str) -> tuple[str, ...]:
        """What a newer label was called before."""
        return tuple(dict.fromkeys(move.old for move in self.backward.get(label, ())))


class LabelState(StrEnum):
    """How a label stands towards the loaded release."""

    CURRENT = "current"
    RENAMED = "renamed"
    """It goes on under another id or name."""
    REVOKED = "revoked"
    """It was taken back, and nothing that is active replaces it."""
    DEPRECATED = "deprecated"
    NEWER = "newer"
    """It came after the loaded release: no fault of the rule."""
    UNKNOWN = "unknown"
    """It has the form of a label, but neither this release nor a later one explains it."""
    MALFORMED = "malformed"
    UNCHECKED = "not checked"
    """No release is loaded, or it is the id of a group, software or data source."""


_SOUND = frozenset({LabelState.CURRENT, LabelState.NEWER, LabelState.UNCHECKED})


class Label(msgspec.Struct, frozen=True):
    """A label and how it stands.

    `others` are what it is called in the loaded release (a current one: in a later release), `note`
    says why, in words for a person.
    """

    text: str
    state: LabelState
    name: str = ""
    tactics: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    note: str = ""

    @property
    def faulty(self) -> bool:
        """Whether the rule's author should change it; a technique that kept its id is right."""
        kept = self.state is LabelState.RENAMED and not self.others
        return self.state not in _SOUND and not kept
