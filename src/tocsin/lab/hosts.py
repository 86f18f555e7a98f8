"""The machines: what runs on them, who is logged on, and the numbers Windows gives out."""

from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tocsin.lab.people import DNS_DOMAIN, DOMAIN, NETWORK_SERVICE, SYSTEM, Account, Person
from tocsin.lab.staff import NETS

SYSTEM32 = "C:\\Windows\\System32"
_EARLY, _LATER = range(100, 400), range(400, 4_100)
"""Quarters of the process ids that Windows gives out while it starts, and later."""


class Route(NamedTuple):
    """A connection: Zeek's identity of it, and who talks to whom."""

    uid: str
    source: str
    source_port: int
    target: str
    port: int


@dataclass(frozen=True, slots=True)
class Session:
    """A logon on one host. `route` is the connection over which it came, if over one."""

    host: "Host"
    account: Account
    logon_id: int
    kind: int
    number: int = 0
    route: Route | None = None

    @property
    def hex_id(self) -> str:
        """The logon id as event records write it."""
        return f"0x{self.logon_id:x}"

    @property
    def guid(self) -> str:
        """The logon's identity in Sysmon's notation: the same for all of its processes."""
        return self.host.guid(self.host.boot, self.logon_id)


@dataclass(frozen=True, slots=True)
class Process:
    """A running program. `parent` is None only for what ran before the logs begin."""

    host: "Host"
    pid: int
    guid: str
    image: str
    command: str
    session: Session
    parent: "Process | None"
    integrity: str = "Medium"
    folder: str = f"{SYSTEM32}\\"

    @property
    def account(self) -> Account:
        """Whose rights it runs with."""
        return self.session.account


@dataclass(slots=True)
class Host:
    """One machine. `address` is its IPv4 address, `logs` whether it delivers event logs."""

    name: str
    address: str
    kind: str
    unit: str
    random: Random
    logs: bool = True
    boot: int = 0
    system: dict[str, Process] = field(default_factory=dict)
    _machine: int = 0
    _logon: int = 0
    _processes: int = 0
    _sessions: int = 0
    _pids: set[int] = field(default_factory=set)

    @property
    def full_name(self) -> str:
        """The DNS name."""
        return f"{self.name}.{DNS_DOMAIN}"

    @property
    def account(self) -> Account:
        """The machine account."""
        _, _, net, number = self.address.split(".")
        rid = 100_000 + int(net) * 256 + int(number)
        return Account(f"{self.name}$", DOMAIN, f"S-1-5-21-1870442312-602218493-3154820971-{rid}")

    def start(self, now: int) -> None:
        """Bring up what runs on every Windows machine before the logs begin (`now` in us)."""
        draw = self.random
        self._machine = draw.getrandbits(32)
        self._logon = draw.randrange(0x20000, 0x90000)
        self.boot = now - draw.randrange(2, 40) * 3_600_000_000
        own = Session(self, SYSTEM, 0x3E7, 0)
        network = Session(self, NETWORK_SERVICE, 0x3E4, 5)
        for name in ("System", "smss.exe", "csrss.exe", "wininit.exe"):
            self._resident(name, own, None)
        wininit = self.system["wininit.exe"]
        self._resident("services.exe", own, wininit)
        self._resident("lsass.exe", own, wininit)
        services = self.system["services.exe"]
        for group, session in (
            ("netsvcs", own),
            ("DcomLaunch", own),
            ("NetworkService", network),
            ("LocalSystemNetworkRestricted", own),
        ):
            command = f"{SYSTEM32}\\svchost.exe -k {group} -p"
            self._resident(f"svchost:{group}", session, services, command)
        defender = "C:\\Program Files\\Windows Defender\\MsMpEng.exe"
        self._resident("MsMpEng.exe", own, services, f'"{defender}"', defender)

    def _resident(
        self,
        name: str,
        session: Session,
        parent: Process | None,
        command: str = "",
        image: str = "",
    ) -> None:
        file = name.partition(":")[0]
        if file == "svchost":
            file = "svchost.exe"
        image = image or (file if file == "System" else f"{SYSTEM32}\\{file}")
        self.system[name] = self.process(
            self.boot, image, command or image, session, parent, "System"
        )
        if name == "System":
            self.system[name] = Process(
                self, 4, self.system[name].guid, "System", "", session, None, "System"
            )

    def process(
        self,
        at: int,
        image: str,
        command: str,
        session: Session,
        parent: Process | None,
        integrity: str,
    ) -> Process:
        """A process that begins at `at` (us); its pid is unused, its guid holds the start."""
        numbers = _EARLY if at == self.boot else _LATER
        pid = self.random.choice(numbers) * 4
        while pid in self._pids:
            pid = self.random.choice(numbers) * 4
        self._pids.add(pid)
        self._processes += 1
        guid = self.guid(at, self._processes)
        return Process(self, pid, guid, image, command, session, parent, integrity)

    def guid(self, at: int, number: int) -> str:
        """Sysmon's identifier of the `number`-th thing of its kind, which began at `at` (us)."""
        seconds = at // 1_000_000
        return (
            f"{{{self._machine:08x}-{seconds & 0xFFFF:04x}-{seconds >> 16 & 0xFFFF:04x}"
            f"-{number & 0xFFFF:04x}-{number >> 16:010x}00}}"
        )

    def release(self, process: Process) -> None:
        """Forget a process that ended: its pid may be given out again."""
        self._pids.discard(process.pid)

    def session(self, account: Account, kind: int, route: Route | None = None) -> Session:
        """A new logon; interactive ones (2, 10, 11) get a terminal session number."""
        self._logon += self.random.randrange(0x40, 0x4000)
        number = 0
        if kind in (2, 10, 11):
            self._sessions += 1
            number = self._sessions
        return Session(self, account, self._logon, kind, number, route)


