"""The cases of `tests/detect/correlations`, and what turns them into findings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa
import yaml
from tests.detect.correlation_oracle import Said

from tocsin.detect.sigma import Matcher, Plan, compile_plan, parse_rules
from tocsin.detect.sigma.carried import values_of
from tocsin.model.findings import (
    Entity,
    EventCopy,
    Finding,
    Level,
    finding_id,
    findings_from_arrow,
    findings_to_arrow,
)
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.records import NativeRecord

FOLDER = Path(__file__).parent / "correlations"
DAY = 19_723 * 86_400 * 1_000_000
"""The second 0 of the cases: 2024-01-01, so that slots begin where the cases say."""

Event = tuple[int, str, dict[str, Any]]


class Case(NamedTuple):
    name: str
    documents: list[dict[str, Any]]
    events: list[Event]
    expect: list[list[Any]]

    @property
    def yaml(self) -> bytes:
        return b"\n---\n".join(map(orjson.dumps, self.documents))


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.yaml")):
        file = yaml.safe_load(path.read_bytes())
        for case in file["cases"]:
            documents = [
                {"name": name, "id": f"id-{name}", "title": name, "level": "high"}
                | {"correlation": section}
                | case.get("more", {}).get(name, {})
                for name, section in case["correlations"].items()
            ]
            events = [
                (
                    DAY + round(at * 1_000_000),
                    f"{number:04}",
                    {"Channel": "Security", **file["kinds"].get(kind, {"EventID": 4624}), **fields},
                )
                for number, (at, kind, fields) in enumerate(case["events"])
            ]
            yield Case(case["name"], [*file["rules"], *documents], events, case["expect"])


def compiled(case: Case, logsources: tuple[LogsourceBinding, ...]) -> Plan:
    files = [("rules/case.yml", case.yaml)]
    return compile_plan(parse_rules(files), logsources, use_hyperscan=False)


def uid(number: int) -> str:
    return f"event-{number:04}"


def base_findings(plan: Plan, events: list[Event]) -> list[Finding]:
    """What the engine finds in the events, with the values that correlations need."""
    records = [NativeRecord("windows_security", "flat", fields) for _, _, fields in events]
    raws = [orjson.dumps(record.fields) for record in records]
    return [
        finding(plan, rule, events[row][0], row, records[row])
        for row, rule in Matcher(plan).match(records, raws)
    ]


def finding(plan: Plan, number: int, time: int, row: int, record: NativeRecord) -> Finding:
    rule = plan.rules[number]
    copy = EventCopy(uid(row), time, "authentication", f"raw {row}", "file", row)
    return Finding(
        finding_id=finding_id(rule.rule_id, rule.digest, (uid(row),)),
        rule_id=rule.rule_id,
        rule_digest=rule.digest,
        title=rule.title,
        level=Level(rule.level),
        techniques=rule.techniques,
        time=time,
        event_uids=(uid(row),),
        matched=(),
        entities=(Entity("host", f"h{row % 3}", f"H{row % 3}"),),
        events=(copy,),
        site="here",
        source_id="windows_security",
        content_id="c",
        received_at=time + row,
        standing=plan.standing_of(rule.rule_id),
        values=values_of(plan, number, record),
    )


def rows_of(findings: list[Finding]) -> pa.RecordBatch:
    return findings_to_arrow([(n, found) for n, found in enumerate(findings)])


def final(outputs: list[pa.RecordBatch]) -> dict[str, Finding]:
    """Findings as they stand after all outputs: the last of each id."""
    return {found.finding_id: found for rows in outputs for found in findings_from_arrow(rows)}


def said_of(plan: Plan, found: Finding, starts: dict[str, int]) -> Said:
    """A correlation finding in the words of the oracle."""
    one = next(c for c in plan.correlations if c.rule.rule_id == found.rule_id)
    group = tuple(str(value).lower() for _, value in found.values)
    measure = found.matched[len(one.group_by)].value
    events = frozenset(int(name.removeprefix("event-")) for name in found.event_uids)
    return Said(found.rule_id, group, starts[found.finding_id], found.time, measure, events)
