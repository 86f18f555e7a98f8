"""Incidents worst first, and the records that could not be used."""

import json

import msgspec
import pytest
from tests.app.test_overview import store
from tests.correlate.findings import finding
from tests.store.stories import incident
from tests.store.test_intake import refuse

from tocsin.cli import desk, run
from tocsin.model.findings import Level, VendorAlert
from tocsin.store import State


@pytest.fixture
def state(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    (tmp_path / "data").mkdir()
    opened = State(tmp_path / "data" / "state.db")
    yield opened
    opened.close()


def test_incidents_are_listed_worst_first_and_closed_ones_on_request(state, capsys):
    store(state, incident("mild", last=99, level=Level.LOW), incident("worst", last=1))

    def listed(*options):
        assert run(["incidents", "--json", *options]) == 0
        return [one["id"] for one in json.loads(capsys.readouterr().out)]

    assert listed() == ["worst", "mild"]
    assert listed("--newest") == ["mild", "worst"]
    assert run(["verdict", "worst", "false-positive", "--reason", "a test"]) == 0
    capsys.readouterr()
    assert listed() == ["mild"]
    assert listed("--all") == ["mild", "worst"]
    assert run(["incidents", "--all"]) == 0
    assert "false-positive" in capsys.readouterr().out


SIEM = """[[siem]]
kind = "splunk"
source = "splunk_notable"
url = "https://splunk.example.org:8089"
secret = "env:SPLUNK_TOKEN"
"""


def test_a_verdict_is_on_its_way_to_the_siem_with_its_cause(state, tmp_path, capsys):
    store(state, incident("worst", last=1))
    alert = VendorAlert("splunk_notable", "A@@notable@@1", status="New")
    held = msgspec.structs.replace(finding(7, 0), vendor=alert, source_id="splunk_notable")
    with state.think("p0") as tx:
        tx.add_findings([held], ["worst"])
    assert run(["siem"]) == 0
    assert "nothing is written back" in capsys.readouterr().out
    (tmp_path / "tocsin.toml").write_text(SIEM)
    grade = ["verdict", "worst", "false-positive", "--reason", "a wrong clock"]
    assert run([*grade, "--cause", "suspicious-activity"]) == 2
    assert state.outbox.last(9) == []
    assert run([*grade, "--cause", "inaccurate-data"]) == 0
    capsys.readouterr()
    assert run(["siem"]) == 0
    told = capsys.readouterr().out
    assert "1 queued" in told
    assert "closed as false-positive (inaccurate-data)" in told
    assert run(["incidents", "reopen", "worst", "--reason", "it was not"]) == 0
    newest, older = state.outbox.last(9)
    assert (newest.order.open, older.state) == (True, "superseded")


def test_dead_letters_show_counts_then_records_and_steer_no_screen(state, capsys):
    refuse(state, "not-json", "too-deep", "too-deep", raw=b"\x1b[2J" + b"y" * 5_000)
    assert run(["dead-letters", "--reason", "not-json"]) == 0
    told = capsys.readouterr().out
    assert told.index("2 too-deep") < told.index("1 not-json") < told.index("f.json:1")
    assert "f.json:2" not in told
    assert "\x1b" not in told
    assert "y" * 100 in told
    assert "y" * (desk.FIRST + 1) not in told


def test_dead_letters_as_json_hold_the_whole_record(state, capsys):
    refuse(state, "not-json", raw=b"y" * 5_000)
    assert run(["dead-letters", "--json"]) == 0
    tree = json.loads(capsys.readouterr().out)
    assert tree["counts"] == {"not-json": 1}
    [record] = tree["records"]
    assert record["raw"] == "y" * 5_000
    assert (record["origin"], record["position"]) == ("f.json", 1)
