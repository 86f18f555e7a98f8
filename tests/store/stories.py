"""A finding and an incident to store; what they say does not matter here."""

from tocsin.model.findings import Entity, EventCopy, Finding, Level, Match
from tocsin.model.incidents import Incident, incident_to_bytes


def finding(name: str, *, time: int = 10, level: Level = Level.HIGH) -> Finding:
    return Finding(
        finding_id=name,
        rule_id="rule-1",
        rule_digest="d",
        title="A title",
        level=level,
        techniques=("T1059",),
        time=time,
        event_uids=(name,),
        matched=(Match("Image", "endswith", "x.exe"),),
        entities=(Entity("host", "h1", "H1"),),
        events=(EventCopy(name, time, "process_activity", "{}", "f.json", 1),),
        site="default",
        source_id="windows-security",
        content_id="c1",
    )


def incident(
    name: str, *, title: str = "Something", last: int = 20, level: Level = Level.HIGH
) -> Incident:
    return Incident(
        incident_id=name,
        site="default",
        title=title,
        level=level,
        entities=(Entity("host", "h1", "H1"),),
        techniques=("T1059",),
        tactics=(),
        first=10,
        last=last,
        finding_count=1,
        rules=(),
        timeline=(),
        links=(),
        story="It happened.",
    )


def change(
    body: Incident | None, joined: list[str], name: str = "", *, alias_of: str | None = None
) -> dict[str, object]:
    return {
        "incident_id": body.incident_id if body else name,
        "alias_of": alias_of,
        "new_finding_ids": joined,
        "body": incident_to_bytes(body) if body else None,
    }
