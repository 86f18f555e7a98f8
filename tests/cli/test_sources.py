"""Where the records of every source are, in a table and as JSON."""

import json

import pytest
from tests.store.test_intake import refuse

from tocsin.cli import run
from tocsin.store import State


@pytest.fixture
def state(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    (tmp_path / "data").mkdir()
    opened = State(tmp_path / "data" / "state.db")
    yield opened
    opened.close()


def count(state, **places):
    with state.think("p") as tx:
        tx.count({f"{name.replace('_', '-')}|okta_system_log": n for name, n in places.items()})


def test_the_list_says_where_every_record_is(state, capsys):
    count(state, received=1_200, stored=1_000, duplicates=150, dead_letters=20)
    assert run(["sources"]) == 0
    [line] = [row for row in capsys.readouterr().out.splitlines() if "okta_system_log" in row]
    assert line.split()[:7] == ["okta_system_log", "1,200", "1,000", "150", "20", "0", "30"]


def test_the_list_ends_with_what_was_refused(state, capsys):
    assert run(["sources"]) == 0
    assert "not used" not in capsys.readouterr().out
    refuse(state, "not-json", "too-deep", "too-deep")
    assert run(["sources"]) == 0
    assert "not used: 2 too-deep, 1 not-json" in capsys.readouterr().out.splitlines()[-1]


def test_quiet_sources_are_shown_on_request(state, capsys):
    assert run(["sources"]) == 0
    assert "windows_sysmon" not in capsys.readouterr().out
    assert run(["sources", "--every"]) == 0
    assert "windows_sysmon" in capsys.readouterr().out


def test_what_the_lake_lacks_is_found(state, capsys):
    assert run(["sources", "--verify"]) == 0
    count(state, received=5, stored=5)
    capsys.readouterr()
    assert run(["sources", "--verify", "--json"]) == 1
    told = capsys.readouterr()
    [line] = [one for one in json.loads(told.out) if one["source_id"] == "okta_system_log"]
    assert (line["account"]["in_flight"], line["in_lake"]) == (0, 0)
    assert "0 events in the lake, but 5 stored" in told.err
