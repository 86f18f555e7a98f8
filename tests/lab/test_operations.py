from collections import Counter

from tests.lab.conftest import History


def test_the_backup_copies_at_night(day: History) -> None:
    hours = {
        record["EventTime"][11:13]
        for record in day.files["FS01-security.json"]
        if record["EventID"] == 5145 and record["SubjectUserName"] == "svc_backup"
    }
    assert hours
    assert hours <= {"01", "02"}


def test_the_scanner_fails_at_every_door(day: History) -> None:
    failures = Counter(
        record["Hostname"]
        for record in day.records
        if record["EventID"] == 4625 and record["IpAddress"] == "10.20.1.90"
    )
    assert len(failures) == 24
    assert set(failures.values()) == {10}


def test_updates_reach_all_workstations(day: History) -> None:
    updated = {
        record["Hostname"]
        for record in day.records
        if record["EventID"] == 4624 and record["TargetUserName"] == "svc_deploy"
    }
    assert len(updated) == 20


def test_machines_live_day_and_night(day: History) -> None:
    hours = {r["EventTime"][11:13] for r in day.files["WS-OFF01-sysmon.json"]}
    assert len(hours) > 18


def test_jobs_that_look_bad_are_there(day: History) -> None:
    records = list(day.records)
    assert any(r["EventID"] == 4769 and r["TicketEncryptionType"] == "0x17" for r in records)
    assert any(r["EventID"] == 1 and " a -p" in r["CommandLine"] for r in records)
