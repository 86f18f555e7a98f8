"""What people of each unit do at their desks all day."""

from collections.abc import Callable

from tocsin.lab import logons, unixwork
from tocsin.lab.desk import DOCUMENTS, FOLDERS, Desk
from tocsin.lab.hosts import Process
from tocsin.lab.network import connect, reach, resolve
from tocsin.lab.processes import create_file
from tocsin.lab.programs import program
from tocsin.lab.services import run_script
from tocsin.lab.wire import Amount


def _read_pdf(desk: Desk) -> None:
    pdf = f"{desk.person.home}\\Downloads\\{desk.random.choice(DOCUMENTS)}.pdf"
    desk.run("reader", f'"{program("reader").image}" "{pdf}"', desk.random.uniform(30, 900))


def _side_work(desk: Desk) -> None:
    if FOLDERS.get(desk.person.role) == "Finance":
        client = desk.run("ledger", f'"{program("ledger").image}" /profile:main', 1800)
        reach(desk.world, client, desk.world.hosts["APP01"], 1433)
    else:
        _print(desk)


def _print(desk: Desk) -> None:
    """Something is printed on the printer that hangs at the file server."""
    world, server = desk.world, desk.world.hosts["FS01"]
    route = reach(world, desk.host.system["System"], server, 445)
    session = logons.log_on(world, server, desk.person.account, 3, desk.host, route)
    logons.open_share(world, session, desk.host, "IPC$")
    world.wire.rpc(route, "\\pipe\\spoolss", "spoolss", "RpcStartDocPrinter")
    logons.log_off(world, session)


def _build(desk: Desk) -> None:
    shell = desk.run("cmd", "C:\\Windows\\System32\\cmd.exe /c build.cmd", 60)
    folder = f"{desk.person.home}\\source\\harbor-{desk.random.randint(1, 4)}"
    git = desk.run("git", "git fetch --prune origin", 3, shell)
    connect(desk.world, git, "10.20.1.40", 443, "git.northquay.example")
    node = desk.run("node", '"C:\\Program Files\\nodejs\\node.exe" build.js --release', 45, shell)
    for number in range(desk.random.randint(2, 6)):
        create_file(desk.world, node, f"{folder}\\dist\\chunk-{number}.js")


def _script(desk: Desk) -> None:
    script = desk.random.choice(("collect-metrics", "rotate-logs", "refresh-cache"))
    path = f"{desk.person.home}\\source\\tools\\{script}.ps1"
    shell = desk.run("powershell", f"powershell.exe -NoProfile -File {path}", 20)
    text = (
        f"$items = Get-ChildItem D:\\data | Measure-Object\r\nWrite-Output '{script}' $items.Count"
    )
    run_script(desk.world, shell, text, path)


def _test_code(desk: Desk) -> None:
    desk.run("python", f'"{program("python").image}" -m pytest -q', desk.random.uniform(5, 90))


def _compile(desk: Desk) -> None:
    tools = "C:\\Program Files (x86)\\Buildkit\\VC\\bin\\x64"
    folder = f"{desk.person.home}\\source\\harbor-{desk.random.randint(1, 4)}"
    ninja = desk.run("ninja", "ninja.exe -C out/release", 80)
    for number in range(desk.random.randint(1, 4)):
        unit = f"{folder}\\out\\unit{number}.obj"
        compiler = desk.run("cl", f'"{tools}\\cl.exe" /c unit{number}.cpp /Fo{unit}', 12, ninja)
        create_file(desk.world, compiler, unit)
    linker = desk.run("link", f'"{tools}\\link.exe" /out:out\\harbor.exe', 6, ninja)
    create_file(desk.world, linker, f"{folder}\\out\\harbor.exe")


def _secure_shell(desk: Desk) -> None:
    host = desk.random.choice(("lnx-git01", "lnx-build01", "lnx-web01", "lnx-data01"))
    if host in desk.world.hosts:
        unixwork.visit(desk, host)
    else:
        _build(desk)


