"""What nobody sits in front of: the machines themselves, backups, deployment, jobs and scans."""

from collections.abc import Callable
from random import Random

from tocsin.lab import logons, samba
from tocsin.lab.hosts import Host, Process
from tocsin.lab.network import Page, accept, call, connect, fetch, reach, resolve
from tocsin.lab.people import BACKUP_ACCOUNT, DEPLOY_ACCOUNT, SCAN_ACCOUNT
from tocsin.lab.processes import (
    create_file,
    finish,
    load_all,
    open_process,
    pipe,
    set_registry,
    spawn,
    start_thread,
)
from tocsin.lab.programs import program
from tocsin.lab.services import change_state, list_group, run_script
from tocsin.lab.wire import Amount
from tocsin.lab.world import HOUR, SECOND, Habit, World

_NTDLL = "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2bcbe"
_TELEMETRY = ("telemetry.harborlight.example", "198.51.100.151")


def run(world: World, parent: Process, name: str, command: str) -> Process:
    """Start an installed program below `parent` with everything it loads."""
    chosen = program(name)
    process = spawn(world, parent, chosen, command)
    load_all(world, process, chosen)
    return process


def _task(world: World, host: Host, _: Random) -> None:
    process = run(world, host.system["svchost:netsvcs"], "taskhostw", "taskhostw.exe SYSTEM")
    finish(world, process)


def _settings(world: World, host: Host, random: Random) -> None:
    service = random.choice(("BITS", "Dnscache", "W32Time", "wuauserv"))
    key = f"HKLM\\System\\CurrentControlSet\\Services\\{service}\\Parameters\\LastRun"
    for _ in range(random.randint(1, 4)):
        set_registry(world, host.system["svchost:netsvcs"], key, "QWORD (0x01da9c3e-0x5f1b2a00)")


def _defender(world: World, host: Host, _: Random) -> None:
    guard = host.system["MsMpEng.exe"]
    for target in ("lsass.exe", "svchost:netsvcs", "services.exe"):
        open_process(world, guard, host.system[target], "0x1000", _NTDLL)


def _policy(world: World, host: Host, _: Random) -> None:
    controller = samba.controller(world, host)
    client = host.system["svchost:netsvcs"]
    lookup = reach(world, client, controller, 389)
    logons.ticket_granting(world, host.account, host)
    route = reach(world, client, controller, 445)
    if controller.name == samba.NAME:
        samba.authorized(world, host.account, lookup, "LDAP")
        samba.authorized(world, host.account, route, "SMB2")
        world.wire.share(route, controller, "sysvol")
        return
    session = logons.log_on(world, controller, host.account, 3, host, route)
    logons.open_share(world, session, host, "SYSVOL")
    path = "northquay.example\\Policies\\{6AC1786C-016F-11D2-945F-00C04FB984F9}\\gpt.ini"
    logons.use_file(world, session, host, "SYSVOL", path)
    logons.log_off(world, session)


def _agent(world: World, host: Host, _: Random) -> None:
    process = run(
        world, host.system["services.exe"], "agent", f'"{program("agent").image}" --collect'
    )
    resolve(world, process, *_TELEMETRY)
    connect(world, process, _TELEMETRY[1], 443, _TELEMETRY[0])
    create_file(world, process, "C:\\ProgramData\\Harborlight\\inventory.db")
    list_group(world, process, "Administrators")
    pipe(world, process, "\\srvsvc", create=False)
    finish(world, process)


def _console(world: World, host: Host, _: Random) -> None:
    """The session subsystem starts a thread in a program that is to end: nothing bad."""
    start_thread(world, host.system["csrss.exe"], host.system["svchost:netsvcs"])


def _revocation(world: World, host: Host, random: Random) -> None:
    """Is the certificate still good?"""
    uri = f"/MFEwTzBNMEswSTAJBgUrDgMCGgUABBS{random.getrandbits(60):015X}"
    name, address = "ocsp.certwharf.example", "198.51.100.160"
    client = host.system["svchost:NetworkService"]
    resolve(world, client, name, address)
    agent, kind = "Microsoft-CryptoAPI/10.0", "application/ocsp-response"
    fetch(world, client, Page(name, address, uri, agent, random.randint(470, 2_300), kind))


def _updates(world: World, host: Host, random: Random) -> None:
    """A part of an update is fetched."""
    uri = f"/c/upgr/2026/03/windows10.0-kb50{random.randint(35_000, 36_999)}-x64.cab"
    name, address = "dl.patchwise.example", "198.51.100.196"
    client = host.system["svchost:NetworkService"]
    resolve(world, client, name, address)
    agent, kind = "Microsoft-Delivery-Optimization/10.0", "application/vnd.ms-cab-compressed"
    size = random.randint(60_000, 9_000_000)
    fetch(world, client, Page(name, address, uri, agent, size, kind))


def _service(world: World, host: Host, random: Random) -> None:
    title = random.choice(("Software Protection", "Background Intelligent Transfer Service"))
    change_state(world, host, title, random.choice(("running", "stopped")))


_Act = Callable[[World, Host, Random], None]
_HUM: tuple[tuple[_Act, int], ...] = (
    (_task, 20),
    (_settings, 40),
    (_defender, 20),
    (_policy, 40),
    (_agent, 20),
    (_service, 20),
    (_revocation, 8),
    (_updates, 3),
    (_console, 1),
)
"""What a machine does by itself, and how often of 172 times."""
_ACTS, _WEIGHTS = zip(*_HUM, strict=True)


