"""Feeds become tables, tables findings; what is new is searched for in the past."""

import json
from dataclasses import replace

import msgspec
import orjson
import pytest
from tests.app.published import (
    C2,
    INDICATOR,
    NOW,
    dns_query,
    events_of,
    indicator,
    publish,
    site_with_feed,
    store,
    story,
)
from tests.app.stored import HOUR, small_content

from tocsin import flow
from tocsin.app import parts, suppressing
from tocsin.app.check import check_exceptions
from tocsin.app.content import put_in_force
from tocsin.app.indicators import open_table
from tocsin.app.intelligence import Keeper
from tocsin.correlate.entities import entities_of
from tocsin.errors import StorageError, UsageError
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.findings import Level, Standing, findings_from_arrow
from tocsin.model.stages import ContextSnapshot


class Still:
    """A clock that stands where it is put."""

    def __init__(self, at=NOW):
        self.at = at

    def now(self):
        return self.at

    def monotonic(self):
        return 0.0


@pytest.fixture
def keeper(tmp_path):
    opened = Keeper(site_with_feed(tmp_path / "soc"), Still())
    yield opened
    opened.close()


def in_stream(keeper, records):
    table = open_table(keeper.site.data, keeper.state.intelligence.current_table())
    looked = table.look(events_of(records), ContextSnapshot("default", ""), entities_of)
    return findings_from_arrow(looked.findings), looked.counts


def ask(keeper):
    asked = keeper.ask_due(all_feeds=True)
    keeper.make_table()
    return asked


def test_an_indicator_of_a_feed_is_found_in_the_stream_with_what_is_known_of_it(keeper):
    publish(keeper.site, story())
    [asked] = ask(keeper)
    assert (asked.indicators, asked.error) == (1, "")
    records = [dns_query("www." + C2), dns_query("fine.example"), dns_query("www." + C2, User="x")]
    found, counts = in_stream(keeper, records)
    assert len(found) == 2
    one = found[0]
    assert one.rule_id == f"indicator/acme/{INDICATOR}"
    assert (one.level, one.techniques) == (Level.MEDIUM, ("T1071.004",))
    assert one.indicator.confidence == 65  # 85 (high), 17 of 45 days old
    assert one.title == "Indicator of Gull: domain c2.evil.example"
    assert one.indicator.seen == "www.c2.evil.example"
    assert one.matched[0].field == "query.hostname"
    assert {e.kind for e in one.entities} >= {"host", "user"}
    assert counts["indicator-hits|acme|domain"] == 2


def test_the_past_gives_the_findings_that_the_stream_would_have_given(keeper):
    records = [dns_query(C2), dns_query(C2, hour=10), dns_query("fine.example")]
    store(keeper.site, records)
    publish(keeper.site, story())
    ask(keeper)
    [job] = keeper.state.intelligence.jobs(open_only=True)
    assert keeper.look_back(job) == (3, 2)
    past = [finding for _, finding in keeper.state.intelligence.pending(10)]
    stream, _ = in_stream(keeper, records)
    assert {f.finding_id for f in past} == {f.finding_id for f in stream}
    assert {f.standing for f in past} == {Standing.OPEN}
    assert keeper.state.intelligence.jobs(open_only=True) == []
    assert [f.time for f in past] == [f.time for f in stream]


EXCEPTION = """id: known-test
title: The red team's host
rules: [RULE]
where:
  - entity: host
    startswith: fs01
effect: hide
owner: mira
reason: An exercise.
created: 2026-11-01
expires: 2026-12-24
tests:
  covers: [COVERED]
  leaves: [LEFT]
"""


def exercise(rule=f"indicator/acme/{INDICATOR}", where="entity: host"):
    """A small content with an exception for the host fs01."""
    text = EXCEPTION.replace("RULE", rule).replace("entity: host", where)
    for name, one in (("COVERED", "fs01"), ("LEFT", "fs02")):
        text = text.replace(name, json.dumps(json.dumps(dns_query(C2, host=one))))
    made = ContentFile("exceptions/known-test.yaml", text.encode(), "site")
    return ContentSet.of([*small_content().files, made])


def test_an_exception_of_the_site_hides_an_indicators_findings_in_the_stream(keeper):
    publish(keeper.site, story())
    ask(keeper)
    table = open_table(keeper.site.data, keeper.state.intelligence.current_table())
    compiled = parts.build(parts.prepare(exercise(), [], keeper.site.plans))
    raws = [orjson.dumps(dns_query(C2, host=host)) for host in ("fs01", "fs02")]
    batch = RawBatch(["f"] * len(raws), list(range(len(raws))), raws, size=0)
    rows = to_envelope(batch, Stamp("default", "p", 0, None, NOW))
    context = ContextSnapshot("default", "")
    observed = flow.observe(rows, replace(compiled, indicators=table), context)
    found = findings_from_arrow(observed.hits)
    assert [(f.standing, f.exception) for f in found] == [
        (Standing.HIDDEN, "known-test"), (Standing.OPEN, ""),
    ]  # fmt: skip


def test_and_those_of_the_past(keeper):
    store(keeper.site, [dns_query(C2), dns_query(C2, host="fs02", hour=11)])
    publish(keeper.site, story())
    put_in_force(keeper.site, exercise(), "mira")
    ask(keeper)
    [job] = keeper.state.intelligence.jobs(open_only=True)
    keeper.look_back(job)
    past = [finding for _, finding in keeper.state.intelligence.pending(10)]
    assert {(f.standing, f.exception) for f in past} == {
        (Standing.HIDDEN, "known-test"), (Standing.OPEN, ""),
    }  # fmt: skip


