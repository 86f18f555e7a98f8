import json
import re

import pytest

from tocsin.cli import run

RULE = """\
title: Packer is started
id: 0d1c2b3a-0000-4000-8000-000000000001
level: low
logsource: {product: windows, category: process_creation}
detection: {sel: {Image: rar.exe}, condition: sel}
"""


@pytest.fixture
def soc(tmp_path, capsys):
    assert run(["init", "soc"]) == 0
    (tmp_path / "rar.yml").write_text(RULE)
    capsys.readouterr()
    return tmp_path / "soc"


def test_a_rule_is_added_on_trial_listed_and_promoted(soc, capsys):
    assert run(["rules", "add", "rar.yml", "--staged", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "added    0d1c2b3a  Packer is started" in out
    assert "2 files written, 1 rule on trial" in out
    assert run(["rules", "--state", "staged", "--json"]) == 0
    [line] = json.loads(capsys.readouterr().out)
    assert (line["title"], line["findings"], line["last"]) == ("Packer is started", 0, 0)
    assert run(["rules", "promote", "0d1c"]) == 0
    assert "promoted 0d1c2b3a" in capsys.readouterr().out
    assert run(["rules", "--state", "staged", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert run(["rules", "stage", "0d1c"]) == 0
    assert "0d1c" in (soc / "rules/staged.txt").read_text()


def test_an_update_says_what_is_different(soc, tmp_path, capsys):
    assert run(["rules", "add", "rar.yml", "--yes"]) == 0
    (tmp_path / "rar.yml").write_text(RULE.replace("rar.exe", "7z.exe").replace("low", "high"))
    capsys.readouterr()
    assert run(["rules", "add", "rar.yml", "--yes"]) == 0
    out = capsys.readouterr().out
    assert "fires otherwise (detection); tells otherwise (level)" in out
    assert run(["rules", "add", "rar.yml", "--yes"]) == 0
    assert "nothing is different" in capsys.readouterr().out


def test_what_cannot_fire_here_is_told(soc, tmp_path, capsys):
    (tmp_path / "rar.yml").write_text(RULE.replace("windows", "abacus"))
    assert run(["rules", "add", "rar.yml", "--yes"]) == 0
    assert "1 rule inactive: no source delivers product=abacus" in capsys.readouterr().out


BAD = {
    "modifier": RULE.replace("Image:", "Image|odd:"),
    "text": "title: [",
}


@pytest.mark.parametrize("kind", BAD)
def test_rules_that_could_never_run_are_refused(soc, tmp_path, capsys, kind):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/good.yml").write_text(RULE.replace("0001", "0002"))
    (tmp_path / "in/bad.yml").write_text(BAD[kind])
    assert run(["rules", "add", "in", "--yes"]) == 2
    err = capsys.readouterr().err
    assert "nothing was written" in err
    assert "bad.yml" in err
    assert not (soc / "rules/in").exists()


def test_nobody_to_ask_writes_nothing(soc, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    assert run(["rules", "add", "rar.yml"]) == 2
    assert "nothing was written: --yes writes without asking" in capsys.readouterr().err
    assert not (soc / "rules/added").exists()


@pytest.mark.parametrize(
    ("command", "text"),
    [
        (["rules", "promote"], "at least one"),
        (["rules", "promote", "zz"], "no rule on trial"),
        (["rules", "stage", "zz"], "no rule begins"),
        (["rules", "add", "nowhere"], "nowhere"),
    ],
)
def test_mistakes_are_told(soc, capsys, command, text):
    assert run(command) == 2
    assert text in capsys.readouterr().err


def test_material_of_correlations_is_told_from_what_is_shown(capsys):
    assert run(["rules", "--state", "building", "--json"]) == 0
    titles = {line["title"] for line in json.loads(capsys.readouterr().out)}
    assert "Logon over SSH succeeds" in titles
    assert "Logon over SSH succeeds after many that failed" not in titles


def test_the_list_still_works_by_itself(capsys):
    assert run(["rules"]) == 0
    out = capsys.readouterr().out
    assert "last fired" in out
    assert " active" in out.splitlines()[-1]


def test_rules_that_wait_for_an_apply_are_named(soc, capsys):
    assert run(["apply", "--yes"]) == 0
    assert run(["rules", "add", "rar.yml", "--staged", "--yes"]) == 0
    capsys.readouterr()
    assert run(["rules", "--state", "staged"]) == 0
    waiting = "on disk, not applied: rules/added/rar.yml added, rules/staged.txt added"
    assert waiting in " ".join(capsys.readouterr().out.split())
    assert run(["apply", "--yes"]) == 0
    capsys.readouterr()
    assert run(["rules", "--state", "staged"]) == 0
    told = capsys.readouterr().out
    assert "Packer is started" in told
    assert "not applied" not in told


def test_an_apply_counts_what_ships_and_names_the_files_of_the_site(soc, capsys):
    assert run(["rules", "add", "rar.yml", "--yes"]) == 0
    capsys.readouterr()
    assert run(["apply", "--yes"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.match(r"what ships: \d+ rules, \d+ sources, \d+ other files added \(--det", lines[0])
    assert lines[1] == "added    rules/added/rar.yml"
    assert len(lines) < 6


def test_the_details_of_an_apply_name_every_file(soc, capsys):
    assert run(["apply", "--yes", "--details"]) == 0
    told = capsys.readouterr().out
    assert "what ships" not in told
    assert told.count("added    rules/") > 100
