"""Rules over stored events for good: what a new rule would have said is kept as if it had said it.

The findings have the identity that the stream gives, so that one that is known is not kept twice.
"""

from collections.abc import Sequence

from tocsin import flow
from tocsin.app import parts
from tocsin.app.content import applied_content, disk_content, is_applied
from tocsin.app.explaining import status_named
from tocsin.app.looking_back import as_past
from tocsin.app.replay import replay
from tocsin.app.selecting import needed
from tocsin.app.site import Site
from tocsin.errors import UsageError
from tocsin.model.findings import Finding, findings_from_arrow
from tocsin.model.intelligence import DAY
from tocsin.model.stages import ContextSnapshot
from tocsin.store import State

NO_JOB = 0
"""Findings of rules are of no match-back of indicators."""
AT_ONCE = 1_000
"""Findings of one transaction."""


def search_for_rules(
    site: Site, state: State, rules: Sequence[str], days: int, now: int
) -> tuple[int, int]:
    """Search the events of the last days for rules in force (ids or titles); events, new findings.

    Raises UsageError for a rule that is not there, or is a correlation.
    """
    content = applied_content(site) if is_applied(site) else disk_content(site)
    setup = parts.prepare(content, parts.rule_files(content, None), site.plans)
    plan = parts.load_plan(setup)
    ids = {status_named(plan, rule).rule_id for rule in rules}
    for one in plan.correlations:
        if one.rule.rule_id in ids:
            raise UsageError(f"{one.rule.title} is a correlation: name the rules that it counts")
    compiled = parts.build(parts.prepare(content, needed(content, ids), site.plans))
    context = ContextSnapshot(site.settings.site, content.content_id)
    events = new = 0
    waiting: list[Finding] = []
    for batch in replay(site.lake, compiled, context, since=now - days * DAY):
        events += batch.events
        found = findings_from_arrow(flow.shown(batch.findings))
        waiting += (as_past(site, one, batch.partition, now) for one in found if one.rule_id in ids)
        if len(waiting) >= AT_ONCE:
            new += _keep(state, waiting, now)
            waiting = []
    return events, new + _keep(state, waiting, now)


def _keep(state: State, found: Sequence[Finding], now: int) -> int:
    """Hand findings to core; the name of the portion is that of what is in it."""
    if not found:
        return 0
    name = f"rules/{now}/{found[0].finding_id}"
    return state.intelligence.put_searched(NO_JOB, name, 0, found)
