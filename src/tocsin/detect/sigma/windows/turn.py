"""One step of a component: hits go into their groups, groups that changed are looked at again."""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import groupby

import msgspec

from tocsin.detect.sigma.windows.compose import Fired, finding_of, id_of
from tocsin.detect.sigma.windows.correlation import Correlation, Number
from tocsin.detect.sigma.windows.hits import MAX_UIDS, Hit, group_key, groups_of, raised
from tocsin.detect.sigma.windows.memory import (
    Group,
    Memory,
    give_up_groups,
    give_up_hits,
    most_hits,
)
from tocsin.detect.sigma.windows.sliding import moments
from tocsin.detect.sigma.windows.whole import measured
from tocsin.model.findings import Finding, Standing

About = tuple[str, str, Standing]
"""Site, content id and standing of the findings that a correlation makes."""

_GROWN = 2
"""A finding is amended at once when it has so many times the hits that it spoke of."""

_encode = msgspec.msgpack.Encoder().encode


class Turn:
    """What one step does to a `Memory`; `correlations` list parts before wholes.

    `touched` names the groups (by correlation and `group_key`) that are not as they were.
    """

    def __init__(
        self, memory: Memory, correlations: Sequence[Correlation], counts: Counter[str]
    ) -> None:
        self.correlations = correlations
        self._memory = memory
        self._counts = counts
        self._over: dict[str, list[Correlation]] = {}
        for one in correlations:
            for rule_id in {part.rule_id for part in one.parts}:
                self._over.setdefault(rule_id, []).append(one)
        self._changed: dict[str, dict[str, int]] = {}
        self.touched: set[tuple[str, str]] = set()
        known = {_name(one) for one in correlations}
        for name in memory.rules.keys() - known:
            del memory.rules[name]
            memory.swept.pop(name, None)

    def over(self, rule_id: str) -> Sequence[Correlation]:
        """The correlations that refer to a rule."""
        return self._over.get(rule_id, ())

    def offer(self, correlation: Correlation, hit: Hit) -> None:
        """Put a hit into the groups that it belongs to."""
        found = groups_of(correlation, hit)
        if not found:
            self._counts["correlation-ungrouped"] += 1
        name = _name(correlation)
        groups = self._memory.rules.setdefault(name, {})
        changed = self._changed.setdefault(name, {})
        for label in found:
            key = group_key(label)
            if groups.setdefault(key, Group(label)).put(hit):
                changed[key] = min(hit.time, changed.get(key, hit.time))
                self.touched.add((name, key))

    def run(self, correlation: Correlation, watermark: int, about: About) -> Iterator[Finding]:
        """What a correlation says after all hits were offered; it then forgets what is past."""
        groups = self._memory.rules.get(_name(correlation), {})
        self._make_room(correlation, groups)
        settled = watermark - correlation.delay
        if correlation.immediate:
            yield from self._at_once(correlation, groups, about)
            yield from self._forget(correlation, groups, settled, about)
        else:
            yield from self._at_the_end(correlation, groups, settled, about)

    def _make_room(self, correlation: Correlation, groups: dict[str, Group]) -> None:
        most = most_hits(correlation)
        given_up = 0
        for key, since in self._changed.get(_name(correlation), {}).items():
            groups[key].thin(since, correlation.timespan)
            given_up += give_up_hits(groups[key], most)
        given_up += give_up_groups(groups)
        if given_up:
            self._counts["correlation-given-up"] += given_up

    def _at_once(
        self, correlation: Correlation, groups: dict[str, Group], about: About
    ) -> Iterator[Finding]:
        for key, since in self._changed.pop(_name(correlation), {}).items():
            group = groups.get(key)
            if group is None:
                continue
            for fired in self._slots(correlation, group, since, raising=True):
                slot = fired.start // correlation.timespan
                _, hits = group.said.get(slot, (b"", 0))
                if len(fired.hits) < _GROWN * hits:
                    group.later = sorted({*group.later, slot})
                else:
                    yield from _news(group, slot, fired, finding_of(correlation, fired, *about))

    def _slots(
        self, correlation: Correlation, group: Group, since: int, *, raising: bool
    ) -> Iterator[Fired]:
        """The slots from the one of `since` on in which the condition holds.

        `raising`: tell the correlations over this one, which may have forgotten older moments.
        """
        span = correlation.timespan
        start = since // span * span
        hits = group.hits[group.first_of(start - span) :]
        found = (pair for pair in moments(correlation, hits) if pair[0] >= start)
        for slot, pairs in groupby(found, key=lambda pair: pair[0] // span):
            held = list(pairs)
            if raising:
                fresh = [pair for pair in held if pair[0] >= since]
                self._raise(correlation, group, fresh, slot)
            first, last = held[0][0], held[-1][0]
            inside = group.hits[group.first_of(first - span) : group.first_of(last + 1)]
            measure = max(measure for _, measure in held)
            yield Fired(group.label, slot * span, first, inside, measure)

    def _raise(
        self, inner: Correlation, group: Group, held: Sequence[tuple[int, Number]], slot: int
    ) -> None:
        """Tell the correlations over this one at which moments it holds."""
        for outer in self.over(inner.rule.rule_id):
            finding = id_of(inner, group.label, slot * inner.timespan)
            for time, _ in held:
                start = group.first_of(time - inner.timespan)
                now, after = group.first_of(time), group.first_of(time + 1)
                window = group.hits[start : min(after, start + MAX_UIDS)]
                for hit in group.hits[now:after]:
                    self.offer(outer, raised(outer, inner, finding, hit, [*window, hit]))

    def _at_the_end(
        self, correlation: Correlation, groups: dict[str, Group], settled: int, about: About
    ) -> Iterator[Finding]:
        self._changed.pop(_name(correlation), None)
        name = _name(correlation)
        for key in list(groups):
            group = groups[key]
            while group.hits and group.hits[0].time + correlation.timespan < settled:
                start = group.hits[0].time
                ended = group.first_of(start + correlation.timespan + 1)
                window, group.hits = group.hits[:ended], group.hits[ended:]
                self.touched.add((name, key))
                measure = measured(correlation, window)
                if measure is not None:
                    fired = Fired(group.label, start, window[-1].time, window, measure)
                    self._raise_ended(correlation, fired)
                    yield finding_of(correlation, fired, *about)
            if not group.hits:
                del groups[key]

    def _raise_ended(self, inner: Correlation, fired: Fired) -> None:
        for outer in self.over(inner.rule.rule_id):
            finding = id_of(inner, fired.group, fired.start)
            window = [*fired.hits[:MAX_UIDS], fired.hits[-1]]
            self.offer(outer, raised(outer, inner, finding, fired.hits[-1], window))

    def _forget(
        self, correlation: Correlation, groups: dict[str, Group], settled: int, about: About
    ) -> Iterator[Finding]:
        """Say the rest of the slots that are over and give up the hits that no open slot can see.

        Once in a timespan is often enough.
        """
        span, name = correlation.timespan, _name(correlation)
        open_slot = settled // span
        if self._memory.swept.get(name, -1) >= open_slot:
            return
        self._memory.swept[name] = open_slot
        for key in list(groups):
            group = groups[key]
            self.touched.add((name, key))
            yield from self._rest(correlation, group, open_slot, about)
            del group.hits[: group.first_of((open_slot - 1) * span)]
            group.said = {n: said for n, said in group.said.items() if n >= open_slot}
            if not group.hits:
                del groups[key]

    def _rest(
        self, correlation: Correlation, group: Group, open_slot: int, about: About
    ) -> Iterator[Finding]:
        """What the findings of slots before `open_slot` have not said yet."""
        due = [slot for slot in group.later if slot < open_slot]
        group.later = group.later[len(due) :]
        if not due:
            return
        since = due[0] * correlation.timespan
        for fired in self._slots(correlation, group, since, raising=False):
            slot = fired.start // correlation.timespan
            if slot in due:
                yield from _news(group, slot, fired, finding_of(correlation, fired, *about))


def _news(group: Group, slot: int, fired: Fired, finding: Finding) -> Iterator[Finding]:
    """The finding, unless it was said just so."""
    digest = blake2b(_encode(finding), digest_size=8).digest()
    known, _ = group.said.get(slot, (b"", 0))
    group.said[slot] = (digest, len(fired.hits))
    if digest != known:
        yield finding


def _name(correlation: Correlation) -> str:
    return f"{correlation.rule.rule_id}|{correlation.rule.digest}"
