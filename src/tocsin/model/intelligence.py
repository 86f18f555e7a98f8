"""Intelligence: what publishers say of things that attackers use, ready to be looked for.

Times are microseconds since 1970 UTC. Confidence is 0 to 100, as in STIX 2.1.
"""

from enum import StrEnum

import msgspec

from tocsin.model.findings import Finding, Level

RULE_PREFIX = "indicator/"
"""How the rule id of a finding by an indicator begins: then the feed and the indicator's id."""

DAY = 24 * 60 * 60 * 1_000_000


class Tlp(StrEnum):
    """Traffic Light Protocol 2.0 (FIRST), rising. WHITE of 1.0 is CLEAR."""

    CLEAR = "clear"
    GREEN = "green"
    AMBER = "amber"
    AMBER_STRICT = "amber+strict"
    RED = "red"

    @property
    def rank(self) -> int:
        """0 for clear up to 4 for red."""
        return list(Tlp).index(self)


class Term(msgspec.Struct, frozen=True, array_like=True):
    """One comparison of a pattern.

    `test` is `is` (folded values are equal; a domain also covers what lies below it), `net` (an
    address lies in a network), or `re` (RE2). `role` limits where the value may stand: `source`,
    `destination`, `parent`, or empty. A negated term holds for a value that is something else.
    """

    kind: str
    test: str
    value: str
    role: str = ""
    negated: bool = False


Alternative = tuple[Term, ...]
"""Terms that must all hold on one event."""


class Indicator(msgspec.Struct, frozen=True, array_like=True):
    """One indicator of one feed as it is looked for.

    `alternatives`: any of them is enough. `digest` is of what is looked for alone, so that a
    finding stays the same finding when only the words about it change. `basis` is the newest time
    at which somebody stood for it (publication, change, sighting): decay runs from there, and
    halves the confidence every `half_life` (0: never); below `floor` it matches no more.
    `until` is 0 without an end.
    """

    feed: str
    indicator_id: str
    digest: str
    alternatives: tuple[Alternative, ...]
    name: str = ""
    confidence: int = 50
    basis: int = 0
    since: int = 0
    until: int = 0
    half_life: int = 0
    floor: int = 0
    tlp: str = ""
    source: str = ""
    threats: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    tactics: tuple[str, ...] = ()

    @property
    def rule_id(self) -> str:
        """The rule id of its findings."""
        return f"{RULE_PREFIX}{self.feed}/{self.indicator_id}"

    def worth(self, at: int) -> int:
        """Its confidence (0 to 100) for an event at time `at`; 0 when it does not hold then."""
        if self.until and at >= self.until:
            return 0
        age = max(0, at - self.basis)
        worth = self.confidence
        if self.half_life:
            worth = round(self.confidence * 0.5 ** (age / self.half_life))
        return worth if worth >= self.floor else 0


LOW_BELOW, MEDIUM_BELOW = 30, 70
"""STIX 2.1, appendix A, None / Low / Med / High: 0, 1 to 29, 30 to 69, 70 to 100."""


def level_of(worth: int) -> Level:
    """The level of a finding by an indicator of this worth: never critical by itself."""
    if worth >= MEDIUM_BELOW:
        return Level.HIGH
    if worth >= LOW_BELOW:
        return Level.MEDIUM
    return Level.LOW if worth else Level.INFORMATIONAL


class WarningList(msgspec.Struct, frozen=True, array_like=True):
    """A list of values that are known and mostly harmless (MISP warning lists).

    `form` is string, substring, hostname, cidr or regex; `kinds` are the kinds of observable that
    it is about. `effect` is `suppress` (the finding is kept hidden) or `lower` (at most low).
    """

    name: str
    form: str
    kinds: tuple[str, ...]
    entries: tuple[str, ...]
    effect: str = "lower"
    version: str = ""


class FeedSpec(msgspec.Struct, frozen=True):
    """A feed as content declares it: see docs/how-to/load-intelligence.md.

    `kind` is taxii, files or kev. `every` is how often it is asked, `expected_every` after how
    long without anything new it is stale (seconds; 0: never). `confidence` is of indicators that
    state none. `user`, `password` and `token` are references to secrets, or empty.
    """

    id: str
    title: str
    kind: str
    url: str = ""
    path: str = ""
    api_root: str = ""
    collections: tuple[str, ...] = ()
    user: str = ""
    password: str = ""
    token: str = ""
    every: int = 0
    expected_every: int = 0
    first_days: int = 0
    confidence: int = 50
    tlp: str = ""
    where: str = ""


def tlp_of(finding: Finding) -> Tlp:
    """How far what a finding says may go; CLEAR where no intelligence is in it."""
    marked = finding.indicator.tlp if finding.indicator else ""
    return Tlp(marked) if marked else Tlp.CLEAR


def may_leave(finding: Finding, most: Tlp = Tlp.GREEN) -> bool:
    """Whether a finding may go where information up to `most` may go; RED never leaves."""
    mark = tlp_of(finding)
    return mark is not Tlp.RED and mark.rank <= most.rank


def withheld(finding: Finding) -> Finding:
    """What may be told outside in the place of a finding that may not leave: that there is one.

    Its event is the site's own and stays; what the publisher said goes.
    """
    mark = tlp_of(finding)
    return msgspec.structs.replace(
        finding,
        title=f"Match with intelligence marked TLP:{mark.upper()}",
        rule_id=f"{RULE_PREFIX}withheld",
        rule_digest="",
        matched=(),
        techniques=(),
        tactics=(),
        indicator=None,
    )
