"""Hunting as its user sees it: the same answer every time, and nothing silently left out."""

import gzip
import json
import zipfile

import pytest

from tocsin.app.hunt import hunt_files
from tocsin.errors import SettingsError, UsageError


@pytest.fixture(scope="module")
def report(enterprise_logs):
    return hunt_files([enterprise_logs])


def test_the_attack_is_one_incident_at_the_top(report):
    first = report.incidents[0]
    assert first.level == "critical"
    assert len(first.tactics) >= 4
    assert len(report.members[first.incident_id]) == first.finding_count


def test_every_finding_is_in_exactly_one_incident(report):
    members = [fid for ids in report.members.values() for fid in ids]
    assert sorted(members) == sorted(f.finding_id for f in report.findings)


def test_every_record_is_counted(report, enterprise_logs):
    lines = sum(path.read_bytes().count(b"\n") for path in enterprise_logs.iterdir())
    counted = sum(n for classes in report.events.values() for n in classes.values())
    assert counted + sum(u.count for u in report.unrecognized) == lines


@pytest.mark.parametrize(("tries", "seen"), [(20, True), (10, False)])
def test_a_short_burst_of_guessed_passwords_is_seen_without_a_success(tmp_path, tries, seen):
    lines = [
        f"2026-11-18T10:{5 * n // 60:02}:{5 * n % 60:02}+00:00 web07 sshd[{900 + n}]: "
        f"Failed password for root from 203.0.113.9 port {40_000 + n} ssh2\n"
        for n in range(tries)
    ]
    (tmp_path / "auth.log").write_text("".join(lines))
    report = hunt_files([tmp_path / "auth.log"])
    told = [one.title for one in report.findings]
    assert told == ["Many logons over SSH fail from one place"] * seen
    assert [one.level for one in report.incidents] == ["low"] * seen


def test_packed_and_renamed_files_say_the_same(report, enterprise_logs, tmp_path):
    with zipfile.ZipFile(tmp_path / "logs.zip", "w") as archive:
        for path in sorted(enterprise_logs.iterdir()):
            archive.writestr(f"{path.stem}.gz", gzip.compress(path.read_bytes(), 1))
    packed = hunt_files([tmp_path / "logs.zip"])
    assert {f.finding_id for f in packed.findings} == {f.finding_id for f in report.findings}
    assert packed.incidents == report.incidents


def test_what_is_not_a_log_is_reported(tmp_path):
    (tmp_path / "notes.json").write_text('{"colour": "green"}\n{"colour": "blue"}\n')
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    found = hunt_files([tmp_path])
    assert not found.findings
    assert {u.reason: u.count for u in found.unrecognized} == {"unrecognized": 2, "not-a-log": 1}


def test_the_lake_of_a_hunt_holds_every_event_once(report, enterprise_logs, tmp_path):
    from deltalake import DeltaTable

    hunt_files([enterprise_logs], lake=tmp_path / "lake")
    tables = [p.parent for p in (tmp_path / "lake").glob("*/_delta_log")]
    rows = [
        uid
        for table in tables
        for uid in DeltaTable(str(table))
        .to_pyarrow_table(columns=["tocsin_offset"])["tocsin_offset"]
        .to_pylist()
    ]
    assert len(rows) == len(set(rows)) == sum(n for c in report.events.values() for n in c.values())


def test_a_lake_that_is_in_use_is_refused(enterprise_logs, tmp_path):
    (tmp_path / "lake").mkdir()
    (tmp_path / "lake" / "x").touch()
    with pytest.raises(UsageError, match="is not empty"):
        hunt_files([enterprise_logs], lake=tmp_path / "lake")


def test_a_path_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        hunt_files([tmp_path / "nothing"])


def test_an_event_in_two_files_counts_once_and_names_both(enterprise_logs, tmp_path, report):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        for path in enterprise_logs.glob("WS-OFF03-*"):
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    found = hunt_files([tmp_path])
    single = [finding for finding in found.findings if len(finding.event_uids) == 1]
    assert single
    for finding in single:
        assert len(found.also_in[finding.finding_id]) == 1
    ids = {finding.finding_id for finding in report.findings}
    assert {finding.finding_id for finding in single} <= ids


def test_a_site_that_is_none_is_refused(enterprise_logs, tmp_path):
    with pytest.raises(SettingsError, match="is not there"):
        hunt_files([enterprise_logs], site=tmp_path / "nothing")


def test_what_was_not_used_is_one_entry_a_reason_with_the_first_as_example(tmp_path):
    lines = [json.dumps({f"colour-{n}": "green"}) for n in range(300)]
    (tmp_path / "notes.json").write_text("\n".join(lines) + "\n")
    (only,) = hunt_files([tmp_path], cores=1).unrecognized
    assert (only.reason, only.count) == ("unrecognized", 300)
    assert only.example == f"{tmp_path / 'notes.json'}:1"
    assert "colour-0" in only.detail


def test_it_works_with_any_number_of_workers(report, enterprise_logs):
    alone = hunt_files([enterprise_logs], cores=1)
    assert alone.incidents == report.incidents
