"""What people do to incidents at the command line."""

import json

import pytest
from tests.app.test_overview import store
from tests.store.stories import incident

from tocsin.cli import run
from tocsin.store import State


@pytest.fixture
def state(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    (tmp_path / "data").mkdir()
    opened = State(tmp_path / "data" / "state.db")
    store(opened, incident("inc-one", title="One"), incident("inc-two", title="Two", last=30))
    yield opened
    opened.close()


def told(capsys, *options):
    capsys.readouterr()
    assert run(["incidents", *options]) == 0
    return capsys.readouterr().out


def test_a_merge_is_journaled_and_shown_as_waiting_until_it_is_done(state, capsys):
    assert run(["incidents", "merge", "inc-o", "inc-two", "--reason", "one intruder"]) == 0
    assert "at its next step" in capsys.readouterr().out
    out = told(capsys, "inc-two")
    assert "one intruder (not done yet)" in out
    [record] = state.journal.tail(1)
    assert record.kind == "incident-merge"
    assert json.loads(record.body)["reason"] == "one intruder"
    tree = json.loads(told(capsys, "inc-one", "--json"))
    assert [(one["kind"], one["done"]) for one in tree["decisions"]] == [("merge", False)]


def test_linked_incidents_are_shown_with_the_reason_on_both(state, capsys):
    assert run(["incidents", "link", "inc-one", "inc-two", "--reason", "same\x1b[2J tool"]) == 0
    assert "linked to inc-two Two: same\\x1b[2J tool" in told(capsys, "inc-one")
    assert "linked to inc-one One" in told(capsys, "inc-two")
    tree = json.loads(told(capsys, "inc-one", "--json"))
    assert [one["id"] for one in tree["linked"]] == ["inc-two"]


def test_a_closed_incident_is_opened_again_and_keeps_its_grade(state, capsys):
    assert run(["verdict", "inc-one", "false-positive", "--reason", "a test"]) == 0
    assert "inc-one" not in told(capsys)
    assert run(["incidents", "reopen", "inc-one", "--reason", "it came back"]) == 0
    assert "inc-one" in told(capsys)
    out = told(capsys, "inc-one")
    assert "reopen" in out
    assert "verdict false-positive" in out
    assert run(["incidents", "reopen", "inc-one", "--reason", "again"]) == 2


def test_findings_are_taken_out_by_id_or_by_what_they_are_about(state, capsys):
    assert run(["incidents", "split", "inc-one", "of-", "--reason", "apart"]) == 2
    assert "nothing would be left" in capsys.readouterr().err
    assert run(["incidents", "split", "inc-one", "zz", "--reason", "apart"]) == 2
    assert "no finding here begins with zz" in capsys.readouterr().err
    assert run(["incidents", "split", "inc-one", "--entity", "host=h9", "--reason", "x"]) == 2
    assert "kind=name" in capsys.readouterr().err
    assert run(["incidents", "split", "inc-one", "--entity", "host=H1", "--reason", "x"]) == 2
    assert "nothing would be left" in capsys.readouterr().err


def test_every_decision_needs_a_reason_and_what_it_is_about(state, capsys):
    assert run(["incidents", "merge", "inc-one", "inc-two", "--reason", " "]) == 2
    assert run(["incidents", "merge", "inc-one", "inc-one", "--reason", "x"]) == 2
    assert "one incident already" in capsys.readouterr().err
    assert run(["incidents", "merge", "inc-one", "inc-nine", "--reason", "x"]) == 2
    assert state.casebook.decisions() == []
