"""Every way to close survives the way to each SIEM and back."""

import pytest
from tests.connectors.siems import (
    TOKEN,
    SimulatedElastic,
    SimulatedSentinel,
    SimulatedSplunk,
)

from tocsin.connectors.credentials import bearer
from tocsin.connectors.errors import Refused, Stale
from tocsin.connectors.gateway import Gateway
from tocsin.connectors.siem import elastic, sentinel, splunk
from tocsin.connectors.siem.port import mark
from tocsin.model.findings import VendorAlert
from tocsin.model.incidents import Grade
from tocsin.model.writeback import CAUSES, Closing, Order, agree

CLOSINGS = [Closing(grade, cause) for grade in Grade for cause in CAUSES[grade] or (None,)]
SYSTEMS = {
    "sentinel": (SimulatedSentinel, sentinel.Sentinel, "Bearer", dict),
    "splunk": (SimulatedSplunk, splunk.Splunk, "Bearer", dict),
    "elastic": (SimulatedElastic, elastic.Elastic, "ApiKey", elastic.headers),
}


@pytest.fixture(params=SYSTEMS)
def pair(request):
    simulated, connector, word, extra = SYSTEMS[request.param]
    with simulated() as running:
        headers = bearer(lambda: TOKEN, word)
        gateway = Gateway("s", running.url, lambda: {**headers(), **extra()}, private=True)
        made = connector(gateway)
        running.add("a-1")
        yield running, made
        made.close()


def order(closing=CLOSINGS[0], *, opens=False, name="a-1"):
    alert = VendorAlert("s", name, incident_uid=name)
    return Order("f", "inc-1", alert, opens, closing, "for a reason", "tom", 1_000)


def only(connector, name="a-1"):
    return next(iter(connector.read([VendorAlert("s", name, incident_uid=name)])), None)


@pytest.mark.parametrize("closing", CLOSINGS, ids=str)
def test_a_closing_comes_back_as_it_went(pair, closing):
    _, connector = pair
    wanted = order(closing)
    before = only(connector)
    assert before.open
    connector.write(wanted, before)
    after = only(connector)
    assert agree(wanted, after)
    assert after.closing == closing
    assert after.updated > before.updated


def test_opened_again(pair):
    _, connector = pair
    connector.write(order(), only(connector))
    back = order(None, opens=True)
    connector.write(back, only(connector))
    assert agree(back, only(connector))


def test_the_comment_stands_there_and_says_who(pair):
    siem, connector = pair
    connector.write(order(), only(connector))
    found = str([getattr(siem, name, "") for name in ("comments", "notables", "notes")])
    assert mark(order()) in found
    assert "for a reason" in found


def test_what_is_not_there_is_left_out(pair):
    _, connector = pair
    assert only(connector, "a-2") is None


@pytest.mark.parametrize("name", ["sentinel", "splunk"])
def test_what_is_not_there_cannot_be_written(name):
    simulated, connector, _, _ = SYSTEMS[name]
    with simulated() as siem:
        siem.add("a-1")
        made = connector(Gateway("s", siem.url, bearer(lambda: TOKEN), private=True))
        there = only(made)
        with pytest.raises(Refused):
            made.write(order(name="a-2"), there)
        made.close()


def test_a_version_that_is_not_the_one_read_is_refused():
    with SimulatedSentinel() as siem:
        siem.add("a-1")
        gateway = Gateway("s", siem.url, bearer(lambda: TOKEN), private=True)
        connector = sentinel.Sentinel(gateway)
        before = only(connector)
        siem.disturb(
            f"{siem.workspace}/providers/Microsoft.SecurityInsights/incidents/a-1"
            "?api-version=2024-09-01"
        )
        with pytest.raises(Stale):
            connector.write(order(), before)
        siem.faults = ["stale"]
        with pytest.raises(Stale):
            connector.write(order(), only(connector))
        assert siem.incidents["a-1"]["properties"]["status"] == "New"
        connector.close()


def test_a_comment_that_is_sent_twice_is_one():
    for simulated, connector, word, extra in (SYSTEMS["sentinel"], SYSTEMS["elastic"]):
        with simulated() as siem:
            siem.add("a-1")
            headers = bearer(lambda: TOKEN, word)
            joined = lambda one=headers, two=extra: {**one(), **two()}  # noqa: E731 - both as one
            made = connector(Gateway("s", siem.url, joined, private=True))
            for _ in range(2):
                made.write(order(), only(made))
            kept = siem.comments["a-1"] if simulated is SimulatedSentinel else siem.notes
            assert len(kept) == 1
            made.close()


def test_an_id_that_would_end_the_search_is_not_asked_for():
    with SimulatedSplunk() as siem:
        gateway = Gateway("s", siem.url, bearer(lambda: TOKEN), private=True)
        connector = splunk.Splunk(gateway)
        assert connector.read([VendorAlert("s", 'x") | delete')]) == []
        assert siem.calls == []
        connector.close()
