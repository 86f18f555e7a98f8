"""What `make proof-3` runs: the kinds of trials, how many of each, and the words of its table."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.integration.bombs import bombs_trial
from tests.integration.conftest import make_truth
from tests.integration.hardships import (
    backup_trial,
    full_trial,
    poison_trial,
    small_disk,
    twice_trial,
)
from tests.integration.service import Service
from tests.integration.trials import Outcome, kill_trial, power_trial
from tests.powercut.disk import Disk, need_fuse

from tocsin.errors import TocsinError

MESSAGE = 500
"""Characters of a failure that are kept."""


@dataclass(frozen=True)
class Kind:
    """One kind of trial: `rounds` of them, each with `each` of what is counted."""

    name: str
    title: str
    rounds: int
    each: int
    run: Callable[[Path, int, int], Outcome]

    def trial(self, seed: int) -> Outcome:
        """One round; what goes wrong is part of the outcome, and so is why it was not possible."""
        outcome: Outcome = {"seed": seed, "n": self.each, "failed": ""}
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                outcome |= self.run(Path(folder), seed, self.each)
            except pytest.skip.Exception as reason:
                outcome |= {"n": 0, "skipped": str(reason)}
            except (AssertionError, OSError, TocsinError, pytest.fail.Exception) as error:
                outcome["failed"] = f"{type(error).__name__}: {error}"[:MESSAGE]
        return outcome


def _kills(folder: Path, seed: int, each: int) -> Outcome:
    service = Service(folder / "site")
    try:
        return kill_trial(service, seed=seed, kills=each)
    finally:
        service.end()


def _cuts(folder: Path, seed: int, each: int) -> Outcome:
    need_fuse()
    service, disk = Service(folder / "site"), Disk(folder / "disk")
    try:
        return power_trial(service, disk, seed=seed, cuts=each)
    finally:
        service.end()
        disk.cut()


def _full(folder: Path, seed: int, _each: int) -> Outcome:
    service = Service(folder / "site")
    with small_disk(folder / "disk") as disk:
        try:
            return full_trial(service, disk, seed=seed)
        finally:
            service.end()


def _poison(folder: Path, seed: int, each: int) -> Outcome:
    service = Service(folder / "site")
    try:
        return poison_trial(service, seed=seed, good=10 * each, bad=each)
    finally:
        service.end()


def _bombs(folder: Path, _seed: int, _each: int) -> Outcome:
    service = Service(folder / "site")
    try:
        return bombs_trial(service, folder / "bombs")
    finally:
        service.end()


def _backup(folder: Path, seed: int, _each: int) -> Outcome:
    service, other = Service(folder / "site"), Service(folder / "other")
    try:
        return backup_trial(service, other, folder / "backup", seed=seed)
    finally:
        service.end()
        other.end()


def _twice(folder: Path, seed: int, _each: int) -> Outcome:
    clean, dirty = Service(folder / "clean"), Service(folder / "dirty")
    try:
        return twice_trial(clean, dirty, make_truth(folder), seed=seed)
    finally:
        clean.end()
        dirty.end()


KINDS = (
    Kind("kills", "kill -9 of any process", 40, 5, _kills),
    Kind("power", "power cut", 20, 5, _cuts),
    Kind("full", "disk full", 10, 1, _full),
    Kind("poison", "malformed record", 1, 10_000, _poison),
    Kind("bombs", "bombs over HEC and in files", 1, 8, _bombs),
    Kind("twice", "10 % twice, other order", 10, 1, _twice),
    Kind("backup", "backup under load", 10, 1, _backup),
)