def hum(world: World, host: Host) -> Habit:
    """A machine's own life, day and night."""
    random = world.random_for(f"hum {host.name}")
    mean = 240 / world.enterprise.density
    while True:
        yield int(random.expovariate(1 / mean) * SECOND) + SECOND
        random.choices(_ACTS, _WEIGHTS)[0](world, host, random)


def back_up(world: World) -> Habit:
    """Every night at one: stop the ledger's writer, copy the shares, check the shadows."""
    random = world.random_for("backup")
    server, files = world.hosts["BK01"], world.hosts["FS01"]
    while True:
        yield world.until_hour(1.0) + random.randint(0, 120) * SECOND
        service = run(
            world, server.system["services.exe"], "vaultback", f'"{program("vaultback").image}"'
        )
        change_state(world, server, "Vaultback Writer", "running")
        route = reach(world, service, files, 445, Amount(900_000, 18_000_000_000, 3_000.0))
        session = logons.log_on(world, files, BACKUP_ACCOUNT, 3, server, route)
        logons.open_share(world, session, server, "Shared")
        script = "C:\\Program Files\\Vaultback\\scripts\\nightly.ps1"
        shell = run(
            world,
            service,
            "powershell",
            f'powershell.exe -NoProfile -ExecutionPolicy RemoteSigned -File "{script}"',
        )
        run_script(world, shell, "Start-VaultbackJob -Name nightly -Verify", script)
        for number in range(int(400 * world.enterprise.density)):
            folder = random.choice(("Finance", "Sales", "Legal", "Projects", "Personnel"))
            path = f"{folder}\\document {number}.docx"
            logons.use_file(world, session, server, "Shared", path)
            if number % 10 == 0:
                create_file(world, service, f"E:\\Vault\\nightly\\block-{number:05d}.vbk")
            yield random.randint(1, 8) * SECOND
        check = run(world, shell, "vssadmin", "vssadmin.exe list shadows /for=D:")
        for process in (check, shell, service):
            finish(world, process)
        change_state(world, server, "Vaultback Writer", "stopped")
        logons.log_off(world, session)
        yield HOUR


def deploy(world: World) -> Habit:
    """Every night at four: updates go to all workstations through the management agent."""
    random = world.random_for("deploy")
    while True:
        yield world.until_hour(4.0) + random.randint(0, 300) * SECOND
        source = world.hosts["APP01"]
        for host in [host for host in world.hosts.values() if host.kind == "workstation"]:
            route = reach(world, source.system["svchost:netsvcs"], host, 5985)
            session = logons.log_on(world, host, DEPLOY_ACCOUNT, 3, source, route)
            command = f'"{program("agent").image}" --install update-2214.msi /quiet'
            process = run(world, host.system["services.exe"], "agent", command)
            create_file(world, process, "C:\\ProgramData\\Harborlight\\cache\\update-2214.msi")
            for name in ("wuapi.dll", "wups.dll", "agent-core.dll"):
                create_file(world, process, f"C:\\Program Files\\Harborlight\\Agent\\{name}")
            finish(world, process)
            logons.log_off(world, session)
            yield random.randint(20, 120) * SECOND
        yield HOUR


_PORTS = (21, 22, 25, 80, 135, 139, 443, 445, 1433, 3306, 3389, 5432, 5985, 8080, 8443)
_DEFAULTS = ("admin", "administrator", "root", "guest", "test", "postgres", "sa", "oracle")


_OPEN = {
    "workstation": (135, 139, 445, 5985),
    "linux server": (22,),
    "modality": (139, 445),
}
_OPEN_ON_SERVERS = (135, 139, 445, 3389, 5985)


def _knock(world: World, scanner: Host, host: Host) -> None:
    listening = _OPEN.get(host.kind, _OPEN_ON_SERVERS)
    for port in _PORTS:
        state = "RSTO" if port in listening else "REJ"
        route = world.wire.open(
            scanner.address, host.address, port, Amount(0, 0, 0.002, state=state)
        )
        if port in listening:
            accept(world, host, route)


def scan(world: World) -> Habit:
    """The vulnerability scanner: at noon and late in the evening it knocks on every door."""
    random = world.random_for("scanner")
    scanner = world.hosts["SCAN01"]
    while True:
        yield min(world.until_hour(12.2), world.until_hour(22.5)) + random.randint(0, 60) * SECOND
        for host in [host for host in world.hosts.values() if host is not scanner]:
            _knock(world, scanner, host)
            if host.logs:
                _look_inside(world, scanner, host, random)
            yield random.randint(20, 90) * SECOND * 24 // len(world.hosts)
        yield HOUR


def _look_inside(world: World, scanner: Host, host: Host, random: Random) -> None:
    for name in random.sample(_DEFAULTS, 4):
        logons.fail(world, host, name, scanner, unknown=True, route=call(world, scanner, host, 445))
    route = call(world, scanner, host, 445)
    logons.fail(world, host, SCAN_ACCOUNT.name, scanner, route=route)
    session = logons.log_on(world, host, SCAN_ACCOUNT, 3, scanner, route)
    logons.open_share(world, session, scanner, "IPC$")
    world.wire.rpc(route, "\\pipe\\winreg", "winreg", "OpenLocalMachine")
    logons.log_off(world, session)


NIGHTLY = (back_up, deploy, scan)
"""What happens once or twice a day, whoever is there."""
