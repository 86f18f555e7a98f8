"""Orders on their way to simulated SIEMs, with everything that can go wrong on it."""

import msgspec
import pytest
import stamina
from tests.connectors.siems import (
    TOKEN,
    SimulatedElastic,
    SimulatedSentinel,
    SimulatedSplunk,
)
from tests.correlate.findings import T0, finding, host

from tocsin.app.courier import SECOND, Courier, lines_of
from tocsin.app.site import Site
from tocsin.model.findings import IndicatorMatch, VendorAlert
from tocsin.model.incidents import Grade, Incident, Verdict, incident_to_bytes
from tocsin.model.writeback import orders_of
from tocsin.settings import Secret, Settings, Siem
from tocsin.store import State
from tocsin.store.outbox import CONCEDED, QUEUED, REFUSED, SENDING, SENT
from tocsin.store.state import models

SIEMS = {"sentinel": SimulatedSentinel, "splunk": SimulatedSplunk, "elastic": SimulatedElastic}


@pytest.fixture(autouse=True)
def impatient():
    """Reads are tried twice, without a pause."""
    stamina.set_testing(True, attempts=2)
    yield
    stamina.set_testing(False)


class Hand:
    """A clock that is set by hand (us); it stands after what the simulated SIEMs were born with."""

    time = 1_700_000_000_000_000

    def now(self) -> int:
        return self.time

    def monotonic(self) -> float:
        return self.time / 1e6


class Desk:
    """A state with one incident of two alerts, a SIEM, and the courier between them."""

    def __init__(self, folder, kind, siem):
        (folder / "token").write_text(TOKEN + "\n")
        self.kind, self.siem, self.clock = kind, siem, Hand()
        section = Siem(
            kind=kind, source=kind, url=siem.url, secret=Secret("file:token"), private=True
        )
        self.site = Site(folder, Settings(siem=(section,)), folder)
        self.state = State(folder / "state.db")
        self.restart()
        self.put("a-1", "a-2")

    def restart(self):
        lines = lines_of(self.site, self.clock.monotonic)
        self.courier = Courier(self.state, lines, self.clock)

    def put(self, *names):
        made = []
        for name in names:
            self.siem.add(name)
            alert = VendorAlert(self.kind, name, status="New", incident_uid=name, updated=1)
            one = finding(name, 0, host("ws1"))
            made.append(msgspec.structs.replace(one, vendor=alert, source_id=self.kind))
        with self.state.think("p0") as tx:
            tx.add_findings(made, ["inc-1"] * len(made))
        body = Incident("inc-1", "s", "t", made[0].level, (), (), (), 0, 0, 1, (), (), (), "")
        models.Incident.objects.using(self.state._database.alias).create(
            incident_id="inc-1", site="s", level=3, title="t", first=0, last=0, finding_count=2,
            body=incident_to_bytes(body),
        )  # fmt: skip

    def close(self, grade=Grade.FALSE_POSITIVE, reason="a scanner", cause="inaccurate-data"):
        given = Verdict("inc-1", grade, reason, "tom", self.clock.now(), cause)
        self.state.casebook.give(given, {self.kind})

    def deliver(self, wait=0):
        self.clock.time += wait * SECOND
        return self.courier.deliver_due()

    def there(self, name="a-1"):
        line = self.courier.lines[self.kind]
        alert = VendorAlert(self.kind, name, incident_uid=name)
        return line.siem.read([alert])[0]

    def states(self):
        return [one.state for one in reversed(self.state.outbox.last(99))]

    def kinds(self):
        return [one.kind for one in self.state.journal.tail(99)]


@pytest.fixture(params=SIEMS)
def desk(request, tmp_path):
    with SIEMS[request.param]() as siem:
        made = Desk(tmp_path, request.param, siem)
        yield made
        made.state.close()
        for line in made.courier.lines.values():
            line.siem.close()


def test_closing_an_incident_closes_its_alerts_at_the_siem(desk):
    desk.close()
    assert desk.deliver() == 2
    for name in ("a-1", "a-2"):
        theirs = desk.there(name)
        assert not theirs.open
        assert theirs.closing.grade is Grade.FALSE_POSITIVE
        assert theirs.closing.cause == "inaccurate-data"
    assert desk.states() == [SENT, SENT]
    assert desk.kinds().count("siem-intent") == desk.kinds().count("siem-sent") == 2
    found = next(desk.state.casebook.findings("inc-1")).vendor
    assert found.over
    assert desk.deliver(999) == 0


@pytest.mark.parametrize("tlp", ["red", "amber", "green"])
def test_what_restricted_intelligence_says_never_leaves(desk, tlp):
    named = "c2.evil.example"
    match = IndicatorMatch("acme", "i-1", "Known bad", "domain", named, named, 90, tlp=tlp)
    one = msgspec.structs.replace(finding("i", 0, host("ws1")), indicator=match)
    with desk.state.think("p0") as tx:
        tx.add_findings([one], ["inc-1"])
    desk.close(Grade.TRUE_POSITIVE, reason=f"it asked for {named}", cause="suspicious-activity")
    assert desk.deliver() == 2
    assert not desk.there().open
    assert (named in str(vars(desk.siem))) is (tlp == "green")
    kept = [verdict.reason for verdict in desk.state.casebook.verdicts("inc-1")]
    assert kept == [f"it asked for {named}"]


