"""What state knows of intelligence."""

import msgspec

from tocsin.model.findings import Finding, Level
from tocsin.store.intelligence import FeedState


def finding(name, rule="indicator/acme/indicator--1", time=5):
    return Finding(name, rule, "d", "T", Level.HIGH, (), time, ("e",), (), (), (), "s", "z", "c")


def add(state, *findings, incident=None):
    with state.think("p") as tx:
        tx.add_findings(findings, [incident] * len(findings))


def test_a_feed_is_kept_as_it_stands(state):
    state.intelligence.put_feed(FeedState("acme", tried=1, error="x"))
    fresh = FeedState("acme", tried=2, succeeded=2, indicators=5, note="n")
    state.intelligence.put_feed(fresh)
    assert state.intelligence.feeds() == {"acme": fresh}


def test_the_newest_table_is_in_force_and_older_ones_are_known(state):
    known = state.intelligence
    assert known.current_table() == ""
    for number, name in enumerate(("a", "b", "c")):
        known.put_table(name, number)
    assert known.current_table() == "c"
    assert known.tables_since("b") == {"b", "c"}
    assert known.tables_since("x") == set()
    assert known.recent_tables(2) == ["c", "b"]
    known.took("p0", "b", 5)
    known.took("p0", "c", 9)
    assert [tuple(msgspec.structs.astuple(one)) for one in known.taken()] == [("p0", "c", 9)]


def test_a_search_keeps_what_it_has_done_and_hands_over_what_is_new(state):
    known = state.intelligence
    known.add_job("t", "seg", 0, 1)
    [job] = known.jobs(open_only=True)
    add(state, finding("old"))
    known.put_searched(job.number, "f1", 10, [finding("old"), finding("new")])
    known.put_searched(job.number, "f1", 10, [finding("new")])
    assert known.searched(job.number) == {"f1"}
    [(number, pending)] = known.pending(10)
    assert pending.finding_id == "new"
    with state.think("p") as tx:
        tx.add_findings([pending])
        known.settled([number])
    assert known.pending(10) == []
    known.finish(job.number, 7)
    assert known.jobs(open_only=True) == []
    assert (known.jobs()[0].events, known.jobs()[0].findings) == (10, 1)


def test_delivery_says_what_matched_reached_an_incident_and_was_seen(state):
    known = state.intelligence
    add(state, finding("a", time=5), finding("b", time=9), incident="inc-1")
    add(state, finding("c", "indicator/acme/indicator--2"), finding("d", "sigma-rule"))
    add(state, finding("z", "indicators-are-no-rule"))
    known.saw("inc-1", "ada", 20)
    known.saw("inc-1", "ada", 30)
    known.saw("inc-1", "bob", 15)
    first, second = known.deliveries(0, 10)
    assert (first.matches, first.last, first.incidents) == (2, 9, ("inc-1",))
    assert (first.seen_by, first.first_seen) == (("bob", "ada"), 15)
    assert (second.rule_id, second.incidents, second.seen_by) == (
        "indicator/acme/indicator--2", (), (),
    )  # fmt: skip
    assert len(known.deliveries(6, 10)) == 1
