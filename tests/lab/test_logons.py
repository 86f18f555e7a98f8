from tests.lab.conftest import History, written_by

from tocsin.lab import logons
from tocsin.lab.people import BACKUP_ACCOUNT, SCAN_ACCOUNT
from tocsin.lab.world import World


def test_a_logon_starts_with_a_ticket_and_ends_with_the_same_id(world: World) -> None:
    server, source = world.hosts["FS01"], world.hosts["BK01"]
    session = logons.log_on(world, server, BACKUP_ACCOUNT, 3, source)
    logons.log_off(world, session)
    records = written_by(world)
    assert [r["EventID"] for r in records] == [4769, 4624, 4672, 4634]
    logon, special, logoff = records[1:]
    assert logon["TargetLogonId"] == special["SubjectLogonId"] == logoff["TargetLogonId"]
    assert logon["IpAddress"] == source.address
    assert logon["ElevatedToken"] == "%%1842"
    assert records[0]["Hostname"] == "DC01.northquay.example"


def test_ordinary_accounts_get_no_special_logon(world: World) -> None:
    logons.log_on(world, world.hosts["FS01"], SCAN_ACCOUNT, 3, world.hosts["SCAN01"])
    assert 4672 not in {r["EventID"] for r in written_by(world)}


def test_a_wrong_password_is_checked_by_the_domain_controller(world: World) -> None:
    logons.fail(world, world.hosts["FS01"], "svc_vulnscan", world.hosts["SCAN01"])
    logons.fail(world, world.hosts["FS01"], "root", world.hosts["SCAN01"], unknown=True)
    records = written_by(world)
    assert [r["EventID"] for r in records] == [4625, 4776, 4625]
    assert [r["SubStatus"] for r in records if r["EventID"] == 4625] == ["0xc000006a", "0xc0000064"]
    assert {r["EventType"] for r in records} == {"AUDIT_FAILURE"}


def test_share_access_names_the_session(world: World) -> None:
    server, source = world.hosts["FS01"], world.hosts["BK01"]
    session = logons.log_on(world, server, BACKUP_ACCOUNT, 3, source)
    logons.open_share(world, session, source, "Shared")
    logons.use_file(world, session, source, "Shared", "a.docx", write=True)
    opened, used = written_by(world)[-2:]
    assert opened["SubjectLogonId"] == used["SubjectLogonId"] == session.hex_id
    assert used["AccessMask"] != opened["AccessMask"]


def test_explicit_credentials_name_both_accounts(world: World) -> None:
    session = logons.log_on(world, world.hosts["FS01"], SCAN_ACCOUNT, 3, world.hosts["SCAN01"])
    logons.run_as(world, session, BACKUP_ACCOUNT, world.hosts["BK01"], "C:\\a.exe")
    record = written_by(world)[-1]
    assert (record["SubjectUserName"], record["TargetUserName"]) == ("svc_vulnscan", "svc_backup")


def test_all_day_sessions_open_before_they_are_used(day: History) -> None:
    for name, records in day.files.items():
        if not name.endswith("-security.json"):
            continue
        opened: set[str] = {"0x3e7", "0x3e4", "0x0"}
        for record in records:
            match record["EventID"]:
                case 4624:
                    assert record["TargetLogonId"] not in opened, "a logon id is given once"
                    opened.add(record["TargetLogonId"])
                case 4672 | 4688 | 4689 | 5140 | 5145 | 4697 | 4698:
                    assert record["SubjectLogonId"] in opened
                case 4634:
                    assert record["TargetLogonId"] in opened
                case _:
                    pass


def test_processes_of_sysmon_belong_to_logons_of_the_security_log(day: History) -> None:
    for name, records in day.files.items():
        if not name.endswith("-sysmon.json"):
            continue
        security = day.files[name.replace("-sysmon", "-security")]
        logged_on = {r["TargetLogonId"] for r in security if r["EventID"] == 4624}
        used = {r["LogonId"] for r in records if r["EventID"] == 1}
        assert used <= logged_on | {"0x3e7", "0x3e4"}
