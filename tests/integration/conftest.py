"""Logs of a small simulated enterprise, and what a hunt over them finds: the truth."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.service import Service

from tocsin.app.hunt import hunt_files
from tocsin.lab import write_history

START = 1_767_600_000_000_000  # Monday 2026-01-05 08:00 UTC
HOUR = 3_600_000_000


@dataclass(frozen=True)
class Truth:
    """Lines by file name, and the (rule, original record) pairs that must be found once each."""

    lines: dict[str, list[bytes]]
    findings: Counter[tuple[str, str]]

    @property
    def total(self) -> int:
        """Records in all."""
        return sum(map(len, self.lines.values()))


def make_truth(folder: Path) -> Truth:
    """Four hours of the enterprise with its attack, written below `folder`."""
    write_history(folder / "logs", folder / "truth.jsonl", seed=11, start=START, duration=4 * HOUR)
    report = hunt_files([folder / "logs"])
    files = sorted((folder / "logs").iterdir())
    lines = {path.name: path.read_bytes().splitlines(keepends=True) for path in files}
    pairs = Counter((f.rule_id, f.events[0].raw) for f in report.findings)
    assert pairs, "the logs must hold something to find"
    return Truth(lines, pairs)


@pytest.fixture(scope="session")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """The same for all tests."""
    return make_truth(tmp_path_factory.mktemp("truth"))


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service that is not running yet; whatever still runs at the end is ended."""
    service = Service(tmp_path / "site")
    yield service
    service.end()
