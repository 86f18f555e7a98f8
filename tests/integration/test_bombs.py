"""Bombs over HEC and in files are refused within a second."""

from pathlib import Path

import pytest
from tests.integration.bombs import bombs_trial
from tests.integration.service import Service

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def test_bombs_are_refused_within_a_second(service: Service, tmp_path: Path) -> None:
    outcome = bombs_trial(service, tmp_path / "bombs")
    print(outcome)
    assert not outcome["failed"]
