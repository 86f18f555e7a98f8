"""Orders to other tools, and what they say of their alerts."""

import msgspec
import pytest
from tests.correlate.findings import T0, finding, host

from tocsin.model.findings import Standing, VendorAlert
from tocsin.model.incidents import Grade, Incident, Verdict, incident_to_bytes
from tocsin.model.writeback import Cause
from tocsin.store import State
from tocsin.store.outbox import CONCEDED, SENDING, SENT, SUPERSEDED
from tocsin.store.state import models

SOURCES = frozenset({"splunk_notable"})


@pytest.fixture
def state(tmp_path):
    opened = State(tmp_path / "state.db")
    yield opened
    opened.close()


def alert(name, updated=1, status="New", *, over=False, source="splunk_notable"):
    vendor = VendorAlert(source, f"uid-{name}", status=status, updated=updated, over=over)
    made = msgspec.structs.replace(finding(name, 0, host("ws1")), vendor=vendor, source_id=source)
    return msgspec.structs.replace(made, received_at=T0 + updated)


def put(state, *findings, incident="inc-1"):
    """Findings in one open incident."""
    with state.think("p0") as tx:
        tx.add_findings(findings, [incident] * len(findings))
    body = Incident(
        incident, "default", "t", findings[0].level, (), (), (), 0, 0, 1, (), (), (), ""
    )
    models.Incident.objects.using(state._database.alias).update_or_create(
        incident_id=incident,
        defaults={
            "site": "default", "level": 3, "title": "t", "first": 0, "last": 0,
            "finding_count": 1, "body": incident_to_bytes(body),
        },
    )  # fmt: skip


def verdict(grade=Grade.FALSE_POSITIVE, reason="a scanner", cause="", at=100):
    return Verdict("inc-1", grade, reason, "tom", T0 + at, cause)


def vendor_of(state, name):
    return next(f for f in state.casebook.all_findings() if f.finding_id == name).vendor


def kinds(state):
    return [record.kind for record in state.journal.tail(50)]


def test_a_verdict_queues_an_order_for_each_alert_that_can_be_written_to(state):
    put(state, alert("a"), alert("b"), alert("c", source="wazuh_alerts"), finding("d", 0))
    state.casebook.give(verdict(cause="inaccurate-data"), SOURCES)
    due = state.outbox.due(T0 + 200, SOURCES)
    assert [one.order.seen.uid for one in due] == ["uid-a", "uid-b"]
    assert due[0].order.closing.cause is Cause.INACCURATE_DATA
    assert (due[0].order.comment, due[0].order.by) == ("a scanner", "tom")
    assert state.outbox.due(T0 + 200, {"elastic_security"}) == []
    assert state.casebook.verdicts()[0].cause == "inaccurate-data"


def test_a_verdict_that_fails_queues_nothing(state):
    put(state, alert("a"))
    with pytest.raises(ValueError, match="no cause"):
        state.casebook.give(verdict(Grade.TRUE_POSITIVE, cause="inaccurate-data"), SOURCES)
    assert state.outbox.last(9) == []
    assert state.casebook.status("inc-1") == "open"


def test_a_later_wish_takes_the_place_of_one_that_is_not_sent_yet(state):
    put(state, alert("a"))
    state.casebook.give(verdict(), SOURCES)
    state.casebook.give(verdict(Grade.TRUE_POSITIVE, "malware", at=200), SOURCES)
    newest, older = state.outbox.last(9)
    assert older.state == SUPERSEDED
    assert newest.order.closing.grade is Grade.TRUE_POSITIVE


def test_the_way_of_an_order_is_in_the_journal_before_it_is_sent(state):
    put(state, alert("a"))
    state.casebook.give(verdict(), SOURCES)
    [one] = state.outbox.due(T0 + 200, SOURCES)
    state.outbox.intend(one, T0 + 200)
    [one] = state.outbox.due(T0 + 200, SOURCES)
    assert (one.state, one.attempts) == (SENDING, 1)
    state.outbox.finish(one, SENT, T0 + 300, {"status": "Closed"})
    assert state.outbox.due(T0 + 900, SOURCES) == []
    assert kinds(state)[-2:] == ["siem-intent", "siem-sent"]
    assert state.outbox.counts() == {("splunk_notable", SENT): 1}


def test_the_same_alert_again_is_the_same_finding_and_a_change_amends_it(state):
    put(state, alert("a"))
    with state.think("p0") as tx:
        assert tx.add_findings([alert("a")]) == 0
        assert tx.add_findings([alert("a", 5, "In Progress")]) == 0
        tx.add_findings([alert("a", 3, "Old news")])
    assert vendor_of(state, "a").status == "In Progress"
    assert kinds(state) == ["siem-status"]
    assert len(list(state.casebook.all_findings())) == 1


def test_an_incident_is_closed_when_all_its_alerts_are_over_there(state):
    put(state, alert("a"), alert("b"))
    with state.think("p0") as tx:
        tx.add_findings([alert("a", 5, "Closed", over=True)])
    assert state.casebook.status("inc-1") == "open"
    with state.think("p0") as tx:
        tx.add_findings([alert("b", 6, "Closed", over=True)])
    assert state.casebook.status("inc-1") == "closed"
    assert state.casebook.verdicts() == []
    with state.think("p0") as tx:
        tx.add_findings([alert("b", 7, "Reopened")])
    assert state.casebook.status("inc-1") == "open"


def test_our_own_findings_keep_an_incident_open(state):
    put(state, alert("a"), finding("own", 0))
    with state.think("p0") as tx:
        tx.add_findings([alert("a", 5, "Closed", over=True)])
    assert state.casebook.status("inc-1") == "open"


def test_while_an_order_is_on_its_way_the_courier_decides(state):
    put(state, alert("a", over=True, status="Closed"))
    state.casebook.give(verdict(), SOURCES)
    change = alert("a", 500, "Reopened").vendor
    assert state.outbox.follow([("a", change)], T0 + 500) == 1
    assert state.casebook.status("inc-1") == "closed"
    [one] = state.outbox.due(T0 + 900, SOURCES)
    state.outbox.finish(one, CONCEDED, T0 + 600, {})
    closed = msgspec.structs.replace(change, updated=501, over=True)
    opened = msgspec.structs.replace(change, updated=502, over=False)
    state.outbox.follow([("a", closed)], T0 + 501)
    state.outbox.follow([("a", opened)], T0 + 502)
    assert state.casebook.status("inc-1") == "open"


def test_an_alert_that_was_over_at_first_comes_to_life(state):
    over = msgspec.structs.replace(alert("a", over=True), standing=Standing.HISTORY)
    with state.think("p0") as tx:
        tx.add_findings([over])
        tx.add_findings([alert("a", 5, "Reopened")])
    [stored] = state.casebook.all_findings()
    assert stored.standing is Standing.OPEN
    assert stored.vendor.status == "Reopened"


def test_alerts_of_open_incidents_are_worth_a_look(state):
    put(state, alert("a"))
    put(state, alert("b"), incident="inc-2")
    state.casebook.give(verdict())
    assert [one.uid for _, one in state.outbox.tracked("splunk_notable", 9)] == ["uid-b"]


def test_opening_an_incident_again_opens_its_alerts(state):
    put(state, alert("a"))
    state.casebook.give(verdict())
    state.casebook.reopen("inc-1", reason="not so", by="tom", at=T0 + 300, writable=SOURCES)
    [one] = state.outbox.due(T0 + 900, SOURCES)
    assert one.order.open
    assert one.order.closing is None
