"""What rules that are to come would have fired on the events that are stored."""

from collections import Counter
from collections.abc import Collection

import msgspec

from tocsin.app import parts
from tocsin.app.content import disk_content
from tocsin.app.previewing import day_of
from tocsin.app.replay import replay
from tocsin.app.ruling import TESTS, Coming, documents
from tocsin.app.site import Site
from tocsin.model.findings import findings_from_arrow
from tocsin.model.stages import ContextSnapshot

EXAMPLES = 3
"""Findings of each rule that are shown."""


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

    Correlations are not counted: what they are made of is. Raises StorageError when the lake
    cannot be read.
    """
    if not coming.fresh or not site.lake.is_dir():
        return []
    content = disk_content(site)
    fresh = set(coming.fresh)
    wanted = [(p, d) for p, d in coming.files.items() if _is_any_of(p, d, fresh)]
    compiled = parts.build(parts.prepare(content, wanted, site.plans))
    context = ContextSnapshot(content_id=content.content_id)
    tallies = {
        rule.rule_id: _Tally(rule.title) for rule in compiled.plan.rules if rule.rule_id in fresh
    }
    for batch in replay(site.lake, compiled, context, since=since, until=until):
        for finding in findings_from_arrow(batch.findings):
            if finding.rule_id in tallies:
                hosts = [entity.name for entity in finding.entities if entity.kind == "host"]
                matched = ", ".join(f"{m.field} {m.predicate} {m.value}" for m in finding.matched)
                tallies[finding.rule_id].take(finding.time, hosts[:1], matched)
    return [tally.result(rule_id) for rule_id, tally in tallies.items()]


class _Tally:
    """What one rule fired so far."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._days: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()
        self._examples: list[tuple[int, str, str]] = []

    def take(self, time: int, hosts: list[str], matched: str) -> None:
        self._days[day_of(time)] += 1
        self._hosts.update(hosts)
        if len(self._examples) < EXAMPLES:
            self._examples.append((time, hosts[0] if hosts else "", matched))

    def result(self, rule_id: str) -> Fired:
        return Fired(
            rule_id,
            self._title,
            self._days.total(),
            tuple(sorted(self._days.items())),
            tuple(self._hosts.most_common()),
            tuple(self._examples),
        )


def _is_any_of(path: str, data: bytes, rule_ids: Collection[str]) -> bool:
    if path.endswith(TESTS):
        return False
    return any(one.rule_id in rule_ids for one in documents(path, data))
