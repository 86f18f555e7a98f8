"""What three tools would have said of a simulated stretch of time: Defender, Splunk, Elastic.

The alerts are made of the ground truth, so they are about the hosts and people of the campaigns, at
their time; each tool sees only a part. Around them stands what every such tool also says: rules
that fire on daily work, one that never stops on one host, alerts that are delivered twice or sent
again with another status. The same truth, seed and hosts give the same bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import orjson

from tocsin.lab.people import DNS_DOMAIN, DOMAIN
from tocsin.lab.world import DAY, HOUR, MINUTE, SECOND

VENDORS = ("defender", "splunk", "elastic")
FILES = {name: f"{name}.ndjson" for name in VENDORS}
TRUTH = "alerts_truth.jsonl"

_TWICE = 0.08
"""Share of alerts that are delivered twice."""

_CHANGED = 0.2
"""Share of Defender's alerts that are sent again when somebody took them up."""

_STUCK = 120
"""Repeats of the rule that never stops."""

_SEVERE = ("T1003", "T1486", "T1490", "T1558", "T1562", "T1569", "T1078", "T1567")
"""Techniques that tools grade high."""

_NEWLINE = orjson.OPT_APPEND_NEWLINE


class Seen(NamedTuple):
    """What a tool says something about. `at` is microseconds UTC."""

    at: int
    title: str
    technique: str
    host: str
    user: str
    severity: str
    campaign: str = ""
    case: str = ""


class Noise(NamedTuple):
    """A rule of a tool that fires on daily work, so often a day."""

    vendor: str
    title: str
    technique: str
    severity: str
    a_day: int


_NOISE = (
    Noise("defender", "Unusual command line of an administrator", "T1059.001", "low", 10),
    Noise("defender", "Unwanted software was found", "", "informational", 8),
    Noise("defender", "Sign-in from an unfamiliar place", "T1078", "medium", 5),
    Noise("splunk", "Access - Excessive Failed Logins - Rule", "T1110", "medium", 25),
    Noise("splunk", "Endpoint - High Number of Processes - Rule", "", "low", 20),
    Noise("splunk", "Network - Traffic to an Uncommon Port - Rule", "T1571", "low", 20),
    Noise("elastic", "Unusual Child of a Scripting Host", "T1059", "medium", 15),
    Noise("elastic", "Scheduled Task Created by a Script", "T1053.005", "low", 15),
)
_STUCK_RULE = Noise("elastic", "Repeated Scan of a Service", "T1046", "medium", _STUCK)


def write_alerts(
    folder: Path, truth: Path, seed: int, start: int, duration: int, hosts: Sequence[str]
) -> dict[str, int]:
    """Write a file for each tool into `folder`, and what each alert is about into `TRUTH`.

    `truth` is the ground truth of the same time (`start` and `duration` in us), `hosts` are the
    names of the machines that daily work happens on. Returns the records written by tool.
    """
    folder.mkdir(parents=True, exist_ok=True)
    random = Random(f"alerts {seed} {start}")  # noqa: S311 - a simulation that must repeat itself
    with truth.open("rb") as lines:
        attack = list(_of_campaigns(map(orjson.loads, lines)))
    said = [(vendor, seen) for seen in attack for vendor in _who_sees(seen)]
    said += list(_daily(random, start, duration, hosts))
    said.sort(key=lambda one: (one[1].at, one[0], one[1]))
    written = dict.fromkeys(VENDORS, 0)
    labels = bytearray()
    for vendor in VENDORS:
        own = [seen for name, seen in said if name == vendor]
        records, named = _records(vendor, own, random)
        (folder / FILES[vendor]).write_bytes(
            b"".join(orjson.dumps(record, option=_NEWLINE) for record in records)
        )
        written[vendor] = len(records)
        labels += b"".join(
            orjson.dumps({"vendor": vendor, "uid": uid, "campaign": campaign}, option=_NEWLINE)
            for uid, campaign in named
        )
    (folder / TRUTH).write_bytes(labels)
    return written


def _of_campaigns(truth: Iterable[dict[str, Any]]) -> Iterator[Seen]:
    """One for each step of a campaign on a host (or of an account), at its first record."""
    known: set[tuple[str, str, str]] = set()
    for line in truth:
        about = line["host"] or line["user"]
        key = (line["campaign"], line["step"], about)
        if line["benign"] or line["quiet"] or key in known:
            continue
        known.add(key)
        severe = line["technique"].startswith(_SEVERE)
        yield Seen(
            at=line["time"] + 30 * SECOND,
            title=line["step"].capitalize(),
            technique=line["technique"],
            host=line["host"],
            user=line["user"],
            severity="high" if severe else "medium",
            campaign=line["campaign"],
            case=f"case-{line['campaign']}",
        )


def _who_sees(seen: Seen) -> list[str]:
    """Which tools have a rule for it: most techniques are seen by one or two of the three."""
    first = blake2b(seen.technique.encode(), digest_size=1).digest()[0]
    tools = [vendor for bit, vendor in enumerate(VENDORS) if first >> bit & 1]
    return tools or [VENDORS[first % len(VENDORS)]]


