import json

import pytest
from tests.app.stored import PACKING, fill, new_site, packing

from tocsin.cli import run

WORDS = ["suppress", PACKING[:8], "--reason", "The nightly report.", "--where", "User*=sync"]


@pytest.fixture
def soc(tmp_path):
    site = new_site(tmp_path / "soc")
    fill(site, [packing("NQ\\partner.sync", hour) for hour in range(3)] + [packing("NQ\\eve")])
    return tmp_path / "soc"


def test_it_is_previewed_written_and_applied(soc, capsys):
    assert run([*WORDS, "--yes"]) == 0
    out = capsys.readouterr().out
    assert "3 of 4 stored findings would have been hidden" in out
    assert "fs01" in out
    [path] = (soc / "exceptions").glob("*.yaml")
    assert path.name in out
    assert run(["check"]) == 0
    assert path.name not in capsys.readouterr().out
    assert run(["apply", "--yes"]) == 0


def test_a_preview_in_json_writes_nothing(soc, capsys):
    assert run([*WORDS, "--json", "--lower", "low", "--days", "7"]) == 0
    preview = json.loads(capsys.readouterr().out)["preview"]
    assert (preview["of"], preview["covered"]) == (4, 3)
    assert not list((soc / "exceptions").glob("*.yaml"))


@pytest.mark.parametrize(
    ("more", "text"),
    [
        (["--days", "91"], "90"),
        (["--where", "User=nobody"], "covers none"),
        (["--from", "zz"], "no finding begins"),
    ],
)
def test_mistakes_are_told(soc, capsys, more, text):
    assert run([*WORDS, *more, "--yes"]) == 2
    assert text in capsys.readouterr().err
    assert not list((soc / "exceptions").glob("*.yaml"))


def test_a_reason_is_needed(soc, capsys):
    assert run(WORDS[:2]) == 2
    assert "reason" in capsys.readouterr().err
