"""Dead letters go through once more and come out as events, once."""

import pytest
from tests.store.test_intake import refuse

from tocsin.app.accounts import accounts
from tocsin.app.again import send_again
from tocsin.app.site import open_site
from tocsin.collect.transports.again import Again
from tocsin.errors import UsageError
from tocsin.store import State
from tocsin.store.think import MAX_RAW


@pytest.fixture
def site(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    (tmp_path / "data").mkdir()
    return open_site(tmp_path, {})


@pytest.fixture
def state(site):
    opened = State(site.state)
    yield opened
    opened.close()


def bundles(site):
    return list(Again(site.data / "again").poll(0))


def test_letters_leave_state_and_wait_for_the_edge(site, state):
    refuse(state, "not-json", "unrecognized", raw=b"{}")
    sent = send_again(site, "maria", 5, reason="unrecognized", declare="okta_system_log")
    assert (sent.sent, sent.cut) == (1, 0)
    [chunk] = bundles(site)
    assert chunk.source_id == "okta_system_log"
    assert chunk.batch.positions == [2]
    assert state.intake.dead_letter_counts() == {"not-json": 1}
    assert [record.kind for record in state.journal.tail(1)] == ["reprocess"]
    assert accounts(state.intake.counters())[0].reprocessed == 1


def test_what_is_not_whole_stays(site, state):
    refuse(state, "too-large", raw=b"x" * MAX_RAW)
    assert send_again(site, "maria", 5).cut == 1
    assert bundles(site) == []
    assert state.intake.dead_letter_counts() == {"too-large": 1}


def test_nothing_to_send_is_said(site, state):
    refuse(state, "not-json")
    with pytest.raises(UsageError, match="no such dead letter"):
        send_again(site, "maria", 5, reason="unrecognized")


def test_what_is_no_record_keeps_its_explanation(site, state):
    refuse(state, "truncated", raw=b"")
    refuse(state, "cut-off", raw=b"<13>half a mess")
    assert send_again(site, "maria", 5).sent == 0
    assert state.intake.dead_letter_counts() == {"cut-off": 1, "truncated": 1}
