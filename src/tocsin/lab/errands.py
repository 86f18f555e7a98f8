"""What people do now and then, at rates that do not depend on how much routine is simulated.

The rates are estimates of how often such things happen at an ordinary enterprise, made without
looking at any rule. Where a rule fires on one of them, that is a false positive as in real life.
"""

from collections.abc import Callable
from typing import NamedTuple

from tocsin.lab import logons, services
from tocsin.lab.desk import Desk
from tocsin.lab.network import connect, resolve
from tocsin.lab.processes import create_file, load, open_process, set_registry, spawn_file
from tocsin.lab.world import HOUR, SECOND, Habit

_WORKDAY = 8.0
"""Hours over which a day's errands are spread."""
_VENDOR = ("packages.buildyard.example", "198.51.100.180")
_VBA = "C:\\Program Files\\Common Files\\Microsoft Shared\\VBA\\VBA7.1\\VBE7.DLL"
_TRACE = "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Program Files\\Editorial\\debug.dll+51a0"
_RUN = "HKU\\{sid}\\Software\\Microsoft\\Windows\\CurrentVersion\\Run"


class Errand(NamedTuple):
    """Something done `per_day` times on a working day by those in `roles` (empty: everybody)."""

    per_day: float
    act: Callable[[Desk], None]
    roles: tuple[str, ...] = ()


def _mistype(desk: Desk) -> None:
    """The password is wrong once or twice; rarely so often that the account is locked."""
    tries = desk.errands.choices((1, 2, 5), (70, 27, 3))[0]
    for _ in range(tries):
        logons.mistype(desk.world, desk.host, desk.person.account)
    if tries == 5:  # noqa: PLR2004 (the domain's threshold)
        logons.lock(desk.world, desk.person.account, desk.host)


def _chat_update(desk: Desk) -> None:
    """The chat client, installed in the profile, renews itself and how it starts."""
    folder = f"{desk.person.home}\\AppData\\Local\\Microsoft\\Teams"
    updater = spawn_file(
        desk.world,
        desk.shell,
        f"{folder}\\Update.exe",
        f'"{folder}\\Update.exe" --processStart "Teams.exe"',
    )
    for name in ("Teams.exe", "Squirrel.exe", "ffmpeg.dll"):
        create_file(desk.world, updater, f"{folder}\\stage\\{name}")
    key = _RUN.format(sid=desk.person.account.sid)
    value = f'{folder}\\Update.exe --processStart "Teams.exe"'
    set_registry(desk.world, updater, f"{key}\\com.squirrel.Teams.Teams", value)


def _install(desk: Desk) -> None:
    """A program is fetched with the browser and installed for oneself."""
    name = desk.errands.choice(("QuaywiseSetup", "ScreenNoteSetup", "PdfStampSetup"))
    path = f"{desk.person.home}\\Downloads\\{name}.exe"
    create_file(desk.world, desk.browser, path)
    setup = spawn_file(desk.world, desk.shell, path, f'"{path}"')
    temp = f"{desk.person.home}\\AppData\\Local\\Temp\\is-{desk.errands.getrandbits(20):05X}.tmp"
    inner = spawn_file(desk.world, setup, f"{temp}\\{name}.tmp", f'"{temp}\\{name}.tmp" /SL5="$40"')
    target = f"{desk.person.home}\\AppData\\Local\\Programs\\{name[:-5]}"
    for file in ("app.exe", "unins000.exe", "core.dll"):
        create_file(desk.world, inner, f"{target}\\{file}")
    key = _RUN.format(sid=desk.person.account.sid)
    set_registry(desk.world, inner, f"{key}\\{name[:-5]}", f"{target}\\app.exe --hidden")


def _printer(desk: Desk) -> None:
    """A printer is connected."""
    printer = "rundll32.exe printui.dll,PrintUIEntry /in /n \\\\FS01\\Printer-2"
    desk.run("rundll32", printer, 4)


def _macro_file(desk: Desk) -> None:
    """A colleague's workbook with macros comes by mail and is opened."""
    cache = f"{desk.person.home}\\AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook"
    book = f"{cache}\\{desk.errands.getrandbits(32):08X}\\Monthly closing.xlsm"
    create_file(desk.world, desk.mail, book)
    excel = desk.run("excel", f'EXCEL.EXE "{book}"', 900, desk.mail)
    load(desk.world, excel, _VBA)


