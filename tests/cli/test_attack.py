"""`tocsin attack`: each command says what it did, and its exit code does not lie."""

import json

import pytest
from tests.enrich.bundles import bundle

from tocsin.cli import run


@pytest.fixture(autouse=True)
def own_releases(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    (tmp_path / "b.json").write_bytes(bundle())


def test_from_nothing_to_judged_labels(capsys):
    assert run(["attack"]) == 0
    assert "labels are not checked" in capsys.readouterr().out
    assert run(["attack", "load", "b.json"]) == 0
    told = capsys.readouterr().out
    assert "3 tactics, 3 techniques, 2 sub-techniques; 3 revoked, 1 deprecated" in told
    assert run(["attack"]) == 0
    assert "2025-05-03" in capsys.readouterr().out
    assert run(["attack", "label", "T1086", "T1601"]) == 1
    assert "this release calls it T1059.001 Running shells" in capsys.readouterr().out
    assert run(["attack", "label", "T1601", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "newer"
    assert run(["attack", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert one["in_use"]
    assert run(["attack", "use", one["id"][:4]]) == 0


def test_rules_are_listed_by_what_needs_attention(capsys):
    run(["attack", "load", "b.json"])
    capsys.readouterr()
    assert run(["attack", "rules"]) == 0
    told = capsys.readouterr().out
    assert "each by its worst" in told
    assert run(["attack", "rules", "--state", "current", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert all(any(label["state"] == "current" for label in one["labels"]) for one in listed)


def test_the_table_of_rules_has_a_column_for_labels(capsys):
    assert run(["rules", "--attack"]) == 0
    assert "not checked" in capsys.readouterr().out
    run(["attack", "load", "b.json"])
    assert run(["rules", "--attack"]) == 0
    told = capsys.readouterr().out
    assert "ATT&CK labels" in told
    assert "unknown" in told


def test_what_was_left_out_is_told(tmp_path, capsys):
    objects = [*json.loads(bundle())["objects"], *[{"type": "attack-pattern"}] * 30]
    (tmp_path / "b.json").write_bytes(bundle(objects))
    assert run(["attack", "load", "b.json"]) == 0
    assert "and 20 more objects left out" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [["load", "absent"], ["load", "."], ["use", "x"], ["rules", "--state", "odd"]]
)
def test_what_cannot_be_done_is_an_error(command, capsys):
    assert run(["attack", *command]) == 2
    assert capsys.readouterr().err.startswith("tocsin: ")
