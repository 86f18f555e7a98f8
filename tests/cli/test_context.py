"""`tocsin context`: load, show, status."""

import json
import sys

import msgspec
import pytest

from tocsin.cli import run
from tocsin.cli.incidents import _tell_context
from tocsin.cli.screen import Screen
from tocsin.cli.tell import finding_json
from tocsin.model.context import ContextNote
from tocsin.model.findings import Finding, Level

FINDING = Finding("f1", "r1", "d", "t", Level.HIGH, (), 5, (), (), (), (), "s", "source", "c")


@pytest.fixture
def soc(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    (tmp_path / "hosts.csv").write_text("name,unit,criticality\nfs01,Sales,high\nfs02,Legal,much\n")
    (tmp_path / "people.csv").write_text("user,email\nanna,anna@corp.example\n")
    return tmp_path


def test_what_is_loaded_is_shown_with_its_reasons(soc, capsys):
    assert run(["context", "status"]) == 0
    assert "no context is loaded" in capsys.readouterr().out
    assert run(["context", "load", "hosts.csv", "--as", "assets"]) == 1  # a value was left out
    out = capsys.readouterr().out
    assert "hosts.csv:3: warning: much" in out
    people = ["context", "load", "people.csv", "--as", "identities", "--domain", "CORP"]
    assert run(people) == 0
    capsys.readouterr()
    assert run(["context", "show", "CORP\\anna"]) == 0
    out = capsys.readouterr().out
    assert "known as: account corp\\anna, mail anna@corp.example" in out
    assert "found by account corp\\anna, confidence 0.95" in out
    assert run(["context", "show", "FS01", "--at", "2026-01-05"]) == 0
    assert "unit: Sales" in capsys.readouterr().out
    assert run(["context", "show", "host:nothing"]) == 0
    assert "nothing is known" in capsys.readouterr().out
    assert run(["context", "status"]) == 0
    assert "hosts.csv" in capsys.readouterr().out


def test_other_programs_get_json(soc, capsys):
    run(["context", "load", "hosts.csv", "--as", "assets"])
    capsys.readouterr()
    assert run(["context", "show", "host:fs01", "--json"]) == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert told[0]["body"]["unit"] == "Sales"
    assert run(["context", "status", "--json"]) == 0
    (load,) = json.loads(capsys.readouterr().out)
    assert (load["appeared"], load["kind"]) == (2, "asset")


@pytest.mark.parametrize(
    "words",
    [["load", "absent.csv", "--as", "assets"], ["load", "hosts.csv", "--as", "hosts"],
     ["load", "hosts.csv", "--as", "assets", "--as-of", "someday"],
     ["show", "fs01", "--at", "never"], ["ldap"], ["ldap", "corp"]],
)  # fmt: skip
def test_what_cannot_be_is_explained(soc, capsys, words):
    assert run(["context", *words]) == 2
    assert capsys.readouterr().err.startswith("tocsin: ")


def test_an_incident_tells_what_was_known(capsys):
    note = ContextNote("watchlist", "host:fs01", "crown-jewels", "on crown-jewels")
    finding = msgspec.structs.replace(FINDING, unit="Sales", context=(note, note))
    _tell_context(Screen(sys.stdout), [finding, finding])
    out = capsys.readouterr().out
    assert out.count("fs01: on crown-jewels") == 1
    assert "of Sales" in out
    _tell_context(Screen(sys.stdout), [FINDING])
    assert capsys.readouterr().out == ""
    assert finding_json(finding)["context"][0]["value"] == "crown-jewels"
