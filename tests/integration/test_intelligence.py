"""An indicator that is published while the service runs is on the right incident within a minute.

Once for an event that was stored before anybody knew, once for one that comes after.
"""

import json
import time
from pathlib import Path

import pytest
from tests.integration.service import Service
from tests.integration.taxii import PASSWORD, USER, Server, medallion

from tocsin.app.clock import SystemClock
from tocsin.cli.tell import iso, utc
from tocsin.errors import StorageError
from tocsin.model.findings import Finding
from tocsin.store import State

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

WITHIN = 60.0
"""Seconds from publication to the incident (issue 4, must-show 5)."""

FEED = """id: trial
kind: taxii
url: {url}
user: {user}
password: file:secret
every: 5s
"""
C2 = "c2.evil.example"


def query(name: str, second: int) -> str:
    """A process on fs01 that looks a name up, as Sysmon writes it."""
    at = utc(SystemClock().now() - 300_000_000 + second * 1_000_000)
    return json.dumps(
        {
            "Channel": "Microsoft-Windows-Sysmon/Operational",
            "EventID": 22,
            "Hostname": "fs01.northquay.example",
            "UtcTime": at.removesuffix("Z") + ".000",
            "QueryName": name,
            "QueryResults": "198.51.100.7;",
            "Image": "C:\\Tools\\gull.exe",
            "ProcessId": "77",
            "ProcessGuid": "{00000000-0000-0000-0000-000000000077}",
            "RecordNumber": second,
            "User": "NORTHQUAY\\mallory",
        }
    )


def indicator(name: str, number: int) -> dict[str, object]:
    """An indicator for a domain, valid from now on."""
    now = iso(SystemClock().now())
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012d}",
        "created": now,
        "modified": now,
        "valid_from": now,
        "name": "Gull",
        "pattern": f"[domain-name:value = '{name}']",
        "pattern_type": "stix",
        "confidence": 90,
    }


def prepared(service: Service, server: Server) -> None:
    service.prepare()
    feeds = service.folder / "intelligence" / "feeds"
    feeds.mkdir(parents=True)
    (feeds / "trial.yaml").write_text(FEED.format(url=server.url, user=USER))
    (service.folder / "secret").write_text(PASSWORD + "\n")


def on_incident(service: Service, rule: str) -> list[tuple[str, Finding]]:
    """Findings of an indicator that are on an incident, with its id."""
    try:
        state = State(service.folder / "data" / "state.db", read_only=True)
    except StorageError:
        return []
    found = [
        (incident.incident_id, finding)
        for incident in state.casebook.incidents(100)
        for finding in state.casebook.findings(incident.incident_id)
        if finding.rule_id.endswith(rule)
    ]
    state.close()
    return found


def waited(service: Service, rule: str) -> tuple[float, list[tuple[str, Finding]]]:
    began = time.monotonic()
    while not (found := on_incident(service, rule)):
        assert time.monotonic() - began < WITHIN, service.log()[-3000:]
        time.sleep(0.5)
    return time.monotonic() - began, found


def test_a_published_indicator_is_on_the_incident_within_a_minute(
    service: Service, tmp_path: Path
) -> None:
    with medallion(tmp_path) as server:
        prepared(service, server)
        service.start()
        log = service.logs / "sysmon.json"
        log.write_text(query(C2, 1) + "\n" + query("fine.example", 2) + "\n")
        service.wait_stored(2)
        before = indicator(C2, 1)
        server.publish(before)
        seconds, past = waited(service, str(before["id"]))
        print(f"\npast: on the incident after {seconds:.1f} s")
        after = indicator("late.example", 2)
        server.publish(after)
        deadline = time.monotonic() + WITHIN
        while "late" not in str(list_tables(service)) and time.monotonic() < deadline:
            time.sleep(0.5)
        with log.open("a") as out:
            out.write(query("late.example", 3) + "\n")
        seconds, stream = waited(service, str(after["id"]))
        print(f"stream: on the incident after {seconds:.1f} s")
        assert len(past) == len(stream) == 1
        assert past[0][0] == stream[0][0], "one process on one host is one incident"
        assert past[0][1].indicator is not None
        assert past[0][1].indicator.seen == C2
        service.stop()


def list_tables(service: Service) -> list[str]:
    """Names of indicators in the segments on disk."""
    folder = service.folder / "data" / "intelligence"
    return ["late" for path in folder.glob("*.segment") if b"late.example" in path.read_bytes()]
