"""Read rule files: every document ends as a parsed rule or as a status with its reason."""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any

import msgspec
import orjson
import yaml
from sigma.exceptions import SigmaError
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine
from sigma.rule import SigmaDetections, SigmaLogSource
from sigma.rule.base import SigmaYAMLLoader

from tocsin.detect.sigma.checks import compile_linear
from tocsin.detect.sigma.condition import (
    NeedsListError,
    PredicateTable,
    UnsupportedError,
    joined,
    to_node,
)
from tocsin.detect.sigma.ir import Connective, Node, ParsedRule, Predicate, Rule
from tocsin.model.findings import Level
from tocsin.model.rules import RuleState, RuleStatus

_REJECTED = (
    SigmaError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    RecursionError,
    NotImplementedError,
    re.error,
)
"""What pySigma raises on documents that are valid YAML but no rule it knows."""

_MAX_DEPTH = 64
"""Levels of a document that its digest tells apart."""

_LATER = {
    "correlation": "correlation rules come later",
    "filter": "filters come later with the correlation rules",
    "action": "rule collections with 'action' are not supported; write one document per rule",
}


class _EitherEngine(RegexEngine):
    """Takes a pattern that google-re2 or, with lookaround, Python's `re` can run."""

    @property
    def error(self) -> type[Exception]:
        return re.error

    def compile(self, pattern: str, flags: int = 0) -> Any:
        letters = "".join(name for flag, name in _INLINE.items() if flags & flag)
        linear = compile_linear(f"(?{letters}){pattern}" if letters else pattern)
        return re.compile(pattern, flags) if linear is None else linear


_INLINE = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}
_POLICY = SigmaPolicy(regex_engine=_EitherEngine())


class RuleSet(msgspec.Struct, frozen=True):
    """Parsed rules, their predicates, and what became of the documents that are no rule."""

    rules: tuple[ParsedRule, ...]
    predicates: tuple[Predicate, ...]
    rejected: tuple[RuleStatus, ...]


def parse_rules(files: Iterable[tuple[str, bytes]]) -> RuleSet:
    """Rules of (where, YAML bytes) pairs; never raises on what a file holds.

    When two documents have the same id, the later one counts and the earlier is inactive.
    """
    table = PredicateTable()
    rules: dict[str, ParsedRule] = {}
    rejected: list[RuleStatus] = []
    for where, data in files:
        for document, problem in _documents(where, data):
            outcome = problem or _rule(where, document, table)
            if isinstance(outcome, RuleStatus):
                rejected.append(outcome)
                continue
            earlier = rules.pop(outcome.rule.rule_id, None)
            if earlier is not None:
                reason = f"overridden: {where} has the same id"
                rejected.append(_status(earlier.rule, RuleState.INACTIVE, reason))
            rules[outcome.rule.rule_id] = outcome
    return RuleSet(tuple(rules.values()), tuple(table.predicates), tuple(rejected))


def _documents(where: str, data: bytes) -> Iterator[tuple[dict[str, Any], RuleStatus | None]]:
    try:
        loaded = list(yaml.load_all(data.decode("utf-8-sig"), Loader=SigmaYAMLLoader))
    except UnicodeDecodeError as error:
        yield {}, _unreadable(where, f"not UTF-8: byte {error.start}")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        yield {}, _unreadable(place, f"not YAML: {getattr(error, 'problem', None) or error}")
    except _REJECTED as error:
        yield {}, _unreadable(where, f"not YAML: {error}")
    else:
        for document in loaded:
            if isinstance(document, dict):
                yield document, None
            elif document is not None:
                yield {}, _unreadable(where, "a rule must be a mapping")


def _unreadable(where: str, reason: str) -> RuleStatus:
    return RuleStatus(
        rule_id=where, title="", state=RuleState.UNSUPPORTED, reason=reason, where=where
    )


def _status(rule: Rule, state: RuleState, reason: str) -> RuleStatus:
    return RuleStatus(
        rule_id=rule.rule_id, title=rule.title, state=state, reason=reason, where=rule.where
    )


def _rule(where: str, document: dict[str, Any], table: PredicateTable) -> ParsedRule | RuleStatus:
    about = _about(where, document)
    for key, reason in _LATER.items():
        if key in document:
            return _status(about, RuleState.UNSUPPORTED, reason)
    try:
        source = SigmaLogSource.from_dict(document["logsource"])
        tree = _tree(document["detection"], table)
    except NeedsListError as error:
        reason = f"placeholder {error} needs a list of values from this site"
        return _status(about, RuleState.INACTIVE, reason)
    except UnsupportedError as error:
        return _status(about, RuleState.UNSUPPORTED, f"not supported: {error}")
    except _REJECTED as error:
        return _status(about, RuleState.UNSUPPORTED, _why(error))
    about = msgspec.structs.replace(
        about,
        product=_fold(source.product),
        category=_fold(source.category),
        service=_fold(source.service),
    )
    return ParsedRule(about, tree)


def _why(error: BaseException) -> str:
    if isinstance(error, KeyError) and error.args and error.args[0] in ("logsource", "detection"):
        return f"invalid rule: it has no {error.args[0]}"
    return f"invalid rule: {str(error) or type(error).__name__}"


def _fold(name: str | None) -> str:
    return (name or "").lower()


def _tree(detection: Any, table: PredicateTable) -> Node:
    if "timeframe" in detection:
        raise UnsupportedError("timeframe (aggregation); correlation rules come later")
    detections = SigmaDetections.from_dict(detection, policy=_POLICY)
    parts = [to_node(condition.parse(), table) for condition in detections.parsed_condition]
    return parts[0] if len(parts) == 1 else joined(Connective.OR, parts)


def _about(where: str, document: dict[str, Any]) -> Rule:
    digest = sha256(orjson.dumps(_plain(document), option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]
    tags = _tags(document.get("tags"))
    return Rule(
        rule_id=str(document.get("id") or f"unnamed-{digest}"),
        title=str(document.get("title") or where),
        level=_level(document.get("level")),
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
    )


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


def _tags(value: Any) -> list[str]:
    """The ATT&CK tags without their prefix, lower-cased."""
    found = (str(tag).lower() for tag in value) if isinstance(value, list) else iter(())
    return [
        tag.removeprefix("attack.")
        for tag in found
        if tag.startswith("attack.") and tag != "attack."
    ]
