"""What programs do on their own machine, each act with the records that it leaves."""

from tocsin.lab.hosts import Process, Session
from tocsin.lab.programs import Program, hashes, program
from tocsin.lab.windows import (
    AUDIT_EXIT,
    AUDIT_PROCESS,
    FILE_CREATED,
    FILE_DELETED,
    IMAGE_LOADED,
    PIPE_CONNECTED,
    PIPE_CREATED,
    PROCESS_ACCESS,
    PROCESS_CREATED,
    PROCESS_ENDED,
    REGISTRY_SET,
    REMOTE_THREAD,
)
from tocsin.lab.world import World

_LABELS = {"Low": "S-1-16-4096", "Medium": "S-1-16-8192", "High": "S-1-16-12288"}
_UNKNOWN = Program("", "-", "-", "-", "-")


def spawn(
    world: World,
    parent: Process,
    program: Program,
    command: str,
    session: Session | None = None,
    integrity: str | None = None,
) -> Process:
    """Start a program below `parent`, in its session unless another is given."""
    host = parent.host
    session = session or parent.session
    if integrity is None:
        integrity = "System" if session.logon_id == 0x3E7 else parent.integrity  # noqa: PLR2004 (SYSTEM's logon id is a fixed number)
    child = host.process(
        max(world.now, world.last), program.image, command, session, parent, integrity
    )
    _audit_start(world, child)
    _sysmon_start(world, child, program)
    return child


def open_desktop(world: World, session: Session) -> Process:
    """What Windows starts when a person logs on; returns the shell."""
    host = session.host
    integrity = "High" if session.account.elevated else "Medium"
    winlogon = spawn(world, host.system["smss.exe"], program("winlogon"), "winlogon.exe")
    first = spawn(world, winlogon, program("userinit"), "userinit.exe", session, integrity)
    shell = spawn(world, first, program("explorer"), "C:\\Windows\\Explorer.EXE")
    load_all(world, shell, program("explorer"))
    finish(world, first)
    return shell


def spawn_file(
    world: World, parent: Process, image: str, command: str, session: Session | None = None
) -> Process:
    """Start a file that is in no catalogue and carries no version facts."""
    return spawn(world, parent, _UNKNOWN._replace(image=image), command, session)


def _audit_start(world: World, child: Process) -> None:
    account, parent = child.account, child.parent
    world.log(
        child.host,
        AUDIT_PROCESS,
        {
            "Version": 2,
            "SubjectUserSid": account.sid,
            "SubjectUserName": account.name,
            "SubjectDomainName": account.domain,
            "SubjectLogonId": child.session.hex_id,
            "NewProcessId": hex(child.pid),
            "NewProcessName": child.image,
            "TokenElevationType": "%%1937" if child.integrity == "High" else "%%1936",
            "ProcessId": hex(parent.pid) if parent else "0x0",
            "ParentProcessName": parent.image if parent else "",
            "CommandLine": child.command,
            "TargetUserSid": "S-1-0-0",
            "TargetUserName": "-",
            "TargetDomainName": "-",
            "TargetLogonId": "0x0",
            "MandatoryLabel": _LABELS.get(child.integrity, "S-1-16-16384"),
        },
    )


def _sysmon_start(world: World, child: Process, program: Program) -> None:
    parent = child.parent or child
    session = child.session
    world.log(
        child.host,
        PROCESS_CREATED,
        {
            "ProcessGuid": child.guid,
            "ProcessId": str(child.pid),
            "Image": child.image,
            "FileVersion": program.version,
            "Description": program.description,
            "Product": program.product,
            "Company": program.company,
            "OriginalFileName": "-" if program.product == "-" else program.file,
            "CommandLine": child.command,
            "CurrentDirectory": child.folder,
            "User": child.account.full,
            "LogonGuid": session.guid,
            "LogonId": session.hex_id,
            "TerminalSessionId": str(session.number),
            "IntegrityLevel": child.integrity,
            "Hashes": hashes(child.image),
            "ParentProcessGuid": parent.guid,
            "ParentProcessId": str(parent.pid),
            "ParentImage": parent.image,
            "ParentCommandLine": parent.command,
        },
    )


