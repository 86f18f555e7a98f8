"""Holds as a person asks for them."""

import pytest

from tocsin.app import holding
from tocsin.app.holding import Wanted
from tocsin.app.site import open_site
from tocsin.errors import UsageError


@pytest.fixture
def site(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    (tmp_path / "data").mkdir()
    return open_site(tmp_path, {})


def test_a_hold_says_what_it_covers(site):
    assert holding.all_holds(site) == []
    wanted = Wanted(
        "c7", "a claim", "ws01", "okta_system_log", "", "2026-11-01", "2026-11-02T06:00"
    )
    made = holding.place(site, wanted, "maria", 5)
    assert (made.since, made.until) == (1_793_491_200_000_000, 1_793_599_200_000_000)
    assert holding.covers(made) == (
        "events that name ws01, of source okta_system_log, from 2026-11-01 00:00,"
        " up to 2026-11-02 06:00"
    )
    holding.release(site, "c7", "ines", "settled", 9)
    assert [one.released_by for one in holding.all_holds(site)] == ["ines"]


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted("c", "", entity="ws01"),
        Wanted("c", "a claim"),
        Wanted("c", "a claim", since="soon"),
        Wanted("c", "a claim", since="2026-11-02", until="2026-11-01"),
    ],
)
def test_what_says_nothing_is_refused(site, wanted):
    with pytest.raises(UsageError):
        holding.place(site, wanted, "maria", 5)


def test_a_release_needs_a_reason(site):
    with pytest.raises(UsageError, match="reason"):
        holding.release(site, "c7", "ines", " ", 9)
