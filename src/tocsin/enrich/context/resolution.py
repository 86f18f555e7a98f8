"""One asset or identity out of the records of several feeds, as they stood at a time.

Records are one when they share an identifier that was, at that time, held by one record of each
feed only. Stronger identifiers join first: where a weaker one would put two records of one feed, or
a person and a shared account, into one, it joins nothing there and a stronger tier decides. All of
it is about sets, so that no order of loading can matter. A name that then still fits several is
ambiguous, and none of them is chosen.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

import msgspec

from tocsin.enrich.context.keys import HOST, USER, entity_key
from tocsin.enrich.context.names import (
    ASSET_TIES,
    IDENTITY_TIES,
    WEAKER,
    WEAKEST_TIER,
    Tie,
    all_identifiers,
    domains_of,
    strongest,
)
from tocsin.model.context import (
    FOREVER,
    AccountKind,
    Ambiguous,
    Asset,
    Fact,
    Identifier,
    Identity,
    Linked,
    Resolved,
)

MAX_RECORDS = 64
"""Records of one entity; more have something in common that is no identifier."""

IMPORTERS = ("csv", "cmdb", "ldap", "stream", "nessus")
"""Whose word counts where records disagree; others come after, the newer learned first."""


_LOOKED_UP = (
    {"sid", "directory", "okta", "instance"},
    {"upn", "account", "mail", "fqdn", "mac"},
    {"name", "host", "ip"},
    {"label"},
)
"""Kinds of identifiers in the order in which a name is tried as them; those in one set together,
so that none is preferred by chance."""


class Facts(Protocol):
    """Facts by key: what an index gives."""

    def under(self, key: str) -> Iterator[int]:
        """Numbers of facts that may be filed under a key."""

    def span(self, number: int) -> tuple[int, int]:
        """When a fact holds."""

    def fact(self, number: int) -> Fact:
        """The fact."""


class Answer(NamedTuple):
    """What a name means, and for which times (us UTC) around the one asked about that is so."""

    found: Resolved | Ambiguous | None
    since: int
    until: int


class Resolution:
    """Answers one question. `what` is `a` for assets, `i` for identities, `at` the time."""

    def __init__(self, facts: Facts, what: str, at: int) -> None:
        self._facts = facts
        self._what = what
        self._at = at
        self._ties = ASSET_TIES if what == HOST else IDENTITY_TIES
        self._held: dict[Identifier, list[int]] = {}
        self.since, self.until = 0, FOREVER

    def answer(self, asked: str, identifiers: Sequence[Identifier]) -> Answer:
        """What the name `asked`, which can be any of `identifiers`, means at the time."""
        by, starts, former = self._starts(identifiers)
        if by is None:
            return Answer(None, self.since, self.until)
        if former is not None:
            earlier = Resolution(self._facts, self._what, former - 1).answer(asked, identifiers)
            found = earlier.found
            if isinstance(found, Resolved):
                found = msgspec.structs.replace(found, former=former)
            return Answer(found, self.since, self.until)
        entities = {frozenset(group): links for group, links in map(self._entity, starts)}
        if by not in identifiers:  # a whole name that no record has: not another's short one
            entities = {group: links for group, links in entities.items() if self._bare(group)}
        if not entities:
            return Answer(None, self.since, self.until)
        if len(entities) > 1:
            names = sorted(self._name(group) for group in entities)
            return Answer(Ambiguous(asked, by, tuple(names[:20])), self.since, self.until)
        group, links = next(iter(entities.items()))
        return Answer(self._resolved(asked, by, group, links), self.since, self.until)

    def _starts(
        self, identifiers: Sequence[Identifier]
    ) -> tuple[Identifier | None, list[int], int | None]:
        """The records that a name may mean, and when they ended, where they are no more.

        Identifiers of the same strength count together, so that none is preferred by chance.
        """
        for group in _LOOKED_UP:
            holding = {one: self._holding(one) for one in identifiers if one.kind in group}
            if found := [one for one, numbers in holding.items() if numbers]:
                return found[0], sorted({n for one in found for n in holding[one]}), None
        for short in _short_names(identifiers):
            if nameless := self._holding(short):
                return short, nameless, None
        ended = [(self._facts.span(n)[1], one) for one in identifiers for n in self._carrying(one)]
        past = [pair for pair in ended if pair[0] <= self._at]
        if not past:
            return None, [], None
        until, by = max(past)
        return by, [], until

    def _strength(self, one: Identifier) -> float:
        tie = self._ties.get(one.kind)
        return tie.confidence if tie is not None else WEAKER.get(one.kind, 0.0)

    def _bare(self, group: Iterable[int]) -> bool:
        """Whether no record of an entity says a whole host name."""
        return not any(one.kind == "fqdn" for n in group for one in self._body(n).identifiers)

    def _carrying(self, one: Identifier) -> list[int]:
        """Records of any time that have an identifier; what is seen bounds the answer's times."""
        found = []
        for number in self._facts.under(entity_key(self._what, one)):
            body = self._facts.fact(number).body
            if isinstance(body, Asset | Identity) and one in all_identifiers(body):
                found.append(number)
                for moment in self._facts.span(number):
                    if moment <= self._at:
                        self.since = max(self.since, moment)
                    else:
                        self.until = min(self.until, moment)
        return found

    def _holding(self, one: Identifier) -> list[int]:
        """Records that have an identifier at the time."""
        if one not in self._held:
            carrying = self._carrying(one)
            self._held[one] = [n for n in carrying if self._facts.fact(n).holds(self._at)]
        return self._held[one]

    def _entity(self, start: int) -> tuple[set[int], tuple[Linked, ...]]:
        """The records that are one with `start`: the widest tier without a contradiction."""
        for tier in range(WEAKEST_TIER, 0, -1):
            group, links = self._reach(start, tier)
            if not self._contradicts(group):
                return group, tuple(sorted(links))
        return {start}, ()

    def _reach(self, start: int, tier: int) -> tuple[set[int], set[Linked]]:
        group, links, waiting = {start}, set(), [start]
        while waiting and len(group) <= MAX_RECORDS:
            for one in all_identifiers(self._body(waiting.pop())):
                tie = self._ties.get(one.kind)
                if tie is None or tie.tier > tier:
                    continue
                holding = self._holding(one)
                if len(holding) > 1 and self._joins(one, tie, holding):
                    names = tuple(sorted(self._record(n) for n in holding))
                    links.add(Linked(one.kind, one.value, names, tie.confidence))
                    waiting += [n for n in holding if n not in group]
                    group.update(holding)
        return group, links

    def _joins(self, one: Identifier, tie: Tie, holding: list[int]) -> bool:
        """Whether an identifier tells these records to be one."""
        if self._contradicts(holding):
            return False
        if tie.tier < WEAKEST_TIER:
            return True
        bodies = [self._body(n) for n in holding]
        if self._what == HOST:
            known = {i.value for body in bodies for i in body.identifiers if i.kind == "fqdn"}
            return len({value for value in known if value.partition(".")[0] == one.value}) <= 1
        domains = {d for body in bodies if isinstance(body, Identity) for d in domains_of(body)}
        return len({domain.partition(".")[0] for domain in domains}) <= 1

    def _contradicts(self, records: Iterable[int]) -> bool:
        """Two records of one feed, a person beside what is none, or too many."""
        found = list(records)
        feeds = {self._facts.fact(n).feed for n in found}
        kinds = {body.kind for n in found if isinstance(body := self._body(n), Identity)}
        kinds.discard(AccountKind.UNKNOWN)
        return len(feeds) < len(found) or len(kinds) > 1 or len(found) > MAX_RECORDS

    def _body(self, number: int) -> Asset | Identity:
        body = self._facts.fact(number).body
        assert isinstance(body, Asset | Identity)  # noqa: S101  # `_carrying` keeps no others
        return body

    def _record(self, number: int) -> str:
        fact = self._facts.fact(number)
        return f"{fact.feed}:{fact.key}"

    def _name(self, group: Iterable[int]) -> str:
        best = strongest(self._merged(group))
        return f"{best.kind}:{best.value}"

    def _resolved(
        self, asked: str, by: Identifier, group: frozenset[int], links: tuple[Linked, ...]
    ) -> Resolved:
        body = self._merged(group)
        best = strongest(body)
        weakest = min([self._strength(by), *(link.confidence for link in links)])
        return Resolved(
            asked,
            by,
            f"{best.kind}:{best.value}",
            body,
            tuple(sorted(self._record(n) for n in group)),
            links,
            weakest,
            disagreements=tuple(self._disagreements(group)),
        )

    def _ranked(self, group: Iterable[int]) -> list[Fact]:
        return sorted((self._facts.fact(n) for n in group), key=_rank)

    def _merged(self, group: Iterable[int]) -> Asset | Identity:
        bodies = [fact.body for fact in self._ranked(group)]
        found = [body for body in bodies if isinstance(body, Asset | Identity)]
        return _merge(found)

    def _disagreements(self, group: Iterable[int]) -> Iterator[str]:
        facts = self._ranked(group)
        for name in ("unit", "segment", "owner", "criticality", "role", "enabled", "exposed"):
            said: dict[object, str] = {}
            for fact in facts:
                value = getattr(fact.body, name, None)
                if value not in ("", None):
                    said.setdefault(value, fact.feed)
            if len(said) > 1:
                yield f"{name}: {', '.join(f'{value} ({feed})' for value, feed in said.items())}"


def _short_names(identifiers: Iterable[Identifier]) -> Iterator[Identifier]:
    for one in identifiers:
        if one.kind == "fqdn":
            yield Identifier("host", one.value.partition(".")[0])


def _rank(fact: Fact) -> tuple[int, int, str, str]:
    place = IMPORTERS.index(fact.importer) if fact.importer in IMPORTERS else len(IMPORTERS)
    return place, -fact.learned, fact.feed, fact.key


def _merge(bodies: Sequence[Asset | Identity]) -> Asset | Identity:
    """Lists together, and of everything else the first that says something."""
    values: dict[str, object] = {}
    for name in bodies[0].__struct_fields__:
        said = [getattr(body, name) for body in bodies]
        if isinstance(said[0], tuple):
            values[name] = tuple(dict.fromkeys(item for one in said for item in one))
        else:
            values[name] = next((one for one in said if one not in ("", None)), said[0])
    if "retired" in values:
        values["retired"] = any(getattr(body, "retired", False) for body in bodies)
    return type(bodies[0])(**values)  # type: ignore[arg-type]  # fields of the same struct


def what_of(kind: str) -> str:
    """The index's letter for an entity's kind: users are identities, all else assets."""
    return USER if kind == "user" else HOST
