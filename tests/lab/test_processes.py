from tests.lab.conftest import History, written_by

from tocsin.lab.hosts import Process
from tocsin.lab.processes import (
    create_file,
    delete_file,
    finish,
    load_all,
    open_process,
    pipe,
    set_registry,
    spawn,
    spawn_file,
    start_thread,
)
from tocsin.lab.programs import program
from tocsin.lab.world import World


def service(world: World) -> Process:
    return world.hosts["FS01"].system["services.exe"]


def test_a_start_is_seen_by_both_logs_and_agrees(world: World) -> None:
    child = spawn(world, service(world), program("cmd"), "cmd.exe /c dir")
    audit, sysmon = written_by(world)
    assert audit["EventID"] == 4688
    assert sysmon["EventID"] == 1
    assert int(audit["NewProcessId"], 16) == int(sysmon["ProcessId"]) == child.pid
    assert int(audit["ProcessId"], 16) == int(sysmon["ParentProcessId"])
    assert audit["NewProcessName"] == sysmon["Image"] == child.image
    assert audit["CommandLine"] == sysmon["CommandLine"]
    assert audit["SubjectLogonId"] == sysmon["LogonId"] == "0x3e7"
    assert sysmon["IntegrityLevel"] == "System"


def test_an_unknown_file_carries_no_version_facts(world: World) -> None:
    spawn_file(world, service(world), "C:\\Windows\\tool.exe", "tool.exe")
    sysmon = written_by(world)[1]
    assert sysmon["Description"] == sysmon["Company"] == sysmon["OriginalFileName"] == "-"


def test_every_act_names_the_process_that_did_it(world: World) -> None:
    child = spawn(world, service(world), program("cmd"), "cmd.exe")
    load_all(world, child, program("cmd"))
    create_file(world, child, "C:\\a.txt")
    delete_file(world, child, "C:\\a.txt")
    set_registry(world, child, "HKLM\\Software\\A", "1")
    pipe(world, child, "\\a", create=True)
    pipe(world, child, "\\a", create=False)
    finish(world, child)
    acts = [r for r in written_by(world) if r["SourceName"] == "Microsoft-Windows-Sysmon"]
    assert {r["EventID"] for r in acts} == {1, 5, 7, 11, 13, 17, 18, 23}
    assert {r["ProcessGuid"] for r in acts} == {child.guid}


def test_access_and_threads_name_both_sides(world: World) -> None:
    host = world.hosts["FS01"]
    child = spawn(world, service(world), program("cmd"), "cmd.exe")
    lsass = host.system["lsass.exe"]
    open_process(world, child, lsass, "0x1010", "ntdll.dll+1")
    start_thread(world, child, lsass)
    access, thread = written_by(world)[-2:]
    assert access["TargetProcessGUID"] == thread["TargetProcessGuid"] == lsass.guid
    assert access["SourceProcessGUID"] == thread["SourceProcessGuid"] == child.guid


def test_lineage_holds_all_day(day: History) -> None:
    for name, records in day.files.items():
        if not name.endswith("-sysmon.json"):
            continue
        alive: dict[str, str] = {}
        born: dict[str, int] = {}
        for record in records:
            if record["EventID"] == 1:
                guid = record["ProcessGuid"]
                assert guid not in born, "a guid is given once"
                assert record["ProcessId"] not in alive.values(), "a pid in use is given to nobody"
                parent = record["ParentProcessGuid"]
                if parent in born:
                    assert int(record["ParentProcessId"]) == born[parent]
                    assert parent in alive, "a parent is alive when its child starts"
                alive[guid], born[guid] = record["ProcessId"], int(record["ProcessId"])
            elif record["EventID"] == 5:
                assert alive.pop(record["ProcessGuid"]) == record["ProcessId"]
