"""Daily work: what the people of both units do at their desks, by role and hour."""

from collections.abc import Callable
from random import Random

from tocsin.lab import logons
from tocsin.lab.hosts import Host, Process, Session
from tocsin.lab.network import connect, reach, resolve
from tocsin.lab.people import Person
from tocsin.lab.processes import (
    create_file,
    finish,
    load_all,
    open_desktop,
    pipe,
    set_registry,
    spawn,
)
from tocsin.lab.programs import program
from tocsin.lab.services import run_script
from tocsin.lab.world import HOUR, MINUTE, SECOND, Habit, World

_SITES = (
    ("news.harbordaily.example", "198.51.100.14"),
    ("portal.freightdesk.example", "198.51.100.40"),
    ("maps.quaywise.example", "198.51.100.77"),
    ("login.cloudsuite.example", "198.51.100.101"),
    ("cdn.cloudsuite.example", "198.51.100.102"),
    ("tickets.harborlight.example", "198.51.100.150"),
)
_CODE_SITES = (
    ("git.northquay.example", "10.20.1.40"),
    ("packages.buildyard.example", "198.51.100.180"),
    ("docs.buildyard.example", "198.51.100.181"),
)
_DOCUMENTS = ("Offer", "Invoice list", "Travel plan", "Minutes", "Forecast", "Contract draft")
_FOLDERS = {
    "accountant": "Finance",
    "controller": "Finance",
    "sales": "Sales",
    "personnel": "Personnel",
    "legal": "Legal",
    "management": "Board",
}
_ATTACHMENTS = 0.2
"""Share of mail checks that end with a saved attachment."""
_RECENT = (
    "HKU\\{sid}\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RecentDocs\\MRUListEx"
)


class Desk:
    """One person's working session on their workstation."""

    def __init__(self, world: World, person: Person, random: Random) -> None:
        self.world = world
        self.person = person
        self.random = random
        self.host: Host = world.station(person)
        self.session: Session = logons.log_on(world, self.host, person.account, 2, self.host)
        self.shell: Process = open_desktop(world, self.session)
        world.desks[person.account.name] = self.shell
        self.mail = self.start("outlook", f'"{program("outlook").image}"')
        self.browser = self.start("edge", f'"{program("edge").image}" --profile-directory=Default')
        pipe(
            world, self.browser, f"\\mojo.{self.browser.pid}.{random.getrandbits(20)}", create=True
        )

    def start(self, name: str, command: str, parent: Process | None = None) -> Process:
        """Start an installed program below the shell."""
        chosen = program(name)
        process = spawn(self.world, parent or self.shell, chosen, command)
        load_all(self.world, process, chosen)
        return process

    def run(
        self, name: str, command: str, seconds: float, parent: Process | None = None
    ) -> Process:
        """Start a program that ends by itself."""
        process = self.start(name, command, parent)
        self.world.begin(_end(self.world, process), int(seconds * SECOND))
        return process

    def browse(self) -> None:
        """Read a few pages."""
        sites = _SITES if self.person.unit == "office" else _SITES + _CODE_SITES * 2
        for _ in range(self.random.randint(1, 3)):
            name, address = self.random.choice(sites)
            resolve(self.world, self.browser, name, address)
            connect(self.world, self.browser, address, 443, name)

    def read_mail(self) -> None:
        """Fetch mail; sometimes keep an attachment."""
        resolve(self.world, self.mail, "outlook.cloudsuite.example", "198.51.100.110")
        connect(self.world, self.mail, "198.51.100.110", 443, "outlook.cloudsuite.example")
        if self.random.random() < _ATTACHMENTS:
            name = self.random.choice(_DOCUMENTS)
            create_file(self.world, self.mail, f"{self.person.home}\\Downloads\\{name}.pdf")

    def use_share(self, path: str, *, write: bool) -> None:
        """Open a file on the file server."""
        server = self.world.hosts["FS01"]
        reach(self.world, self.host.system["System"], server, 445)
        session = logons.log_on(self.world, server, self.person.account, 3, self.host)
        logons.open_share(self.world, session, self.host, "Shared")
        for attempt in range(self.random.randint(1, 4)):
            logons.use_file(
                self.world, session, self.host, "Shared", path, write=write and attempt > 0
            )
        self.world.begin(_leave(self.world, session), self.random.randint(20, 900) * SECOND)

    def write_document(self) -> None:
        """Work on a document in the team's folder."""
        name = self.random.choice(_DOCUMENTS)
        kind, suffix = self.random.choice((("word", "docx"), ("excel", "xlsx")))
        folder = _FOLDERS.get(self.person.role, "Projects")
        path = f"{folder}\\{name} {self.random.randint(1, 60)}.{suffix}"
        command = f'"{program(kind).image}" "\\\\FS01\\Shared\\{path}"'
        process = self.run(kind, command, self.random.uniform(120, 2400))
        self.use_share(path, write=True)
        cache = f"{self.person.home}\\AppData\\Local\\Temp\\{self.random.getrandbits(32):08X}.tmp"
        create_file(self.world, process, cache)
        sid = self.person.account.sid
        set_registry(self.world, process, _RECENT.format(sid=sid), "Binary Data")

    def leave(self) -> None:
        """Close everything and log off."""
        del self.world.desks[self.person.account.name]
        for process in (self.mail, self.browser, self.shell):
            finish(self.world, process)
        logons.log_off(self.world, self.session)


