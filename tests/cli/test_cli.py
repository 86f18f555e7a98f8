"""The commands as a person runs them: exit codes, words, and nothing from a log steers a screen."""

import json
import subprocess
import sys

import pytest
from tests.cli.conftest import WHOAMI

from tocsin.cli import run


def test_a_hunt_that_finds_something_ends_with_1_and_tells_it(log, capsys):
    assert run(["hunt", str(log)]) == 1
    told = capsys.readouterr().out
    assert "comsvcs" in told
    assert "T1003.001" in told
    assert "1 incident" in told


def test_what_a_log_holds_cannot_steer_the_terminal(log, capsys):
    run(["hunt", str(log)])
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert "mallory" in told


def test_the_json_of_a_hunt_has_the_documented_parts(log, tmp_path, capsys):
    assert run(["hunt", str(log), "--json", str(tmp_path / "out.json")]) == 1
    capsys.readouterr()
    out = json.loads((tmp_path / "out.json").read_text())
    assert set(out) == {"events", "findings", "incidents", "rules", "unrecognized"}
    assert out["events"] == {"windows_sysmon": {"process_activity": 1}}
    finding = out["findings"][0]
    keys = {"rule_id", "title", "level", "techniques", "time", "events", "matched", "source_file"}
    assert keys <= set(finding)
    assert finding["source_file"] == str(log)
    assert finding["time"] == "2026-01-05T09:00:00.123000Z"
    incident = out["incidents"][0]
    assert {"id", "entities", "findings", "techniques", "first", "last", "story"} <= set(incident)
    assert sorted(incident["findings"]) == sorted(f["id"] for f in out["findings"])
    assert all(rule["state"] == "active" for rule in out["rules"])


def test_a_hunt_that_finds_nothing_ends_with_0(tmp_path, capsys):
    quiet = {**WHOAMI, "CommandLine": "rundll32.exe shell32.dll,Control_RunDLL"}
    (tmp_path / "quiet.json").write_text(json.dumps(quiet) + "\n")
    assert run(["hunt", str(tmp_path / "quiet.json")]) == 0
    assert "0 incidents" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["hunt"], "name at least one file"),
        (["hunt", "nothing.json"], "does not exist"),
        (["incidents"], "there is no site here"),
        (["query", "select 1"], "there is no site here"),
        (["verdict", "x", "true-positive", "--reason", "y"], "there is no site here"),
    ],
)
def test_an_error_ends_with_2_and_says_what_to_do(arguments, words, capsys):
    assert run(arguments) == 2
    assert words in capsys.readouterr().err


def test_an_unknown_option_ends_with_2(capsys):
    assert run(["hunt", "--colour"]) == 2
    assert "--colour" in capsys.readouterr().err


def test_a_rule_of_our_own_is_checked_and_used(log, tmp_path, capsys):
    assert run(["init", "soc"]) == 0
    assert run(["check"]) == 0
    rules = tmp_path / "soc" / "rules"
    (rules / "mine.yml").write_text(
        "title: Mallory was here\nid: 7a1f6d0e-5f0b-4f43-9a7c-0a6f7a3b9a10\nstatus: test\n"
        "logsource: {category: process_creation, product: windows}\n"
        "detection: {s: {User|endswith: '\\mallory'}, condition: s}\nlevel: medium\n"
    )
    capsys.readouterr()
    assert run(["check"]) == 0
    assert "site/rules/mine.yml: warning: has no tests beside it" in capsys.readouterr().out
    assert run(["hunt", str(log), "--site", "soc"]) == 1
    assert "Mallory was here" in capsys.readouterr().out
    (rules / "mine.tests.yaml").write_text("match: [{EventID: 1}]\nno_match: [{EventID: 2}]\n")
    assert run(["check"]) == 1
    assert "soc" not in capsys.readouterr().err
    (rules / "broken.yml").write_text("title: [")
    assert run(["check"]) == 1
    assert "rules/broken.yml" in capsys.readouterr().out


def test_normalize_prints_one_event_a_line(log, capfdbinary):
    assert run(["normalize", str(log)]) == 0
    (line,) = capfdbinary.readouterr().out.splitlines()
    event = json.loads(line)
    assert event["class_uid"] == 1007
    assert event["process"]["file"]["name"] == "rundll32.exe"


def test_normalize_refuses_an_unknown_source_once_and_names_the_known_ones(log, capsys):
    log.write_text(log.read_text() * 9)
    assert run(["normalize", str(log), "--source", "nope"]) == 2
    told = capsys.readouterr()
    assert (told.out, told.err.count("\n")) == ("", 1)
    assert "no source nope" in told.err
    assert "windows_sysmon" in told.err


def test_normalize_says_what_it_could_not_use(tmp_path, capsys):
    (tmp_path / "x.json").write_text('{"colour": "\x1b[2Jgreen"}\n'.replace("\x1b", "\\u001b"))
    assert run(["normalize", str(tmp_path / "x.json")]) == 1
    assert "unrecognized" in capsys.readouterr().err


def test_the_rules_are_listed_with_their_state(capsys):
    assert run(["rules", "--json"]) == 0
    assert {rule["state"] for rule in json.loads(capsys.readouterr().out)} == {"active", "building"}


def test_help_needs_no_heavy_import():
    code = (
        "import sys\nfrom tocsin.cli import run\nrun(['--help'])\n"
        "heavy = {'pyarrow', 'django', 'duckdb', 'deltalake', 'sigma', 'hyperscan'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_nobody_to_ask_is_an_error_and_applies_nothing(tmp_path):
    assert run(["init", "soc"]) == 0
    command = [sys.executable, "-m", "tocsin", "apply", "soc"]
    for end in ("< /dev/null", "<&-"):
        done = subprocess.run(
            ["bash", "-c", f'"$@" {end}', "-", *command], capture_output=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr.splitlines() == [
            b"tocsin: nobody is there to ask, and nothing was applied: --yes applies without asking"
        ]


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (PermissionError(13, "Permission denied", "x"), 2, "Permission denied: 'x'"),
        (EOFError(), 2, "EOFError"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_the_system_refuses_ends_with_2_and_ctrl_c_with_130(
    error, code, words, monkeypatch, capsys
):
    def fail(*_):
        raise error

    monkeypatch.setattr("tocsin.app.overview.rules", fail)
    assert run(["rules"]) == code
    told = capsys.readouterr().err
    assert words in told
    assert bool(told) == bool(words)


def test_a_bug_shows_its_traceback_and_never_ends_with_1():
    code = (
        "import sys\nfrom tocsin.app import overview\nfrom tocsin.__main__ import main\n"
        "overview.rules = lambda *_: {}['a bug']\nsys.argv = ['tocsin', 'rules']\nmain()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" in done.stderr
    assert "KeyError: 'a bug'" in done.stderr


@pytest.mark.parametrize("command", ["rules", "rules --json"])
def test_a_reader_that_leaves_early_ends_it_with_2_and_no_words(command):
    line = f'"$0" -m tocsin {command} | true; exit ${{PIPESTATUS[0]}}'
    done = subprocess.run(["bash", "-c", line, sys.executable], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (2, b"")
