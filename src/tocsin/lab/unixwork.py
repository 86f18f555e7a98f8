"""What happens on the Linux servers: people, jobs, and knocks from outside."""

from tocsin.lab import unix
from tocsin.lab.desk import Desk
from tocsin.lab.hosts import Host, Route
from tocsin.lab.network import connect
from tocsin.lab.people import Person
from tocsin.lab.wire import Amount
from tocsin.lab.world import HOUR, MINUTE, SECOND, Habit, World

SERVERS = ("lnx-jump01", "lnx-git01", "lnx-build01", "lnx-db01", "lnx-web01", "lnx-data01")
_COMMANDS = (
    "ls -la",
    "git status",
    "git pull --rebase",
    "make -j4",
    "grep -rn refused /var/log/harbor",
    "tail -n 200 /var/log/harbor/app.log",
    "df -h",
    "htop",
    "python3 manage.py check",
    "psql -h lnx-db01 -c select",
    "curl -s https://lnx-web01/healthz",
    "docker ps",
    "ps aux",
    "vim config.yaml",
)
_ROOTS = (
    "systemctl restart harbor-web",
    "journalctl -u harbor-web",
    "apt-get update",
    "apt-get upgrade",
    "tail -n 100 /var/log/auth.log",
    "cat /etc/ssh/sshd_config",
    "chown -R harbor /srv/harbor",
    "docker restart harbor",
    "ss -tlnp",
    "visudo -c",
)
_JOBS = (
    ("lnx-git01", "root", "/usr/local/bin/git-housekeeping --prune", 60),
    ("lnx-build01", "builder", "/usr/local/bin/runner --poll", 5),
    ("lnx-db01", "postgres", "/usr/bin/pg_dump -Fc harbor -f /backup/harbor.dump", 720),
    ("lnx-web01", "root", "/usr/bin/certbot renew --quiet", 720),
    ("lnx-web01", "www-data", "/usr/bin/php /srv/harbor/cron.php", 15),
    ("lnx-data01", "etl", "/opt/etl/bin/python /opt/etl/run.py --increment", 30),
    ("lnx-jump01", "root", "/usr/lib/apt/apt-helper wait-online", 360),
)
"""Host, user, command and minutes between two runs."""
_CONFIGURED = (
    "/usr/bin/python3 /tmp/.automation/setup.py",
    "/usr/bin/dpkg-query -l",
    "/usr/bin/systemctl is-active harbor-web",
    "/bin/sh -c id",
    "/usr/bin/cat /etc/passwd",
)
_NAMES = ("root", "admin", "ubuntu", "test", "oracle", "postgres", "git", "deploy", "ftpuser")
_KNOCKS = 12
"""Bursts of password guesses from the internet in a day: what every open SSH port sees."""


def visit(desk: Desk, name: str) -> None:
    """Somebody opens a shell on a Linux server from their desk and works there for a while."""
    world, host = desk.world, desk.world.hosts[name]
    user = unix.account_of(desk.person)
    client = desk.run("ssh", f"ssh.exe {user}@{name}", desk.random.uniform(300, 2400))
    length = desk.random.uniform(200, 2400)
    route = connect(
        world, client, host.address, 22, host.full_name, Amount(60_000, 400_000, length)
    )
    shell = unix.come(world, name, user, route)
    world.begin(_work(desk, shell, int(length * SECOND), route), SECOND)


def _work(desk: Desk, shell: unix.Shell, length: int, route: Route) -> Habit:
    world, draw = desk.world, desk.random
    ends = world.now + length
    rooted = desk.person.admin is not None or desk.person.role == "data engineer"
    while world.now < ends:
        if rooted and draw.random() < 0.3:  # noqa: PLR2004 (share of commands with more rights)
            unix.as_root(world, shell, draw.choice(_ROOTS))
        else:
            unix.execute(world, shell, draw.choice(_COMMANDS))
        yield int(draw.expovariate(world.enterprise.density / 60) * SECOND) + SECOND
    unix.leave(world, shell, route)


