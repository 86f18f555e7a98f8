"""What ships, compiled once."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from tocsin.content import load
from tocsin.detect.sigma import Matcher, compile_plan, parse_rules
from tocsin.detect.sigma.logsources import load_logsources
from tocsin.detect.sigma.rule_tests import TESTS
from tocsin.lab import Enterprise, write_history
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.records import NativeRecord

MONDAY = 1_772_406_000_000_000
DAY = 86_400_000_000
Key = tuple[str, int]
"""File and record number."""


@pytest.fixture(scope="session")
def content() -> ContentSet:
    """What ships, without a site."""
    return load(None)


@pytest.fixture(scope="session")
def rule_files(content: ContentSet) -> list[ContentFile]:
    """The rules themselves."""
    return [file for file in content.under("rules/") if not file.path.endswith(TESTS)]


@pytest.fixture(scope="session")
def bindings(content: ContentSet) -> tuple[LogsourceBinding, ...]:
    """What the shipped sources deliver."""
    files = [f for f in content.under("sources/") if f.path.endswith("logsources.yaml")]
    return tuple(b for file in files for b in load_logsources(file.where, file.data))


@pytest.fixture(scope="session")
def matcher(rule_files: list[ContentFile], bindings: tuple[LogsourceBinding, ...]) -> Matcher:
    """All shipped rules in one plan."""
    return Matcher(compile_plan(parse_rules([(f.where, f.data) for f in rule_files]), bindings))


def found(folder: Path, matcher: Matcher) -> Mapping[Key, list[Any]]:
    """Rules that fire, by record."""
    hits: dict[Key, list[Any]] = defaultdict(list)
    for path in sorted(folder.iterdir()):
        raws = path.read_bytes().splitlines()
        records = [NativeRecord("windows", "flat", orjson.loads(raw)) for raw in raws]
        for row, rule in matcher.match(records, raws):
            number = records[row].fields["RecordNumber"]
            hits[path.name, number].append(matcher.plan.rules[rule])
    return hits


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated Monday with the attack: logs and truth.jsonl."""
    root = tmp_path_factory.mktemp("attacked")
    write_history(root / "logs", root / "truth.jsonl", 23, MONDAY, DAY)
    return root


@pytest.fixture(scope="session")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated Monday on which nothing bad happens."""
    root = tmp_path_factory.mktemp("calm")
    enterprise = Enterprise(attack=False)
    write_history(root / "logs", root / "truth.jsonl", 29, MONDAY, DAY, enterprise=enterprise)
    return root
