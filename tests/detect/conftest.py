"""What tests of detection share: the shipped logsources and plans out of a few lines of YAML."""

from pathlib import Path

import pytest
from tests.detect.sigma_rules import Compile

from tocsin.detect.sigma import Plan, compile_plan, parse_rules
from tocsin.detect.sigma.automata import hyperscan
from tocsin.detect.sigma.logsources import load_logsources
from tocsin.model.logsources import LogsourceBinding

LOGSOURCES = "src/tocsin/shipped/sources/windows_logsources.yaml"
ENGINES = [True, False] if hyperscan is not None else [False]


@pytest.fixture(scope="session")
def logsource_bytes(repo: Path) -> bytes:
    return (repo / LOGSOURCES).read_bytes()


@pytest.fixture(scope="session")
def logsources(logsource_bytes: bytes) -> tuple[LogsourceBinding, ...]:
    return load_logsources(LOGSOURCES, logsource_bytes)


@pytest.fixture(params=ENGINES, ids=lambda use: "hyperscan" if use else "plain", scope="session")
def compile_rules(
    request: pytest.FixtureRequest, logsources: tuple[LogsourceBinding, ...]
) -> Compile:
    """Compile YAML documents, once with each scanner."""

    def compile_(*documents: str) -> Plan:
        files = [(f"rule{n}.yml", text.encode()) for n, text in enumerate(documents)]
        return compile_plan(parse_rules(files), logsources, use_hyperscan=request.param)

    return compile_
