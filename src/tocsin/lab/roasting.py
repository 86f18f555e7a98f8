"""Tickets taken to be broken, then lateral movement; the twin is an audit with the same tools."""

from tocsin.lab import directory, logons, remoting, services
from tocsin.lab.automation import encoded
from tocsin.lab.hosts import Host
from tocsin.lab.network import reach
from tocsin.lab.operations import run
from tocsin.lab.people import BACKUP_ACCOUNT, BUILD_ACCOUNT, LEDGER_ACCOUNT, SCAN_ACCOUNT
from tocsin.lab.plot import Plot, desk_of, pick, pick_admin
from tocsin.lab.processes import create_file, finish, spawn, spawn_file
from tocsin.lab.programs import program
from tocsin.lab.world import MINUTE, SECOND, Habit, World

_SERVICES = (BACKUP_ACCOUNT, BUILD_ACCOUNT, LEDGER_ACCOUNT, SCAN_ACCOUNT)
_SCRIPT = (
    "Add-Type -AssemblyName System.IdentityModel; setspn -T northquay -Q */* | % { New-Object "
    "System.IdentityModel.Tokens.KerberosRequestorSecurityToken -ArgumentList $_ }"
)
_QUESTIONS = (
    ("net", 'net.exe group "Domain Admins" /domain'),
    ("nltest", "nltest.exe /domain_trusts /all_trusts"),
    ("net", "net.exe view /domain"),
)


def attack(world: World) -> Habit:
    """On a developer's machine tickets are asked for; the broken password opens two servers."""
    victim = pick(world, ("developer", "tester"), "roasting")
    plot = Plot(world, "roasting", victim.account.name)
    station = world.station(victim)
    with plot.step("script by encoded command", "T1059.001"):
        desk = desk_of(world, victim)
        command = f"powershell.exe -nop -w hidden -enc {encoded(_SCRIPT)}"
        shell = run(world, desk, "powershell", command)
        services.run_script(world, shell, _SCRIPT)
    for account in _SERVICES:
        with plot.step("tickets with weak cipher", "T1558.003"):
            logons.ticket(world, victim.account, station, account.name, account.sid, "0x17")
        yield plot.random.randint(1, 4) * SECOND
    for name, command in _QUESTIONS:
        yield plot.random.randint(20, 90) * SECOND
        with plot.step("domain discovery", "T1069.002"):
            finish(world, run(world, shell, name, command))
    yield 55 * MINUTE
    for name in ("APP01", "FS01"):
        with plot.step("service with the broken password", "T1569.002"):
            _move(plot, shell_of=world.hosts[name], station=station)
        yield plot.random.randint(4, 15) * MINUTE
    with plot.step("secrets replicated", "T1003.006"):
        route = reach(world, shell, world.controller, 135)
        session = logons.log_on(world, world.controller, LEDGER_ACCOUNT, 3, station, route)
        directory.replicate(world, session)
        logons.log_off(world, session)
        finish(world, shell)


def _move(plot: Plot, shell_of: Host, station: Host) -> None:
    world, target = plot.world, shell_of
    name = f"upd{plot.random.getrandbits(20):05x}"
    route = reach(world, station.system["System"], target, 445)
    session = logons.log_on(world, target, LEDGER_ACCOUNT, 3, station, route)
    logons.open_share(world, session, station, "ADMIN$")
    logons.use_file(world, session, station, "ADMIN$", f"{name}.exe", write=True)
    world.wire.rpc(route, "\\pipe\\svcctl", "svcctl", "CreateServiceW")
    image = f"C:\\Windows\\{name}.exe"
    create_file(world, target.system["System"], image)
    services.install(world, session, name, image)
    tool = spawn_file(world, target.system["services.exe"], image, image)
    finish(world, run(world, tool, "cmd", "cmd.exe /c whoami"))
    finish(world, tool)
    logons.log_off(world, session)


def twin(world: World) -> Habit:
    """An administrator checks service accounts, asks the same questions and visits servers."""
    admin = pick_admin(world, "audit")
    plot = Plot(world, "roasting", admin.account.name, benign=True)
    station = world.station(admin)
    with plot.step("audit begins", "T1078.002", quiet=True):
        desk = desk_of(world, admin)
        shell = spawn(world, desk, program("powershell"), "powershell.exe", desk.session, "High")
        text = "Get-ADUser -Filter 'ServicePrincipalName -like \"*\"' -Properties PasswordLastSet"
        services.run_script(world, shell, text)
    for account, cipher in zip(_SERVICES, ("0x12", "0x12", "0x17", "0x12"), strict=True):
        with plot.step("tickets of service accounts", "T1558.003"):
            logons.ticket(world, admin.account, station, account.name, account.sid, cipher)
        yield plot.random.randint(5, 40) * SECOND
    for name, command in _QUESTIONS[:2]:
        yield plot.random.randint(20, 90) * SECOND
        with plot.step("domain discovery", "T1069.002"):
            finish(world, run(world, shell, name, command))
    for name in ("APP01", "FS01"):
        yield plot.random.randint(4, 15) * MINUTE
        with plot.step("tool on the server", "T1569.002"):
            remote = remoting.by_service(world, shell, world.hosts[name])
            finish(world, run(world, remote.shell, "whoami", "whoami.exe"))
            remoting.leave(world, remote)
    with plot.step("audit ends", "T1078.002", quiet=True):
        finish(world, shell)
