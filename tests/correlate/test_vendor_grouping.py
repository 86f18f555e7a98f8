"""Alerts of other tools: what makes them one incident, and what does not."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.correlate.findings import HOUR, MINUTE, desk_of, finding, host, rows_of, user
from tests.correlate.test_incidents import LATENESS, LAWFUL, streams
from tests.laws import check_fold

from tocsin.correlate.incidents import END, IncidentFold
from tocsin.model.findings import Entity, Level, VendorAlert


def alert(number, time, *entities, rule="vendor/edr/lsass", case="", level=Level.HIGH):
    shared = (Entity("case", f"edr|{case}", f"incident {case} of edr"),) if case else ()
    made = finding(number, time, *entities, *shared, rule=rule, level=level)
    return msgspec.structs.replace(made, vendor=VendorAlert("edr", str(number)))


def groups(*findings):
    fold = IncidentFold()
    state, first = fold.step(None, rows_of(findings), watermark=0, now=0)
    _, last = fold.step(state, rows_of([]), watermark=END, now=0)
    return desk_of([first, last]).partition


def test_five_hundred_repeats_of_one_rule_on_one_host_are_one_incident():
    addresses = [Entity("address", f"203.0.113.{n % 250}", "", "destination") for n in range(500)]
    repeats = [alert(n, n * 40 * MINUTE, host("ws1"), addresses[n]) for n in range(500)]
    assert len(groups(*repeats)) == 1


def test_the_same_rule_on_another_host_is_another_incident():
    assert len(groups(alert(1, 0, host("ws1")), alert(2, MINUTE, host("ws2")))) == 2


def test_a_rule_that_names_no_host_is_one_thing_for_one_person():
    mira, tom = user("mira"), user("tom")
    assert len(groups(alert(1, 0, mira), alert(2, HOUR, mira), alert(3, HOUR, tom))) == 2
    assert len(groups(alert(1, 0), alert(2, HOUR))) == 2


def test_alerts_of_one_incident_of_their_vendor_are_one_incident_here():
    one = alert(1, 0, host("ws1"), rule="vendor/edr/a", case="c9")
    two = alert(2, 5 * HOUR, host("dc1"), rule="vendor/edr/b", case="c9")
    other = alert(3, HOUR, host("fs7"), rule="vendor/edr/c", case="c8")
    assert len(groups(one, two, other)) == 2


def test_a_low_alert_of_the_same_case_goes_with_it():
    one = alert(1, 0, host("ws1"), rule="vendor/edr/a", case="c9")
    low = alert(2, 2 * HOUR, host("dc1"), rule="vendor/edr/b", case="c9", level=Level.LOW)
    assert len(groups(one, low)) == 1
    assert len(groups(one, msgspec.structs.replace(low, entities=(host("dc1"),)))) == 2


@settings(LAWFUL, max_examples=40)
@given(stream=streams(), data=st.data())
def test_the_order_in_which_alerts_come_changes_nothing(stream, data):
    cases = data.draw(st.lists(st.sampled_from(["", "", "c1", "c2"]), min_size=30, max_size=30))
    alerts = []
    for one, case in zip(stream, cases, strict=False):
        shared = (Entity("case", f"edr|{case}", case),) if case else ()
        vendor = VendorAlert("edr", one.finding_id)
        changed = {"vendor": vendor, "entities": (*one.entities, *shared)}
        alerts.append(msgspec.structs.replace(one, **changed))
    partition = lambda outputs: desk_of(outputs).partition  # noqa: E731 - as the law takes it
    check_fold(IncidentFold, rows_of(alerts), partition, data, lateness=LATENESS)
