"""What an enterprise of some size has in the cellar: automation, synchronization, old machines."""

from base64 import b64encode
from random import Random

from tocsin.lab import directory, logons, services
from tocsin.lab.hosts import Host
from tocsin.lab.network import call, reach
from tocsin.lab.operations import run
from tocsin.lab.people import AUTOMATION_ACCOUNT, SYNC_ACCOUNT
from tocsin.lab.processes import finish, spawn, spawn_file
from tocsin.lab.programs import program
from tocsin.lab.world import DAY, HOUR, MINUTE, SECOND, Habit, World

_CHECKS = (
    "Get-Service | Where-Object Status -eq 'Stopped' | ConvertTo-Json",
    "$p = Get-Volume; $p | Select-Object DriveLetter, SizeRemaining | ConvertTo-Json",
    "Test-Path HKLM:\\SOFTWARE\\Northquay\\Baseline; Get-LocalGroupMember Administrators",
)
_COMPLIANCE = "Get-BitLockerVolume | Select-Object MountPoint, ProtectionStatus | ConvertTo-Json"


def encoded(script: str) -> str:
    """A script as PowerShell takes it on the command line."""
    return b64encode(script.encode("utf-16-le")).decode()


def configure(world: World) -> Habit:
    """Twice a day the management server sets every Windows server right, over WinRM."""
    random = world.random_for("automation")
    source = world.hosts["MGT01"]
    while True:
        yield min(world.until_hour(6.0), world.until_hour(18.0)) + random.randint(0, 60) * SECOND
        for host in [h for h in world.hosts.values() if h.logs and h.kind != "workstation"]:
            if host is not source:
                _set_right(world, source, host, random)
                yield random.randint(10, 60) * SECOND
        yield HOUR


def _set_right(world: World, source: Host, host: Host, random: Random) -> None:
    route = reach(world, source.system["svchost:netsvcs"], host, 5985)
    session = logons.log_on(world, host, AUTOMATION_ACCOUNT, 3, source, route)
    image = "C:\\Windows\\System32\\winrshost.exe"
    parent = host.system["svchost:DcomLaunch"]
    shell = spawn_file(world, parent, image, "winrshost.exe -Embedding", session)
    for script in random.sample(_CHECKS, 2):
        command = (
            "PowerShell -NoProfile -NonInteractive -ExecutionPolicy Unrestricted "
            f"-EncodedCommand {encoded(script)}"
        )
        process = spawn(world, shell, program("powershell"), command)
        services.run_script(world, process, script)
        finish(world, process)
    finish(world, shell)
    logons.log_off(world, session)


def comply(world: World) -> Habit:
    """Each workstation is looked at once a week by the agent's script."""
    random = world.random_for("compliance")
    stations = [host for host in world.hosts.values() if host.kind == "workstation"]
    while True:
        yield int(random.expovariate(len(stations) / 7) * DAY)
        host = random.choice(stations)
        agent = run(
            world, host.system["services.exe"], "agent", f'"{program("agent").image}" --audit'
        )
        command = (
            "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass "
            f"-EncodedCommand {encoded(_COMPLIANCE)}"
        )
        process = run(world, agent, "powershell", command)
        services.run_script(world, process, _COMPLIANCE)
        finish(world, process)
        finish(world, agent)


def synchronize(world: World) -> Habit:
    """Every half hour the cloud's directory fetches what changed, passwords' hashes included."""
    source = world.hosts["SYNC01"]
    while True:
        yield 30 * MINUTE
        route = reach(world, source.system["svchost:netsvcs"], world.controller, 135)
        session = logons.log_on(world, world.controller, SYNC_ACCOUNT, 3, source, route)
        directory.replicate(world, session)
        logons.log_off(world, session)


def old_machines(world: World) -> Habit:
    """Imaging machines with an old Windows store their pictures; they know no newer cipher."""
    random = world.random_for("old machines")
    archive = world.hosts["PACS01"]
    while True:
        yield int(random.expovariate(1 / 3) * HOUR)
        source = world.hosts[random.choice(("MOD-CT1", "MOD-MR1"))]
        route = call(world, source, archive, 445)
        account = source.account
        logons.ticket_granting(world, account, source)
        logons.ticket(world, account, source, archive.account.name, archive.account.sid, "0x17")
        world.wire.share(route, archive, "Import")


def look_for_viruses(world: World, host: Host) -> Habit:
    """The virus scanner looks through the machine every night."""
    random = world.random_for(f"virus scan {host.name}")
    while True:
        yield world.until_hour(3.0) + random.randint(0, 7_000) * SECOND
        image = program("mpcmdrun").image
        scan = run(
            world, host.system["svchost:netsvcs"], "mpcmdrun", f'"{image}" Scan -ScheduleJob'
        )
        yield random.randint(60, 900) * SECOND
        finish(world, scan)
        yield HOUR


def save_directory(world: World) -> Habit:
    """Every Sunday the domain controller saves its state."""
    random = world.random_for("system state")
    while True:
        yield world.until_hour(3.5) + random.randint(0, 300) * SECOND
        if world.weekday() == 6:  # noqa: PLR2004 (Sunday)
            host = world.controller
            command = "wbadmin.exe start systemstatebackup -backupTarget:\\\\BK01\\State -quiet"
            tool = run(world, host.system["svchost:netsvcs"], "wbadmin", command)
            services.change_state(world, host, "Volume Shadow Copy", "running")
            yield random.randint(600, 2400) * SECOND
            finish(world, tool)
            services.change_state(world, host, "Volume Shadow Copy", "stopped")
        yield HOUR


def begin(world: World) -> None:
    """Let it all happen; a small enterprise has no cellar."""
    for host in world.hosts.values():
        if host.logs:
            world.begin(look_for_viruses(world, host))
    world.begin(save_directory(world))
    if "MGT01" in world.hosts:
        for habit in (configure, comply, synchronize, old_machines):
            world.begin(habit(world))
