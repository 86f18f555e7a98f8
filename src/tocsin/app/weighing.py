"""How near the stored events come to what a correlation rule asks for."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tocsin.app import parts
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.explaining import status_named
from tocsin.app.firing import MOST_PARTS
from tocsin.app.replay import replay
from tocsin.app.selecting import needed
from tocsin.app.site import Site
from tocsin.detect.sigma.windows import replay as windows
from tocsin.detect.sigma.windows.compose import said
from tocsin.detect.sigma.windows.correlation import Correlation
from tocsin.detect.sigma.windows.hits import groups_of, hit_of
from tocsin.flow import Compiled
from tocsin.model.findings import Finding, findings_from_arrow
from tocsin.model.stages import ContextSnapshot

MOST_GROUPS = 10
"""Groups that are shown: those that came nearest."""


class Group(msgspec.Struct, frozen=True):
    """Events of the parts with the same `values`: all, and the `most` within one timespan.

    `parts` counts them by the title of the rule.
    """

    values: tuple[str, ...]
    events: int
    most: int
    parts: dict[str, int]


class Weighed(msgspec.Struct, frozen=True):
    """What a correlation asks for, and what the stored events have of it.

    `condition` is in words. `groups` are those with the most within a timespan, of `of_groups`;
    `ungrouped` counts events without a field to group by. `note` says why nothing was counted.
    """

    rule_id: str
    title: str
    condition: str
    group_by: tuple[str, ...]
    parts: tuple[str, ...]
    note: str = ""
    groups: tuple[Group, ...] = ()
    of_groups: int = 0
    ungrouped: int = 0


def weigh(
    site: Site, rule: str, since: int, until: int, rules: Path | None = None
) -> Weighed | None:
    """The correlation that is called so, over the events of a time (us UTC); None for other rules.

    Raises UsageError when no rule, or several, are called so, StorageError when the lake cannot be
    read.
    """
    content = applied_content(site) if is_applied(site) else disk_content(site)
    cache = site.plans if site.folder is not None else parts.cache_folder()
    setup = parts.prepare(content, parts.rule_files(content, rules), cache)
    plan = parts.load_plan(setup)
    rule_id = status_named(plan, rule).rule_id
    whole = next((one for one in plan.correlations if one.rule.rule_id == rule_id), None)
    if whole is None:
        return None
    asked = _asked(whole)
    if not site.lake.is_dir():
        note = "no events are stored here: `tocsin up` stores them, and then they are counted"
        return msgspec.structs.replace(asked, note=note)
    if rules is None:
        setup = parts.prepare(content, needed(content, [rule_id]), cache)
    found = _of_parts(site, whole, parts.build(setup), since, until)
    if found is None:
        note = f"more than {MOST_PARTS:,} events of its rules: ask for fewer days"
        return msgspec.structs.replace(asked, note=note)
    return _counted(asked, whole, found)


def _asked(whole: Correlation) -> Weighed:
    titles = tuple(part.title or part.rule_id for part in whole.parts)
    return Weighed(whole.rule.rule_id, whole.rule.title, said(whole), whole.group_by, titles)


def _of_parts(
    site: Site, whole: Correlation, compiled: Compiled, since: int, until: int
) -> list[Finding] | None:
    """Findings of the correlation's parts, also those that are correlations; None: too many."""
    wanted = {part.rule_id for one in compiled.plan.correlations for part in one.parts}
    mine = {part.rule_id for part in whole.parts}
    context = ContextSnapshot(content_id="")
    found: list[Finding] = []
    for batch in replay(site.lake, compiled, context, since=since, until=until):
        rows = (one for one in findings_from_arrow(batch.findings) if one.rule_id in wanted)
        found += (msgspec.structs.replace(one, events=(), matched=()) for one in rows)
        if len(found) > MOST_PARTS:
            return None
    inner = windows.replay(compiled.plan.correlations, found)
    return [one for one in (*found, *inner) if one.rule_id in mine]


def _counted(asked: Weighed, whole: Correlation, found: Sequence[Finding]) -> Weighed:
    times: dict[tuple[str, ...], list[int]] = defaultdict(list)
    titles: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    ungrouped = 0
    for finding in found:
        groups = groups_of(whole, hit_of(whole, finding))
        ungrouped += not groups
        for group in groups:
            times[group].append(finding.time)
            titles[group][finding.title] += 1
    made = [
        Group(values, len(at), _most(sorted(at), whole.timespan), dict(titles[values]))
        for values, at in times.items()
    ]
    made.sort(key=lambda one: (-one.most, -one.events, one.values))
    return msgspec.structs.replace(
        asked, groups=tuple(made[:MOST_GROUPS]), of_groups=len(made), ungrouped=ungrouped
    )


def _most(times: Sequence[int], timespan: int) -> int:
    """The most of these rising times that lie within a timespan, both ends included."""
    most = first = 0
    for last, time in enumerate(times):
        while time - times[first] > timespan:
            first += 1
        most = max(most, last - first + 1)
    return most
