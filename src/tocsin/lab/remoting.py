"""Working on another machine without its screen: by a service that is sent there, or by WinRM."""

from typing import NamedTuple

from tocsin.lab import logons, services
from tocsin.lab.hosts import Host, Process, Session
from tocsin.lab.network import reach
from tocsin.lab.operations import run
from tocsin.lab.processes import create_file, finish, pipe, spawn
from tocsin.lab.programs import program
from tocsin.lab.world import World


class Remote(NamedTuple):
    """A shell on another machine, and the logon by which its service was sent."""

    shell: Process
    session: Session


def by_service(world: World, shell: Process, target: Host) -> Remote:
    """PsExec: its service is copied to `target` and installed, and starts a shell there."""
    account, source = shell.account, shell.host
    client = run(world, shell, "psexec", f"PsExec64.exe -accepteula \\\\{target.name} -s cmd.exe")
    route = reach(world, client, target, 445)
    session = logons.log_on(world, target, account, 3, source, route)
    logons.open_share(world, session, source, "ADMIN$")
    logons.use_file(world, session, source, "ADMIN$", "PSEXESVC.exe", write=True)
    world.wire.rpc(route, "\\pipe\\svcctl", "svcctl", "CreateServiceWOW64W")
    image = program("psexesvc").image
    create_file(world, target.system["System"], image)
    services.install(world, session, "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe")
    service = spawn(world, target.system["services.exe"], program("psexesvc"), image)
    services.change_state(world, target, "PSEXESVC", "running")
    for end in ("stdin", "stdout", "stderr"):
        name = f"\\PSEXESVC-{source.name}-{client.pid}-{end}"
        pipe(world, service, name, create=True)
    finish(world, client)
    remote = run(world, service, "cmd", "C:\\Windows\\System32\\cmd.exe")
    return Remote(remote, session)


def leave(world: World, remote: Remote) -> None:
    """The shell ends, and its service with it."""
    shell = remote.shell
    finish(world, shell)
    if shell.parent is not None:
        finish(world, shell.parent)
    services.change_state(world, shell.host, "PSEXESVC", "stopped")
    logons.log_off(world, remote.session)


def by_winrm(world: World, shell: Process, target: Host, script: str) -> Session:
    """PowerShell remoting: `script` runs on `target` inside the host process of WinRM."""
    route = reach(world, shell, target, 5985)
    session = logons.log_on(world, target, shell.account, 3, shell.host, route)
    parent = target.system["svchost:DcomLaunch"]
    command = "C:\\Windows\\system32\\wsmprovhost.exe -Embedding"
    host = spawn(world, parent, program("wsmprovhost"), command, session, "High")
    services.run_script(world, host, script)
    finish(world, host)
    return session
