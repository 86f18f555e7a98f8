"""What a name means: never by the order of loading, never across domains, always as of a day."""

import random

from hypothesis import given
from hypothesis import strategies as st
from tests.enrich.contexts import DAY, machine, person

from tocsin.enrich.context import ContextIndex, compile_index
from tocsin.enrich.context.names import all_identifiers
from tocsin.model.context import AccountKind, Ambiguous, Resolved


def index(*facts):
    return ContextIndex(compile_index(facts))


AD = person(
    "sid:s-1-5-21-1-1-1-500", "account:corp\\anna", "upn:anna@corp.example", feed="ad",
    importer="ldap", unit="Finance", enabled=True,
)  # fmt: skip
HR = person("mail:anna@corp.example", "upn:anna@corp.example", feed="hr", name="Anna Falk")


def test_every_form_of_a_name_leads_to_the_same_person_and_says_why():
    known = index(AD, HR)
    for name in (
        "CORP\\Anna", "anna@CORP.example", "S-1-5-21-1-1-1-500", "corp.example\\anna", "anna",
    ):  # fmt: skip
        found = known.identity(name, 5)
        assert isinstance(found, Resolved), name
        assert found.records == ("ad:1", "hr:1")
        assert (found.body.name, found.body.unit) == ("Anna Falk", "Finance")
        assert [link.kind for link in found.links] == ["upn"]
        assert "same upn anna@corp.example: ad:1, hr:1" in found.links[0].reason
    assert known.identity("S-1-5-21-1-1-1-500", 5).confidence == 0.95  # the link is weaker
    assert known.identity("anna", 5).confidence == 0.7


def test_a_bare_name_of_two_domains_is_ambiguous_and_a_foreign_one_is_nobody():
    lab = person("account:lab\\anna", feed="lab")
    known = index(AD, HR, lab)
    assert isinstance(known.identity("anna", 5), Ambiguous)
    assert len(known.identity("anna", 5).candidates) == 2
    assert known.identity("LAB\\anna", 5).records == ("lab:1",)
    assert known.identity("OTHER\\anna", 5) is None
    assert known.identity("ws01\\anna", 5) is None
    assert known.identity("", 5) is None


def test_a_record_without_a_domain_joins_only_where_there_is_one_domain():
    bare = person("name:anna", feed="badge", role="controller")
    assert index(AD, bare).identity("corp\\anna", 5).body.role == "controller"
    lab = person("account:lab\\anna", feed="lab")
    known = index(AD, bare, lab)
    assert known.identity("corp\\anna", 5).records == ("ad:1",)
    assert known.identity("lab\\anna", 5).records == ("lab:1",)


def test_a_shared_account_is_never_joined_with_a_person():
    shared = person("mail:anna@corp.example", feed="list", kind=AccountKind.SHARED)
    human = person(
        "mail:anna@corp.example", "account:corp\\anna", feed="hr", kind=AccountKind.PERSON
    )
    known = index(shared, human)
    assert known.identity("corp\\anna", 5).records == ("hr:1",)
    assert isinstance(known.identity("anna@corp.example", 5), Ambiguous)


def test_an_identifier_that_two_records_of_a_feed_hold_joins_nothing():
    one = person("account:corp\\a", "mail:team@corp.example", feed="ad", key="1")
    two = person("account:corp\\b", "mail:team@corp.example", feed="ad", key="2")
    other = person("mail:team@corp.example", feed="hr")
    known = index(one, two, other)
    assert known.identity("corp\\a", 5).records == ("ad:1",)
    assert isinstance(known.identity("team@corp.example", 5), Ambiguous)


def test_a_weak_link_that_contradicts_does_not_undo_a_strong_one():
    ad = person("sid:s-1-5-21-1-1-1-7", "mail:x@corp.example", feed="ad", key="7")
    twin = person("sid:s-1-5-21-1-1-1-7", "mail:y@corp.example", feed="entra")
    hr = person("mail:y@corp.example", "upn:z@corp.example", feed="hr")
    clash = person("upn:z@corp.example", "account:corp\\z", feed="ad", key="8")
    known = index(ad, twin, hr, clash)
    assert known.identity("s-1-5-21-1-1-1-7", 5).records == ("ad:7", "entra:1")
    assert known.identity("z@corp.example", 5).records == ("ad:8", "hr:1")


def test_an_old_event_is_read_with_the_context_of_its_day():
    before = person("upn:x@corp.example", feed="ad", key="1", until=10 * DAY, unit="Sales")
    after = person("upn:x@corp.example", feed="ad", key="2", since=12 * DAY, unit="Legal")
    known = index(before, after)
    assert known.identity("x@corp.example", 9 * DAY).body.unit == "Sales"
    assert known.identity("x@corp.example", 12 * DAY).body.unit == "Legal"
    gone = known.identity("x@corp.example", 11 * DAY)
    assert (gone.body.unit, gone.former) == ("Sales", 10 * DAY)
    assert known.identity("x@corp.example", 9 * DAY).former is None


