"""People outside the office: telephones in the evening, journeys, and doors that others try."""

from random import Random

from tocsin.lab import entra, identity
from tocsin.lab.hosts import Host
from tocsin.lab.people import Person
from tocsin.lab.places import (
    AIRPORT,
    HOME,
    HOTEL,
    MOBILE,
    OFFICE,
    PHONE,
    Attempt,
    Place,
    workstation,
)
from tocsin.lab.wire import Amount
from tocsin.lab.world import DAY, HOUR, MINUTE, SECOND, Habit, World

_MAIL = "Office 365 Exchange Online"
_WRONG = 50126
_JOURNEYS = {"sales": 0.03, "management": 0.04, "trader": 0.01, "legal": 0.01}
"""Journeys abroad a day."""
_PORTS = (22, 23, 80, 443, 445, 3389, 5060, 8080, 6379, 1433, 5900, 8443)


def near(place: Place, random: Random) -> Place:
    """Somebody else's connection in the same town."""
    head, _, last = place.address.rpartition(".")
    return place._replace(address=f"{head}.{(int(last) + random.randrange(9)) % 256}")


def telephone(world: World, person: Person) -> Habit:
    """Mail on the telephone, mornings and evenings; the password is wrong now and then."""
    random = world.random_for(f"telephone {person.account.name}")
    mean = 5 * HOUR
    while True:
        yield int(random.expovariate(1 / mean))
        _, hour = world.local(world.now)
        if not 6 <= hour <= 23:  # noqa: PLR2004 (people sleep)
            continue
        place = near(random.choice((MOBILE, MOBILE, HOME)), random)
        again = random.random() < 0.08  # noqa: PLR2004 (share at which the password is asked for)
        if again:
            if random.random() < 0.3:  # noqa: PLR2004 (share of passwords mistyped on glass)
                wrong = Attempt(PHONE, place, _WRONG, interactive=True)
                identity.sign_in(world, person, _MAIL, wrong)
                yield random.randint(8, 40) * SECOND
            identity.sign_in(world, person, _MAIL, Attempt(PHONE, place, interactive=True))
        else:
            identity.sign_in(world, person, _MAIL, Attempt(PHONE, place))


def journey(world: World, person: Person, per_day: float) -> Habit:
    """Some travel: the airport, then a hotel for a few days, on telephone and laptop."""
    random = world.random_for(f"journey {person.account.name}")
    while True:
        yield int(random.expovariate(per_day) * DAY)
        yield world.until_hour(8.5)
        lent = near(AIRPORT, random)
        identity.sign_in(world, person, _MAIL, Attempt(PHONE, lent, interactive=True))
        yield random.randint(4, 7) * HOUR
        room = near(HOTEL, random)
        for _ in range(random.randint(3, 12)):
            device = random.choice((PHONE, workstation(person)))
            app = random.choice((_MAIL, "Office 365 SharePoint Online", "OfficeHome"))
            interactive = random.random() < 0.4  # noqa: PLR2004 (share of new browsers)
            identity.sign_in(world, person, app, Attempt(device, room, interactive=interactive))
            yield random.randint(20, 300) * MINUTE


def synchronize(world: World) -> Habit:
    """Every half hour the local directory's changes go to the cloud's directory."""
    random = world.random_for("synchronization")
    while True:
        yield 30 * MINUTE
        for _ in range(random.choice((0, 0, 1, 3))):
            person = random.choice(world.people)
            entra.audit(
                world, None, entra.RULE, person.mail, {"LastDirSyncTime": "changed"}, OFFICE
            )


def self_service(world: World) -> Habit:
    """Now and then somebody gets a new telephone, forgets a password or joins a group."""
    random = world.random_for("self service")
    while True:
        yield int(random.expovariate(len(world.people) / 100) * DAY)
        person = random.choice(world.people)
        if person.account.name not in world.desks:
            continue
        place = OFFICE
        change = random.choice((entra.METHOD, entra.RESET, entra.MEMBER, entra.CONSENT))
        if change is entra.CONSENT:
            values = {"ConsentContext.IsAdminConsent": "False", "Scope": "openid profile email"}
            entra.audit(world, person, change, "Quaywise Planner", values, place)
        else:
            target = "Harbor Readers" if change is entra.MEMBER else person.mail
            entra.audit(
                world, person, change, target, {"StrongAuthenticationMethod": "push"}, place
            )


def stuffing(world: World) -> Habit:
    """Lists of stolen passwords are tried on anybody, everywhere: also here, day and night."""
    random = world.random_for("stuffing")
    device = PHONE._replace(agent="Mozilla/5.0 (X11; Linux x86_64)", browser="Chrome 123.0")
    while True:
        yield int(random.expovariate(1 / 6) * HOUR)
        place = near(HOTEL, random)._replace(country="BR", city="Sao Paulo", state="Sao Paulo")
        person = random.choice(world.people)
        for _ in range(random.randint(1, 3)):
            attempt = Attempt(device, place, _WRONG, interactive=True)
            identity.sign_in(world, person, "OfficeHome", attempt)
            yield random.randint(1, 30) * SECOND


def background(world: World) -> Habit:
    """The firewall refuses what the internet always tries."""
    random = world.random_for("background")
    mean = 90 / world.enterprise.density
    edge = Host("", "192.0.2.10", "", "", random, logs=False)
    while True:
        yield int(random.expovariate(1 / mean) * SECOND) + SECOND
        source = f"203.0.113.{random.randint(160, 250)}"
        port = random.choice(_PORTS)
        world.wire.open(source, edge.address, port, Amount(0, 0, 0.0, state="S0"))


def begin(world: World) -> None:
    """Let all of it happen, as far as somebody keeps the logs of it."""
    if "firewall" in world.on or "zeek" in world.on:
        world.begin(background(world))
    if not world.on & {"entra", "okta"}:
        return
    for habit in (synchronize, self_service, stuffing):
        world.begin(habit(world))
    for person in world.people:
        world.begin(telephone(world, person))
        if person.role in _JOURNEYS:
            world.begin(journey(world, person, _JOURNEYS[person.role]))
