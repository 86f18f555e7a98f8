"""Upkeep, holds, backup and restore from the command line."""

import json

import pytest

from tocsin.cli import run
from tocsin.store import State


@pytest.fixture(autouse=True)
def state(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    (tmp_path / "data" / "spool").mkdir(parents=True)
    State(tmp_path / "data" / "state.db").close()


def test_a_hold_is_placed_listed_and_released(capsys):
    assert run(["hold", "list"]) == 0
    assert "there is no hold" in capsys.readouterr().out
    assert run(["hold", "place", "c7", "--entity", "ws01", "--reason", "a claim"]) == 0
    assert run(["hold", "list"]) == 0
    assert "events that name ws01" in capsys.readouterr().out
    assert run(["hold", "release", "c7", "--reason", "settled"]) == 0
    assert run(["hold", "release", "c7", "--reason", "settled"]) == 2


def test_upkeep_tells_what_it_did(capsys):
    assert run(["upkeep"]) == 0
    assert "0 events, 0 findings and 0 dead letters expired" in capsys.readouterr().out
    assert run(["upkeep", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["expired"] == 0


def test_a_backup_is_made_checked_and_restored(tmp_path, capsys):
    assert run(["backup", "copy"]) == 0
    assert run(["backup", "copy", "--verify"]) == 0
    assert "whole: 1 files" in capsys.readouterr().out
    assert run(["restore", "copy"]) == 2
    (tmp_path / "data").rename(tmp_path / "lost")
    assert run(["restore", "copy"]) == 0
    assert (tmp_path / "data" / "state.db").exists()
