"""Services, scheduled tasks and scripts: what administrators and intruders both use."""

from tocsin.lab.hosts import Host, Process, Session
from tocsin.lab.people import Account
from tocsin.lab.processes import set_registry
from tocsin.lab.windows import (
    ENGINE_STARTED,
    GROUPS_LISTED,
    LOG_CLEARED,
    PIPELINE,
    SCRIPT_BLOCK,
    SERVICE_AUDIT,
    SERVICE_INSTALLED,
    SERVICE_START_TYPE,
    SERVICE_STATE,
    TASK_CREATED,
)
from tocsin.lab.world import World

_ENGINE = (
    "Engine state is changed from None to Available.\r\n\r\nDetails:\r\n"
    "\tNewEngineState=Available\r\n\tPreviousEngineState=None\r\n\r\n\tSequenceNumber=13\r\n\r\n"
    "\tHostName=ConsoleHost\r\n\tHostVersion=5.1.19041.4355\r\n\tHostApplication={}\r\n"
    "\tEngineVersion=5.1.19041.4355"
)
_CONTEXT = (
    "        Severity = Informational\r\n        Host Name = ConsoleHost\r\n"
    "        Host Application = {}\r\n        User = {}"
)


def install(world: World, session: Session, name: str, path: str) -> None:
    """Install a service on the session's host that runs `path` as SYSTEM on demand."""
    host, account = session.host, session.account
    services = host.system["services.exe"]
    root = f"HKLM\\System\\CurrentControlSet\\Services\\{name}"
    set_registry(world, services, f"{root}\\ImagePath", path)
    set_registry(world, services, f"{root}\\Start", "DWORD (0x00000003)")
    world.log(
        host,
        SERVICE_AUDIT,
        {
            "SubjectUserSid": account.sid,
            "SubjectUserName": account.name,
            "SubjectDomainName": account.domain,
            "SubjectLogonId": session.hex_id,
            "ServiceName": name,
            "ServiceFileName": path,
            "ServiceType": "0x10",
            "ServiceStartType": "3",
            "ServiceAccount": "LocalSystem",
        },
    )
    world.log(
        host,
        SERVICE_INSTALLED,
        {
            **_by(account),
            "ServiceName": name,
            "ImagePath": path,
            "ServiceType": "user mode service",
            "StartType": "demand start",
        },
    )


def _by(account: Account) -> dict[str, str]:
    return {
        "AccountName": account.name,
        "AccountType": "User",
        "Domain": account.domain,
        "UserID": account.sid,
    }


def change_state(world: World, host: Host, title: str, state: str) -> None:
    """A service starts (`running`) or stops (`stopped`)."""
    world.log(
        host,
        SERVICE_STATE,
        {
            "param1": title,
            "param2": state,
            "Message": f"The {title} service entered the {state} state.",
        },
    )


def change_start(world: World, host: Host, account: Account, title: str, modes: str) -> None:
    """Change how a service starts; `modes` is `old > new` in Windows' own words."""
    old, _, new = modes.partition(" > ")
    world.log(
        host,
        SERVICE_START_TYPE,
        {
            **_by(account),
            "param1": title,
            "param2": old,
            "param3": new,
            "param4": title.replace(" ", ""),
            "Message": f"The start type of the {title} service was changed from {old} to {new}.",
        },
    )


def schedule(world: World, session: Session, name: str, command: str, arguments: str = "") -> None:
    """Register a scheduled task."""
    account = session.account
    text = (
        '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.2">\r\n'
        f"  <Principals><UserId>{account.sid}</UserId></Principals>\r\n"
        f"  <Actions><Exec><Command>{command}</Command>"
        f"<Arguments>{arguments}</Arguments></Exec></Actions>\r\n</Task>"
    )
    world.log(
        session.host,
        TASK_CREATED,
        {
            "SubjectUserSid": account.sid,
            "SubjectUserName": account.name,
            "SubjectDomainName": account.domain,
            "SubjectLogonId": session.hex_id,
            "TaskName": name,
            "TaskContent": text,
        },
    )


def run_script(world: World, process: Process, text: str, path: str = "") -> None:
    """A PowerShell process starts its engine and runs a script block."""
    host = process.host
    world.log(host, ENGINE_STARTED, {"Message": _ENGINE.format(process.command)})
    identity = f"{host.random.getrandbits(128):032x}"
    world.log(
        host,
        SCRIPT_BLOCK,
        {
            **_by(process.account),
            "ExecutionProcessID": process.pid,
            "MessageNumber": "1",
            "MessageTotal": "1",
            "ScriptBlockText": text,
            "ScriptBlockId": f"{identity[:8]}-{identity[8:12]}-{identity[12:16]}"
            f"-{identity[16:20]}-{identity[20:]}",
            "Path": path,
        },
    )
    verb = text.partition(" ")[0]
    world.log(
        host,
        PIPELINE,
        {
            **_by(process.account),
            "ExecutionProcessID": process.pid,
            "Payload": f'CommandInvocation({verb}): "{verb}"',
            "ContextInfo": _CONTEXT.format(process.command, process.account.full),
        },
    )


def list_group(world: World, process: Process, group: str) -> None:
    """A program enumerates the members of a local group."""
    account = process.account
    world.log(
        process.host,
        GROUPS_LISTED,
        {
            "SubjectUserSid": account.sid,
            "SubjectUserName": account.name,
            "SubjectDomainName": account.domain,
            "SubjectLogonId": process.session.hex_id,
            "TargetUserName": group,
            "TargetDomainName": "Builtin",
            "TargetSid": "S-1-5-32-544",
            "CallerProcessId": hex(process.pid),
            "CallerProcessName": process.image,
        },
    )


def clear_log(world: World, session: Session) -> None:
    """Somebody empties the security log."""
    account = session.account
    world.log(
        session.host,
        LOG_CLEARED,
        {
            "SubjectUserSid": account.sid,
            "SubjectUserName": account.name,
            "SubjectDomainName": account.domain,
            "SubjectLogonId": session.hex_id,
        },
    )
