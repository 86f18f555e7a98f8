"""`tocsin rules explain`."""

import sys
from collections.abc import Iterator
from pathlib import Path

import orjson

from tocsin.app import explaining, weighing
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.app.overview import plain
from tocsin.cli.arguments import Count, Json
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural
from tocsin.detect.sigma.why_not import Reason
from tocsin.errors import UsageError

DAY = 86_400_000_000

ANY = "one of"
"""What a node of alternatives asks."""

MARKS = {True: "yes", False: "NO "}


def explain(
    rule: str,
    event: str = "",
    site: Path | None = None,
    *,
    rules: Path | None = None,
    days: Count = 30,
    json: Json = False,
) -> int:
    """Show why a rule does or does not hold for an event, or what a correlation rule counted.

    Parameters
    ----------
    rule
        Id or title of the rule, or how it begins.
    event
        A file of records (FILE, or FILE:3 for its third record), the identity of a stored event,
        or the beginning of a finding's id. A correlation rule needs none.
    site
        Site folder; without it the one found here, or only what ships.
    rules
        Folder or archive of rules to look in instead.
    days
        Count for a correlation rule over the stored events of so many days.
    json
        Print JSON.
    """
    where, now = sites.open_site(site), SystemClock().now()
    weighed = weighing.weigh(where, rule, now - days * DAY, now, rules)
    if weighed is not None:
        _tell_weighed(weighed, days, json=json)
        return 0
    if not event:
        raise UsageError(f"name an event that {rule} is to be explained for: FILE, or an id")
    found = explaining.explain_rule(where, rule, event, rules)
    if json:
        sys.stdout.buffer.write(orjson.dumps(found, option=JSON_OPTIONS, default=plain))
        return 0
    screen = Screen()
    verdict = "holds for" if found.why.held else "does not hold for"
    screen.line(f"{found.why.title} {verdict} {found.event} ({found.source_id})", style="bold")
    if found.why.refused:
        screen.line(found.why.refused)
    for routed in found.why.routed[:1]:
        for line in told(Reason("the logsource fits", held=True, parts=(routed,))):
            screen.line(line)
    for tried in found.why.tried:
        if tried.held or not found.why.held:
            for line in told(tried):
                screen.line(line)
    return 0


def _tell_weighed(found: weighing.Weighed, days: int, *, json: bool) -> None:
    if json:
        sys.stdout.buffer.write(orjson.dumps(found, option=JSON_OPTIONS, default=plain))
        return
    screen = Screen()
    screen.line(f"{found.title} asks for {found.condition}", style="bold")
    screen.line(f"  of: {'; '.join(found.parts)}")
    screen.line(f"  with the same: {', '.join(found.group_by) or '(all events are one group)'}")
    if found.note:
        screen.line(f"  {found.note}")
        return
    screen.line(
        f"Events of {plural(days, 'day')} in {plural(found.of_groups, 'group')}, "
        f"and {found.ungrouped:,} without a field to group by"
    )
    for group in found.groups:
        values = ", ".join(group.values) or "all"
        counts = ", ".join(f"{n:,} {title}" for title, n in group.parts.items())
        screen.short(f"  {values}: at most {group.most:,} within the timespan ({counts})")


def told(reason: Reason, depth: int = 0) -> Iterator[str]:
    """An explanation, one part a line; parts of a part are indented.

    Of alternatives one of which holds, those that do not are only counted.
    """
    line = f"{'  ' * depth}{MARKS[reason.held]} {reason.asked}"
    if reason.parts:
        yield f"{line}:"
    elif reason.value is None:
        yield f"{line}  ({reason.field or 'no field'}: missing)" if reason.field else line
    else:
        yield f"{line}  ({reason.field}: {reason.value})"
    parts = reason.parts
    if reason.held and reason.asked == ANY:
        parts = tuple(part for part in parts if part.held)
    for part in parts:
        yield from told(part, depth + 1)
    if hidden := len(reason.parts) - len(parts):
        yield f"{'  ' * (depth + 1)}(and {hidden} that do not hold)"