def _end(world: World, process: Process) -> Habit:
    finish(world, process)
    yield from ()


def _leave(world: World, session: Session) -> Habit:
    logons.log_off(world, session)
    yield from ()


def _read_pdf(desk: Desk) -> None:
    pdf = f"{desk.person.home}\\Downloads\\{desk.random.choice(_DOCUMENTS)}.pdf"
    desk.run("reader", f'"{program("reader").image}" "{pdf}"', desk.random.uniform(30, 900))


def _side_work(desk: Desk) -> None:
    if _FOLDERS.get(desk.person.role) == "Finance":
        client = desk.run("ledger", f'"{program("ledger").image}" /profile:main', 1800)
        reach(desk.world, client, desk.world.hosts["APP01"], 1433)
    else:
        printer = "rundll32.exe printui.dll,PrintUIEntry /in /n \\\\FS01\\Printer-2"
        desk.run("rundll32", printer, 4)


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


_Act = Callable[[Desk], None]
_ACTS: dict[str, tuple[tuple[_Act, ...], tuple[int, ...]]] = {
    "office": (
        (Desk.read_mail, Desk.browse, Desk.write_document, _read_pdf, _side_work),
        (35, 30, 23, 7, 5),
    ),
    "engineering": (
        (Desk.read_mail, Desk.browse, _build, _test_code, _script, Desk.write_document),
        (20, 25, 25, 15, 8, 7),
    ),
}
"""What people of a unit do, and how often of a hundred times."""


def at_work(world: World, person: Person) -> Habit:
    """A person's days: arrive, work with breaks, leave."""
    random = world.random_for(f"person {person.account.name}")
    acts, weights = _ACTS[person.unit]
    _, hour = world.local(world.now)
    length = (person.ends - person.begins) % 24
    already = (hour - person.begins) % 24
    if already < length and world.workday():
        yield random.randint(1, 120) * SECOND
    else:
        already = 0.0
        yield world.until_hour(person.begins) + random.randint(0, 25) * MINUTE
    while True:
        if world.workday():
            desk = Desk(world, person, random)
            leaves = world.now + int((length - already) * HOUR) + random.randint(-9, 9) * MINUTE
            yield random.randint(20, 200) * SECOND
            while world.now < leaves:
                random.choices(acts, weights)[0](desk)
                _, hour = world.local(world.now)
                pause = 2.5 if 12 <= hour < 13 else 1.0  # noqa: PLR2004 (lunch)
                mean = 240 * pause / world.enterprise.density
                yield int(random.expovariate(1 / mean) * SECOND) + SECOND
            desk.leave()
        already = 0.0
        yield HOUR
        yield world.until_hour(person.begins) + random.randint(0, 25) * MINUTE
