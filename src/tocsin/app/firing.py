"""What rules that are to come would have fired on the events that are stored."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from tocsin.app import parts
from tocsin.app.content import disk_content
from tocsin.app.previewing import day_of
from tocsin.app.replay import replay
from tocsin.app.ruling import Coming
from tocsin.app.selecting import needed
from tocsin.app.site import Site
from tocsin.detect.sigma.plan import Plan
from tocsin.detect.sigma.windows import replay as windows
from tocsin.model.content import ContentSet
from tocsin.model.findings import Finding, findings_from_arrow
from tocsin.model.stages import ContextSnapshot

EXAMPLES = 3
"""Findings of each rule that are shown."""

MOST_PARTS = 200_000
"""Findings that correlations are computed from; with more of them none is counted."""


class Fired(msgspec.Struct, frozen=True):
    """What one rule would have fired. `examples` are (time in us UTC, host, what matched)."""

    rule_id: str
    title: str
    findings: int
    by_day: tuple[tuple[str, int], ...]
    hosts: tuple[tuple[str, int], ...]
    examples: tuple[tuple[int, str, str], ...]


def fired(site: Site, coming: Coming, since: int, until: int) -> list[Fired]:
    """What the fresh rules would have fired on the stored events of a time (us UTC).

    Exceptions do not count here. A correlation of which there are too many parts is left out.
    Raises StorageError when the lake cannot be read.
    """
    if not coming.fresh or not site.lake.is_dir():
        return []
    content = disk_content(site)
    fresh = set(coming.fresh)
    compiled = parts.build(parts.prepare(content, needed(content, fresh, coming.files), site.plans))
    context = ContextSnapshot(content_id=content.content_id)
    rules = [rule for rule in compiled.plan.rules if rule.rule_id in fresh]
    tallies = {rule.rule_id: _Tally(rule.title) for rule in rules}
    concluding = _Concluding(compiled.plan, fresh)
    for batch in replay(site.lake, compiled, context, since=since, until=until):
        for finding in findings_from_arrow(batch.findings):
            concluding.take(finding)
            if finding.rule_id in tallies:
                tallies[finding.rule_id].take(finding)
    found = [tally.result(rule_id) for rule_id, tally in tallies.items()]
    return [*found, *concluding.results()]


def found_again(
    site: Site, content: ContentSet, rule_id: str, since: int, until: int, most: int
) -> list[Finding]:
    """What a rule that is there says of the stored events of a time (us UTC), the newest first.

    At most `most` findings, of the events that came first. Not for correlations.
    """
    if since >= until or not site.lake.is_dir():
        return []
    compiled = parts.build(parts.prepare(content, needed(content, [rule_id]), site.plans))
    context = ContextSnapshot(content_id=content.content_id)
    found: list[Finding] = []
    for batch in replay(site.lake, compiled, context, since=since, until=until):
        mine = (one for one in findings_from_arrow(batch.findings) if one.rule_id == rule_id)
        found += islice(mine, most - len(found))
        if len(found) >= most:
            break
    return sorted(found, key=lambda one: one.time, reverse=True)


class _Concluding:
    """What fresh correlations say of the findings of the rules that they refer to."""

    def __init__(self, plan: Plan, fresh: set[str]) -> None:
        self._plan = plan
        self._titles = {
            one.rule.rule_id: one.rule.title
            for one in plan.correlations
            if one.rule.rule_id in fresh
        }
        self._wanted = {part.rule_id for one in plan.correlations for part in one.parts}
        self._parts: list[Finding] = []

    def take(self, finding: Finding) -> None:
        if self._titles and finding.rule_id in self._wanted and len(self._parts) <= MOST_PARTS:
            self._parts.append(msgspec.structs.replace(finding, events=(), matched=()))

    def results(self) -> Iterator[Fired]:
        if not self._titles or len(self._parts) > MOST_PARTS:
            return
        tallies = {rule_id: _Tally(title) for rule_id, title in self._titles.items()}
        said: Iterable[Finding] = windows.replay(self._plan.correlations, self._parts)
        for finding in sorted(said, key=lambda one: one.time):
            if finding.rule_id in tallies:
                tallies[finding.rule_id].take(finding)
        yield from (tally.result(rule_id) for rule_id, tally in tallies.items())


class _Tally:
    """What one rule fired so far."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._days: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()
        self._examples: list[tuple[int, str, str]] = []

    def take(self, finding: Finding) -> None:
        hosts = [entity.name for entity in finding.entities if entity.kind == "host"][:1]
        self._days[day_of(finding.time)] += 1
        self._hosts.update(hosts)
        if len(self._examples) < EXAMPLES:
            matched = ", ".join(f"{m.field} {m.predicate} {m.value}" for m in finding.matched)
            self._examples.append((finding.time, "".join(hosts), matched))

    def result(self, rule_id: str) -> Fired:
        return Fired(
            rule_id,
            self._title,
            self._days.total(),
            tuple(sorted(self._days.items())),
            tuple(self._hosts.most_common()),
            tuple(self._examples),
        )
