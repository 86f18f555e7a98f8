"""Administrators and operators: their rounds over the servers with the privileged account."""

from tocsin.lab import logons
from tocsin.lab.hosts import Host, Process, Session
from tocsin.lab.network import reach
from tocsin.lab.operations import run
from tocsin.lab.people import Person
from tocsin.lab.processes import finish, open_desktop
from tocsin.lab.services import run_script
from tocsin.lab.world import MINUTE, SECOND, Habit, World

_SERVERS = ("DC01", "FS01", "BK01", "APP01")
_CHECKS = (
    ("whoami", "whoami.exe /groups"),
    ("mmc", "mmc.exe services.msc"),
    ("sc", "sc.exe query state= all"),
    ("vssadmin", "vssadmin.exe list shadows"),
    ("schtasks", "schtasks.exe /query /fo LIST"),
    ("ipconfig", "ipconfig.exe /all"),
    ("tasklist", "tasklist.exe /svc"),
    ("quser", "quser.exe"),
    ("wmic", "wmic.exe os get lastbootuptime"),
    ("net", "net.exe statistics server"),
    ("powershell", "powershell.exe -NoProfile Get-Service"),
)
_EVERY = 70
"""Minutes between two rounds, on average."""


def remote_desktop(
    world: World, person: Person, desk: Process, target: Host
) -> tuple[Session, Process]:
    """From `desk` a desktop is opened on `target`; returns its session and shell there."""
    account = person.admin or person.account
    client = run(world, desk, "mstsc", f"mstsc.exe /v:{target.full_name}")
    logons.run_as(world, client.session, account, target, client.image)
    route = reach(world, client, target, 3389)
    world.wire.desktop(route, account.name, desk.host.name)
    logons.ticket_granting(world, account, desk.host)
    session = logons.log_on(world, target, account, 10, desk.host, route)
    shell = open_desktop(world, session)
    finish(world, client)
    return session, shell


def administrate(world: World, person: Person) -> Habit:
    """Look after the servers whenever the person is at the desk."""
    random = world.random_for(f"rounds {person.account.name}")
    while True:
        yield int(random.expovariate(1 / _EVERY) * MINUTE) + MINUTE
        desk = world.desks.get(person.account.name)
        if desk is None:
            continue
        target = world.hosts[random.choice(_SERVERS)]
        session, shell = remote_desktop(world, person, desk, target)
        for _ in range(random.randint(2, 5)):
            yield random.randint(15, 200) * SECOND
            name, command = random.choice(_CHECKS)
            process = run(world, shell, name, command)
            if name == "powershell":
                run_script(world, process, "Get-Service | Where-Object Status -eq 'Stopped'")
            finish(world, process)
        yield random.randint(30, 300) * SECOND
        finish(world, shell)
        logons.log_off(world, session)