_SERVERS = (
    ("DC01", "10.20.1.10", "domain controller", True),
    ("FS01", "10.20.1.20", "file server", True),
    ("BK01", "10.20.1.30", "backup server", True),
    ("APP01", "10.20.1.40", "application server", True),
    ("SCAN01", "10.20.1.90", "vulnerability scanner", False),
)
_MORE_SERVERS = (
    ("DC02", "10.20.1.11", "samba domain controller", False),
    ("FS02", "10.20.1.21", "file server", True),
    ("APP02", "10.20.1.41", "order server", True),
    ("PACS01", "10.20.1.42", "image archive", True),
    ("MGT01", "10.20.1.50", "management server", True),
    ("SYNC01", "10.20.1.51", "directory synchronization", True),
    ("MOD-CT1", "10.20.45.11", "modality", False),
    ("MOD-MR1", "10.20.45.12", "modality", False),
    ("lnx-jump01", "10.20.2.10", "linux server", False),
    ("lnx-git01", "10.20.2.11", "linux server", False),
    ("lnx-build01", "10.20.2.12", "linux server", False),
    ("lnx-db01", "10.20.2.13", "linux server", False),
    ("lnx-web01", "10.20.2.14", "linux server", False),
    ("lnx-data01", "10.20.2.15", "linux server", False),
)
_SMALL = 20
"""An enterprise of more people than this has more servers."""


def equip(people: tuple[Person, ...], random_for: "RandomFor") -> dict[str, Host]:
    """Every machine by name: servers, then workstations.

    The scanner, Linux machines and whatever is not managed deliver no Windows logs.
    """
    servers = _SERVERS + (_MORE_SERVERS if len(people) > _SMALL else ())
    hosts = {
        name: Host(name, address, kind, "operations", random_for(f"host {name}"), logs)
        for name, address, kind, logs in servers
    }
    seen: dict[str, int] = {}
    for person in people:
        number = seen[person.unit] = seen.get(person.unit, -1) + 1
        address = f"10.20.{NETS[person.unit] + number // 180}.{50 + number % 180}"
        name = person.workstation
        hosts[name] = Host(name, address, "workstation", person.unit, random_for(f"host {name}"))
    return hosts


class RandomFor:
    """Independent random streams by name, so that one habit never disturbs another."""

    def __init__(self, seed: int, start: int) -> None:
        self._prefix = f"tocsin lab {seed} {start}"

    def __call__(self, name: str) -> Random:
        """The stream called `name`."""
        return Random(f"{self._prefix} {name}")  # noqa: S311 (a simulation, nothing secret)
