from tests.lab.conftest import History
from tests.lab.test_foothold import steps


def test_the_stolen_account_comes_from_the_workstation(day: History) -> None:
    logon = [r for r in steps(day, "service on the file server") if r["EventID"] == 4624]
    assert [r["TargetUserName"] for r in logon] == ["adm.vogt"]
    station = [r for r in day.records if r["Hostname"].startswith("WS-OFF03")]
    addresses = {r["SourceIp"] for r in station if r["EventID"] == 3}
    assert {r["IpAddress"] for r in logon} == addresses


def test_the_service_is_written_installed_and_started(day: History) -> None:
    seen = [r["EventID"] for r in steps(day, "service on the file server")]
    assert {5145, 4697, 7045, 7036, 1} <= set(seen)


def test_the_process_on_the_backup_server_belongs_to_the_remote_logon(day: History) -> None:
    records = steps(day, "remote process by WMI")
    logon = next(r for r in records if r["EventID"] == 4624)
    shell = next(r for r in records if r["EventID"] == 1 and "WmiPrvSE" in r["ParentImage"])
    assert shell["LogonId"] == logon["TargetLogonId"]


def test_both_servers_lose_their_recovery(day: History) -> None:
    assert len({r["Hostname"] for r in steps(day, "shadow copies deleted")}) == 2