def _quote(desk: Desk) -> None:
    terminal = desk.run("terminal", f'"{program("terminal").image}" --desk fx', 3000)
    resolve(desk.world, terminal, "feed.tickerwharf.example", "203.0.113.24")
    connect(
        desk.world,
        terminal,
        "203.0.113.24",
        8194,
        "feed.tickerwharf.example",
        Amount(40_000, 2_500_000, 2900.0),
    )


def _order(desk: Desk) -> None:
    entry = desk.run("orders", f'"{program("orders").image}"', 400)
    reach(desk.world, entry, desk.world.hosts["APP02"], 9001)


def _model(desk: Desk) -> None:
    book = f"{desk.person.home}\\Documents\\positions {desk.random.randint(1, 9)}.xlsm"
    excel = desk.run("excel", f'"{program("excel").image}" "{book}"', 1500)
    if desk.person.role == "quant":
        script = f"{desk.person.home}\\models\\price.py"
        desk.run("python", f'"{program("python").image}" {script}', 20, excel)


def _view_study(desk: Desk) -> None:
    world, server = desk.world, desk.world.hosts["PACS01"]
    viewer = desk.run("viewer", f'"{program("viewer").image}" --worklist', 700)
    study = Amount(9_000, desk.random.randint(8, 400) * 1_000_000, desk.random.uniform(1, 30))
    reach(world, viewer, server, 11112, study)
    number = desk.random.getrandbits(32)
    create_file(world, viewer, f"C:\\ProgramData\\Lumen\\cache\\{number:08x}.dcm")


def _dictate(desk: Desk) -> None:
    report = "C:\\Program Files\\Lumen\\report.hta"
    desk.run("mshta", f'"C:\\Windows\\System32\\mshta.exe" "{report}"', 500)


def _swap_places(desk: Desk) -> None:
    """The next patient: the screen is locked and opened again."""
    logons.unlock(desk.world, desk.session)


def _ticket(desk: Desk) -> None:
    resolve(desk.world, desk.browser, "tickets.harborlight.example", "198.51.100.150")
    connect(desk.world, desk.browser, "198.51.100.150", 443, "tickets.harborlight.example")


def _look_after(desk: Desk) -> None:
    """A console on the own machine, over the network with the own rights."""
    console = desk.random.choice(("dsa.msc", "eventvwr.msc", "dhcpmgmt.msc", "gpmc.msc"))
    client: Process = desk.run("mmc", f"mmc.exe {console}", 900)
    reach(desk.world, client, desk.world.controller, 389)


_Act = Callable[[Desk], None]
_TABLE: dict[str, dict[_Act, int]] = {
    "office": {
        Desk.read_mail: 35,
        Desk.browse: 30,
        Desk.write_document: 23,
        _read_pdf: 7,
        _side_work: 5,
    },
    "engineering": {
        Desk.read_mail: 18,
        Desk.browse: 22,
        _build: 22,
        _test_code: 13,
        _compile: 7,
        _secure_shell: 6,
        _script: 6,
        Desk.write_document: 6,
    },
    "trading": {
        Desk.read_mail: 22,
        Desk.browse: 24,
        _quote: 12,
        _order: 26,
        _model: 10,
        Desk.write_document: 6,
    },
    "imaging": {
        Desk.read_mail: 8,
        Desk.browse: 5,
        _view_study: 48,
        _swap_places: 26,
        _dictate: 3,
        Desk.write_document: 10,
    },
    "operations": {
        Desk.read_mail: 20,
        Desk.browse: 20,
        _ticket: 34,
        _look_after: 14,
        _script: 6,
        Desk.write_document: 6,
    },
}
ACTS = {unit: (tuple(table), tuple(table.values())) for unit, table in _TABLE.items()}
"""What people of a unit do, and how often of a hundred times."""
