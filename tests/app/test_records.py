"""Single records in, what each means out."""

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.normalize.facts import normalizer

from tocsin.app.records import Reader, read_records

NOW = 1_772_000_000_000_000
ACCEPTED = (
    "Jan  5 09:00:00 web01 sshd[411]: Accepted password for ana from 192.0.2.7 port 50000 ssh2"
)
OKTA = {
    "uuid": "1",
    "published": "2026-01-05T09:00:00.000Z",
    "eventType": "user.session.start",
    "actor": {"alternateId": "ana@example.test", "type": "User", "id": "u1"},
    "outcome": {"result": "SUCCESS"},
}


@pytest.fixture(scope="module")
def reader():
    return Reader(normalizer(), "test", NOW)


def test_a_known_record_gives_its_source_and_events(reader):
    reading = reader.read(7, ACCEPTED)
    assert (reading.id, reading.status, reading.source) == (7, "ok", "linux_sshd")
    assert [event["class_uid"] for event in reading.events] == [3002]


def test_an_array_and_lines_are_taken_apart(reader):
    both = reader.read("a", json.dumps([OKTA, OKTA | {"uuid": "2"}]))
    assert [event["metadata"]["uid"] for event in both.events] != []
    assert len(both.events) == len(reader.read("b", f"{ACCEPTED}\n{ACCEPTED}").events) == 2


def test_a_pretty_printed_object_with_a_mark_before_it_is_one_record(reader):
    text = "\N{ZERO WIDTH NO-BREAK SPACE}" + json.dumps(OKTA, indent=2)
    assert len(reader.read("a", text).events) == 1


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        ('{"nobody": "knows"}', "unknown"),
        ("free text that means nothing", "unknown"),
        ("", "rejected"),
        (" \n", "rejected"),
        ('{"cut": "he', "rejected"),
        ("[" * 1000 + "]" * 1000, "rejected"),
    ],
)
def test_what_no_source_reads_says_why(reader, raw, status):
    reading = reader.read("x", raw)
    assert reading.status == status
    assert reading.reason
    assert not reading.events


def test_a_declared_source_that_is_none_is_recognized(reader):
    assert reader.read("x", ACCEPTED, "somebody/elses-name").source == "linux_sshd"
    assert reader.read("x", ACCEPTED, "okta_system_log").status == "unknown"


def test_every_line_of_a_file_is_answered(tmp_path, reader):
    lines = [json.dumps({"id": 1, "raw": ACCEPTED}), "no JSON", '{"id": 2}', json.dumps([1])]
    lines.append(json.dumps({"id": 3, "raw": OKTA, "source": "okta_system_log"}))
    path = tmp_path / "records.jsonl.gz"
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    found = list(read_records(path, reader))
    assert [one.status for one in found] == ["ok", "rejected", "rejected", "rejected", "ok"]
    assert str(found[1].id).endswith(":2")


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(max_size=200))
def test_nothing_crashes_it(text):
    reading = Reader(normalizer(), "test", NOW).read("x", text)
    assert reading.status in ("ok", "unknown", "rejected")
    assert bool(reading.events) == (reading.status == "ok")
