"""What those who run the machines do now and then: helpdesk and administrators.

Like errands, at rates estimated from the work and not from any rule.
"""

from collections.abc import Callable
from random import Random
from typing import NamedTuple

from tocsin.lab import directory, logons, remoting, services
from tocsin.lab.hosts import Host, Process, Session
from tocsin.lab.operations import run
from tocsin.lab.people import Person
from tocsin.lab.processes import create_file, finish, set_registry, spawn
from tocsin.lab.programs import program
from tocsin.lab.rounds import remote_desktop
from tocsin.lab.world import HOUR, SECOND, Habit, World

_WORKDAY = 8.0
_SERVERS = ("FS01", "BK01", "APP01", "FS02", "APP02", "PACS01", "MGT01")


class Hand(NamedTuple):
    """A member of the staff at their desk, with the privileged account's shell beside it."""

    world: World
    person: Person
    desk: Process
    random: Random
    shells: list[Process]
    sessions: list[Session]
    """What was opened and is to be closed again."""

    @property
    def host(self) -> Host:
        """Their own machine."""
        return self.desk.host

    def shell(self) -> Process:
        """A shell of the second account, opened with `runas`."""
        account = self.person.admin or self.person.account
        logons.run_as(
            self.world, self.desk.session, account, self.host, "C:\\Windows\\explorer.exe"
        )
        session = logons.log_on(self.world, self.host, account, 2, self.host)
        shell = spawn(
            self.world, self.desk, program("powershell"), "powershell.exe", session, "High"
        )
        self.shells.append(shell)
        return shell

    def run_there(self, target: Host, script: str) -> Session:
        """A script on another machine, by PowerShell remoting."""
        session = remoting.by_winrm(self.world, self.shell(), target, script)
        self.sessions.append(session)
        return session

    def close(self) -> None:
        """Close all that was opened."""
        for session in self.sessions:
            logons.log_off(self.world, session)
        for shell in self.shells:
            finish(self.world, shell)
            logons.log_off(self.world, shell.session)

    def server(self) -> Host:
        """One of the servers that run Windows."""
        return self.world.hosts[self.random.choice([n for n in _SERVERS if n in self.world.hosts])]

    def colleague(self) -> Person:
        """Anybody."""
        return self.random.choice(self.world.people)


def _tools(hand: Hand, commands: tuple[tuple[str, str], ...]) -> None:
    """A few tools in a shell with more rights."""
    shell = hand.shell()
    for name, command in commands:
        finish(hand.world, run(hand.world, shell, name, command))


def _look_up(hand: Hand) -> None:
    _tools(hand, (("net", f"net.exe user {hand.colleague().account.name} /domain"),))


def _who_am_i(hand: Hand) -> None:
    _tools(hand, (("whoami", "whoami.exe /all"), ("gpresult", "gpresult.exe /r")))


def _reset(hand: Hand) -> None:
    directory.reset_password(hand.world, hand.person, hand.colleague())


def _joiner(hand: Hand) -> None:
    directory.create_account(hand.world, hand.person, f"new.starter{hand.random.randint(1, 999)}")


def _local_admin(hand: Hand) -> None:
    someone = hand.colleague()
    directory.make_local_admin(hand.world, hand.person, someone)


def _assist(hand: Hand) -> None:
    """On a colleague's machine, through a tool that starts a shell there."""
    target = hand.world.station(hand.colleague())
    remote = remoting.by_service(hand.world, hand.shell(), target)
    for name, command in (
        ("ipconfig", "ipconfig.exe /all"),
        ("whoami", "whoami.exe"),
        ("quser", "quser.exe"),
    ):
        finish(hand.world, run(hand.world, remote.shell, name, command))
    remoting.leave(hand.world, remote)


def _remote_session(hand: Hand) -> None:
    script = hand.random.choice(
        (
            "Get-Process | Sort-Object CPU -Descending | Select-Object -First 10",
            "Restart-Service -Name Spooler -Force",
            "Get-EventLog -LogName System -Newest 50",
            "Get-ChildItem D:\\ -Recurse | Measure-Object Length -Sum",
            "Get-HotFix | Sort-Object InstalledOn",
        )
    )
    hand.run_there(hand.server(), script)


def _service_on_server(hand: Hand) -> None:
    remote = remoting.by_service(hand.world, hand.shell(), hand.server())
    finish(hand.world, run(hand.world, remote.shell, "sc", "sc.exe query Spooler"))
    remoting.leave(hand.world, remote)


def _new_task(hand: Hand) -> None:
    server = hand.server()
    session = hand.run_there(server, "Register-ScheduledTask -TaskName 'Rotate logs'")
    script = "D:\\Jobs\\rotate.ps1"
    services.schedule(hand.world, session, "\\Rotate logs", "powershell.exe", f"-File {script}")


