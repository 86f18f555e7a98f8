"""Processes of a service are killed at random while it is sent to in four ways at once."""

import pytest
from tests.integration.service import Service
from tests.integration.trials import kill_trial

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]

KILLS = 10


def test_random_kills_of_any_process_lose_nothing_acknowledged(service: Service) -> None:
    outcome = kill_trial(service, seed=4, kills=KILLS)
    print(outcome)
    assert not outcome["failed"]
    assert outcome["acknowledged"] > 100 * KILLS
    assert outcome["findings"] > 0
