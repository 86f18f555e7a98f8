"""A full disk, broken records, a backup under load, records sent twice and in another order."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.conftest import Truth
from tests.integration.hardships import (
    backup_trial,
    full_trial,
    poison_trial,
    small_disk,
    twice_trial,
)
from tests.integration.service import Service

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Service]:
    """A second service."""
    service = Service(tmp_path / "other")
    yield service
    service.end()


def test_a_full_disk_refuses_and_goes_on_by_itself(service: Service, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        try:
            outcome = full_trial(service, disk, seed=1)
        finally:
            service.end()
    print(outcome)
    assert not outcome["failed"]


def test_every_good_record_among_broken_ones_is_stored(service: Service) -> None:
    outcome = poison_trial(service, seed=1, good=10_000, bad=1_000)
    print(outcome)
    assert not outcome["failed"]


def test_a_backup_under_load_holds_all_that_was_acknowledged(
    service: Service, other: Service, tmp_path: Path
) -> None:
    outcome = backup_trial(service, other, tmp_path / "backup", seed=1)
    print(outcome)
    assert not outcome["failed"]


def test_repeats_and_another_order_change_nothing(
    service: Service, other: Service, truth: Truth
) -> None:
    outcome = twice_trial(service, other, truth, seed=1)
    print(outcome)
    assert not outcome["failed"]
