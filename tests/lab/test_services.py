from tests.lab.conftest import written_by

from tocsin.lab import logons, services
from tocsin.lab.hosts import Session
from tocsin.lab.people import BACKUP_ACCOUNT
from tocsin.lab.processes import spawn
from tocsin.lab.programs import program
from tocsin.lab.world import World


def session(world: World) -> Session:
    return logons.log_on(world, world.hosts["FS01"], BACKUP_ACCOUNT, 3, world.hosts["BK01"])


def test_installing_a_service_is_told_by_three_logs(world: World) -> None:
    services.install(world, session(world), "tool", "C:\\Windows\\tool.exe")
    records = {r["EventID"]: r for r in written_by(world)}
    assert records[7045]["ImagePath"] == records[4697]["ServiceFileName"] == "C:\\Windows\\tool.exe"
    assert records[13]["TargetObject"].endswith("\\Services\\tool\\Start")


def test_state_and_start_type(world: World) -> None:
    host = world.hosts["FS01"]
    services.change_state(world, host, "Vaultback", "stopped")
    services.change_start(world, host, BACKUP_ACCOUNT, "Vaultback", "auto start > disabled")
    state, start = written_by(world)
    assert (state["param1"], state["param2"]) == ("Vaultback", "stopped")
    assert (start["param2"], start["param3"]) == ("auto start", "disabled")


def test_a_task_names_its_program(world: World) -> None:
    services.schedule(world, session(world), "\\Job", "C:\\job.exe", "/quiet")
    record = written_by(world)[-1]
    assert record["EventID"] == 4698
    assert "<Command>C:\\job.exe</Command><Arguments>/quiet</Arguments>" in record["TaskContent"]


def test_a_script_starts_the_engine_and_is_logged(world: World) -> None:
    process = spawn(
        world, world.hosts["FS01"].system["services.exe"], program("powershell"), "powershell.exe"
    )
    services.run_script(world, process, "Get-Date")
    engine, block, pipeline = written_by(world)[-3:]
    assert [r["EventID"] for r in (engine, block, pipeline)] == [400, 4104, 4103]
    assert "Get-Date" in pipeline["Payload"]
    assert block["ScriptBlockText"] == "Get-Date"
    assert block["ExecutionProcessID"] == process.pid


def test_listing_a_group_and_clearing_the_log(world: World) -> None:
    services.list_group(world, world.hosts["FS01"].system["services.exe"], "Administrators")
    services.clear_log(world, session(world))
    ids = [r["EventID"] for r in written_by(world)]
    assert (ids[0], ids[-1]) == (4799, 1102)
