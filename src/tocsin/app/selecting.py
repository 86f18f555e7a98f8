"""Rules in files, and which files some rules need: what they refer to, filters, placeholders."""

import re
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from typing import Any

import msgspec
import yaml

from tocsin.detect.sigma.placeholders import is_placeholders
from tocsin.model.content import ContentSet
from tocsin.model.findings import Level

TESTS = (".tests.yaml", ".tests.yml")

NO_TRIAL = (
    "is a critical rule that ships, and a trial has no second person: write an exception with "
    "`approved_by:` for what you know"
)
"""Why such a rule is not put on trial, and what to do instead."""

_FEW = 100

_WORD = re.compile(r"[\w.-]+")


class Document(msgspec.Struct, frozen=True):
    """One rule of a file: its identity and what it says."""

    rule_id: str
    title: str
    level: str
    says: dict[str, Any]


def documents(where: str, data: bytes) -> list[Document]:
    """The rules that a file holds; none when it is no YAML (compiling it says why)."""
    return [
        Document(
            rule_id=str(tree.get("id") or f"{where}#{number}"),
            title=str(tree.get("title") or where),
            level=str(tree.get("level") or ""),
            says=tree,
        )
        for number, tree in enumerate(_loaded(data))
        if isinstance(tree, dict) and {"detection", "correlation", "filter"} & tree.keys()
    ]


@lru_cache(maxsize=8_192)
def _loaded(data: bytes) -> tuple[Any, ...]:
    """The documents of a file; a set of rules is looked at several times."""
    try:
        return tuple(yaml.load_all(data, Loader=_Plain))
    except (yaml.YAMLError, ValueError, RecursionError):
        return ()


def critical_shipped(content: ContentSet) -> dict[str, str]:
    """Id and title of every critical rule that came with the package: no one person silences it."""
    return {
        one.rule_id: one.title
        for file in content.under("rules/")
        if file.layer == "shipped" and b"critical" in file.data
        for one in _rules(file.path, file.data)
        if one.level.lower() == Level.CRITICAL
    }


class _Plain(yaml.SafeLoader):
    """Reads every plain value as text: a date is what stands there."""


_Plain.yaml_implicit_resolvers = {}


def needed(
    content: ContentSet, rule_ids: Collection[str], coming: Mapping[str, bytes] | None = None
) -> list[tuple[str, bytes]]:
    """(place, YAML) of the rules of these ids and of all that they need, for `parts.prepare`.

    `coming` are files that are to come, by path: they stand in for what is there of their path and
    of their rules.
    """
    coming = coming or {}
    own = {one.rule_id for path, data in coming.items() for one in _rules(path, data)}
    files = dict(_there(content, coming, own))
    files.update((path, data) for path, data in coming.items() if not path.endswith(TESTS))
    found = {place: data for place, data in files.items() if _shapes(place, data)}
    wanted, asked = set(rule_ids), set[str]()
    while wanted:
        asked |= wanted
        new: set[str] = set()
        for place, data in _likely(files, wanted):
            rules = _rules(place, data)
            if any({one.rule_id, str(one.says.get("name"))} & wanted for one in rules):
                found[place] = data
                new.update(name for one in rules for name in _references(one))
        wanted = new - asked
    return list(found.items())


def _likely(files: Mapping[str, bytes], names: Collection[str]) -> Iterator[tuple[str, bytes]]:
    """Files that may hold rules of these names: to look for few is faster than to read all."""
    patterns = [name.encode() for name in names]
    for place, data in files.items():
        if len(patterns) > _FEW or any(one in data for one in patterns):
            yield place, data


def _there(
    content: ContentSet, coming: Mapping[str, bytes], own: Collection[str]
) -> Iterator[tuple[str, bytes]]:
    """What is on disk and stays, under the place that messages name."""
    patterns = [one.encode() for one in own]
    for file in content.under("rules/"):
        if file.path in coming or not file.path.endswith((".yml", ".yaml")):
            continue
        if file.path.endswith(TESTS):
            continue
        replaced = any(one in file.data for one in patterns) and all(
            one.rule_id in own for one in _rules(file.path, file.data)
        )
        if not replaced:
            yield file.where, file.data


def _rules(place: str, data: bytes) -> list[Document]:
    return [] if place.endswith(TESTS) else documents(place, data)


def _shapes(place: str, data: bytes) -> bool:
    """True for files that change what other rules fire on."""
    if is_placeholders(place):
        return True
    return b"filter:" in data and any("filter" in one.says for one in _rules(place, data))


def _references(one: Document) -> Iterator[str]:
    """Ids and names that a correlation refers to (and some words that are none)."""
    section: Any = one.says.get("correlation")
    if not isinstance(section, dict):
        return
    rules = section.get("rules")
    yield from (str(name) for name in (rules if isinstance(rules, list) else [rules]) if name)
    condition = section.get("condition")
    if isinstance(condition, str):
        yield from _WORD.findall(condition)