def _new_program(hand: Hand) -> None:
    """A program with a service is installed on a server."""
    server, name = (
        hand.server(),
        hand.random.choice(("Metricbeat", "HarborBridge", "LicenceDaemon")),
    )
    session = hand.run_there(server, f"Install {name}.msi")
    installer = run(
        hand.world,
        server.system["services.exe"],
        "msiexec",
        f"msiexec.exe /i D:\\Install\\{name}.msi /qn",
    )
    image = f"C:\\Program Files\\{name}\\{name}.exe"
    create_file(hand.world, installer, image)
    services.install(hand.world, session, name, f'"{image}"')
    finish(hand.world, installer)


def _space(hand: Hand) -> None:
    """The oldest shadow copy goes, because the disk is full."""
    commands = (("vssadmin", "vssadmin.exe list shadowstorage"), ("vssadmin", _OLDEST))
    _on(hand, hand.world.hosts["FS01"], commands)


_OLDEST = "vssadmin.exe delete shadows /for=D: /oldest /quiet"


def _on(hand: Hand, server: Host, commands: tuple[tuple[str, str], ...]) -> None:
    """At the server's own desktop, over the network."""
    session, shell = remote_desktop(hand.world, hand.person, hand.desk, server)
    for name, command in commands:
        finish(hand.world, run(hand.world, shell, name, command))
    finish(hand.world, shell)
    logons.log_off(hand.world, session)


def _admins(hand: Hand) -> None:
    _tools(hand, (("net", 'net.exe group "Domain Admins" /domain'),))


def _domain(hand: Hand) -> None:
    trusts = hand.random.random() < 0.2  # noqa: PLR2004 (most only look for the controller)
    command = "nltest.exe /domain_trusts" if trusts else "nltest.exe /dsgetdc:northquay.example"
    _tools(hand, (("nltest", command),))


def _logs(hand: Hand) -> None:
    _on(hand, hand.server(), (("wevtutil", "wevtutil.exe qe System /c:50 /rd:true /f:text"),))


def _certificates(hand: Hand) -> None:
    _tools(hand, (("certutil", "certutil.exe -verify -urlfetch web.cer"),))


def _exclusion(hand: Hand) -> None:
    """A developer's folder is taken out of the virus scan."""
    coders = [p for p in hand.world.people if p.role == "developer"]
    target = hand.world.station(hand.random.choice(coders))
    folder = "C:\\Users\\Public\\build"
    hand.run_there(target, f"Add-MpPreference -ExclusionPath '{folder}'")
    key = f"HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Exclusions\\Paths\\{folder}"
    set_registry(hand.world, target.system["MsMpEng.exe"], key, "DWORD (0x00000000)")


def _group(hand: Hand) -> None:
    directory.add_to_group(hand.world, hand.person, hand.colleague(), "Server Operators", "549")


def _wmi(hand: Hand) -> None:
    node = hand.server().name
    _tools(hand, (("wmic", f'wmic.exe /node:"{node}" os get lastbootuptime'),))


def _enable_desktop(hand: Hand) -> None:
    key = "HKLM\\System\\CurrentControlSet\\Control\\Terminal Server"
    command = f'reg.exe add "{key}" /v fDenyTSConnections /t REG_DWORD /d 0 /f'
    _on(hand, hand.server(), (("reg", command),))


_Work = tuple[float, Callable[[Hand], None], tuple[str, ...]]
_HELP, _ADMIN = ("helpdesk",), ("administrator",)
WORK: tuple[_Work, ...] = (
    (2.0, _look_up, _HELP),
    (0.3, _who_am_i, (*_HELP, *_ADMIN)),
    (1.0, _reset, _HELP),
    (0.3, _reset, _ADMIN),
    (0.02, _joiner, (*_HELP, *_ADMIN)),
    (0.02, _local_admin, (*_HELP, *_ADMIN)),
    (0.15, _assist, _HELP),
    (0.05, _assist, _ADMIN),
    (1.0, _remote_session, (*_ADMIN, "operator")),
    (0.05, _service_on_server, _ADMIN),
    (0.06, _new_task, _ADMIN),
    (0.08, _new_program, _ADMIN),
    (0.03, _space, (*_ADMIN, "operator")),
    (0.04, _admins, _ADMIN),
    (0.1, _domain, _ADMIN),
    (0.15, _logs, (*_ADMIN, "operator")),
    (0.05, _certificates, _ADMIN),
    (0.03, _exclusion, _ADMIN),
    (0.02, _group, _ADMIN),
    (0.1, _wmi, _ADMIN),
    (0.01, _enable_desktop, _ADMIN),
)
"""How often a working day, what, and who does it."""


def lend_a_hand(world: World, person: Person) -> Habit:
    """The support work of one member of the staff, whenever at the desk."""
    random = world.random_for(f"support {person.account.name}")
    mine = [(rate, act) for rate, act, roles in WORK if person.role in roles]
    per_hour = sum(rate for rate, _ in mine) / _WORKDAY
    while True:
        yield int(random.expovariate(per_hour) * HOUR) + SECOND
        desk = world.desks.get(person.account.name)
        if desk is not None:
            act = random.choices([act for _, act in mine], [rate for rate, _ in mine])[0]
            hand = Hand(world, person, desk, random, [], [])
            act(hand)
            hand.close()