def _daily(
    random: Random, start: int, duration: int, hosts: Sequence[str]
) -> Iterator[tuple[str, Seen]]:
    """What the tools say of daily work: each rule has a few machines that it does not leave."""
    for rule in (*_NOISE, _STUCK_RULE):
        usual = random.sample(hosts, min(len(hosts), 1 if rule is _STUCK_RULE else 4))
        for _ in range(max(1, rule.a_day * duration // DAY)):
            at = start + random.randrange(duration)
            host = random.choice(usual) if random.random() < 0.8 else random.choice(hosts)  # noqa: PLR2004 - mostly the usual ones
            yield rule.vendor, Seen(at, rule.title, rule.technique, host, "", rule.severity)


def _records(
    vendor: str, seen: Sequence[Seen], random: Random
) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The records of a tool in the order of delivery, and the campaign of each alert."""
    delivered: list[tuple[int, int, dict[str, Any]]] = []
    named = []
    for number, one in enumerate(seen):
        plain = f"{vendor} {number} {one.at} {one.title}".encode()
        uid = blake2b(plain, digest_size=16).hexdigest()
        record = _WRITERS[vendor](uid, one)
        named.append((str(_UIDS[vendor](record)), one.campaign))
        delivered.append((one.at + MINUTE, number, record))
        if random.random() < _TWICE:
            delivered.append((one.at + 2 * MINUTE, number, record))
        if vendor == "defender" and random.random() < _CHANGED:
            later = one.at + HOUR
            changed = {"status": "inProgress", "lastUpdateDateTime": _iso(later)}
            delivered.append((later, number, record | changed))
    delivered.sort(key=lambda item: item[:2])
    return [record for _, _, record in delivered], named


def _iso(at: int) -> str:
    return datetime.fromtimestamp(at / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _name(seen: Seen) -> str:
    """The full name of the machine; empty for what is about an account alone."""
    if not seen.host or "." in seen.host:
        return seen.host
    return f"{seen.host}.{DNS_DOMAIN}"


def _defender(uid: str, seen: Seen) -> dict[str, Any]:
    """An alert of Microsoft Graph, /security/alerts_v2."""
    evidence: list[dict[str, Any]] = []
    if seen.host:
        device = "#microsoft.graph.security.deviceEvidence"
        evidence.append({"@odata.type": device, "deviceDnsName": _name(seen)})
    if seen.user:
        account = {"accountName": seen.user.rpartition("\\")[2], "domainName": DOMAIN}
        user = "#microsoft.graph.security.userEvidence"
        evidence.append({"@odata.type": user, "userAccount": account})
    return {
        "id": f"da{uid}",
        "incidentId": seen.case or None,
        "status": "new",
        "severity": seen.severity,
        "serviceSource": "microsoftDefenderForEndpoint",
        "title": seen.title,
        "category": "SuspiciousActivity",
        "mitreTechniques": [seen.technique] if seen.technique else [],
        "alertWebUrl": f"https://security.microsoft.com/alerts/da{uid}",
        "createdDateTime": _iso(seen.at + MINUTE),
        "lastUpdateDateTime": _iso(seen.at + MINUTE),
        "firstActivityDateTime": _iso(seen.at),
        "evidence": evidence,
    }


def _splunk(uid: str, seen: Seen) -> dict[str, Any]:
    """A row of the macro `notable`."""
    return {
        "_time": _iso(seen.at),
        "event_id": f"{uid[:8].upper()}@@notable@@{uid}",
        "search_name": seen.title,
        "rule_title": seen.title,
        "urgency": seen.severity,
        "status": "1",
        "status_label": "New",
        "owner": "unassigned",
        "dest": _name(seen) or "unknown",
        "user": seen.user or "unknown",
        **({"annotations.mitre_attack": [seen.technique]} if seen.technique else {}),
    }


def _elastic(uid: str, seen: Seen) -> dict[str, Any]:
    """A document of .alerts-security."""
    technique, _, sub = seen.technique.partition(".")
    inner = {"id": technique, "subtechnique": [{"id": seen.technique}] if sub else []}
    threat = [{"framework": "MITRE ATT&CK", "technique": [inner]}] if technique else []
    return {
        "@timestamp": _iso(seen.at + MINUTE),
        "kibana.alert.uuid": uid,
        "kibana.alert.rule.name": seen.title,
        "kibana.alert.rule.rule_id": blake2b(seen.title.encode(), digest_size=8).hexdigest(),
        "kibana.alert.severity": seen.severity.replace("informational", "low"),
        "kibana.alert.workflow_status": "open",
        "kibana.alert.original_time": _iso(seen.at),
        "kibana.alert.rule.threat": threat,
        **({"host": {"name": _name(seen)}} if seen.host else {}),
        **({"user": {"name": seen.user.rpartition("\\")[2]}} if seen.user else {}),
    }


_WRITERS = {"defender": _defender, "splunk": _splunk, "elastic": _elastic}
_UIDS = {
    "defender": lambda record: record["id"],
    "splunk": lambda record: record["event_id"],
    "elastic": lambda record: record["kibana.alert.uuid"],
}
