"""One simulated working day, written once and read by all tests of the lab."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import orjson
import pytest

from tocsin.lab import CAMPAIGNS, Enterprise, Written, write_history
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


class Whole(NamedTuple):
    """A whole enterprise's day: every file's lines, and the truth."""

    folder: Path
    lines: dict[str, list[bytes]]
    truth: list[dict[str, Any]]
    written: Written

    def json(self, name: str) -> list[dict[str, Any]]:
        """The objects in a file of JSON lines."""
        return [orjson.loads(line) for line in self.lines[name]]

    def events(self, slug: str, *numbers: int) -> Iterator[dict[str, Any]]:
        """Records of one channel from all machines, with one of these numbers."""
        for name in self.lines:
            if name.endswith(f"-{slug}.json"):
                yield from (r for r in self.json(name) if r["EventID"] in numbers)


PEOPLE = 60


def write_whole(root: Path, **changes: Any) -> Whole:
    """Write a Monday of 60 people with everything."""
    enterprise = msgspec.structs.replace(
        Enterprise.of(PEOPLE, 1, volume=100), attack=True, campaigns=CAMPAIGNS, twins=CAMPAIGNS
    )
    enterprise = msgspec.structs.replace(enterprise, **changes)
    truth = root / "truth.jsonl"
    written = write_history(root / "logs", truth, 5, MONDAY, DAY, enterprise=enterprise)
    lines = {path.name: path.read_bytes().splitlines() for path in (root / "logs").iterdir()}
    labels = [orjson.loads(line) for line in truth.read_bytes().splitlines()]
    return Whole(root / "logs", lines, labels, written)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """A Monday of a whole enterprise with all campaigns and twins."""
    return write_whole(tmp_path_factory.mktemp("whole"))


@pytest.fixture
def large(tmp_path: Path) -> Iterator[World]:
    """A whole enterprise in which nothing happens by itself."""
    with LogFiles(tmp_path / "logs", tmp_path / "truth.jsonl", MONDAY, 3600) as files:
        yield World(Enterprise.of(PEOPLE, 1), 1, MONDAY, files)


def lines_of(world: World, name: str) -> list[bytes]:
    """What one file holds so far."""
    world.files.flush()
    path = world.files.folder / name
    return path.read_bytes().splitlines() if path.exists() else []


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
    """All records of Windows so far, in order of time."""
    world.files.flush()
    folder = world.files.folder
    records = [
        orjson.loads(line)
        for path in sorted(folder.glob("*.json"))
        for line in path.read_bytes().splitlines()
    ]
    events = [record for record in records if "@timestamp" in record]
    return sorted(events, key=lambda record: record["@timestamp"])
