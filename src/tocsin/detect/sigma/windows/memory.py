"""The state of a component: hits by correlation and group, bounded and forgotten in time."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from tocsin.detect.sigma.windows.correlation import Correlation
from tocsin.detect.sigma.windows.hits import Hit, thinned
from tocsin.model.stages import pack_state

MAX_GROUPS = 10_000
"""Groups that a correlation remembers; the ones that were quiet longest are given up."""

MAX_HITS = 10_000
"""Hits that a group remembers, more where its threshold needs more; the oldest are given up."""

_GIVE_UP = 10
"""One in so many is given up at a time, so that the next ones find room."""


class Group(msgspec.Struct):
    """Hits of one group, sorted.

    `said` has, for each open slot with a finding, the digest of what it said and the number of its
    hits; `later` are the slots whose finding has more to say when they are over.
    """

    label: tuple[str, ...]
    hits: list[Hit] = []
    said: dict[int, tuple[bytes, int]] = {}
    later: list[int] = []

    def put(self, hit: Hit) -> bool:
        """Add a hit in its place, or renew what is kept of it; False when it is known as it is."""
        at = bisect_left(self.hits, hit.place, key=_place)
        if at == len(self.hits) or self.hits[at].id != hit.id:
            insort(self.hits, hit, key=_place)
            return True
        if (hit.uids, hit.entities, hit.copies) in (_kept(self.hits[at]), ((), (), ())):
            return False
        self.hits[at] = hit
        return True

    def thin(self, since: int, timespan: int) -> None:
        """Give up what the findings of slots from the one of `since` on will not show."""
        start = self.first_of(since // timespan * timespan)
        self.hits[start:] = thinned(self.hits[start:], timespan)

    def first_of(self, time: int) -> int:
        """Where the first hit at or after `time` stands."""
        return bisect_left(self.hits, time, key=_time)


def _place(hit: Hit) -> tuple[int, str]:
    return hit.place


def _time(hit: Hit) -> int:
    return hit.time


def _kept(hit: Hit) -> tuple[object, ...]:
    return (hit.uids, hit.entities, hit.copies)


class Memory(msgspec.Struct):
    """What the correlations of one component remember.

    `rules` maps a correlation's id and digest to its groups by `group_key`; a changed rule starts
    with none. `swept` says up to which time (us) each correlation has forgotten. `site` and
    `component` are those of the key.
    """

    site: str
    component: str
    watermark: int | None = None
    rules: dict[str, dict[str, Group]] = {}
    swept: dict[str, int] = {}


class _Written(msgspec.Struct):
    """A `Memory` whose groups are written already: the same bytes."""

    site: str
    component: str
    watermark: int | None
    rules: dict[str, dict[str, msgspec.Raw]]
    swept: dict[str, int]


class Keep(NamedTuple):
    """A memory and its groups as they were last written: a step changes few of thousands."""

    memory: Memory
    written: dict[str, dict[str, msgspec.Raw]]

    def pack(self, version: int, touched: Iterable[tuple[str, str]]) -> bytes:
        """The state as `pack_state` writes it; `touched` names rule and group of what changed."""
        memory = self.memory
        for rule, key in touched:
            self.written.get(rule, {}).pop(key, None)
        rules = {rule: self._groups(rule, groups) for rule, groups in memory.rules.items()}
        self.written.clear()
        self.written.update(rules)
        whole = _Written(memory.site, memory.component, memory.watermark, rules, memory.swept)
        return pack_state(version, whole)

    def _groups(self, rule: str, groups: dict[str, Group]) -> dict[str, msgspec.Raw]:
        known = self.written.get(rule, {})
        return {key: known.get(key) or msgspec.Raw(_encode(group)) for key, group in groups.items()}


_encode = msgspec.msgpack.Encoder().encode


def most_hits(correlation: Correlation) -> int:
    """How many hits a group of this correlation may hold."""
    largest = max((one.number for one in correlation.thresholds), default=0)
    counts = correlation.kind.value.endswith("_count")
    return max(MAX_HITS, 2 * int(largest)) if counts else MAX_HITS


def give_up_groups(groups: dict[str, Group]) -> int:
    """Make room when there are too many groups; how many hits were given up with them."""
    if len(groups) <= MAX_GROUPS:
        return 0
    quiet = sorted(groups, key=lambda key: (groups[key].hits[-1].time, key))
    return sum(len(groups.pop(key).hits) for key in quiet[: len(groups) // _GIVE_UP])


def give_up_hits(group: Group, most: int) -> int:
    """Make room in a group that holds too many hits; how many were given up."""
    if len(group.hits) <= most:
        return 0
    count = len(group.hits) // _GIVE_UP
    del group.hits[:count]
    return count
