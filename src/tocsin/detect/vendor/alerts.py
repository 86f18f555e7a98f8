"""What an alert of another tool says, and the finding that repeats it.

The input is a sparse OCSF event of a source that declares `alerts`: of a finding's class, or of
any other that says `is_alert` (a sensor's alert about a connection stays Network Activity). The
vendor's own words for severity and status are kept beside ours (`Finding.vendor`): they are told
and never believed. `level` follows the normalized severity, as a rule's own level would.

The identity of a finding is the vendor's id of the alert, not the record: an alert that is sent
again, or changed, is the same finding.
"""

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from tocsin.detect.vendor.labels import labels_of
from tocsin.model.context import cves_in
from tocsin.model.findings import (
    Entity,
    EventCopy,
    Finding,
    Level,
    Match,
    Standing,
    VendorAlert,
    finding_id,
)
from tocsin.model.sources import SourceSpec
from tocsin.model.text import visible

CASE = "case"
"""Kind of the entity that alerts of one incident of their vendor share."""

PREFIX = "vendor"
"""How the ids of the vendors' rules begin here."""

_CLASS = "_finding"
_LEVELS = {
    1: Level.INFORMATIONAL,
    2: Level.LOW,
    3: Level.MEDIUM,
    4: Level.HIGH,
    5: Level.CRITICAL,
    6: Level.CRITICAL,
}
"""OCSF `severity_id`: informational, low, medium, high, critical, fatal."""

_OVER = {"detection_finding": (3, 4, 5, 6), "incident_finding": (4, 5)}
"""OCSF `status_id` of what needs nobody any more: suppressed, resolved, archived or deleted; of an
incident resolved or closed."""

_SEVERITY_UNKNOWN = Level.MEDIUM
"""A vendor that grades nothing is neither believed nor passed over."""

_TITLE, _RULE, _WORD, _LINK = 200, 120, 64, 1_000
_READ, _MOST_CVES = 20_000, 32
"""Characters of a text that are searched for CVE ids, and how many of these are kept."""
_MILLI = 1_000
_LAST = 253_402_300_800_000
"""The first millisecond of the year 10000."""
_NOT_IN_A_SLUG = re.compile(r"[^a-z0-9.]+")
_SAFE_LINK = re.compile(r"https?://[^\s\"'<>\\^`{|}]+", re.IGNORECASE)


class AlertParts(NamedTuple):
    """What an alert says of itself, in the words of a Finding."""

    rule_id: str
    title: str
    level: Level
    techniques: tuple[str, ...]
    tactics: tuple[str, ...]
    matched: tuple[Match, ...]
    vendor: VendorAlert
    cves: tuple[str, ...] = ()


def alert_of(class_name: str, event: dict[str, Any], source_id: str) -> AlertParts | None:
    """The alert in a sparse OCSF event; None when the event is no finding (a heartbeat, a log).

    Oddly typed attributes count as absent: this never raises on content.
    """
    if not class_name.endswith(_CLASS) and event.get("is_alert") is not True:
        return None
    info = _at(event, "finding_info")
    analytic = _at(info, "analytic") or _at(event, "firewall_rule")
    title = _text(info, "title") or _text(analytic, "name") or _text(event, "message")
    title = visible(title, _TITLE) or f"Alert of {source_id}"
    rule = _text(analytic, "uid") or _text(analytic, "name") or title
    techniques, tactics = labels_of([*_list(info, "attacks"), *_list(event, "attacks")])
    over = event.get("status_id") in _OVER.get(class_name, ())
    return AlertParts(
        rule_id=f"{PREFIX}/{source_id}/{slug(rule)}",
        title=title,
        level=level_of(event.get("severity_id")),
        techniques=techniques,
        tactics=tactics,
        matched=_matched(event, info, analytic),
        vendor=_vendor(event, info, source_id, over=over),
        cves=_cves(event, info, analytic),
    )


def _vendor(
    event: dict[str, Any], info: dict[str, Any], source_id: str, *, over: bool
) -> VendorAlert:
    """The alert as its vendor names and grades it; without an id there, its record's."""
    link = _text(info, "src_url") or _text(event, "src_url")
    own = _text(_at(event, "vendor_attributes"), "severity")
    return VendorAlert(
        product=source_id,
        uid=visible(_text(info, "uid"), _TITLE) or _of_connection(event),
        link=link if len(link) <= _LINK and _SAFE_LINK.fullmatch(link) else "",
        status=visible(_text(event, "status_code") or _text(event, "status"), _WORD),
        severity=visible(own or _text(event, "severity"), _WORD),
        incident_uid=visible(_text(_at(event, "metadata"), "correlation_uid"), _TITLE),
        updated=_moment(info) or _number(event, "tocsin_time"),
        over=over,
    )


