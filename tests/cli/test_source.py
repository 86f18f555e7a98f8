"""`tocsin source`."""

import json
from pathlib import Path

import pytest

from tocsin.app import proposing
from tocsin.app.site import Site
from tocsin.cli import run
from tocsin.content import load
from tocsin.model.content import ContentSet

RECORDS = [
    {"timestamp": f"2026-03-02T09:{n:02}:10Z", "type": "ping", "src_ip": f"10.0.0.{n}", "zz_id": n}
    for n in range(12)
]


@pytest.fixture
def few_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two shipped sources beside the site's: all of them take seconds to compile."""
    kept = ("okta_system_log", "linux_sshd", "pings")

    def some(site: Site) -> ContentSet:
        files = load(site.folder).files
        return ContentSet.of([one for one in files if one.path.split("/")[1] in kept])

    monkeypatch.setattr(proposing, "disk_content", some)


@pytest.mark.usefixtures("few_sources")
def test_a_source_is_written_and_known_from_then_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["init", "soc"]) == 0
    samples = tmp_path / "pings.json"
    samples.write_text("".join(json.dumps(one) + "\n" for one in RECORDS))
    assert run(["source", "new", "pings", str(samples), "--site", "soc"]) == 0
    told = capsys.readouterr().out
    assert "12 samples read by flat, 0 records left out" in told
    assert {path.name for path in (tmp_path / "soc/sources/pings").iterdir()} == {
        "source.yaml", "mapping.yaml", "samples", "expected",
    }  # fmt: skip
    assert run(["source", "new", "pings", str(samples), "--site", "soc"]) == 2
    assert run(["source", "new", "pongs", str(samples), "--site", "soc"]) == 2
    assert "reads these records already" in capsys.readouterr().err


def test_coverage_is_readable_in_a_hundred_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "soc"]) == 0
    capsys.readouterr()
    assert run(["source", "coverage", "--every", "--site", "soc"]) == 0
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 100
    assert "sources known" in told.splitlines()[0]
    assert run(["source", "coverage", "--site", "soc"]) == 2


def test_a_test_needs_a_site(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["source", "test", "zeek"]) == 2
    assert "there is no site here" in capsys.readouterr().err
