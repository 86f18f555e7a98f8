"""Where the records of a source are: every one has a place."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from tocsin.app.accounts import (
    DROPPED,
    STORED,
    Account,
    accounts,
    by_source,
    judged,
    settled,
    unread,
)
from tocsin.model.envelope import REJECTS
from tocsin.model.stages import IDENTITIES

SOURCES = st.sampled_from(["sysmon", "okta", "zeek"])


def rejects(*sources):
    row = {"partition": "p", "offset": 1, "origin": "o", "position": 1, "received_at": 1}
    row |= {"reason": "not-json", "detail": "", "raw": b""}
    return pa.RecordBatch.from_pylist([row | {"source_id": s} for s in sources], schema=REJECTS)


def identities(*sources):
    row = {"offset": 1, "event_uid": "0" * 32, "time": 1}
    return pa.RecordBatch.from_pylist([row | {"source_id": s} for s in sources], schema=IDENTITIES)


@given(st.lists(SOURCES), st.lists(st.one_of(SOURCES, st.none())), st.data())
def test_what_was_judged_is_somewhere(events, refused, data):
    repeats = data.draw(st.lists(st.sampled_from(events), max_size=3)) if events else []
    counts = {f"classified|{s}|base_event": events.count(s) for s in set(events)}
    counts |= {f"rejected|{s or ''}|not-json": refused.count(s) for s in set(refused)}
    repeats = [s for n, s in enumerate(repeats) if repeats[:n].count(s) < events.count(s)]
    added = judged(counts, identities(*repeats), rejects(*refused))
    found = {one.source_id: one for one in accounts(added)}
    for source in {*events, *(s or "" for s in refused)}:
        one = found[source]
        assert one.received == events.count(source) + [s or "" for s in refused].count(source)
        assert one.in_flight == events.count(source) - repeats.count(source)
    assert sum(one.received for one in found.values()) == len(events) + len(refused)


def test_in_flight_becomes_nothing_when_the_lake_has_the_rest():
    added = judged({"classified|okta|authentication": 5}, identities("okta"), rejects())
    added.update(settled(STORED, {"okta": 3}))
    assert accounts(added) == [Account("okta", received=5, stored=3, duplicates=1)]
    assert accounts(added)[0].in_flight == 1
    added.update(settled(DROPPED, {"okta": 1}))
    assert accounts(added)[0].in_flight == 0


def test_what_the_edge_refused_was_received_too():
    [one] = accounts(unread(rejects(None, None)))
    assert (one.source_id, one.received, one.dead_letters, one.in_flight) == ("", 2, 2, 0)


def test_other_counters_are_no_accounts():
    assert accounts({"late-findings": 3, "rejected|okta|not-json": 1}) == []


def test_rows_are_counted_by_source():
    batch = pa.record_batch({"tocsin_source": ["a", "b", "a"]})
    assert by_source([batch, batch.slice(0, 1)]) == {"a": 3, "b": 1}
    second = batch.append_column("tocsin_also", pa.array([True, True, False]))
    assert by_source([batch, second]) == {"a": 3, "b": 1}


def test_every_place_is_told():
    places = dict(Account("okta", received=4, stored=1).places())
    assert places["in_flight"] == 3
    assert set(places) == {
        "in_flight", "received", "stored", "duplicates", "dead_letters", "dropped", "expired",
        "reprocessed",
    }  # fmt: skip
