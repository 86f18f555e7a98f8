"""The second half of the intrusion: from the stolen password to the servers' data."""

from tocsin.lab import logons, services
from tocsin.lab.automation import encoded
from tocsin.lab.intruder import STOLEN, Intruder
from tocsin.lab.network import reach
from tocsin.lab.operations import run
from tocsin.lab.processes import (
    create_file,
    finish,
    open_desktop,
    pipe,
    set_registry,
    spawn,
    spawn_file,
)
from tocsin.lab.programs import program

_TOOL = "C:\\Windows\\qhsvc.exe"


def service(intruder: Intruder) -> None:
    """With the stolen account a service is installed on the file server."""
    world, account = intruder.world, intruder.stolen.admin
    if account is None:
        raise ValueError(f"{STOLEN} has no privileged account to steal")
    route = reach(world, intruder.elevated, intruder.files, 445)
    logons.run_as(
        world, intruder.elevated.session, account, intruder.files, intruder.elevated.image
    )
    logons.ticket_granting(world, account, intruder.station)
    intruder.admin = logons.log_on(world, intruder.files, account, 3, intruder.station, route)
    logons.open_share(world, intruder.admin, intruder.station, "ADMIN$")
    logons.use_file(world, intruder.admin, intruder.station, "ADMIN$", "qhsvc.exe", write=True)
    create_file(world, intruder.files.system["System"], _TOOL)
    services.install(world, intruder.admin, "qhsvc", _TOOL)
    tool = spawn_file(world, intruder.files.system["services.exe"], _TOOL, _TOOL)
    services.change_state(world, intruder.files, "qhsvc", "running")
    intruder.remote = run(world, tool, "cmd", "C:\\Windows\\System32\\cmd.exe")


def talk(intruder: Intruder) -> None:
    """The service talks through named pipes."""
    tool = intruder.remote.parent or intruder.remote
    for suffix in ("stdin", "stdout"):
        pipe(intruder.world, tool, f"\\qhsvc-{intruder.station.name}-{suffix}", create=True)


def wmi(intruder: Intruder) -> None:
    """A process is created on the backup server."""
    world = intruder.world
    script = encoded("Get-Service Vaultback")
    command = f"powershell.exe -nop -w hidden -enc {script}"
    caller = run(
        world,
        intruder.elevated,
        "wmic",
        f'wmic.exe /node:"{intruder.backups.name}" process call create "{command}"',
    )
    route = reach(world, caller, intruder.backups, 135)
    world.wire.rpc(route, "135", "IWbemServices", "ExecMethod")
    account = intruder.admin.account
    session = logons.log_on(world, intruder.backups, account, 3, intruder.station, route)
    provider = run(
        world, intruder.backups.system["svchost:DcomLaunch"], "wmiprvse", "wmiprvse.exe -secured"
    )
    intruder.foothold = spawn(
        world, provider, program("powershell"), command, session, integrity="High"
    )
    finish(world, caller)


def enable_desktop(intruder: Intruder) -> None:
    """Remote desktop is allowed on the file server."""
    key = "HKLM\\System\\CurrentControlSet\\Control\\Terminal Server"
    command = f'reg.exe add "{key}" /v fDenyTSConnections /t REG_DWORD /d 0 /f'
    tool = run(intruder.world, intruder.remote, "reg", command)
    set_registry(intruder.world, tool, f"{key}\\fDenyTSConnections", "DWORD (0x00000000)")
    finish(intruder.world, tool)


def desktop(intruder: Intruder) -> None:
    """It is used."""
    client = run(intruder.world, intruder.elevated, "mstsc", "mstsc.exe /v:FS01")
    route = reach(intruder.world, client, intruder.files, 3389)
    account = intruder.admin.account
    intruder.world.wire.desktop(route, account.name, intruder.station.name)
    session = logons.log_on(intruder.world, intruder.files, account, 10, intruder.station, route)
    open_desktop(intruder.world, session)


def stage(intruder: Intruder) -> None:
    """Data is packed to be taken away."""
    command = "C:\\ProgramData\\7za.exe a -phq8841 -v500m C:\\ProgramData\\f.7z D:\\Shared\\Finance"
    packer = spawn_file(intruder.world, intruder.remote, "C:\\ProgramData\\7za.exe", command)
    create_file(intruder.world, packer, "C:\\ProgramData\\f.7z.001")
    finish(intruder.world, packer)


def blind(intruder: Intruder) -> None:
    """Protection is switched off."""
    command = "powershell.exe -nop Set-MpPreference -DisableRealtimeMonitoring $true"
    shell = run(intruder.world, intruder.remote, "powershell", command)
    services.run_script(intruder.world, shell, "Set-MpPreference -DisableRealtimeMonitoring $true")
    key = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Real-Time Protection"
    guard = intruder.files.system["MsMpEng.exe"]
    set_registry(intruder.world, guard, f"{key}\\DisableRealtimeMonitoring", "DWORD (0x00000001)")
    finish(intruder.world, shell)


def stop_backup(intruder: Intruder) -> None:
    """The backup service is stopped and disabled."""
    world, host = intruder.world, intruder.backups
    for name, command in (
        ("net", 'net.exe stop "Vaultback Service" /y'),
        ("sc", "sc.exe config VaultbackService start= disabled"),
    ):
        intruder.use(intruder.foothold, name, command)
    services.change_state(world, host, "Vaultback Service", "stopped")
    services.change_start(
        world, host, intruder.admin.account, "Vaultback Service", "auto start > disabled"
    )


def no_recovery(intruder: Intruder) -> None:
    """Saved states and recovery are removed on both servers."""
    for parent in (intruder.remote, intruder.foothold):
        for name, command in (
            ("vssadmin", "vssadmin.exe delete shadows /all /quiet"),
            ("wbadmin", "wbadmin.exe delete catalog -quiet"),
            ("bcdedit", "bcdedit.exe /set {default} recoveryenabled no"),
        ):
            intruder.use(parent, name, command)


def clear(intruder: Intruder) -> None:
    """The security log is emptied."""
    command = "C:\\Windows\\System32\\wevtutil.exe cl Security"
    image = "C:\\Windows\\System32\\wevtutil.exe"
    tool = spawn_file(intruder.world, intruder.remote, image, command)
    services.clear_log(intruder.world, intruder.admin)
    finish(intruder.world, tool)


def note(intruder: Intruder) -> None:
    """The note is left in every folder."""
    tool = intruder.remote.parent or intruder.remote
    for folder in ("Finance", "Sales", "Legal"):
        create_file(intruder.world, tool, f"D:\\Shared\\{folder}\\HOW_TO_RESTORE_FILES.txt")


def lock(intruder: Intruder, number: int) -> None:
    """One document gets another extension."""
    tool = intruder.remote.parent or intruder.remote
    folder = ("Finance", "Sales", "Legal")[number % 3]
    create_file(intruder.world, tool, f"D:\\Shared\\{folder}\\document {number}.docx.qhlock")
