"""How long an event is kept."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.content import load
from tocsin.errors import ContentError
from tocsin.model.content import ContentFile
from tocsin.store.retention import FILE, KeepRule, Policy, divide, policy_of

DNS, FILES = "dns_activity", "file_activity"
NAMES = st.sampled_from(["", "a", "b"])
RULES = st.builds(
    KeepRule, days=st.integers(0, 400), class_name=NAMES, source=NAMES, unit=NAMES, scope=NAMES
)


def read(text):
    return policy_of([ContentFile(FILE, text.encode(), "site")])


def test_what_ships_keeps_a_year():
    policy = policy_of(load(None).files)
    assert policy.days(DNS, "zeek", "", ()) == 365
    assert (policy.findings, policy.dead_letters) == (730, 90)
    assert not policy.by_place


def test_without_a_policy_everything_stays():
    assert policy_of([]).days(DNS, "zeek", "", ()) == 36_525


def test_a_condition_comes_before_none_and_the_longest_of_several_counts():
    policy = read(
        "events:\n- days: 365\n- {class: dns_activity, days: 30}\n- {scope: pci, days: 400}\n"
        "- {unit: finance, days: 2555}\n"
    )
    assert policy.days(FILES, "x", "", ()) == 365
    assert policy.days(DNS, "x", "", ()) == 30
    assert policy.days(DNS, "x", "", ("pci", "sox")) == 400
    assert policy.days(DNS, "x", "finance", ("pci",)) == 2555
    assert policy.shortest(DNS) == 30
    assert policy.shortest(FILES) == 365
    assert policy.by_place


def test_nothing_is_stored_only_when_no_rule_may_want_it():
    assert read("events: [{class: dns_activity, days: 0}]").never_stored(DNS, "zeek")
    assert not read("events: [{class: dns_activity, days: 0}]").never_stored(FILES, "zeek")
    kept = "events: [{class: dns_activity, days: 0}, {unit: finance, days: 9}]"
    assert not read(kept).never_stored(DNS, "zeek")


@given(st.lists(RULES, max_size=6), NAMES, NAMES, NAMES, st.lists(NAMES))
def test_no_event_goes_before_the_shortest_and_what_is_not_stored_is_kept_for_nobody(
    rules, class_name, source, unit, scopes
):
    policy = Policy(tuple(rules), 1, 1)
    days = policy.days(class_name, source, unit, scopes)
    assert days >= policy.shortest(class_name)
    if policy.never_stored(class_name, source):
        assert days == 0


@given(st.lists(RULES, min_size=1, max_size=6), RULES, NAMES, NAMES)
def test_one_more_rule_with_conditions_never_shortens_another(rules, more, class_name, source):
    had = [rule for rule in rules if rule.conditional and rule.may_hold(class_name, source)]
    before, after = Policy(tuple(rules), 1, 1), Policy((*rules, more), 1, 1)
    if any(not (rule.unit or rule.scope) for rule in had):
        kept = before.days(class_name, source, "", ())
        assert after.days(class_name, source, "", ()) >= kept


def test_rows_that_are_never_stored_are_parted_from_the_others():
    policy = read("events: [{days: 9}, {class: dns_activity, source: zeek, days: 0}]")
    rows = pa.record_batch({"tocsin_source": ["zeek", "okta", "zeek"], "n": [1, 2, 3]})
    kept, unwanted = divide(policy, {DNS: [rows], FILES: [rows]})
    assert [batch["n"].to_pylist() for batch in kept[DNS]] == [[2]]
    assert [batch["n"].to_pylist() for batch in kept[FILES]] == [[1, 2, 3]]
    assert [batch["n"].to_pylist() for batch in unwanted] == [[1, 3]]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("- 1", "site/retention/policy.yaml:1"),
        ("events: 3", ":1: a list"),
        ("event: []", "there are: events"),
        ("events:\n- class: x", ":2: a rule has `days`"),
        ("events:\n- {days: -1}", "a number of days"),
        ("events:\n- {days: true}", "a number of days"),
        ("events:\n- {days: 3, colour: red}", "class, source, unit, scope"),
        ("findings: soon", "a number of days"),
    ],
)
def test_a_mistake_is_named_with_its_line(text, place):
    with pytest.raises(ContentError, match=place):
        read(text)
