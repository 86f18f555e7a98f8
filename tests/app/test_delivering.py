"""What people are told of intelligence."""

import pytest
from tests.app.published import C2, NOW, dns_query, indicator, publish, site_with_feed, store, story
from tests.app.stored import HOUR
from tests.app.test_intelligence import Still

from tocsin.app import delivering
from tocsin.app.intelligence import Keeper, load
from tocsin.app.publications import stale
from tocsin.errors import UsageError
from tocsin.model.intelligence import FeedSpec
from tocsin.store.intelligence import FeedState

DAY = 24 * HOUR


@pytest.fixture
def site(tmp_path):
    return site_with_feed(tmp_path / "soc")


def asked(site, at=NOW):
    keeper = Keeper(site, Still(at))
    keeper.ask_due(all_feeds=True)
    keeper.make_table()
    return keeper


def test_status_names_what_is_not_looked_for_and_feeds_that_are_stale(site):
    [line] = delivering.status(site, NOW).feeds
    assert line.trouble == "nothing came from it yet"
    odd = indicator("[artifact:url = 'x']", 2)
    sigma = indicator("title: x", 3, pattern_type="sigma")
    publish(site, [*story(), odd, sigma])
    asked(site).close()
    told = delivering.status(site, NOW)
    assert (told.indicators, told.unsupported, told.wrong) == (1, 2, False)
    assert [row[2] for row in delivering.unsupported(site, "acme", 10)] == [
        "at 1: artifact:url is in no event",
        "a pattern of type sigma",
    ]
    later = delivering.status(site, NOW + 30 * DAY)
    assert later.wrong
    assert later.feeds[0].trouble == "its newest is 30 days old, expected every 7 days"


def test_a_feed_that_fails_keeps_what_it_gave(site):
    publish(site, story())
    asked(site).close()
    (site.folder / "published" / "broken.json").write_bytes(b'{"objects": 5}')
    asked(site, NOW + 1).close()
    told = delivering.status(site, NOW + 1)
    assert "no STIX bundle" in told.feeds[0].trouble
    assert told.indicators == 1


def test_everything_can_be_searched_again_and_goes_on_where_it_was(site):
    store(site, [dns_query(C2)])
    keeper = Keeper(site, Still())
    with pytest.raises(UsageError, match="nothing to look for"):
        delivering.search_all(keeper, 30)
    publish(site, story())
    keeper.ask_due(all_feeds=True)
    assert delivering.search_all(keeper, 30) == (1, 1)
    assert delivering.search_all(keeper, 30) == (1, 0), "known and waiting: not found again"
    keeper.close()


def test_files_are_loaded_by_hand_and_delivery_tells_who_saw_it(site, tmp_path):
    publish(site, story())
    came, table = load(site, "acme", [site.folder / "published"])
    assert came.changed == 5
    assert table
    delivering.saw_incident(site, "inc-1", "ada", NOW)
    told = delivering.delivery(site, NOW, 30, 10)
    assert (told.matched, told.reached, told.seen) == (0, 0, 0)


@pytest.mark.parametrize(
    ("expected", "newest", "reason"),
    [(0, 0, ""), (3_600, NOW, ""), (3_600, NOW - 5 * HOUR, "5 hours old")],
)
def test_staleness_is_about_what_is_new(expected, newest, reason):
    feed = FeedSpec("k", "K", "kev", expected_every=expected)
    known = FeedState("k", succeeded=NOW, changed=NOW, newest=newest)
    assert reason in stale(feed, known, NOW)
    assert bool(stale(feed, known, NOW)) is bool(reason)
