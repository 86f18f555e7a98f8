"""Incidents and reports in words (terminal) and in JSON (other programs)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec
import orjson

from tocsin.app.hunt import Report
from tocsin.app.vendors import changed_at, vendor_says
from tocsin.cli.screen import Screen
from tocsin.model.findings import Finding, VendorAlert
from tocsin.model.incidents import Incident
from tocsin.model.rules import RuleState

SHOWN = 6
"""Techniques in the headline of an incident."""

STORY = 700
"""Characters of a story on the terminal."""

ALERTS = 10
"""Alerts of other tools that the terminal shows of an incident; JSON has all."""

REASONS = 15
"""Reasons for which something was not used that the terminal shows, the commonest first."""

JSON_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE


def utc(micros: int) -> str:
    """`2026-11-23 09:05:07Z`."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def iso(micros: int) -> str:
    """RFC 3339 with microseconds."""
    return datetime.fromtimestamp(micros / 1_000_000, UTC).isoformat().replace("+00:00", "Z")


def plural(n: int, noun: str) -> str:
    """`1 finding`, `2 findings`."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def tell_incident(screen: Screen, incident: Incident, *, timeline: int = 12) -> None:
    """One incident: headline, story, the first lines of its timeline."""
    screen.level_line(incident.level, incident.title)
    techniques = ", ".join(incident.techniques[:SHOWN]) or "no ATT&CK technique"
    if len(incident.techniques) > SHOWN:
        techniques += f" and {len(incident.techniques) - SHOWN} more techniques"
    size = f"{plural(incident.finding_count, 'finding')} of {plural(len(incident.rules), 'rule')}"
    when = f"{utc(incident.first)} to {utc(incident.last)}"
    screen.line(f"  {incident.incident_id[:12]}  {when}  {size}  {techniques}", style="dim")
    screen.paragraph(_beginning(incident.story), indent="  ")
    day = ""
    for moment in incident.timeline[:timeline]:
        date, _, clock = utc(moment.time).partition(" ")
        if date != day:
            day = date
            screen.line(f"    {date} (UTC)", style="dim")
        times = f" (x{moment.count})" if moment.count > 1 else ""
        screen.short(
            f"    {clock[:-1]}  {moment.level.value:<13} {moment.host}: {moment.title}{times}"
        )
        if moment.detail:
            screen.short(f"              {moment.detail}", style="dim")
    if len(incident.timeline) > timeline:
        screen.line(f"    ... and {len(incident.timeline) - timeline} more steps")


def _beginning(story: str) -> str:
    """As many whole sentences as fit STORY characters; the timeline below tells the rest."""
    if len(story) <= STORY:
        return story
    kept, _, _ = story[:STORY].rpartition(". ")
    return f"{kept or story[:STORY]}. [...]"


def tell_vendors(screen: Screen, findings: Iterable[Finding]) -> None:
    """The alerts of other tools that findings repeat: what is said there, and where to open it."""
    alerts = list(dict.fromkeys(one.vendor for one in findings if one.vendor is not None))
    if alerts:
        screen.line("  alerts of other tools, as they say it", style="bold")
    for alert in alerts[:ALERTS]:
        screen.line(f"    {vendor_says(alert)}")
        if alert.link:
            screen.line(f"      {alert.link}", style="dim")
    if len(alerts) > ALERTS:
        screen.line(f"    ... and {len(alerts) - ALERTS} more (--json)")


def tell_report(screen: Screen, report: Report, *, top: int) -> None:
    """What a hunt found: incidents worst first, then what was read, then what was not."""
    events = sum(sum(classes.values()) for classes in report.events.values())
    for number, incident in enumerate(report.incidents[:top], 1):
        screen.line(f"#{number}", style="bold")
        tell_incident(screen, incident)
        screen.line()
    if len(report.incidents) > top:
        screen.line(f"... and {len(report.incidents) - top} more incidents (--top, --json)")
        screen.line()
    states = [status.state for status in report.rules]
    screen.line(
        f"{plural(len(report.incidents), 'incident')} from "
        f"{plural(len(report.findings), 'finding')} in {plural(events, 'event')} "
        f"({report.bytes_read / 1e6:,.1f} MB) in {report.seconds:.1f} s. "
        f"Rules: {states.count(RuleState.ACTIVE):,} active, "
        f"{states.count(RuleState.INACTIVE):,} inactive, "
        f"{states.count(RuleState.UNSUPPORTED):,} unsupported."
    )
    for source, classes in sorted(report.events.items()):
        detail = ", ".join(f"{name} {n:,}" for name, n in sorted(classes.items()))
        screen.paragraph(f"{source}: {detail}", indent="  ")
    if report.unrecognized:
        screen.line("Not used:", style="bold")
    for item in report.unrecognized[:REASONS]:
        screen.line(f"  {item.count:,} {item.reason}: {item.detail} (for example {item.example})")
    if len(report.unrecognized) > REASONS:
        screen.line(f"  ... and {len(report.unrecognized) - REASONS} more reasons (--json)")


def report_json(report: Report) -> bytes:
    """The report in the documented JSON form (docs/reference/hunt-json.md)."""
    return orjson.dumps(
        {
            "events": report.events,
            "findings": [
                {**finding_json(finding), "also_in": report.also_in.get(finding.finding_id, [])}
                for finding in report.findings
            ],
            "incidents": [
                incident_json(incident, report.members[incident.incident_id])
                for incident in report.incidents
            ],
            "rules": [
                {"id": s.rule_id, "title": s.title, "state": s.state.value, "reason": s.reason}
                for s in report.rules
            ],
            "unrecognized": [
                {"reason": u.reason, "count": u.count, "example": u.example, "detail": u.detail}
                for u in report.unrecognized
            ],
        },
        option=JSON_OPTIONS,
    )


def finding_json(finding: Finding) -> dict[str, Any]:
    """A finding for other programs."""
    return {
        "id": finding.finding_id,
        "rule_id": finding.rule_id,
        "title": finding.title,
        "level": finding.level.value,
        "techniques": list(finding.techniques),
        "tactics": list(finding.tactics),
        "time": iso(finding.time),
        "events": [
            {
                "uid": copy.event_uid,
                "class": copy.class_name,
                "raw": copy.raw,
                "origin": copy.origin,
                "position": copy.position,
            }
            for copy in finding.events
        ],
        "matched": [
            {"field": m.field, "predicate": m.predicate, "value": m.value} for m in finding.matched
        ],
        "source": finding.source_id,
        "source_file": finding.events[0].origin if finding.events else "",
        "unit": finding.unit,
        "segment": finding.segment,
        "cves": list(finding.cves),
        "vendor": _vendor_json(finding.vendor),
        "intelligence": msgspec.to_builtins(finding.indicator),
        "context": [msgspec.to_builtins(note) for note in finding.context],
    }


def _vendor_json(alert: VendorAlert | None) -> dict[str, Any] | None:
    if alert is None:
        return None
    return {
        "tool": alert.product,
        "id": alert.uid,
        "link": alert.link,
        "severity": alert.severity,
        "status": alert.status,
        "over": alert.over,
        "updated": changed_at(alert) or None,
        "incident": alert.incident_uid,
    }


def incident_json(incident: Incident, finding_ids: list[str]) -> dict[str, Any]:
    """An incident for other programs."""
    return {
        "id": incident.incident_id,
        "title": incident.title,
        "level": incident.level.value,
        "entities": [{"kind": e.kind, "name": e.name, "role": e.role} for e in incident.entities],
        "findings": finding_ids,
        "finding_count": incident.finding_count,
        "techniques": list(incident.techniques),
        "tactics": list(incident.tactics),
        "first": iso(incident.first),
        "last": iso(incident.last),
        "story": incident.story,
        "links": [
            {"finding": k.finding_id, "joined_to": k.joined_to, "reason": k.reason}
            for k in incident.links
        ],
    }
