"""`tocsin intelligence`."""

import json

import pytest
from tests.app.published import indicator, publish, site_with_feed, story

from tocsin.cli import run


@pytest.fixture
def site(tmp_path):
    made = site_with_feed(tmp_path / "soc")
    publish(made, [*story(), indicator("[artifact:url = 'x']", 2)])
    return made


def test_feeds_are_asked_shown_and_explained(site, capsys):
    at = ["--site", str(site.folder)]
    assert run(["intelligence", "feeds", *at]) == 1
    assert "nothing came from it yet" in capsys.readouterr().out
    assert run(["intelligence", "poll", *at]) == 0
    assert "acme: 2 indicators" in capsys.readouterr().out
    run(["intelligence", "status", "--json", *at])
    told = json.loads(capsys.readouterr().out)
    assert (told["indicators"], told["unsupported"]) == (1, 1)
    assert run(["intelligence", *at]) in (0, 1)
    assert "1 indicator looked for" in capsys.readouterr().out
    assert run(["intelligence", "unsupported", *at]) == 0
    assert "artifact:url is in no event" in capsys.readouterr().out
    assert run(["intelligence", "match-back", *at]) == 0
    assert "0 events searched" in capsys.readouterr().out
    assert run(["intelligence", "delivery", *at]) == 0
    assert "0 indicators matched" in capsys.readouterr().out
    assert run(["intelligence", "rebuild", *at]) == 0
    assert "table " in capsys.readouterr().out


def test_a_file_is_loaded_for_a_feed_that_is_declared(site, capsys):
    at = ["--site", str(site.folder)]
    assert run(["intelligence", "load", str(site.folder / "published"), "--feed", "acme", *at]) == 0
    assert "6 objects new or changed" in capsys.readouterr().out
    assert run(["intelligence", "load", "x.json", "--feed", "nobody", *at]) == 2
    assert "there are: acme" in capsys.readouterr().err
