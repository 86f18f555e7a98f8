"""A person at their desk: the session, its programs, and what everybody does with them."""

from random import Random

from tocsin.lab import identity, logons
from tocsin.lab.hosts import Host, Process, Session
from tocsin.lab.network import connect, reach, resolve
from tocsin.lab.people import Person
from tocsin.lab.places import Attempt, workstation
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
from tocsin.lab.world import HOUR, SECOND, Habit, World

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
_FURTHER_SITES = {
    "engineering": _CODE_SITES * 2,
    "trading": (
        ("rates.tickerwharf.example", "203.0.113.20"),
        ("research.tickerwharf.example", "203.0.113.21"),
    )
    * 2,
    "imaging": (("guidelines.radiarium.example", "198.51.100.190"),),
    "operations": (
        ("downloads.harborlight.example", "198.51.100.152"),
        ("advisories.patchwise.example", "198.51.100.195"),
    ),
}
DOCUMENTS = ("Offer", "Invoice list", "Travel plan", "Minutes", "Forecast", "Contract draft")
FOLDERS = {
    "accountant": "Finance",
    "controller": "Finance",
    "sales": "Sales",
    "personnel": "Personnel",
    "legal": "Legal",
    "management": "Board",
}
_SINGLE_SIGN_ON = {
    "portal.freightdesk.example": "Freightdesk",
    "tickets.harborlight.example": "Harborlight Tickets",
    "git.northquay.example": "Northquay Git",
    "rates.tickerwharf.example": "Tickerwharf",
}
_RENEWING = ("Office 365 Exchange Online", "Office 365 SharePoint Online")
_TOKEN_RENEWED = 0.15
"""Share of visits at which the token has run out and a sign-in is logged."""
_ASKED = 0.25
"""Share of mornings on which somebody has to sign in anew."""
_ATTACHMENTS = 0.2
"""Share of mail checks that end with a saved attachment."""
_RECENT = (
    "HKU\\{sid}\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RecentDocs\\MRUListEx"
)


class Desk:
    """One person's working session on their workstation, where cloud services know them too."""

    def __init__(self, world: World, person: Person, random: Random) -> None:
        self.world = world
        self.person = person
        self.random = random
        self.errands = world.random_for(f"errands {person.account.name} {world.now}")
        """Draws what does not belong to the routine."""
        self.host: Host = world.station(person)
        self.session: Session = logons.log_on(world, self.host, person.account, 2, self.host)
        self.shell: Process = open_desktop(world, self.session)
        world.desks[person.account.name] = self.shell
        self._sign_in()
        self.mail = self.start("outlook", f'"{program("outlook").image}"')
        self.browser = self.start("edge", f'"{program("edge").image}" --profile-directory=Default')
        pipe(
            world, self.browser, f"\\mojo.{self.browser.pid}.{random.getrandbits(20)}", create=True
        )

    def _sign_in(self) -> None:
        """The machine's own sign-in; on some days the browser asks for password and factor."""
        identity.sign_in(self.world, self.person, "Windows Sign In")
        asked = Attempt(workstation(self.person), interactive=True)
        if self.errands.random() < _ASKED:
            identity.sign_in(self.world, self.person, "OfficeHome", asked)
        if self.errands.random() < _ASKED:
            identity.single_sign_on(self.world, self.person, "Freightdesk", asked)

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
        sites = _SITES + _FURTHER_SITES.get(self.person.unit, ())
        for _ in range(self.random.randint(1, 3)):
            name, address = self.random.choice(sites)
            resolve(self.world, self.browser, name, address)
            connect(self.world, self.browser, address, 443, name)
            if name in _SINGLE_SIGN_ON and self.random.random() < _TOKEN_RENEWED:
                identity.single_sign_on(self.world, self.person, _SINGLE_SIGN_ON[name])

    def read_mail(self) -> None:
        """Fetch mail; sometimes keep an attachment."""
        resolve(self.world, self.mail, "outlook.cloudsuite.example", "198.51.100.110")
        connect(self.world, self.mail, "198.51.100.110", 443, "outlook.cloudsuite.example")
        if self.random.random() < _TOKEN_RENEWED:
            identity.sign_in(self.world, self.person, "Office 365 Exchange Online")
        if self.random.random() < _ATTACHMENTS:
            name = self.random.choice(DOCUMENTS)
            create_file(self.world, self.mail, f"{self.person.home}\\Downloads\\{name}.pdf")

    def use_share(self, path: str, *, write: bool) -> None:
        """Open a file on the file server."""
        server = self.world.hosts["FS01"]
        route = reach(self.world, self.host.system["System"], server, 445)
        session = logons.log_on(self.world, server, self.person.account, 3, self.host, route)
        logons.open_share(self.world, session, self.host, "Shared")
        for attempt in range(self.random.randint(1, 4)):
            logons.use_file(
                self.world, session, self.host, "Shared", path, write=write and attempt > 0
            )
        self.world.begin(_leave(self.world, session), self.random.randint(20, 900) * SECOND)

    def write_document(self) -> None:
        """Work on a document in the team's folder."""
        name = self.random.choice(DOCUMENTS)
        kind, suffix = self.random.choice((("word", "docx"), ("excel", "xlsx")))
        folder = FOLDERS.get(self.person.role, "Projects")
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


def keep_signed_in(desk: Desk, ends: int) -> Habit:
    """Programs renew their tokens every hour or so, until `ends` (us UTC): nobody sees it."""
    world = desk.world
    draw = world.random_for(f"tokens {desk.person.account.name} {world.now}")
    pause = HOUR / min(1.0, world.enterprise.density)
    while True:
        yield int(draw.uniform(0.7, 1.6) * pause)
        if world.now >= ends:
            return
        for app in _RENEWING:
            identity.sign_in(world, desk.person, app)


def _end(world: World, process: Process) -> Habit:
    finish(world, process)
    yield from ()


def _leave(world: World, session: Session) -> Habit:
    logons.log_off(world, session)
    yield from ()
