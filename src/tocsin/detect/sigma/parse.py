"""Read rule files: each document ends as a rule, correlation or filter, or as a status."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
import yaml
from sigma.exceptions import SigmaError
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine
from sigma.rule import SigmaDetections, SigmaLogSource
from sigma.rule.base import SigmaYAMLLoader

from tocsin.detect.sigma.about import about, status_of, unreadable
from tocsin.detect.sigma.checks import compile_linear
from tocsin.detect.sigma.condition import (
    NeedsListError,
    PredicateTable,
    UnsupportedError,
    joined,
    to_node,
)
from tocsin.detect.sigma.correlations import ParsedCorrelation, correlation_of
from tocsin.detect.sigma.filters import ParsedFilter, is_approved
from tocsin.detect.sigma.ir import Connective, Node, ParsedRule, Predicate, Rule
from tocsin.detect.sigma.placeholders import is_placeholders, load_placeholders
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

_COLLECTION = "rule collections with 'action'; write one document per rule"

Parsed = ParsedRule | ParsedCorrelation | ParsedFilter


class _EitherEngine(RegexEngine):
    """Takes a pattern that google-re2 or, with lookaround, Python's `re` can run."""

    @property
    def error(self) -> type[Exception]:
        return re.error

    def compile(self, pattern: str, flags: int = 0) -> Any:
        letters = "".join(name for flag, name in _INLINE.items() if flags & flag)
        linear = compile_linear(f"(?{letters}){pattern}" if letters else pattern)
        return re.compile(pattern, flags) if linear is None else linear


_DEEPEST = 64
_INLINE = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s"}
_POLICY = SigmaPolicy(regex_engine=_EitherEngine())


class RuleSet(msgspec.Struct, frozen=True):
    """What rule files hold, the predicates of it all, and what became of the other documents."""

    rules: tuple[ParsedRule, ...]
    predicates: tuple[Predicate, ...]
    rejected: tuple[RuleStatus, ...]
    correlations: tuple[ParsedCorrelation, ...] = ()
    filters: tuple[ParsedFilter, ...] = ()


def parse_rules(files: Iterable[tuple[str, bytes]]) -> RuleSet:
    """Rules of (where, YAML bytes) pairs; never raises on what a file holds.

    When two documents have the same id, the later one counts and the earlier is inactive. Files
    called `placeholders.yaml` hold the site's lists for placeholders.
    """
    files = list(files)
    lists, rejected = load_placeholders(pair for pair in files if is_placeholders(pair[0]))
    table = PredicateTable(lists)
    found: dict[str, Parsed] = {}
    for where, data in files:
        if is_placeholders(where):
            continue
        for document, problem in _documents(where, data):
            outcome = problem or _parsed(where, document, table)
            if isinstance(outcome, RuleStatus):
                rejected.append(outcome)
                continue
            earlier = found.pop(outcome.rule.rule_id, None)
            if earlier is not None:
                reason = f"overridden: {where} has the same id"
                rejected.append(status_of(earlier.rule, RuleState.INACTIVE, reason))
            found[outcome.rule.rule_id] = outcome
    return RuleSet(
        rules=tuple(one for one in found.values() if isinstance(one, ParsedRule)),
        predicates=tuple(table.predicates),
        rejected=tuple(rejected),
        correlations=tuple(one for one in found.values() if isinstance(one, ParsedCorrelation)),
        filters=tuple(one for one in found.values() if isinstance(one, ParsedFilter)),
    )


def _documents(where: str, data: bytes) -> Iterator[tuple[dict[str, Any], RuleStatus | None]]:
    try:
        loaded = list(yaml.load_all(data.decode("utf-8-sig"), Loader=SigmaYAMLLoader))
    except UnicodeDecodeError as error:
        yield {}, unreadable(where, f"not UTF-8: byte {error.start}")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{where}:{mark.line + 1}" if mark else where
        yield {}, unreadable(place, f"not YAML: {getattr(error, 'problem', None) or error}")
    except _REJECTED as error:
        yield {}, unreadable(where, f"not YAML: {error}")
    else:
        for document in loaded:
            if isinstance(document, dict):
                yield document, None
            elif document is not None:
                yield {}, unreadable(where, "a rule must be a mapping")


def _parsed(where: str, document: dict[str, Any], table: PredicateTable) -> Parsed | RuleStatus:
    said = about(where, document)
    if "action" in document:
        return status_of(said, RuleState.UNSUPPORTED, f"not supported: {_COLLECTION}")
    try:
        if "correlation" in document:
            return correlation_of(said, document)
        said = _sourced(said, SigmaLogSource.from_dict(document["logsource"]))
        if "filter" in document:
            found = _filter(said, document["filter"], table)
            return msgspec.structs.replace(found, approved=is_approved(document))
        return ParsedRule(said, _tree(document["detection"], table))
    except NeedsListError as error:
        reason = f"placeholder {error} needs a list of values from this site"
        return status_of(said, RuleState.INACTIVE, reason)
    except UnsupportedError as error:
        return status_of(said, RuleState.UNSUPPORTED, f"not supported: {error}")
    except _REJECTED as error:
        return status_of(said, RuleState.UNSUPPORTED, _why(error))


def _sourced(said: Rule, source: SigmaLogSource) -> Rule:
    return msgspec.structs.replace(
        said,
        product=_fold(source.product),
        category=_fold(source.category),
        service=_fold(source.service),
    )


def _filter(said: Rule, section: Any, table: PredicateTable) -> ParsedFilter:
    """A filter: detections like a rule's, and the rules that it is for."""
    if not isinstance(section, dict) or "rules" not in section:
        raise UnsupportedError("a filter without `rules` (ids, names or any)")
    named = section["rules"]
    every = not named or (isinstance(named, str) and named.lower() == "any")
    listed = named if isinstance(named, list) else [named]
    tree = _tree({key: value for key, value in section.items() if key != "rules"}, table)
    return ParsedFilter(said, None if every else tuple(map(str, listed)), tree)


def _why(error: BaseException) -> str:
    if isinstance(error, KeyError) and error.args and error.args[0] in ("logsource", "detection"):
        return f"invalid rule: it has no {error.args[0]}"
    return f"invalid rule: {str(error) or type(error).__name__}"


def _fold(name: str | None) -> str:
    return (name or "").lower()


def _tree(detection: Any, table: PredicateTable) -> Node:
    if "timeframe" in detection:
        raise UnsupportedError("timeframe (aggregation); write a correlation rule")
    detections = SigmaDetections.from_dict(_known(detection), policy=_POLICY)
    parts = [to_node(condition.parse(), table) for condition in detections.parsed_condition]
    return parts[0] if len(parts) == 1 else joined(Connective.OR, parts)


def _known(definition: Any, depth: int = 0) -> Any:
    """A detection with `utf16le` under the name that pySigma has for it, `wide`."""
    if depth > _DEEPEST:
        raise UnsupportedError(f"a detection nested deeper than {_DEEPEST}")
    if isinstance(definition, list):
        return [_known(part, depth + 1) for part in definition]
    if isinstance(definition, dict):
        return {_renamed(key): _known(part, depth + 1) for key, part in definition.items()}
    return definition


def _renamed(key: Any) -> Any:
    if not isinstance(key, str) or "|utf16le" not in key:
        return key
    field, *modifiers = key.split("|")
    return "|".join([field, *("wide" if name == "utf16le" else name for name in modifiers)])
