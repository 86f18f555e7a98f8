"""The power of a service's disk is cut under load: what was acknowledged is there afterwards."""

from pathlib import Path

import pytest
from tests.integration.service import Service
from tests.integration.trials import power_trial
from tests.powercut.disk import Disk, need_fuse

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

CUTS = 10


def test_power_cuts_lose_nothing_acknowledged(service: Service, tmp_path: Path) -> None:
    need_fuse()
    disk = Disk(tmp_path / "disk")
    try:
        outcome = power_trial(service, disk, seed=4, cuts=CUTS)
    finally:
        service.end()
        disk.cut()
    print(outcome)
    assert not outcome["failed"]
    assert outcome["acknowledged"] > 20 * CUTS
