"""Simulated time: habits are generators that yield how long they wait and write records between.

The same habits run in a batch as fast as the machine allows and live, as real time passes: only
who calls `World.run` differs.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from typing import Any

from tocsin.lab.enterprise import Enterprise
from tocsin.lab.hosts import Host, Process, RandomFor, equip
from tocsin.lab.people import WORKDAYS, Person
from tocsin.lab.windows import Kind
from tocsin.lab.wire import Wire
from tocsin.lab.write import LogFiles, Where

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

_THURSDAY = 3
"""The weekday of the first day of 1970, Monday being 0."""

_APART = 1_000
"""Microseconds between two records at least, so that milliseconds keep their order."""

Habit = Iterator[int]
"""Yields microseconds to wait."""


class World:
    """Hosts, people, the clock and the files that records go to. Times are microseconds UTC."""

    def __init__(self, enterprise: Enterprise, seed: int, start: int, files: LogFiles) -> None:
        self.enterprise = enterprise
        self.people = enterprise.people
        self.now = start
        self.files = files
        self.random_for = RandomFor(seed, start)
        self.hosts = equip(self.people, self.random_for)
        self.by_name = {person.account.name: person for person in self.people}
        self.on = frozenset(enterprise.sources)
        self.wire = Wire(
            files,
            self.random_for,
            self.stamp,
            self.on,
            enterprise.utc_offset,
            tsv=enterprise.zeek_tsv,
        )
        self.desks: dict[str, Process] = {}
        """The shell of everybody who is logged on at their workstation, by account name."""
        self.machines: dict[str, Any] = {}
        """What Linux machines count, by name."""
        self.cloud = self.random_for("cloud")
        """Draws the identities that cloud services give to requests."""
        self.last = start
        self._jitter = self.random_for("jitter")
        self._queue: list[tuple[int, int, Habit]] = []
        self._order = 0
        for host in self.hosts.values():
            if host.logs:
                host.start(start)

    def begin(self, habit: Habit, after: int = 0) -> None:
        """Let `habit` run for the first time `after` microseconds from now."""
        self._order += 1
        heappush(self._queue, (self.now + after, self._order, habit))

    def run(self, until: int) -> None:
        """Let everything happen that happens before `until`."""
        queue = self._queue
        while queue and queue[0][0] < until:
            self.now, _, habit = heappop(queue)
            wait = next(habit, None)
            if wait is not None:
                self.begin(habit, wait)
        self.now = max(self.now, until)

    def stamp(self) -> int:
        """The time of the next record: what is done later is later, on every host."""
        self.last = max(self.now, self.last + _APART + self._jitter.getrandbits(10))
        return self.last

    def log(self, host: Host, kind: Kind, data: dict[str, Any]) -> None:
        """Write one event record of `host` now."""
        if host.logs and "windows" in self.on:
            self.files.append(host, kind, self.stamp(), data)

    def emit(self, name: str, line: bytes, at: int, where: Where) -> None:
        """Write one line of another source, if its logs are kept."""
        if where.source in self.on:
            self.files.line(name, line, at, where)

    @property
    def controller(self) -> Host:
        """The domain controller that runs Windows."""
        return self.hosts["DC01"]

    def station(self, person: Person) -> Host:
        """A person's own workstation."""
        return self.hosts[person.workstation]

    def local(self, at: int) -> tuple[int, float]:
        """Day number and hour of day (fractional) at the enterprise for a time in us UTC."""
        day, rest = divmod(at + self.enterprise.utc_offset * SECOND, DAY)
        return day, rest / HOUR

    def until_hour(self, hour: float) -> int:
        """Microseconds until the local clock next shows `hour`."""
        _, now = self.local(self.now)
        return int(((hour - now) % 24) * HOUR)

    def workday(self) -> bool:
        """Whether most people work today (local day)."""
        return self.working(self.now)

    def working(self, at: int) -> bool:
        """Whether most people work on the local day of `at` (us UTC)."""
        return self.enterprise.weekend_work or self.weekday(at) in WORKDAYS

    def weekday(self, at: int | None = None) -> int:
        """The local day of the week, of now or of `at` (us UTC): Monday is 0."""
        day, _ = self.local(self.now if at is None else at)
        return (day + _THURSDAY) % 7

    def works(self, person: Person) -> bool:
        """Whether `person` works today: by rota, and neither on leave nor ill."""
        day, _ = self.local(self.now)
        if not self.enterprise.weekend_work and (day + _THURSDAY) % 7 not in person.days:
            return False
        if not self.enterprise.absence:
            return True
        week = (day + _THURSDAY) // 7
        leave = self.random_for(f"leave {person.account.name} {week}").random()
        ill = self.random_for(f"ill {person.account.name} {day}").random()
        return leave >= self.enterprise.absence * 0.75 and ill >= self.enterprise.absence * 0.25
