"""One simulated working day, written once and read by all tests of the lab."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pytest

from tocsin.lab import Enterprise, Written, write_history
from tocsin.lab.hosts import RandomFor
from tocsin.lab.world import World
from tocsin.lab.write import LogFiles

MONDAY = 1_772_406_000_000_000
"""2026-03-02 00:00 at the enterprise (UTC+1), in microseconds UTC."""
HOUR = 3_600_000_000
DAY = 24 * HOUR


class History(NamedTuple):
    """What was written: the records of every file in order, and the truth."""

    folder: Path
    files: dict[str, list[dict[str, Any]]]
    truth: list[dict[str, Any]]
    written: Written

    @property
    def records(self) -> Iterator[dict[str, Any]]:
        """All records, file by file."""
        for lines in self.files.values():
            yield from lines


def read(folder: Path, truth: Path, written: Written) -> History:
    """Read back what the lab wrote."""
    files = {
        path.name: [orjson.loads(line) for line in path.read_bytes().splitlines()]
        for path in sorted(folder.iterdir())
    }
    labels = [orjson.loads(line) for line in truth.read_bytes().splitlines()]
    return History(folder, files, labels, written)


@pytest.fixture(scope="session")
def day(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A Monday with the attack."""
    root = tmp_path_factory.mktemp("lab")
    enterprise = Enterprise(density=0.5)
    written = write_history(
        root / "logs", root / "truth.jsonl", 11, MONDAY, DAY, enterprise=enterprise
    )
    return read(root / "logs", root / "truth.jsonl", written)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An enterprise in which nothing happens by itself."""
    with LogFiles(tmp_path / "logs", tmp_path / "truth.jsonl", MONDAY, 3600) as files:
        yield World(Enterprise(), 1, MONDAY, files)


@pytest.fixture
def random_for() -> RandomFor:
    """Random streams by name."""
    return RandomFor(1, MONDAY)


def written_by(world: World) -> list[dict[str, Any]]:
    """All records so far, in order of time."""
    world.files.flush()
    folder = world.files.folder
    records = [
        orjson.loads(line)
        for path in sorted(folder.iterdir())
        for line in path.read_bytes().splitlines()
    ]
    return sorted(records, key=lambda record: record["@timestamp"])