def test_an_exception_of_an_indicator_asks_for_entities_and_is_tested_by_records():
    def problems(**changes):
        return [one.message for one in check_exceptions(exercise(**changes), NOW)]

    assert problems() == []
    assert problems(rule="indicator/acme/gone") == []
    assert problems(where="entity: user") == ["the exception leaves this record"]
    assert "entity" in problems(where="field: User")[0]


def test_suppress_takes_the_id_of_an_indicator(keeper, monkeypatch):
    monkeypatch.setattr(suppressing, "disk_content", lambda _: small_content())
    publish(keeper.site, story())
    ask(keeper)
    found, _ = in_stream(keeper, [dns_query(C2), dns_query(C2, host="fs02", hour=11)])
    with keeper.state.think("p") as tx:
        tx.add_findings(found)
    wish = suppressing.Wish("indicator/acme", ("entity:host^=fs01",), "An exercise.", "mira")
    made = suppressing.draft(keeper.site, wish, NOW)
    assert (made.preview.of, made.preview.covered) == (2, 1)
    assert made.entry.rules == (f"indicator/acme/{INDICATOR}",)
    for changes, text in (
        ({"rule": "vendor/x"}, "no stored finding begins"),
        ({"where": ("User=x",)}, "covers none"),
    ):
        with pytest.raises(UsageError, match=text):
            suppressing.draft(keeper.site, msgspec.structs.replace(wish, **changes), NOW)


def test_old_events_count_and_open_nothing(keeper):
    store(keeper.site, [dns_query(C2)])
    publish(keeper.site, story())
    keeper.clock.at = NOW + 48 * HOUR
    ask(keeper)
    [job] = keeper.state.intelligence.jobs(open_only=True)
    keeper.look_back(job)
    [(_, past)] = keeper.state.intelligence.pending(10)
    assert past.standing is Standing.HISTORY


def test_a_search_waits_for_what_the_stream_saw_before_it_knew(keeper):
    store(keeper.site, [dns_query("fine.example")])
    publish(keeper.site, story())
    ask(keeper)
    state = keeper.state
    [job] = state.intelligence.jobs(open_only=True)
    state.intelligence.took("p", state.intelligence.current_table(), 5)
    state.set_cursor("p", "lake", 3)
    keeper.look_back(job)
    assert state.intelligence.jobs(open_only=True) == [state.intelligence.jobs()[0]]
    state.set_cursor("p", "lake", 4)
    keeper.look_back(job)
    assert state.intelligence.jobs(open_only=True) == []


def test_one_more_indicator_makes_a_small_segment_and_is_all_that_is_searched_for(keeper):
    publish(keeper.site, story())
    ask(keeper)
    [first] = keeper.state.intelligence.jobs(open_only=True)
    keeper.look_back(first)
    publish(keeper.site, [indicator("[domain-name:value = 'late.example']", 9)], "second.json")
    ask(keeper)
    [job] = keeper.state.intelligence.jobs(open_only=True)
    assert job.segment != first.segment
    found, _ = in_stream(keeper, [dns_query("late.example"), dns_query(C2)])
    assert len(found) == 2
    store(keeper.site, [dns_query("late.example"), dns_query(C2)])
    assert keeper.look_back(job) == (2, 1)


def test_a_revoked_indicator_is_gone_at_once(keeper):
    publish(keeper.site, story())
    ask(keeper)
    changed = indicator(f"[domain-name:value = '{C2}']", revoked=True)
    changed["modified"] = "2026-11-02T00:00:00Z"
    publish(keeper.site, [changed], "second.json")
    ask(keeper)
    assert in_stream(keeper, [dns_query(C2)])[0] == []


def test_an_older_version_changes_nothing(keeper):
    newer = indicator("[domain-name:value = 'new.example']", modified="2026-11-05T00:00:00Z")
    publish(keeper.site, [newer])
    ask(keeper)
    publish(keeper.site, [indicator("[domain-name:value = 'old.example']")], "second.json")
    ask(keeper)
    found, _ = in_stream(keeper, [dns_query("old.example"), dns_query("new.example")])
    assert [f.indicator.seen for f in found] == ["new.example"]


def test_what_begins_to_hold_later_is_looked_for_then(keeper):
    later = indicator("[domain-name:value = 'later.example']", valid_from="2026-11-20T00:00:00Z")
    publish(keeper.site, [later])
    ask(keeper)
    assert in_stream(keeper, [dns_query("later.example")])[0] == []
    keeper.clock.at = NOW + 72 * HOUR
    keeper.make_table()
    assert len(in_stream(keeper, [dns_query("later.example")])[0]) == 1


def test_what_could_only_match_the_harmless_is_left_out_and_counted(keeper):
    publish(keeper.site, [indicator("[ipv4-addr:value = '10.0.0.0/8']")])
    ask(keeper)
    assert keeper.objects.number("benign") == 1
    assert len(open_table(keeper.site.data, keeper.state.intelligence.current_table())) == 0


def test_a_table_that_was_changed_on_disk_is_refused(keeper):
    publish(keeper.site, story())
    ask(keeper)
    table_id = keeper.state.intelligence.current_table()
    [segment] = (keeper.site.data / "intelligence").glob("*.segment")
    segment.write_bytes(segment.read_bytes()[:-1] + b"x")
    with pytest.raises(StorageError, match="was changed"):
        open_table(keeper.site.data, table_id)
    with pytest.raises(UsageError, match="no feed other"):
        keeper.feed("other")
