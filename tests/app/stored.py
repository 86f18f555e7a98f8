"""A site with stored findings, made from records that the shipped rules fire on."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from tocsin import flow
from tocsin.app import parts
from tocsin.app.content import disk_content
from tocsin.app.site import Site, open_site
from tocsin.content import init_site, load
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.model.content import ContentSet
from tocsin.model.findings import Finding, findings_from_arrow
from tocsin.model.incidents import INCIDENT_CHANGES, Incident, Level, incident_to_bytes
from tocsin.model.stages import ContextSnapshot
from tocsin.store import State
from tocsin.store.lake import Lake

NOW = 1_795_000_000_000_000  # 2026-11-18
HOUR = 3_600_000_000
PACKING = "c21e759e-4a6c-48b4-9269-c8d0c5737482"


def packing(user: str, hour: int = 0, **more: object) -> dict[str, Any]:
    """A record on which the shipped rule PACKING fires."""
    return {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "Hostname": "fs01.northquay.example",
        "UtcTime": f"2026-11-18 {hour % 24:02}:00:00.000",
        "Image": "C:\\Tools\\rar.exe",
        "CommandLine": "rar a -hpsecret out.rar docs",
        "User": user,
        "ProcessGuid": f"{{{user}-{hour}}}",
    } | more


def new_site(folder: Path) -> Site:
    """An empty site whose plans are shared with other tests of this run."""
    init_site(folder)
    return open_site(folder, {})


SMALL = ("sources/windows_sysmon/", "sources/windows.family/", "sources/windows_logsources.yaml")


def small_content() -> ContentSet:
    """One source and the rule PACKING: what a test needs that compiles content again and again."""
    kept = [
        file
        for file in load(None).files
        if file.path.startswith(SMALL)
        or (file.path.startswith("rules/") and PACKING.encode() in file.data)
    ]
    return ContentSet.of(kept)


def fill(site: Site, records: Iterable[Mapping[str, Any]]) -> list[Finding]:
    """Store what the rules on disk say of `records`; returns the findings."""
    content = disk_content(site)
    compiled = parts.build(parts.prepare(content, parts.rule_files(content, None), site.plans))
    raws = [orjson.dumps(record) for record in records]
    batch = RawBatch(["sample.json"] * len(raws), list(range(len(raws))), raws, size=0)
    rows = to_envelope(batch, Stamp("default", "p", 0, None, NOW))
    seen = flow.look(rows, compiled, ContextSnapshot("default", content.content_id))
    findings = findings_from_arrow(seen.hits)
    state = State(site.state)
    with state.think("p") as tx:
        tx.add_findings(findings)
    state.close()
    return findings


def fill_lake(site: Site, records: Iterable[Mapping[str, Any]]) -> None:
    """Store `records` as events, and nothing of what rules say of them."""
    content = disk_content(site)
    compiled = parts.build(parts.prepare(content, parts.rule_files(content, None), site.plans))
    raws = [orjson.dumps(record) for record in records]
    batch = RawBatch(["f"] * len(raws), list(range(len(raws))), raws, size=0)
    rows = to_envelope(batch, Stamp("default", "p", 0, None, NOW))
    seen = flow.observe(rows, compiled, ContextSnapshot("default", content.content_id))
    lake = Lake(site.lake, compiled.normalizer.class_schema)
    lake.append("p", len(raws) - 1, {name: [rows] for name, rows in seen.events.items()})


def join(site: Site, name: str, findings: Iterable[Finding]) -> None:
    """Put findings into an incident."""
    incident = Incident(
        incident_id=name,
        site="default",
        title="T",
        level=Level.MEDIUM,
        entities=(),
        techniques=(),
        tactics=(),
        first=NOW,
        last=NOW,
        finding_count=1,
        rules=(),
        timeline=(),
        links=(),
        story="",
    )
    row = {
        "incident_id": name,
        "alias_of": None,
        "new_finding_ids": [finding.finding_id for finding in findings],
        "body": incident_to_bytes(incident),
    }
    state = State(site.state)
    with state.think("p") as tx:
        tx.apply_incident_changes(pa.RecordBatch.from_pylist([row], schema=INCIDENT_CHANGES))
    state.close()