def actor(process: Process) -> dict[str, str]:
    """The fields with which Sysmon says which process did something."""
    return {
        "ProcessGuid": process.guid,
        "ProcessId": str(process.pid),
        "Image": process.image,
        "User": process.account.full,
    }


def finish(world: World, process: Process) -> None:
    """End a program."""
    account = process.account
    world.log(
        process.host,
        AUDIT_EXIT,
        {
            "SubjectUserSid": account.sid,
            "SubjectUserName": account.name,
            "SubjectDomainName": account.domain,
            "SubjectLogonId": process.session.hex_id,
            "Status": "0x0",
            "ProcessId": hex(process.pid),
            "ProcessName": process.image,
        },
    )
    world.log(process.host, PROCESS_ENDED, actor(process))
    process.host.release(process)


def load(world: World, process: Process, library: str, *, signed: bool = True) -> None:
    """Load a library."""
    world.log(
        process.host,
        IMAGE_LOADED,
        {
            **actor(process),
            "ImageLoaded": library,
            "FileVersion": "10.0.19041.4355 (WinBuild.160101.0800)" if signed else "-",
            "Company": "Microsoft Corporation" if signed else "-",
            "OriginalFileName": library.rpartition("\\")[2] if signed else "-",
            "Hashes": hashes(library),
            "Signed": "true" if signed else "false",
            "Signature": "Microsoft Windows" if signed else "-",
            "SignatureStatus": "Valid" if signed else "Unavailable",
        },
    )


def load_all(world: World, process: Process, program: Program) -> None:
    """Load everything the program needs to start."""
    for library in program.libraries:
        load(world, process, library)


def create_file(world: World, process: Process, path: str) -> None:
    """Create or overwrite a file."""
    world.log(
        process.host,
        FILE_CREATED,
        {
            **actor(process),
            "TargetFilename": path,
            "CreationUtcTime": world.files.utc(world.now),
        },
    )


def delete_file(world: World, process: Process, path: str) -> None:
    """Delete a file."""
    world.log(
        process.host,
        FILE_DELETED,
        {
            **actor(process),
            "TargetFilename": path,
            "Hashes": hashes(path),
            "IsExecutable": "true" if path.endswith((".exe", ".dll")) else "false",
            "Archived": "false",
        },
    )


def set_registry(world: World, process: Process, key: str, value: str) -> None:
    """Set a registry value."""
    world.log(
        process.host,
        REGISTRY_SET,
        {
            **actor(process),
            "EventType": "SetValue",
            "EventTypeOrignal": "INFO",
            "TargetObject": key,
            "Details": value,
        },
    )


def open_process(world: World, source: Process, target: Process, rights: str, trace: str) -> None:
    """Open another process with the access mask `rights`."""
    world.log(
        source.host,
        PROCESS_ACCESS,
        {
            "SourceProcessGUID": source.guid,
            "SourceProcessId": str(source.pid),
            "SourceThreadId": str(source.host.random.randrange(100, 9000) * 4),
            "SourceImage": source.image,
            "TargetProcessGUID": target.guid,
            "TargetProcessId": str(target.pid),
            "TargetImage": target.image,
            "GrantedAccess": rights,
            "CallTrace": trace,
            "SourceUser": source.account.full,
            "TargetUser": target.account.full,
        },
    )


def start_thread(world: World, source: Process, target: Process) -> None:
    """Start a thread inside another process."""
    world.log(
        source.host,
        REMOTE_THREAD,
        {
            "SourceProcessGuid": source.guid,
            "SourceProcessId": str(source.pid),
            "SourceImage": source.image,
            "TargetProcessGuid": target.guid,
            "TargetProcessId": str(target.pid),
            "TargetImage": target.image,
            "NewThreadId": str(source.host.random.randrange(100, 9000) * 4),
            "StartAddress": f"0x{source.host.random.getrandbits(44):016X}",
            "StartModule": "-",
            "StartFunction": "-",
        },
    )


def pipe(world: World, process: Process, name: str, *, create: bool) -> None:
    """Create a named pipe, or connect to one."""
    world.log(
        process.host,
        PIPE_CREATED if create else PIPE_CONNECTED,
        {
            **actor(process),
            "EventType": "CreatePipe" if create else "ConnectPipe",
            "EventTypeOrignal": "INFO",
            "PipeName": name,
        },
    )
