from collections import Counter
from pathlib import Path
from uuid import UUID

import orjson
import pytest
import yaml
from tests.shipped.conftest import found

from tocsin.detect.sigma import Matcher
from tocsin.detect.sigma.rule_tests import check_rules
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.findings import Level
from tocsin.model.logsources import LogsourceBinding

TACTICS = {
    "initial-access",
    "execution",
    "persistence",
    "privilege-escalation",
    "defense-evasion",
    "credential-access",
    "discovery",
    "lateral-movement",
    "collection",
    "command-and-control",
    "impact",
}


def test_all_rules_are_active_and_pass_their_tests(
    content: ContentSet, bindings: tuple[LogsourceBinding, ...]
) -> None:
    assert check_rules(list(content.under("rules/")), bindings) == []


def test_there_are_about_sixty(rule_files: list[ContentFile]) -> None:
    assert len(rule_files) >= 55


def test_every_rule_says_what_an_analyst_needs(rule_files: list[ContentFile]) -> None:
    for file in rule_files:
        rule = yaml.safe_load(file.data)
        assert UUID(rule["id"]).version == 4, file.where
        assert len(rule["description"]) > 60, file.where
        assert rule["falsepositives"], file.where
        assert Level(rule["level"]).value == rule["level"], file.where
        assert all(tag.startswith("attack.") for tag in rule["tags"]), file.where


def test_ids_and_titles_are_given_once(rule_files: list[ContentFile]) -> None:
    rules = [yaml.safe_load(file.data) for file in rule_files]
    for key in ("id", "title"):
        assert max(Counter(rule[key] for rule in rules).values()) == 1


def test_a_rule_lies_in_the_folder_of_one_of_its_tactics(
    rule_files: list[ContentFile], matcher: Matcher
) -> None:
    correlations = [one.rule for one in matcher.plan.correlations]
    compiled = {rule.where: rule for rule in (*matcher.plan.rules, *correlations)}
    for file in rule_files:
        rule = compiled[file.where]
        assert file.path.split("/")[1].replace("_", "-") in rule.tactics, file.where
        assert set(rule.tactics) <= TACTICS, file.where
        assert rule.techniques, file.where


def test_every_step_of_the_attack_is_found(attacked: Path, matcher: Matcher) -> None:
    hits = found(attacked / "logs", matcher)
    steps: dict[str, int] = {}
    for line in (attacked / "truth.jsonl").read_bytes().splitlines():
        label = orjson.loads(line)
        if not label["quiet"]:
            rules = hits.get((label["file"], label["record_number"]), [])
            steps[label["step"]] = steps.get(label["step"], 0) + len(rules)
    assert len(steps) > 15
    assert [step for step, count in steps.items() if count == 0] == []


def test_techniques_of_the_attack_are_named(attacked: Path, matcher: Matcher) -> None:
    named = {
        technique
        for rules in found(attacked / "logs", matcher).values()
        for rule in rules
        for technique in rule.techniques
    }
    assert {"T1003.001", "T1486", "T1490", "T1047", "T1569.002", "T1204.002"} <= named


def test_outside_the_attack_it_is_quiet(attacked: Path, matcher: Matcher) -> None:
    labelled = {
        (label["file"], label["record_number"])
        for label in map(orjson.loads, (attacked / "truth.jsonl").read_bytes().splitlines())
    }
    loud = [
        rule.title
        for key, rules in found(attacked / "logs", matcher).items()
        for rule in rules
        if key not in labelled and rule.level.rank >= Level.MEDIUM.rank
    ]
    assert len(loud) <= 6, Counter(loud)


def test_a_calm_day_of_twenty_people_is_quiet(calm: Path, matcher: Matcher) -> None:
    rules = [rule for rules in found(calm / "logs", matcher).values() for rule in rules]
    loud = [rule.title for rule in rules if rule.level.rank >= Level.MEDIUM.rank]
    assert len(loud) <= 6, Counter(loud)
    assert not [rule.title for rule in rules if rule.level.rank >= Level.HIGH.rank]


@pytest.mark.parametrize("name", ["match", "no_match"])
def test_tests_name_no_real_place(content: ContentSet, name: str) -> None:
    for file in content.under("rules/"):
        if file.path.endswith(".tests.yaml"):
            tests = yaml.safe_load(file.data)
            cases = [case if isinstance(case, list) else [case] for case in tests[name]]
            for record in (record for case in cases for record in case):
                assert "shape" in tests or {"Channel", "EventID"} <= record.keys(), file.where
                for value in record.values():
                    named = str(value).replace(".amazonaws.com", "")
                    assert ".com" not in named, file.where
