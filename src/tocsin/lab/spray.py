"""Password spray, and its twin: programs that hold yesterday's passwords."""

from tocsin.lab import identity, logons
from tocsin.lab.hosts import Host
from tocsin.lab.network import call
from tocsin.lab.people import LEDGER_ACCOUNT
from tocsin.lab.places import ABROAD, PHONE, RENTED, Attempt
from tocsin.lab.plot import Plot, pick
from tocsin.lab.world import MINUTE, SECOND, Habit, World

_MAIL = "Office 365 Exchange Online"
_WRONG = 50126
_DEVICE = PHONE._replace(agent="python-requests/2.31.0", browser="", system="Windows10")


def attack(world: World) -> Habit:
    """One password for many: at the cloud's door and, from a machine inside, at the domain."""
    victim = pick(world, ("sales", "purchasing", "reception"), "spray")
    plot = Plot(world, "spray", victim.account.name)
    others = [person for person in world.people if person is not victim]
    names = plot.random.sample(others, min(60, len(others)))
    for person in names:
        with plot.step("one password for many", "T1110.003"):
            attempt = Attempt(_DEVICE, RENTED, _WRONG, interactive=True, second_factor=False)
            identity.sign_in(world, person, _MAIL, attempt)
        yield plot.random.randint(2, 25) * SECOND
    with plot.step("one of them fits", "T1078.004"):
        good = Attempt(_DEVICE, RENTED, interactive=True, second_factor=False)
        identity.sign_in(world, victim, _MAIL, good)
    yield 4 * MINUTE
    with plot.step("mail is read from abroad", "T1114.002", quiet=True):
        away = Attempt(_DEVICE, ABROAD, second_factor=False)
        identity.sign_in(world, victim, _MAIL, away)
    station = world.station(victim)
    for person in plot.random.sample(names, min(40, len(names))):
        yield plot.random.randint(1, 12) * SECOND
        with plot.step("spray inside", "T1110.003"):
            logons.refuse_ticket(world, person.account, station)
    server = world.hosts["FS01"]
    with plot.step("shares are looked at", "T1135", quiet=True):
        route = call(world, station, server, 445)
        session = logons.log_on(world, server, victim.account, 3, station, route)
        logons.open_share(world, session, station, "Shared")
        logons.log_off(world, session)


def twin(world: World) -> Habit:
    """After a change of passwords, a job and a calendar gateway go on with the old ones."""
    plot = Plot(world, "spray", LEDGER_ACCOUNT.name, benign=True)
    source: Host = world.hosts["APP01"]
    people = plot.random.sample(list(world.people), min(30, len(world.people)))
    for person in people:
        with plot.step("gateway asks with old passwords", "T1110.003"):
            logons.refuse_ticket(world, person.account, source)
        yield plot.random.randint(1, 20) * SECOND
    server = world.hosts["FS01"]
    for _ in range(80):
        with plot.step("job tries again and again", "T1110.001"):
            route = call(world, source, server, 445)
            logons.fail(world, server, LEDGER_ACCOUNT.name, source, route=route)
        yield plot.random.randint(20, 40) * SECOND
    with plot.step("password set right", "T1078.002", quiet=True):
        route = call(world, source, server, 445)
        session = logons.log_on(world, server, LEDGER_ACCOUNT, 3, source, route)
        logons.log_off(world, session)
