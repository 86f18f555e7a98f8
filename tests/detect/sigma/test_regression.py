"""SigmaHQ's own regression data: every rule must fire on its EVTX file and on the JSON twin."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
import yaml
from tests.detect.real_sets import evtx_lines, json_documents, sigma_files, tar_files

from tocsin.content import load
from tocsin.detect.sigma import Matcher, compile_plan, parse_rules
from tocsin.model.logsources import LogsourceBinding
from tocsin.model.records import NativeRecord
from tocsin.normalize import compile_sources

pytestmark = pytest.mark.data
TESTS = 202


@dataclass(frozen=True)
class Case:
    rule_id: str
    count: int
    folder: str


def cases(files: dict[str, bytes]) -> Iterator[Case]:
    for name, content in files.items():
        if name.endswith("info.yml"):
            info = yaml.load(content, yaml.CSafeLoader)
            for test in info.get("regression_tests_info", []):
                rule_id = info["rule_metadata"][0]["id"]
                yield Case(rule_id, test.get("match_count", 1), name.rpartition("/")[0] + "/")


@pytest.mark.timeout(300)
def test_every_rule_fires_on_its_evtx_and_its_json(
    shared_data: Path, logsources: tuple[LogsourceBinding, ...]
) -> None:
    files = dict(tar_files(shared_data / "detection" / "sigma_regression_data.tar.xz"))
    wanted = list(cases(files))
    assert len(wanted) == TESTS
    ids = {case.rule_id.encode() for case in wanted}
    rules = [(n, d) for n, d in sigma_files(shared_data) if any(one in d for one in ids)]
    plan = compile_plan(parse_rules(rules), logsources)
    number = {rule.rule_id: index for index, rule in enumerate(plan.rules)}
    matcher = Matcher(plan)
    normalizer, problems = compile_sources(load(None))
    assert normalizer is not None, problems
    short = []
    for case in wanted:
        inside = {n: d for n, d in files.items() if n.startswith(case.folder)}
        evtx = [line for n, d in inside.items() if n.endswith(".evtx") for line in evtx_lines(d)]
        twin = [
            orjson.dumps(document)
            for n, d in inside.items()
            if n.endswith(".json")
            for document in json_documents(d)
        ]
        for kind, lines in (("evtx", evtx), ("json", twin)):
            rows = [normalizer.decode(line, None) for line in lines]
            assert all(isinstance(row, NativeRecord) for row in rows), rows
            hits = matcher.match(rows, lines)
            fired = sum(index == number[case.rule_id] for _, index in hits)
            if fired < case.count:
                short.append((kind, case, fired))
    assert short == []
