"""Holds are placed and released by name, in the journal; what an incident cites is known."""

import msgspec
import pyarrow as pa
import pytest
from tests.store.stories import change, finding, incident

from tocsin.errors import UsageError
from tocsin.model.holds import Hold
from tocsin.model.incidents import INCIDENT_CHANGES, Grade, Verdict

HOLD = Hold("h1", "claim 7", "maria", 5, entity="ws01")


def test_a_hold_is_kept_until_released_and_both_are_in_the_journal(state):
    state.holds.place(HOLD)
    with pytest.raises(UsageError, match="there is a hold h1"):
        state.holds.place(HOLD)
    assert state.holds.in_force() == [HOLD]
    with pytest.raises(UsageError, match="no hold h2"):
        state.holds.release("h2", "ines", "settled", 9)
    state.holds.release("h1", "ines", "settled", 9)
    assert state.holds.in_force() == []
    ended = msgspec.structs.replace(HOLD, released=9, released_by="ines", released_reason="settled")
    assert state.holds.all() == [ended]
    with pytest.raises(UsageError):
        state.holds.release("h1", "ines", "again", 10)
    kinds = {record.kind for record in state.journal.tail(9)}
    assert kinds == {"hold-placed", "hold-released"}


def join(state, joined, found):
    with state.think("p") as tx:
        tx.add_findings([found])
        rows = [change(joined, [found.finding_id])]
        tx.apply_incident_changes(pa.RecordBatch.from_pylist(rows, schema=INCIDENT_CHANGES))


def test_events_of_open_incidents_are_cited_and_of_closed_ones_are_not(state):
    one, two = finding("e1"), finding("e2")
    join(state, incident("open"), one)
    join(state, incident("done"), two)
    assert state.holds.cited() == {"e1", "e2"}
    state.casebook.give(Verdict("done", Grade.FALSE_POSITIVE, "a scanner", "maria", 1))
    assert state.holds.cited() == {"e1"}


def test_a_decision_about_a_closed_incident_still_cites(state):
    join(state, incident("done"), finding("e2"))
    join(state, incident("other"), finding("e3"))
    for name in ("done", "other"):
        state.casebook.give(Verdict(name, Grade.FALSE_POSITIVE, "a scanner", "maria", 1))
    assert state.holds.cited() == frozenset()
    state.casebook.link(["done", "other"], reason="same tool", by="maria", at=2)
    assert state.holds.cited() == {"e2", "e3"}