def _pack(desk: Desk) -> None:
    """Papers for somebody outside are packed, with a password, in the packer's window."""
    folder = f"{desk.person.home}\\Documents\\for the auditor"
    image = "C:\\Program Files\\7-Zip\\7zG.exe"
    number = desk.errands.randint(10_000, 30_000)
    command = f'"{image}" a -i#7zMap{number}#62#7zEvent{number // 2} -ad -saa -- "{folder}"'
    packer = spawn_file(desk.world, desk.shell, image, command)
    create_file(desk.world, packer, f"{folder}.7z")


def _model_by_shell(desk: Desk) -> None:
    """A workbook's own button starts a script through the command line."""
    excel = desk.run("excel", 'EXCEL.EXE "C:\\models\\curve.xlsm"', 600)
    load(desk.world, excel, _VBA)
    shell = desk.run("cmd", "cmd.exe /c C:\\models\\refresh.bat", 20, excel)
    desk.run("python", "python.exe C:\\models\\refresh.py --curve eur", 15, shell)


def _partner_export(desk: Desk) -> None:
    """Figures for a partner, packed on the command line with the password agreed upon."""
    shell = desk.run("cmd", "cmd.exe /c D:\\exports\\partner.cmd", 60)
    packer = desk.run(
        "packer", "7z.exe a -pKestrel2214 D:\\exports\\out.7z D:\\exports\\in", 40, shell
    )
    create_file(desk.world, packer, "D:\\exports\\out.7z")


def _one_liner(desk: Desk) -> None:
    """A developer's tool is installed as its manual says: fetched and run in one line."""
    line = "irm https://packages.buildyard.example/install.ps1 | iex"
    shell = desk.run("powershell", f'powershell.exe -ExecutionPolicy ByPass -c "{line}"', 30)
    resolve(desk.world, shell, *_VENDOR)
    connect(desk.world, shell, _VENDOR[1], 443, _VENDOR[0])
    services.run_script(desk.world, shell, line)
    create_file(desk.world, shell, f"{desk.person.home}\\.buildyard\\bin\\yard.exe")


def _own_shell(desk: Desk) -> None:
    """Questions that one asks one's own machine."""
    name, command = desk.errands.choice(
        (
            ("netstat", "netstat.exe -ano"),
            ("taskkill", "taskkill.exe /f /im node.exe"),
            ("whoami", "whoami.exe"),
            ("ipconfig", "ipconfig.exe /flushdns"),
            ("tasklist", "tasklist.exe /v"),
            ("certutil", "certutil.exe -hashfile release.zip SHA256"),
            ("curl", "curl.exe -sSLO https://packages.buildyard.example/yard.zip"),
            ("systeminfo", "systeminfo.exe"),
            ("reg", "reg.exe query HKCU\\Environment"),
        )
    )
    shell = desk.run("cmd", "C:\\Windows\\System32\\cmd.exe", 300)
    desk.run(name, command, 3, shell)


def _debug(desk: Desk) -> None:
    """A freshly linked program runs, and a debugger holds it with full rights."""
    image = f"{desk.person.home}\\source\\harbor-1\\out\\harbor.exe"
    program = spawn_file(desk.world, desk.shell, image, image)
    debugger = desk.run("code", "Studio.exe --debug harbor", 400)
    open_process(desk.world, debugger, program, "0x1fffff", _TRACE)


_CODERS = ("developer", "data engineer", "tester")
ERRANDS = (
    Errand(0.25, _mistype),
    Errand(0.04, _chat_update),
    Errand(0.02, _printer),
    Errand(0.01, _install),
    Errand(0.02, _install, _CODERS),
    Errand(0.3, _macro_file, ("accountant", "controller", "risk", "purchasing")),
    Errand(0.04, _pack, ("legal", "personnel", "controller", "management")),
    Errand(0.3, _model_by_shell, ("quant",)),
    Errand(0.1, _partner_export, ("data engineer",)),
    Errand(0.02, _one_liner, _CODERS),
    Errand(1.0, _own_shell, _CODERS),
    Errand(0.5, _debug, _CODERS),
)


def run_errands(desk: Desk, ends: int) -> Habit:
    """The errands of one person's day at the desk, until `ends` (us UTC)."""
    world = desk.world
    random = desk.errands
    mine = [one for one in ERRANDS if not one.roles or desk.person.role in one.roles]
    weights = [one.per_day for one in mine]
    per_hour = sum(weights) / _WORKDAY
    yield int(random.expovariate(per_hour) * HOUR)
    while world.now < ends - 10 * SECOND:
        random.choices(mine, weights)[0].act(desk)
        yield int(random.expovariate(per_hour) * HOUR)