def test_a_reused_name_is_two_people():
    hr = [
        person("upn:x@corp.example", feed="hr", key="x", until=10 * DAY, name="Anna"),
        person("upn:x@corp.example", feed="hr", key="x", since=10 * DAY, name="Bob"),
    ]
    ad = [
        person("sid:s-1-5-21-1-1-1-1", "upn:x@corp.example", feed="ad", key="1", until=10 * DAY),
        person("sid:s-1-5-21-1-1-1-2", "upn:x@corp.example", feed="ad", key="2", since=10 * DAY),
    ]
    known = index(*hr, *ad)
    assert known.identity("s-1-5-21-1-1-1-1", 9 * DAY).body.name == "Anna"
    assert known.identity("s-1-5-21-1-1-1-2", 10 * DAY).body.name == "Bob"
    assert known.identity("s-1-5-21-1-1-1-1", 11 * DAY).former == 10 * DAY


def test_machines_by_name_address_and_hardware():
    known = index(
        machine("fqdn:fs01.corp.example", "ip:10.0.0.1", unit="Finance"),
        machine("host:fs01", "mac:00:11:22:33:44:55", feed="scan", importer="nessus", os="Linux"),
    )
    for name in ("FS01", "fs01.corp.example", "\\\\FS01", "00-11-22-33-44-55", "10.0.0.1"):
        found = known.asset(name, 5)
        assert found.records == ("cmdb:1", "scan:1"), name
        assert (found.body.unit, found.body.os) == ("Finance", "Linux")
    assert known.asset("fs01.other.example", 5) is None


def test_short_host_names_of_two_domains_are_ambiguous():
    known = index(machine("fqdn:fs01.a.example", key="1"), machine("fqdn:fs01.b.example", key="2"))
    assert isinstance(known.asset("fs01", 5), Ambiguous)
    assert known.asset("fs01.b.example", 5).records == ("cmdb:2",)


def test_feeds_that_disagree_are_told():
    known = index(
        person("upn:x@y.z", feed="hr", unit="Sales"),
        person("upn:x@y.z", feed="ad", unit="Legal", importer="ldap"),
    )
    found = known.identity("x@y.z", 5)
    assert found.body.unit == "Sales"
    assert found.disagreements == ("unit: Sales (hr), Legal (ad)",)


NAMES = st.sampled_from(
    [f"account:{domain}\\{user}" for domain in ("corp", "lab") for user in "ab"]
    + [f"name:{user}" for user in "ab"]
    + [f"upn:{user}@{domain}.example" for domain in ("corp", "lab") for user in "ab"]
    + [f"sid:s-1-5-21-1-1-1-{n}" for n in range(3)]
)
RECORDS = st.builds(
    lambda names, feed, span, kind: (names, feed, span, kind),
    st.lists(NAMES, min_size=1, max_size=3, unique=True),
    st.sampled_from(["ad", "hr", "okta", "badge"]),
    st.tuples(st.integers(0, 5), st.integers(1, 5)),
    st.sampled_from(list(AccountKind)),
)


def facts_of(drawn):
    return [
        person(*names, feed=feed, key=str(n), since=begin, until=begin + length, kind=kind)
        for n, (names, feed, (begin, length), kind) in enumerate(drawn)
    ]


@given(st.lists(RECORDS, max_size=7), st.integers(0, 10), st.randoms(use_true_random=False))
def test_the_order_of_loading_never_matters(drawn, at, shuffle: random.Random):
    facts = facts_of(drawn)
    shuffled = list(facts)
    shuffle.shuffle(shuffled)
    assert compile_index(facts) == compile_index(shuffled)
    known = index(*facts)
    for one in facts:
        for name in all_identifiers(one.body):
            text = name.value
            assert known.identity(text, at) == index(*shuffled).identity(text, at)


@given(st.lists(RECORDS, max_size=7), st.integers(0, 10))
def test_being_one_is_mutual_dated_and_never_two_of_a_feed(drawn, at):
    facts = facts_of(drawn)
    known = index(*facts)
    sure = [i for one in facts for i in one.body.identifiers if i.kind in ("sid", "account")]
    for name in sure:
        found = known.identity(name.value, at)
        if not isinstance(found, Resolved) or found.former is not None:
            continue
        feeds = [record.split(":")[0] for record in found.records]
        assert len(feeds) == len(set(feeds))
        members = [f for f in facts if f"{f.feed}:{f.key}" in found.records]
        assert all(one.holds(at) for one in members)
        assert len({one.body.kind for one in members} - {AccountKind.UNKNOWN}) <= 1
        for other in (i for i in found.body.identifiers if i.kind == "sid"):
            again = known.identity(other.value, at)
            assert isinstance(again, Ambiguous) or again.records == found.records


@given(st.lists(st.lists(NAMES, min_size=1, max_size=1), max_size=8), st.integers(0, 3))
def test_domains_never_collapse_without_a_common_identifier(drawn, at):
    facts = [person(*names, feed=f"feed{n}", key=str(n)) for n, names in enumerate(drawn)]
    known = index(*facts)
    for domain in ("corp", "lab"):
        for user in "ab":
            found = known.identity(f"{domain}\\{user}", at)
            if isinstance(found, Resolved):
                accounts = [i.value for i in found.body.identifiers if i.kind == "account"]
                assert not [one for one in accounts if not one.startswith(domain)]


@given(st.lists(RECORDS, max_size=7), st.lists(st.integers(0, 10), max_size=6))
def test_what_is_remembered_is_what_would_be_found(drawn, times):
    facts = facts_of(drawn)
    warm = index(*facts)
    for at in times:
        cold = index(*facts)
        for one in facts:
            text = one.body.identifiers[0].value
            assert warm.identity(text, at) == cold.identity(text, at)
            assert warm.place("", text, "", at) == cold.place("", text, "", at)
