"""What a load changes: nothing is overwritten, and a broken export empties nothing."""

from hypothesis import given
from hypothesis import strategies as st
from tests.enrich.contexts import DAY, ids

from tocsin.enrich.context.loading import Held, Load, compare, refused
from tocsin.model.context import (
    ALWAYS,
    FOREVER,
    Identity,
    Record,
    Vulnerability,
    Watched,
    Window,
)


def people(**units):
    return [
        Record(name, Identity(ids(f"upn:{name}@x.y"), unit=unit), f"f:{n}")
        for n, (name, unit) in enumerate(units.items())
    ]


class Feed:
    """A feed and its facts, as the store keeps them."""

    def __init__(self):
        self.facts, self.in_force, self.scopes, self.previous = {}, set(), {}, None

    def load(self, records, as_of, **more):
        load = Load("hr", "csv", records, as_of, as_of, self.previous, **more)
        ended = {f.key: f.until for n, f in sorted(self.facts.items()) if n not in self.in_force}
        held = [Held(n, self.facts[n], self.scopes[n]) for n in sorted(self.in_force)]
        change = compare(held, load, ended)
        for number, until in change.ended:
            self.facts[number] = self._ended(self.facts[number], until)
            self.in_force.discard(number)
        for fact, scope in change.opened:
            number = len(self.facts)
            self.facts[number], self.scopes[number] = fact, scope
            self.in_force.add(number)
        self.previous = as_of
        return change

    def _ended(self, fact, until):
        import msgspec

        return msgspec.structs.replace(fact, until=until)

    def at(self, moment):
        return {f.key: f.body for f in self.facts.values() if f.holds(moment)}


def test_appearing_changing_and_vanishing_are_dated():
    feed = Feed()
    assert feed.load(people(anna="Sales", bob="Sales"), 10 * DAY).appeared == ("anna", "bob")
    change = feed.load(people(anna="Legal", carl="Sales"), 20 * DAY)
    assert (change.appeared, change.changed, change.vanished) == (("carl",), ("anna",), ("bob",))
    assert feed.load(people(anna="Legal", carl="Sales"), 30 * DAY).unchanged == 2
    units = lambda at: {name: body.unit for name, body in feed.at(at).items()}  # noqa: E731 - short
    assert units(ALWAYS) == {"anna": "Sales", "bob": "Sales"}
    assert units(15 * DAY) == {"anna": "Sales", "bob": "Sales", "carl": "Sales"}
    assert units(20 * DAY) == {"anna": "Legal", "carl": "Sales"}
    assert units(99 * DAY) == {"anna": "Legal", "carl": "Sales"}


def test_who_comes_back_was_away():
    feed = Feed()
    feed.load(people(anna="Sales"), 10 * DAY)
    feed.load(people(bob="Sales"), 20 * DAY)
    feed.load(people(anna="Sales", bob="Sales"), 30 * DAY)
    assert "anna" in feed.at(19 * DAY)
    assert "anna" in feed.at(20 * DAY)  # the earliest at which they may have come back
    feed.load(people(bob="Sales"), 40 * DAY)
    assert "anna" not in feed.at(40 * DAY)


def test_of_a_part_nothing_vanishes():
    feed = Feed()
    feed.load(people(anna="Sales", bob="Sales"), 10 * DAY)
    assert feed.load(people(anna="Legal"), 20 * DAY, whole=False).vanished == ()
    assert set(feed.at(21 * DAY)) == {"anna", "bob"}


def test_a_scan_speaks_only_of_the_hosts_in_it():
    def found(host, cve, last):
        body = Vulnerability(ids(f"host:{host}"), cve, last_seen=last)
        return Record(f"{host}|{cve}", body, "f", scope=host)

    feed = Feed()
    hosts = lambda at: sorted(feed.at(at))  # noqa: E731 - short
    feed.load([found("a", "C1", 1), found("b", "C1", 1)], DAY, covers=frozenset({"a", "b"}))
    feed.load([found("a", "C2", 2)], 5 * DAY, covers=frozenset({"a"}))
    assert hosts(4 * DAY) == ["a|C1", "a|C2", "b|C1"]
    assert hosts(5 * DAY) == ["a|C2", "b|C1"]
    feed.load([found("b", "C1", 3)], 6 * DAY, covers=frozenset({"b"}))
    assert hosts(ALWAYS) == ["a|C1", "b|C1"]  # seen again: the same weakness, not another
    assert feed.at(6 * DAY)["b|C1"].last_seen == 3


def test_windows_that_were_called_off_never_were_and_past_ones_stay():
    def window(name, begin, end):
        return Record(name, Window("change", (f"host:{name}",)), "f", begin * DAY, end * DAY)

    feed = Feed()
    feed.load([window("past", 1, 2), window("running", 9, 12), window("later", 20, 21)], 5 * DAY)
    feed.load([], 10 * DAY)
    assert "past" in feed.at(DAY)
    assert "running" in feed.at(9 * DAY)
    assert "running" not in feed.at(10 * DAY)
    assert "later" not in feed.at(20 * DAY)
    feed.load([window("moved", 30, 31)], 11 * DAY)
    feed.load([window("moved", 32, 33)], 12 * DAY)
    assert "moved" not in feed.at(30 * DAY)
    assert "moved" in feed.at(32 * DAY)


def test_entries_of_a_watchlist_end_by_themselves():
    feed = Feed()
    entry = Record("a", Watched("vips", "user", "a"), "f", None, 10 * DAY)
    feed.load([entry], DAY)
    assert "a" in feed.at(9 * DAY)
    assert "a" not in feed.at(10 * DAY)
    change = feed.load([Record("a", entry.body, "f", None, 20 * DAY)], 5 * DAY)
    assert change.changed == ("a",)
    assert "a" in feed.at(15 * DAY)


def test_a_load_that_ends_much_is_refused_until_it_is_confirmed():
    feed = Feed()
    feed.load(people(**{f"p{n}": "x" for n in range(100)}), DAY)
    load = Load("hr", "csv", people(**{f"p{n}": "x" for n in range(79)}), 2 * DAY, 2 * DAY, DAY)
    held = [Held(n, fact, "") for n, fact in feed.facts.items()]
    assert "21 of 100" in refused(compare(held, load), 100)
    assert refused(compare(held, load._replace(records=people(p0="x"))), 100)
    most = load._replace(records=people(**{f"p{n}": "x" for n in range(80)}))
    assert refused(compare(held, most), 100) == ""
    assert refused(compare(held[:5], load._replace(records=[])), 5) == ""


LOADS = st.lists(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from("xyz"), max_size=4), max_size=6
)


@given(LOADS)
def test_on_the_day_of_each_load_it_is_what_holds_and_never_two_at_once(loads):
    feed = Feed()
    for day, load in enumerate(loads, 1):
        feed.load(people(**load), day * DAY)
    for day, load in enumerate(loads, 1):
        held = [f for f in feed.facts.values() if f.holds(day * DAY)]
        later = {k for one in loads[day:] for k in one}
        told = {f.key: f.body.unit for f in held}
        assert {k: told.get(k) for k in load} == load
        assert {f.key for f in held} - set(load) <= later  # may have come by then
        assert len(held) == len({f.key for f in held})
    assert all(f.since <= f.until <= FOREVER for f in feed.facts.values())


@given(LOADS)
def test_a_load_that_says_the_same_changes_nothing(loads):
    feed = Feed()
    for day, load in enumerate(loads, 1):
        feed.load(people(**load), day * DAY)
        again = feed.load(people(**load), day * DAY + 1)
        assert (again.opened, again.ended, again.unchanged) == ((), (), len(load))
