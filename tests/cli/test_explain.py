import json

import pytest

from tocsin.cli import run
from tocsin.cli.explain import told
from tocsin.detect.sigma.why_not import Reason

RULE = """\
title: Packer is started
id: 0d1c2b3a-0000-4000-8000-000000000001
level: low
logsource: {product: windows, category: process_creation}
detection: {sel: {Image|endswith: rar.exe, User: bob}, condition: sel}
"""
SYSMON = "Microsoft-Windows-Sysmon/Operational"


@pytest.fixture
def files(tmp_path):
    (tmp_path / "rule.yml").write_text(RULE)
    events = [
        {"EventID": 1, "Image": "C:\\rar.exe", "User": "ann"},
        {"EventID": 1, "Image": "C:\\rar.exe", "User": "bob"},
        {"EventID": 3, "Image": "C:\\rar.exe"},
    ]
    line = {"Channel": SYSMON, "Hostname": "h", "UtcTime": "2024-01-01 00:00:00.000"}
    lines = [json.dumps({**line, "SourceName": "Microsoft-Windows-Sysmon"} | e) for e in events]
    (tmp_path / "events.json").write_text("\n".join(lines))
    return tmp_path


def explained(capsys, event, *more):
    assert run(["rules", "explain", "Packer is started", event, "--rules", "rule.yml", *more]) == 0
    return capsys.readouterr().out


def test_what_is_missing_is_shown_with_its_value(files, capsys):
    out = explained(capsys, "events.json")
    assert "Packer is started does not hold for events.json:1" in out
    assert "NO  User is 'bob'  (User: ann)" in out
    assert "yes Image ends with 'rar.exe'  (Image: C:\\rar.exe)" in out


def test_a_rule_that_holds(files, capsys):
    assert "Packer is started holds for events.json:2" in explained(capsys, "events.json:2")


def test_rules_are_found_by_how_they_begin(files, capsys):
    for name in ("0d1c2b3a", "packer is", "Packer is st…"):
        assert run(["rules", "explain", name, "events.json:2", "--rules", "rule.yml"]) == 0
        assert "Packer is started holds for" in capsys.readouterr().out


def test_what_holds_shows_the_routing_that_fits_and_no_other(files, capsys):
    out = explained(capsys, "events.json:2")
    assert "yes the logsource fits:" in out
    assert "yes EventID is '1'  (EventID: 1)" in out
    assert "does not fit" not in out
    assert "NO " not in out


def test_alternatives_that_do_not_hold_are_counted():
    parts = (Reason("F is 'a'", held=False, field="F"), Reason("F is 'b'", held=True, field="F"))
    lines = list(told(Reason("one of", held=True, parts=parts)))
    assert lines == ["yes one of:", "  yes F is 'b'  (F: missing)", "  (and 1 that do not hold)"]
    assert len(list(told(Reason("one of", held=False, parts=parts)))) == 3


def test_a_correlation_says_what_it_asks_for(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(["rules", "explain", "8d99cf89"]) == 0
    out = capsys.readouterr().out
    assert "Many logons over SSH fail from one place asks for event_count gte 15 within 5m" in out
    assert "with the same: src, host" in out
    assert "no events are stored here" in out
    assert run(["rules", "explain", "b6bf2eb7"]) == 2
    assert "name an event" in capsys.readouterr().err


def test_a_logsource_that_does_not_fit(files, capsys):
    out = explained(capsys, "events.json:3")
    assert "the logsource does not fit" in out
    assert "NO  EventID is '1'  (EventID: 3)" in out


def test_json(files, capsys):
    found = json.loads(explained(capsys, "events.json:2", "--json"))
    assert found["why"]["held"] is True
    assert found["source_id"] == "windows_sysmon"


@pytest.mark.parametrize(
    ("rule", "event", "message"),
    [
        ("nothing", "events.json", "there is no rule nothing"),
        ("Packer is started", "events.json:9", "has no record 9"),
        ("Packer is started", "nothing", "no file, stored event or finding is called nothing"),
        ("Packer is started", "rule.yml", "rule.yml"),
    ],
)
def test_what_cannot_be_explained_says_why(files, capsys, rule, event, message):
    assert run(["rules", "explain", rule, event, "--rules", "rule.yml"]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_field_is_told():
    tree = Reason("all of", held=False, parts=(Reason("F is 'a'", held=False, field="F"),))
    assert list(told(tree)) == ["NO  all of:", "  NO  F is 'a'  (F: missing)"]
