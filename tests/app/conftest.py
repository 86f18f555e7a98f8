"""A small simulated enterprise's logs, written once for all tests here."""

from pathlib import Path

import pytest

from tocsin.lab import write_history

START = 1_767_600_000_000_000  # Monday 2026-01-05 08:00 UTC
HOUR = 3_600_000_000


@pytest.fixture(scope="session")
def enterprise_logs(tmp_path_factory) -> Path:
    """Two hours of an enterprise with an attack in it; one NDJSON file per host and channel."""
    folder = tmp_path_factory.mktemp("enterprise")
    write_history(folder / "logs", folder / "truth.jsonl", seed=3, start=START, duration=4 * HOUR)
    return folder / "logs"


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    """Compiled plans go to a folder of this test run."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
