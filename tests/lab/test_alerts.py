"""Alerts of three tools out of a campaign's truth."""

import json

import pytest

from tocsin.lab.alerts import FILES, TRUTH, write_alerts
from tocsin.lab.world import DAY, HOUR, MINUTE

START = 1_767_600_000_000_000
HOSTS = [f"WS-{number:02}" for number in range(12)]


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("alerts")
    truth = folder / "truth.jsonl"
    steps = [
        ("memory of lsass", "T1003.001", "WS-03.northquay.example", False),
        ("ransom note", "T1486", "FS01.northquay.example", False),
        ("scheduled task", "T1053.005", "WS-03.northquay.example", False),
        ("mail is read", "T1114.002", "", True),
    ]
    lines = [
        {
            "time": START + HOUR + number * MINUTE, "host": host, "user": "mira", "quiet": quiet,
            "benign": False, "campaign": "ransomware", "step": step, "technique": technique,
        }
        for number, (step, technique, host, quiet) in enumerate(steps)
        for _ in range(3)
    ]  # fmt: skip
    truth.write_text("".join(json.dumps(line) + "\n" for line in lines))
    counts = write_alerts(folder / "a", truth, 1, START, DAY, HOSTS)
    again = write_alerts(folder / "b", truth, 1, START, DAY, HOSTS)
    assert counts == again
    return folder, counts


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_same_truth_and_seed_give_the_same_bytes(written):
    folder, counts = written
    for name in (*FILES.values(), TRUTH):
        assert (folder / "a" / name).read_bytes() == (folder / "b" / name).read_bytes()
    for vendor, name in FILES.items():
        assert len(read(folder / "a" / name)) == counts[vendor]


def test_each_loud_step_on_a_host_is_seen_and_quiet_ones_are_not(written):
    folder, _ = written
    text = "".join((folder / "a" / name).read_text() for name in FILES.values())
    assert "Memory of lsass" in text
    assert "Mail is read" not in text
    labels = read(folder / "a" / TRUTH)
    assert sum(1 for one in labels if one["campaign"] == "ransomware") in range(3, 10)


def test_alerts_come_twice_and_changed_and_one_rule_never_stops(written):
    folder, counts = written
    labels = read(folder / "a" / TRUTH)
    assert len({(one["vendor"], one["uid"]) for one in labels}) == len(labels)
    assert sum(counts.values()) > len(labels)
    defender = read(folder / "a" / FILES["defender"])
    assert any(one["status"] == "inProgress" for one in defender)
    assert (folder / "a" / FILES["elastic"]).read_text().count("Repeated Scan") >= 120
