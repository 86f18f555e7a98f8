"""What a rule, correlation or filter document says about itself, and what became of it."""

from hashlib import sha256
from typing import Any

import orjson

from tocsin.detect.sigma.ir import Rule
from tocsin.model.context import cves_in
from tocsin.model.findings import Level
from tocsin.model.rules import RuleState, RuleStatus

_MAX_DEPTH = 64
"""Levels of a document that its digest tells apart."""


def unreadable(where: str, reason: str) -> RuleStatus:
    """The status of a file that holds no readable document."""
    return RuleStatus(
        rule_id=where, title="", state=RuleState.UNSUPPORTED, reason=reason, where=where
    )


def status_of(rule: Rule, state: RuleState, reason: str) -> RuleStatus:
    """The status of a rule."""
    return RuleStatus(
        rule_id=rule.rule_id, title=rule.title, state=state, reason=reason, where=rule.where
    )


def about(where: str, document: dict[str, Any]) -> Rule:
    """The rule that a document describes, without logsource."""
    digest = digest_of(document)
    tags = _tags(document.get("tags"))
    return Rule(
        rule_id=str(document.get("id") or f"unnamed-{digest}"),
        title=str(document.get("title") or where),
        name=str(document.get("name") or ""),
        level=_level(document.get("level")),
        leveled=document.get("level") is not None,
        status=str(document.get("status") or ""),
        description=str(document.get("description") or "").strip(),
        techniques=tuple(tag.upper() for tag in tags if tag[:1] == "t" and tag[1:2].isdigit()),
        tactics=tuple(
            tag.replace("_", "-") for tag in tags if tag[0].isalpha() and not tag[1:2].isdigit()
        ),
        digest=digest,
        where=where,
        product="",
        category="",
        service="",
        cves=_cves(document.get("tags")),
    )


def digest_of(document: Any) -> str:
    """Sixteen hexadecimal digits that change with whatever a document says."""
    return sha256(orjson.dumps(_plain(document), option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def _plain(value: Any, depth: int = 0) -> Any:
    """A value as JSON can hold it: dates and odd keys as text, depth bounded."""
    if depth > _MAX_DEPTH:
        return repr(type(value))
    if isinstance(value, dict):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, bool | float | type(None)):
        return value
    return str(value).encode("utf-8", "replace").decode()


def _level(value: Any) -> Level:
    """Rules without a known level are informational: the specification's lowest."""
    try:
        return Level(str(value).lower())
    except ValueError:
        return Level.INFORMATIONAL


def _cves(value: Any) -> tuple[str, ...]:
    """The CVE ids among the tags (`cve.2021-44228`)."""
    tags = (str(tag) for tag in value) if isinstance(value, list) else iter(())
    return tuple(dict.fromkeys(cve for tag in tags for cve in cves_in(tag)))


def _tags(value: Any) -> list[str]:
    """The ATT&CK tags without their prefix, lower-cased."""
    found = (str(tag).lower() for tag in value) if isinstance(value, list) else iter(())
    return [
        tag.removeprefix("attack.")
        for tag in found
        if tag.startswith("attack.") and tag != "attack."
    ]
