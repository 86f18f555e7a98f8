"""Hunts made for tests: every text in them is given, so that it can be hostile."""

import json
from typing import Any

from msgspec import structs

from tocsin.app.hunt import Report, Unrecognized
from tocsin.app.report import About, render, view_of, words
from tocsin.app.report.inputs import InputView
from tocsin.enrich.attack import Labels
from tocsin.model.attack import Crosswalk
from tocsin.model.findings import Entity, EventCopy, Finding, Level, Match, VendorAlert
from tocsin.model.incidents import Incident, Link, Moment, RuleCount
from tocsin.model.rules import RuleState, RuleStatus

T0 = 1_700_000_000_000_000
SECOND = 1_000_000
NOT_LOADED = Labels(None, Crosswalk())


def finding(number: int = 0, text: str = "x", **more: Any) -> Finding:
    """A finding in which every text that can come from a log or a rule is `text`."""
    raw = json.dumps({"raw field": text, "raw object": {"inner field": [1, text]}})
    values: dict[str, Any] = {
        "finding_id": f"{number:032x}",
        "rule_id": text,
        "rule_digest": "d",
        "title": text,
        "level": Level.HIGH,
        "techniques": ("T1059.001",),
        "time": T0 + number * SECOND,
        "event_uids": (f"e{number}",),
        "matched": (Match(text, text, text),),
        "entities": (Entity("host", text, text), Entity("user", text, text)),
        "events": (EventCopy("e", T0, text, raw, text, 1),),
        "site": "s",
        "source_id": text,
        "content_id": "c",
        "tactics": ("execution",),
        "vendor": VendorAlert(text, text, text, text, text, text, T0),
    }
    return Finding(**values | more)


def incident(findings: list[Finding], text: str = "x", **more: Any) -> Incident:
    """One incident of these findings."""
    first = findings[0]
    values: dict[str, Any] = {
        "incident_id": f"inc-{first.finding_id[:8]}",
        "site": "s",
        "title": text,
        "level": max((one.level for one in findings), key=lambda level: level.rank),
        "entities": (Entity("host", text, text), Entity("file", text, text)),
        "techniques": ("T1059.001",),
        "tactics": ("execution",),
        "first": first.time,
        "last": findings[-1].time,
        "finding_count": len(findings),
        "rules": (
            RuleCount(text, text, first.level, (), len(findings), T0, T0, (first.finding_id,)),
        ),
        "timeline": tuple(Moment(one.time, text, one.level, text, text) for one in findings),
        "links": (Link(first.finding_id, "", text),),
        "story": text,
        "aliases": (text,),
    }
    return Incident(**values | more)


def report(text: str = "x", findings: int = 3, **more: Any) -> Report:
    """A hunt with one incident of `findings` findings."""
    found = [finding(n, text) for n in range(findings)]
    told = [incident(found, text)] if found else []
    values: dict[str, Any] = {
        "events": {text: {text: 5}},
        "findings": found,
        "incidents": told,
        "members": {one.incident_id: [f.finding_id for f in found] for one in told},
        "also_in": {one.finding_id: [text] for one in found},
        "rules": [RuleStatus(text, text, RuleState.INACTIVE, text, text)],
        "unrecognized": [Unrecognized(text, 2, text, text)],
        "seconds": 1.0,
        "bytes_read": 2_000,
    }
    return Report(**values | more)


def changed(hunt: Report, **more: Any) -> Report:
    """The same hunt with other parts."""
    return structs.replace(hunt, **more)


def about(text: str = "x", labels: Labels = NOT_LOADED) -> About:
    return About(
        T0, "0.1.0", labels, (("Rules", text),), (InputView(words.text(text), "1 kB", "00"),), 0
    )


def page(text: str = "x", **more: Any) -> str:
    """The page of such a hunt."""
    return render(view_of(report(text, **more), about(text))).decode()
