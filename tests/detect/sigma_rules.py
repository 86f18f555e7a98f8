"""Rules and records for tests, written as shortly as they can be."""

from collections.abc import Callable
from typing import Any

import orjson

from tocsin.detect.sigma import Matcher, Plan
from tocsin.model.records import NativeRecord

Compile = Callable[..., Plan]

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def rule(detection: dict[str, Any], condition: str = "selection", **more: Any) -> str:
    """A rule as YAML (which JSON is)."""
    document = {
        "title": "A rule",
        "id": "11111111-1111-1111-1111-111111111111",
        "logsource": {"product": "windows", "category": "process_creation"},
        "detection": {**detection, "condition": condition},
        "level": "high",
    }
    return orjson.dumps({**document, **more}).decode()


def record(fields: dict[str, Any], **more: Any) -> NativeRecord:
    """A Sysmon process creation of shape `flat`."""
    base = {"Channel": SYSMON, "EventID": 1}
    return NativeRecord("windows_sysmon", "flat", {**base, **fields, **more})


def raw(found: NativeRecord) -> bytes:
    """The line a record was read from."""
    return orjson.dumps(found.fields)


def fires(plan: Plan, *records: NativeRecord) -> list[bool]:
    """Whether the first rule holds, record by record."""
    hits = Matcher(plan).match(records, [raw(r) for r in records])
    return [(row, 0) in hits for row in range(len(records))]
