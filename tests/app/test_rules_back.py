"""What a rule would have said of stored events is kept as if it had."""

import pytest
from tests.app.stored import HOUR, NOW, PACKING, fill_lake, new_site, packing

from tocsin.app.rules_back import search_for_rules
from tocsin.errors import UsageError
from tocsin.model.findings import Standing
from tocsin.store import State


def test_the_past_of_a_rule_is_kept_once(tmp_path):
    site = new_site(tmp_path / "soc")
    records = [packing("a"), packing("b", 1)]
    fill_lake(site, records)
    state = State(site.state)
    assert search_for_rules(site, state, [PACKING], 30, NOW) == (2, 2)
    waiting = [finding for _, finding in state.intelligence.pending(10)]
    assert {one.rule_id for one in waiting} == {PACKING}
    assert {one.standing for one in waiting} == {Standing.OPEN}
    assert search_for_rules(site, state, [PACKING], 30, NOW) == (2, 0)
    with pytest.raises(UsageError):
        search_for_rules(site, state, ["no such rule"], 30, NOW)
    state.close()


def test_old_events_count_and_open_nothing(tmp_path):
    site = new_site(tmp_path / "soc")
    fill_lake(site, [packing("a")])
    state = State(site.state)
    search_for_rules(site, state, [PACKING], 30, NOW + 48 * HOUR)
    [(_, past)] = state.intelligence.pending(10)
    assert past.standing is Standing.HISTORY
    state.close()
