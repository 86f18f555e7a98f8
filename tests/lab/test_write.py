from datetime import UTC, datetime
from itertools import pairwise

import pytest
from tests.lab.conftest import MONDAY, History, written_by

from tocsin.lab import write
from tocsin.lab.windows import LOGOFF, PROCESS_ENDED
from tocsin.lab.world import World
from tocsin.lab.write import Step

NEEDED = {
    "EventTime",
    "EventReceivedTime",
    "@timestamp",
    "Hostname",
    "RecordNumber",
    "Channel",
    "EventID",
    "SourceName",
    "Severity",
}


def test_every_record_has_what_the_collector_writes(day: History) -> None:
    for record in day.records:
        assert record.keys() >= NEEDED
        assert isinstance(record["EventID"], int)


def test_record_numbers_rise_by_one_per_host_and_channel(day: History) -> None:
    for records in day.files.values():
        assert len({(r["Hostname"], r["Channel"]) for r in records}) == 1
        assert all(b["RecordNumber"] - a["RecordNumber"] == 1 for a, b in pairwise(records))


def test_time_never_runs_backwards_in_a_file(day: History) -> None:
    for records in day.files.values():
        assert all(a["@timestamp"] <= b["@timestamp"] for a, b in pairwise(records))


def test_local_time_and_utc_are_the_same_moment(day: History) -> None:
    for record in day.files["FS01-sysmon.json"]:
        local = datetime.fromisoformat(record["EventTime"] + "+01:00")
        utc = datetime.fromisoformat(record["UtcTime"] + "+00:00").replace(microsecond=0)
        assert local == utc
        received = datetime.fromisoformat(record["EventReceivedTime"] + "+01:00")
        arrived = datetime.fromisoformat(record["@timestamp"])
        assert received == arrived.replace(microsecond=0)
        assert received >= local


def test_only_sysmon_carries_its_own_time(day: History) -> None:
    for record in day.records:
        assert ("UtcTime" in record) == (record["SourceName"] == "Microsoft-Windows-Sysmon")


def test_truth_refers_to_existing_records(day: History) -> None:
    known = {
        (name, record["RecordNumber"]): record
        for name, records in day.files.items()
        for record in records
    }
    assert day.truth
    for line in day.truth:
        record = known[line["file"], line["record_number"]]
        assert record["EventID"] == line["event_id"]
        assert record["Hostname"] == line["host"]
        assert record["Channel"] == line["channel"]


def test_only_labelled_records_reach_the_truth(world: World) -> None:
    host = world.hosts["FS01"]
    world.log(host, LOGOFF, {})
    world.files.step = Step("step", "T1000", quiet=True)
    world.log(host, PROCESS_ENDED, {})
    world.files.step = None
    world.log(host, LOGOFF, {})
    assert len(written_by(world)) == 3
    truth = world.files.folder.parent / "truth.jsonl"
    assert truth.read_bytes().count(b"\n") == 1
    assert b'"quiet":true' in truth.read_bytes()


def test_a_time_reads_as_sysmon_writes_it(world: World) -> None:
    moment = datetime.fromtimestamp(MONDAY / 1_000_000, UTC)
    assert world.files.utc(MONDAY + 12_345) == moment.strftime("%Y-%m-%d %H:%M:%S") + ".012"


def test_what_is_held_is_written_when_it_is_much(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = world.files.folder
    world.log(world.hosts["FS01"], LOGOFF, {})
    world.files.relieve()
    assert not list(folder.iterdir())
    monkeypatch.setattr(write, "_HELD", 100)
    world.files.relieve()
    assert [path.name for path in folder.iterdir()] == ["FS01-security.json"]


def test_headers_count_as_lines(world: World) -> None:
    world.files.head("a.log", b"#one\n#two\n")
    world.files.head("a.log", b"#one\n#two\n")
    with world.files.marked(Step("step", "T1000", user="eve")):
        world.files.line("a.log", b"x\n", MONDAY, write.Where("zeek", "z", "a", "a"))
    world.files.flush()
    assert (world.files.folder / "a.log").read_bytes() == b"#one\n#two\nx\n"
    (label,) = (world.files.folder.parent / "truth.jsonl").read_bytes().splitlines()
    assert b'"line":3,' in label
    assert b'"user":"eve"' in label
    assert world.files.step is None