def job(world: World, name: str, user: str, command: str, minutes: int) -> Habit:
    """A recurring job. Frequent ones run less often at a low density."""
    every = int(minutes * MINUTE / min(1.0, world.enterprise.density if minutes < HOUR else 1.0))
    yield world.random_for(f"job {name} {command}").randrange(every)
    while True:
        unix.cron(world, name, user, command)
        yield every


def configure(world: World) -> Habit:
    """Twice a day the automation of the management server sets every Linux server right."""
    random = world.random_for("configuration")
    source = world.hosts["MGT01"]
    while True:
        yield min(world.until_hour(6.2), world.until_hour(18.2)) + random.randint(0, 90) * SECOND
        for name in SERVERS:
            target = world.hosts[name]
            route = world.wire.open(source.address, target.address, 22, Amount(90_000, 60_000, 40))
            shell = unix.come(world, name, "automation", route)
            for command in _CONFIGURED:
                unix.as_root(world, shell, command, command.split()[0])
                yield random.randint(1, 4) * SECOND
            unix.leave(world, shell, route)
        yield HOUR


def copy(world: World) -> Habit:
    """Every night at two the backup server fetches what the Linux servers have."""
    random = world.random_for("linux backup")
    source = world.hosts["BK01"]
    while True:
        yield world.until_hour(2.0) + random.randint(0, 120) * SECOND
        for name in SERVERS:
            amount = Amount(3_000_000, random.randint(1, 40) * 100_000_000, 600.0)
            route = world.wire.open(source.address, world.hosts[name].address, 22, amount)
            shell = unix.come(world, name, "backup", route)
            unix.execute(world, shell, "rsync --server --sender -logDtpre.iLsfxCIvu . /srv /etc")
            yield random.randint(60, 600) * SECOND
            unix.leave(world, shell, route)
        yield HOUR


def knocks(world: World) -> Habit:
    """Strangers on the internet try names and passwords on the jump host."""
    random = world.random_for("knocks")
    host: Host = world.hosts["lnx-jump01"]
    while True:
        yield int(random.expovariate(_KNOCKS / 24) * HOUR)
        address = f"203.0.113.{random.randint(160, 250)}"
        for _ in range(random.randint(2, 25)):
            route = world.wire.open(address, host.address, 22, Amount(1_900, 2_600, 2.4))
            unix.refused(world, host.name, random.choice(_NAMES), route, known=False)
            yield random.randint(2, 9) * SECOND


def administer(world: World, person: Person) -> Habit:
    """An administrator looks after the Linux servers, by way of the jump host."""
    random = world.random_for(f"linux rounds {person.account.name}")
    user = unix.account_of(person)
    while True:
        yield int(random.expovariate(1 / 5) * HOUR)
        if person.account.name not in world.desks:
            continue
        station = world.station(person)
        name = random.choice(SERVERS)
        first = world.wire.open(station.address, world.hosts["lnx-jump01"].address, 22)
        outer = unix.come(world, "lnx-jump01", user, first)
        unix.execute(world, outer, f"ssh {name}")
        route = world.wire.open(outer.machine.address, world.hosts[name].address, 22)
        shell = unix.come(world, name, user, route)
        for _ in range(random.randint(2, 6)):
            yield random.randint(10, 240) * SECOND
            unix.as_root(world, shell, random.choice(_ROOTS))
        unix.leave(world, shell, route)
        unix.leave(world, outer, first)


def begin(world: World) -> None:
    """Let all of it happen, where there are Linux servers."""
    if SERVERS[0] not in world.hosts:
        return
    for name, user, command, minutes in _JOBS:
        world.begin(job(world, name, user, command, minutes))
    for habit in (configure, copy, knocks):
        world.begin(habit(world))
    for person in world.people:
        if person.role == "administrator":
            world.begin(administer(world, person))
