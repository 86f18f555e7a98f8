"""`tocsin suppress`."""

import sys
from pathlib import Path
from typing import Annotated

import orjson
from cyclopts import Parameter

from tocsin.app import content as contents
from tocsin.app import overview, suppressing
from tocsin.app import site as sites
from tocsin.app.clock import SystemClock
from tocsin.app.previewing import Preview
from tocsin.cli.arguments import Count, Flag, Json
from tocsin.cli.content import agreed
from tocsin.cli.screen import Screen
from tocsin.cli.tell import JSON_OPTIONS, plural, utc
from tocsin.model.findings import Level

LISTED = 8
"""Days, hosts and incidents of a preview that are listed."""


def suppress(  # noqa: PLR0913 - the options of the command
    rule: str,
    *,
    reason: str,
    where: tuple[str, ...] = (),
    lower: Level | None = None,
    days: Count = 30,
    like: Annotated[str, Parameter(name="--from")] = "",
    approved_by: str = "",
    force: Flag = False,
    yes: Flag = False,
    site: Path | None = None,
    json: Json = False,
) -> int:
    """Make an exception: hide or lower findings of a rule, for a reason and a time.

    Shows first what it would have done to the findings that are stored, then writes a file into
    `exceptions/`; `tocsin apply` puts it to work. What it hides is still detected and counted.

    Parameters
    ----------
    rule
        Id of the rule, or the beginning of it.
    reason
        Why, for whoever looks at it next.
    where
        A condition on the original record; all must hold. FIELD=VALUE is equal, ^= begins with,
        $= ends with, *= contains, ~= matches (the whole value), @= lies in a network.
        entity:host=VALUE asks for an entity. FIELD alone takes the value from --from.
    lower
        Keep the findings, but at this level.
    days
        How long it lasts, at most 90.
    like
        Id of a finding, or the beginning of it, that it must cover.
    approved_by
        The second person, where one is needed.
    force
        Also when it would have hidden what was graded a true positive (with --approved-by).
    yes
        Do not ask.
    site
        Site folder; without it the one found here.
    json
        Print what it would have done as JSON, and write nothing.
    """
    place = sites.required_site(site)
    wish = suppressing.Wish(
        rule, where, reason, contents.person(), lower, days, approved_by, force, like
    )
    made = suppressing.draft(place, wish, SystemClock().now())
    if json:
        tree = {"file": made.file.path, "preview": _plain(made.preview)}
        sys.stdout.buffer.write(orjson.dumps(tree, option=JSON_OPTIONS))
        return 0
    screen = Screen()
    _tell(screen, made)
    if not yes and not agreed(f"Write {made.file.path}? [y/N] ", "written", "writes"):
        screen.line("nothing was written")
        return 1
    screen.line(f"wrote {suppressing.write(place, made)}: `tocsin apply` puts it to work")
    return 0


def _plain(preview: Preview) -> dict[str, object]:
    return {
        "of": preview.of,
        "covered": preview.covered,
        "again": preview.again,
        "again_covered": preview.again_covered,
        "unreadable": preview.unreadable,
        "by_day": dict(preview.by_day),
        "hosts": dict(preview.hosts),
        "incidents": overview.plain(preview.incidents),
        "examples": [finding.finding_id for finding in preview.examples],
    }


def _tell(screen: Screen, made: suppressing.Draft) -> None:
    entry, preview = made.entry, made.preview
    screen.level_line(made.rule.level, made.rule.title)
    does = f"lowered to {entry.level.value}" if entry.level else "hidden"
    screen.line(
        f"{preview.covered:,} of {plural(preview.of, 'stored finding')} would have been {does}, "
        f"until {utc(entry.expires)[:10]}:"
    )
    if preview.again:
        screen.line(
            f"  and {preview.again_covered:,} of {plural(preview.again, 'finding')} that the rule "
            "would have had on stored events before them"
        )
    _list(screen, "by day", preview.by_day)
    _list(screen, "on", preview.hosts)
    for one in preview.incidents[:LISTED]:
        grade = f", graded {one.grade}" if one.grade else ""
        screen.line(f"  incident {one.incident_id[:12]}: {plural(one.findings, 'finding')}{grade}")
    if len(preview.incidents) > LISTED:
        screen.line(f"  ... and {len(preview.incidents) - LISTED} more incidents")
    for finding in preview.examples:
        matched = ", ".join(f"{m.field} {m.predicate} {m.value}" for m in finding.matched[:3])
        screen.short(f"  {utc(finding.time)}  {finding.finding_id[:12]}  {matched}", style="dim")
    if preview.unreadable:
        screen.line(f"  {plural(preview.unreadable, 'record')} cannot be read any more")


def _list(screen: Screen, label: str, counts: tuple[tuple[str, int], ...]) -> None:
    shown = ", ".join(f"{name} {n:,}" for name, n in counts[:LISTED])
    more = f" and {len(counts) - LISTED} more" if len(counts) > LISTED else ""
    screen.line(f"  {label}: {shown or 'nothing'}{more}")
