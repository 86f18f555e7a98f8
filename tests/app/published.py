"""A site with a feed, what it publishes, and events that it is about."""

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
from tests.app.stored import NOW, new_site

from tocsin import flow
from tocsin.app.site import Site
from tocsin.content import load
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, compile_sources
from tocsin.store.lake import Lake

FEED = """id: acme
title: ACME threat research
kind: files
path: published
confidence: high
expected_every: 7d
"""
C2 = "c2.evil.example"
INDICATOR = "indicator--00000000-0000-4000-8000-000000000001"
MALWARE = "malware--00000000-0000-4000-8000-000000000002"
PATTERN = "attack-pattern--00000000-0000-4000-8000-000000000003"


def indicator(pattern: str, number: int = 1, **more: object) -> dict[str, Any]:
    """An indicator of this pattern."""
    return {
        "type": "indicator",
        "spec_version": "2.1",
        "id": f"indicator--00000000-0000-4000-8000-{number:012d}",
        "created": "2026-11-01T00:00:00.000Z",
        "modified": "2026-11-01T00:00:00.000Z",
        "name": f"Known bad {number}",
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": "2026-11-01T00:00:00Z",
    } | more


def related(kind: str, source: str, target: str, number: int) -> dict[str, Any]:
    """A relationship between two objects."""
    return {
        "type": "relationship",
        "id": f"relationship--00000000-0000-4000-8000-{number:012d}",
        "created": "2026-11-01T00:00:00.000Z",
        "modified": "2026-11-01T00:00:00.000Z",
        "relationship_type": kind,
        "source_ref": source,
        "target_ref": target,
    }


def story() -> list[dict[str, Any]]:
    """An indicator of malware that uses a technique."""
    when = {"created": "2026-11-01T00:00:00Z", "modified": "2026-11-01T00:00:00Z"}
    reference = {"source_name": "mitre-attack", "external_id": "T1071.004"}
    return [
        indicator(f"[domain-name:value = '{C2}']"),
        {"type": "malware", "id": MALWARE, "name": "Gull", **when},
        {"type": "attack-pattern", "id": PATTERN, "external_references": [reference], **when},
        related("indicates", INDICATOR, MALWARE, 4),
        related("uses", MALWARE, PATTERN, 5),
    ]


def publish(site: Site, objects: Iterable[Mapping[str, Any]], name: str = "bundle.json") -> None:
    """Let the feed have a file with these objects."""
    assert site.folder is not None
    folder = site.folder / "published"
    folder.mkdir(exist_ok=True)
    bundle = {"type": "bundle", "id": "bundle--1", "objects": list(objects)}
    (folder / name).write_bytes(orjson.dumps(bundle))


def site_with_feed(folder: Path) -> Site:
    """A site that declares the feed `acme`."""
    site = new_site(folder)
    feeds = folder / "intelligence" / "feeds"
    feeds.mkdir(parents=True)
    (feeds / "acme.yaml").write_text(FEED)
    return site


def dns_query(name: str, hour: int = 9, host: str = "fs01", **more: object) -> dict[str, Any]:
    """A process that looked a name up, as Sysmon tells it."""
    return {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 22,
        "Hostname": f"{host}.northquay.example",
        "UtcTime": f"2026-11-18 {hour:02}:00:00.000",
        "QueryName": name,
        "QueryResults": "198.51.100.7;",
        "Image": "C:\\Tools\\gull.exe",
        "ProcessId": "77",
        "ProcessGuid": f"{{00000000-0000-0000-0000-{hour:012d}}}",
        "User": "NORTHQUAY\\mallory",
    } | more


@cache
def normalizer() -> Normalizer:
    """The shipped mappings, compiled once for all tests here."""
    made, problems = compile_sources(load(None))
    assert made is not None, problems
    return made


def events_of(records: Iterable[Mapping[str, Any]]) -> dict[str, pa.RecordBatch]:
    """Events of records, as the stream makes them."""
    raws = [orjson.dumps(record) for record in records]
    batch = RawBatch(["f"] * len(raws), list(range(len(raws))), raws, size=0)
    decoded = flow.decode(to_envelope(batch, Stamp("default", "p", 0, None, NOW)), normalizer())
    context = ContextSnapshot("default", "")
    return normalizer().batches(decoded.records, decoded.positions, decoded.raws, context)[0]


def store(site: Site, records: Iterable[Mapping[str, Any]]) -> None:
    """Put records into the lake of a site."""
    records = list(records)
    lake = Lake(site.lake, normalizer().class_schema)
    events = {name: [rows] for name, rows in events_of(records).items()}
    lake.append("p", len(records) - 1, events)


__all__ = [
    "C2", "INDICATOR", "NOW", "dns_query", "events_of", "indicator", "publish", "site_with_feed",
    "store", "story",
]  # fmt: skip