def _moment(info: dict[str, Any]) -> int:
    """When the alert was last changed (us); 0 for what no calendar has."""
    changed = _number(info, "modified_time")
    return changed * _MILLI if 0 < changed < _LAST else 0


def _of_connection(event: dict[str, Any]) -> str:
    """What a rule says again and again of one connection is one alert; else each record is one."""
    connection = _text(_at(event, "connection_info"), "uid")
    rule = _text(_at(event, "firewall_rule"), "uid")
    if connection and rule:
        return visible(f"{connection}|{rule}", _TITLE)
    return _text(_at(event, "metadata"), "uid")


def finding_of(
    parts: AlertParts,
    copy: EventCopy,
    entities: tuple[Entity, ...],
    *,
    site: str,
    content_id: str,
    received_at: int,
) -> Finding:
    """The finding that repeats an alert; one that is over already counts and opens no incident.

    `entities` are those of the event; the vendor's incident joins them.
    """
    vendor = parts.vendor
    return Finding(
        finding_id=finding_id(f"{PREFIX}/{vendor.product}", site, (vendor.uid,)),
        rule_id=parts.rule_id,
        rule_digest=PREFIX,
        title=parts.title,
        level=parts.level,
        techniques=parts.techniques,
        tactics=parts.tactics,
        time=copy.time,
        event_uids=(copy.event_uid,),
        matched=parts.matched,
        entities=(*entities, *_case(vendor)),
        events=(copy,),
        site=site,
        source_id=vendor.product,
        content_id=content_id,
        received_at=received_at,
        standing=Standing.HISTORY if vendor.over else Standing.OPEN,
        vendor=vendor,
        cves=parts.cves,
    )


def _case(vendor: VendorAlert) -> tuple[Entity, ...]:
    if not vendor.incident_uid:
        return ()
    name = f"incident {vendor.incident_uid} of {vendor.product}"
    return (Entity(CASE, f"{vendor.product}|{vendor.incident_uid.lower()}", name),)


def level_of(severity: Any) -> Level:
    """The level of an OCSF `severity_id`; medium where the vendor gives none."""
    return _LEVELS.get(severity, _SEVERITY_UNKNOWN) if type(severity) is int else _SEVERITY_UNKNOWN


def slug(text: str) -> str:
    """A name as the end of a rule's id: small letters, digits, dots and hyphens."""
    return _NOT_IN_A_SLUG.sub("-", text[: 4 * _RULE].lower()).strip("-.")[:_RULE] or "unnamed"


def sources_of_alerts(sources: Iterable[SourceSpec]) -> frozenset[str]:
    """Ids of the sources whose records are other tools' alerts."""
    return frozenset(source.id for source in sources if source.alerts)


def sources_of_alerts_only(
    sources: Iterable[SourceSpec], received: Iterable[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Of the sources that records were `received` from: (alerts only, those with raw events).

    What an alert does not say cannot be judged without raw events: who else was concerned, what
    went before, whether the vendor's rule was right, what is usual for a person or a host. Where
    the second is empty, that holds for the whole site.
    """
    alerts = sources_of_alerts(sources)
    came = frozenset(received)
    return came & alerts, came - alerts


def _matched(
    event: dict[str, Any], info: dict[str, Any], analytic: dict[str, Any]
) -> tuple[Match, ...]:
    """What the vendor says it saw, as far as it says so."""
    said = (
        ("vendor rule", "is", _text(analytic, "name") or _text(analytic, "uid")),
        ("vendor severity", "is", _text(_at(event, "vendor_attributes"), "severity")),
        ("description", "says", _text(info, "desc") or _text(event, "message")),
    )
    return tuple(
        Match(field, predicate, visible(value)) for field, predicate, value in said if value
    )


def _cves(event: dict[str, Any], info: dict[str, Any], analytic: dict[str, Any]) -> tuple[str, ...]:
    """The CVE ids that the title, the rule or the description names."""
    texts = (
        _text(info, "title"),
        _text(analytic, "name"),
        _text(info, "desc"),
        _text(event, "message"),
    )
    found = (cve for text in texts for cve in cves_in(text[:_READ]))
    return tuple(dict.fromkeys(found))[:_MOST_CVES]


def _at(owner: dict[str, Any], name: str) -> dict[str, Any]:
    value = owner.get(name)
    return value if isinstance(value, dict) else {}


def _list(owner: dict[str, Any], name: str) -> list[Any]:
    value = owner.get(name)
    return value if isinstance(value, list) else []


def _text(owner: dict[str, Any], name: str) -> str:
    value = owner.get(name)
    return value.strip() if isinstance(value, str) else ""


def _number(owner: dict[str, Any], name: str) -> int:
    value = owner.get(name)
    return value if isinstance(value, int) else 0
