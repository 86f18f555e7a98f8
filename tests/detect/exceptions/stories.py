"""An exception and findings for it, said in a few words."""

from datetime import UTC, datetime
from textwrap import dedent

import yaml

from tocsin.model.content import ContentFile
from tocsin.model.findings import Entity, Finding, Level

CREATED = int(datetime(2026, 11, 23, tzinfo=UTC).timestamp()) * 1_000_000
DAY = 86_400_000_000
GOOD = {
    "id": "scanner",
    "title": "The scanner tries every account",
    "rules": ["rule-1"],
    "where": [{"field": "User", "equals": "svc_scan"}],
    "effect": "hide",
    "owner": "mira",
    "reason": "It is ours: ticket 4711.",
    "created": "2026-11-23",
    "expires": "2026-12-23",
    "tests": {"covers": [{"User": "svc_scan"}], "leaves": [{"User": "eve"}]},
}


def file(text: str, path: str = "exceptions/scanner.yaml") -> ContentFile:
    return ContentFile(path, dedent(text).encode(), "site")


def written(path: str = "exceptions/scanner.yaml", **changes: object) -> ContentFile:
    """The good exception with changes; None leaves a key out."""
    tree = {key: value for key, value in {**GOOD, **changes}.items() if value is not None}
    return file(yaml.safe_dump(tree, sort_keys=False), path)


def finding(
    *entities: Entity,
    rule: str = "rule-1",
    source: str = "linux",
    level: Level = Level.MEDIUM,
    received: int = CREATED,
    time: int = CREATED,
) -> Finding:
    return Finding(
        finding_id="f",
        rule_id=rule,
        rule_digest="d",
        title="T",
        level=level,
        techniques=(),
        time=time,
        event_uids=("e",),
        matched=(),
        entities=entities,
        events=(),
        site="default",
        source_id=source,
        content_id="c",
        received_at=received,
    )