@pytest.mark.parametrize("fault", ["no-reply", "lost", "500"])
def test_what_nobody_knows_is_read_back_before_it_is_sent_again(desk, fault):
    desk.close()
    desk.siem.faults = [fault]
    desk.deliver()
    assert desk.states() == [SENDING, QUEUED]
    sent = len(desk.siem.changes)
    desk.restart()
    calls = len(desk.siem.calls)
    assert desk.deliver(60) == 2
    assert desk.siem.calls[calls] not in desk.siem.changes
    assert desk.states() == [SENT, SENT]
    assert not desk.there().open
    once = fault == "no-reply" and desk.kind == "splunk"
    assert len(desk.siem.changes) > sent
    if once:
        assert len(desk.siem.changes) == 2


@pytest.mark.parametrize("fault", ["429", "503"])
def test_a_busy_siem_is_left_alone_as_long_as_it_says(desk, fault):
    desk.close()
    desk.siem.faults = [fault]
    desk.deliver()
    calls = len(desk.siem.calls)
    desk.deliver(5)
    assert len(desk.siem.calls) == calls
    assert desk.deliver(3) == 2
    assert desk.states() == [SENT, SENT]


def test_a_siem_that_is_away_loses_nothing(desk):
    desk.close()
    url = desk.site.settings.siem[0].url
    away = msgspec.structs.replace(desk.site.settings.siem[0], url="http://127.0.0.1:1/")
    desk.site = Site(desk.site.folder, Settings(siem=(away,)), desk.site.folder)
    desk.restart()
    for _ in range(3):
        desk.deliver(60)
    assert set(desk.states()) == {QUEUED}
    back = msgspec.structs.replace(away, url=url)
    desk.site = Site(desk.site.folder, Settings(siem=(back,)), desk.site.folder)
    desk.restart()
    assert desk.deliver(999) == 2


def test_a_secret_that_is_missing_is_waited_for(desk):
    token = desk.site.folder / "token"
    token.rename(desk.site.folder / "elsewhere")
    desk.close()
    desk.deliver()
    assert desk.states() == [QUEUED, QUEUED]
    assert TOKEN not in str([one.outcome for one in desk.state.outbox.last(9)])
    (desk.site.folder / "elsewhere").rename(token)
    assert desk.deliver(600) == 2


def test_an_alert_that_is_gone_is_refused_once(desk):
    desk.close()
    for store in ("incidents", "notables", "alerts"):
        getattr(desk.siem, store, {}).pop("a-1", None)
    desk.deliver()
    assert desk.states() == [REFUSED, SENT]


def test_when_both_changed_a_persons_reason_wins_over_automation(desk):
    desk.close()
    changed_there(desk, person=False)
    desk.deliver()
    assert desk.states()[0] == SENT
    assert not desk.there().open
    assert desk.kinds().count("siem-conflict") == 1


def test_when_both_changed_the_later_change_of_a_person_wins_and_ours_is_kept(desk):
    desk.close()
    changed_there(desk, person=True)
    desk.deliver()
    assert desk.states()[0] == CONCEDED
    assert desk.state.casebook.status("inc-1") == "open"
    record = next(one for one in desk.state.journal.tail(99) if one.kind == "siem-conceded")
    assert "a scanner" in str(record.body)
    assert "later" in str(record.body)


def changed_there(desk, *, person):
    """The first alert is put in progress there after the verdict."""
    who = "ann@orchard.example" if person else ""
    if desk.kind == "sentinel":
        owner = {"userPrincipalName": who} if who else {}
        kept = desk.siem.incidents["a-1"]["properties"]
        desk.siem._store("a-1", kept | {"status": "Active", "owner": owner})
    elif desk.kind == "splunk":
        row = desk.siem.notables["a-1"]
        row |= {"status": "2", "review_time": str(desk.siem.now()), "reviewer": who}
    else:
        alert = desk.siem.alerts["a-1"]
        alert |= {"status": "acknowledged", "status_updated_at": desk.siem._iso(), "user": who}


def test_what_is_closed_there_is_closed_here(desk):
    for name in ("a-1", "a-2"):
        line = desk.courier.lines[desk.kind]
        before = desk.there(name)
        line.siem.write(order_of(desk, name), before)
    assert desk.courier.poll_due() == 2
    assert desk.state.casebook.status("inc-1") == "closed"
    assert "incident-closed-upstream" in desk.kinds()
    assert desk.state.casebook.verdicts() == []
    desk.clock.time += 30 * SECOND
    calls = len(desk.siem.calls)
    assert desk.courier.poll_due() == 0
    assert len(desk.siem.calls) == calls


def order_of(desk, name):
    """The order that a colleague at the SIEM would have given."""
    given = Verdict("inc-1", Grade.TRUE_POSITIVE, "malware", "ann", T0)
    found = [one for one in desk.state.casebook.findings("inc-1") if one.vendor.uid == name]
    return orders_of(given, found, frozenset({desk.kind}))[0]


def test_opening_again_reaches_the_siem(desk):
    desk.close()
    desk.deliver()
    desk.clock.time += SECOND
    desk.state.casebook.reopen(
        "inc-1", reason="not so", by="tom", at=desk.clock.now(), writable={desk.kind}
    )
    assert desk.deliver() == 2
    assert desk.there().open
    assert desk.state.casebook.status("inc-1") == "open"
