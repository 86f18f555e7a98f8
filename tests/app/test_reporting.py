"""A real hunt's report, made from records whose every field is hostile."""

import json
from html.parser import HTMLParser

import pytest
from tests.app.report.hunts import report
from tests.cli.conftest import WHOAMI

from tocsin.app.reporting import Reporter
from tocsin.cli import run

EVIL = "</td></style><script>alert(1)</script>\"' onload=x {{ page }} {% now 'Y' %} \u202e\x1b[2J"


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.found, self.names, self.text = set(), set(), []

    def handle_starttag(self, tag, attrs):
        self.found.add(tag)
        self.names |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(autouse=True)
def no_releases(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))


@pytest.fixture
def hostile_log(tmp_path):
    record = {
        key: f"{value}{EVIL}" if isinstance(value, str) else value for key, value in WHOAMI.items()
    }
    kept = ("Channel", "SourceName", "SourceModuleType", "EventTime", "@timestamp", "UtcTime")
    record |= {key: WHOAMI[key] for key in kept} | {EVIL: EVIL, "Big": EVIL * 20_000}
    path = tmp_path / "sysmon.json"
    path.write_text(json.dumps(record) + "\n" + json.dumps({EVIL: EVIL}) + "\n")
    return path


def test_a_hostile_hunt_makes_a_harmless_page(hostile_log, tmp_path, capsys):
    out = tmp_path / "out.html"
    assert run(["hunt", str(hostile_log), "--report", str(out)]) == 1
    assert f"The report is in {out}." in capsys.readouterr().out
    page = out.read_text()
    assert page.startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    tags = Tags()
    tags.feed(page)
    assert {"script", "img", "iframe", "form"} & tags.found == set()
    assert [name for name in tags.names if name.startswith("on") or name == "style"] == []
    assert "<script>alert(1)</script>" in "".join(tags.text)
    assert "\\x1b[2J" in page
    assert "\u202e" not in page
    assert len(page) < 400_000


def test_a_report_that_cannot_be_written_is_refused_before_the_work(hostile_log, capsys):
    assert run(["hunt", str(hostile_log), "--report", "absent/x.html"]) == 2
    assert "--report absent/x.html: there is no folder absent" in capsys.readouterr().err
    assert run(["hunt", str(hostile_log), "--report", "."]) == 2


def test_a_broken_site_is_known_before_the_work(hostile_log, tmp_path, monkeypatch):
    (tmp_path / "tocsin.toml").write_text("nonsense = 1")
    monkeypatch.chdir(tmp_path)
    assert run(["hunt", str(hostile_log), "--report", "x.html"]) == 2


def test_the_page_says_how_it_was_made():
    class At:
        def now(self):
            return 1_790_000_000_000_000

    hunt = report(findings=0)
    page = Reporter(None, At()).page(hunt, [], None).decode()
    assert "those that ship" in page
    assert "21 Sep 2026" in page
