"""A hunt's report is never lost to a wrong name, and its exit code never lies."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from tocsin.cli import hunt as command
from tocsin.cli import run


def no_hunt(*_paths, **_options):
    raise AssertionError("the work must not start")


@pytest.mark.parametrize("target", ["absent/x.json", "."])
def test_a_target_that_cannot_be_written_is_refused_before_the_work(
    target, log, monkeypatch, capsys
):
    monkeypatch.setattr(command, "hunt_files", no_hunt)
    assert run(["hunt", str(log), "--json", target]) == 2
    told = capsys.readouterr().err
    assert told.startswith("tocsin: ")
    assert told.count("\n") == 1


def test_an_older_report_stays_until_the_new_one_is_complete(log, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.json"
    out.write_text("older")

    def stopped(*_paths, **_options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(command, "hunt_files", stopped)
        assert run(["hunt", str(log), "--json", str(out)]) == 130
    assert out.read_text() == "older"
    assert run(["hunt", str(log), "--json", str(out)]) == 1
    assert json.loads(out.read_text())["findings"]
    assert {path.name for path in tmp_path.iterdir()} == {"out.json", log.name}
    assert capsys.readouterr().err == ""


def test_a_report_beside_the_logs_is_not_taken_for_one(log, tmp_path):
    (tmp_path / "logs").mkdir()
    log.rename(tmp_path / "logs" / log.name)
    out = tmp_path / "logs" / "out.json"
    assert run(["hunt", str(tmp_path / "logs"), "--json", str(out)]) == 1
    assert json.loads(out.read_text())["unrecognized"] == []


def test_a_report_can_go_to_a_device(log):
    assert run(["hunt", str(log), "--json", os.devnull]) == 1


def test_the_page_is_there_when_the_reader_of_what_is_printed_left(log, tmp_path, monkeypatch):
    def left(*_arguments, **_options):
        raise BrokenPipeError

    monkeypatch.setattr(command, "tell_report", left)
    monkeypatch.setattr(os, "dup2", lambda *_: None)  # standard output of the tests stays
    assert run(["hunt", str(log), "--report", str(tmp_path / "page.html")]) == 2
    assert (tmp_path / "page.html").read_bytes().startswith(b"<!")


@pytest.mark.parametrize("written", [["--json", "-"], ["--json=-"]])
def test_the_json_can_go_to_standard_output_as_the_help_says(written, log, capfdbinary):
    assert run(["hunt", str(log), *written]) == 1
    assert json.loads(capfdbinary.readouterr().out)["findings"]


def test_a_forgotten_name_of_a_file_is_told(log, monkeypatch, capsys):
    monkeypatch.setattr(command, "hunt_files", no_hunt)
    assert run(["hunt", str(log), "--json", "--top", "3"]) == 2
    assert "name a file before --top" in capsys.readouterr().err


def test_every_core_that_may_be_used_is_used(log, monkeypatch):
    asked = []

    def counted(*_paths, cores, **_options):
        asked.append(cores)
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "hunt_files", counted)
    for cores in ({0}, {0, 1, 2, 5}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores)
        run(["hunt", str(log)])
    assert asked == [1, 4]


def test_a_site_that_is_none_is_refused(log, capsys):
    assert run(["hunt", str(log), "--site", "absent"]) == 2
    assert "absent/tocsin.toml is not there" in capsys.readouterr().err


@pytest.mark.parametrize("after", [0.3, 0.9, 1.5, 2.2])
def test_ctrl_c_at_any_time_ends_with_130_and_no_words(after, tmp_path):
    line = json.dumps({"EventID": 1, "Channel": "x", "Hostname": "h", "pad": "x" * 500})
    (tmp_path / "many.json").write_text((line + "\n") * 200_000)
    script = tmp_path / "main.py"
    script.write_text(
        "from tocsin.__main__ import main\n"
        "if __name__ == '__main__':\n    print('up', flush=True)\n    main()\n"
    )
    child = subprocess.Popen(
        [sys.executable, str(script), "hunt", str(tmp_path / "many.json")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.readline()
    time.sleep(after)
    os.killpg(child.pid, signal.SIGINT)
    out, errors = child.communicate(timeout=30)
    assert (child.returncode, out, errors) == (130, b"", b"")
