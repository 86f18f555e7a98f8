"""Employees beyond the first twenty: five business units, each with its roles and hours."""

from random import Random
from typing import NamedTuple

from tocsin.lab.people import PRIVILEGED, WORKDAYS, Person, domain_account, found


class Post(NamedTuple):
    """A kind of post: how often it is filled (weight) and its usual hours."""

    role: str
    weight: int
    begins: float
    ends: float


class Unit(NamedTuple):
    """A business unit: prefix of its machines, the third byte of its network, its posts.

    `part_time` is the share of people who work three or four days, `rota` says that its people
    work on five of seven days, weekends included.
    """

    name: str
    prefix: str
    net: int
    size: int
    part_time: float
    rota: bool
    posts: tuple[Post, ...]


UNITS = (
    Unit(
        "trading",
        "WS-TRD",
        30,
        44,
        0.05,
        rota=False,
        posts=(
            Post("trader", 6, 7.0, 17.0),
            Post("quant", 3, 8.5, 18.5),
            Post("risk", 2, 8.0, 17.5),
            Post("overseas trader", 2, 21.8, 6.0),
        ),
    ),
    Unit(
        "imaging",
        "WS-IMG",
        40,
        44,
        0.3,
        rota=True,
        posts=(
            Post("radiographer", 4, 6.0, 14.2),
            Post("radiographer", 3, 13.8, 22.1),
            Post("radiographer", 1, 21.9, 6.1),
            Post("radiologist", 3, 7.5, 16.5),
            Post("front desk", 2, 7.0, 15.0),
        ),
    ),
    Unit(
        "engineering",
        "WS-ENG",
        20,
        40,
        0.1,
        rota=False,
        posts=(
            Post("developer", 6, 9.3, 18.2),
            Post("data engineer", 2, 8.8, 17.6),
            Post("tester", 2, 8.2, 16.9),
        ),
    ),
    Unit(
        "office",
        "WS-OFF",
        10,
        34,
        0.3,
        rota=False,
        posts=(
            Post("accountant", 4, 7.8, 16.4),
            Post("controller", 2, 8.3, 17.1),
            Post("sales", 5, 8.7, 17.3),
            Post("personnel", 2, 8.0, 16.3),
            Post("legal", 1, 9.0, 18.0),
            Post("purchasing", 2, 7.5, 16.0),
        ),
    ),
    Unit(
        "operations",
        "WS-OPS",
        50,
        18,
        0.1,
        rota=True,
        posts=(
            Post("administrator", 2, 7.2, 16.0),
            Post("helpdesk", 4, 7.0, 15.5),
            Post("helpdesk", 3, 11.0, 19.5),
            Post("operator", 3, 21.6, 5.8),
        ),
    ),
)
"""The units and how 180 further employees are spread over them."""

NETS = {unit.name: unit.net for unit in UNITS}
"""Third byte of the addresses of a unit's workstations."""


def _words(text: str) -> list[str]:
    return text.split()


_FIRST = _words(
    "adele alma anselm bela bruno cato cora dana doris edda eike elin emre fabia finn gesa "
    "gorm hanne henrik ida ilja ines jana jonas juna kaja karim kira lars leif lina lorin "
    "malin marek mila nadia niko nora olga oskar paula piet quentin raja resi romy ruben "
    "sanna selma silas svea tara theo tilda ulla urs vera viggo wanda yara zeno"
)
_LAST = _words(
    "abend adler amsel baum birk brook corde dahl demir dorn eckert engel fenn fjord frost "
    "gantz grube hagen halm heller holm ibsen jansen kamp kern kolb krantz lang lenz lund "
    "maar marsh moll nagel neven oberg orth palm petz quist rau reed rosen saar sand sommer "
    "stern thal tiede ude vahl vinter voss wall weiss winkler wolf yilmaz zander zorn"
)
_FURTHER, _FURTHER_ADMINS = 5_000, 25_000
"""Relative ids begin here."""


def employ(count: int = 20, seed: int = 0) -> tuple[Person, ...]:
    """`count` people: the first twenty are always the same, further ones are drawn from `seed`."""
    people = list(found()[:count])
    random = Random(f"tocsin lab staff {seed}")  # noqa: S311 (a simulation, nothing secret)
    taken = {person.account.name for person in people}
    numbers = {unit.name: sum(p.unit == unit.name for p in people) for unit in UNITS}
    while len(people) < count:
        unit = _next_unit(numbers)
        name = f"{random.choice(_FIRST)}.{random.choice(_LAST)}"
        while name in taken:
            name = f"{random.choice(_FIRST)}.{random.choice(_LAST)}{random.randint(2, 99)}"
        taken.add(name)
        numbers[unit.name] += 1
        people.append(_hire(unit, numbers[unit.name], name, len(people), random))
    return tuple(people)


def _next_unit(numbers: dict[str, int]) -> Unit:
    """The unit that lacks most of its share."""
    return min(UNITS, key=lambda unit: (numbers[unit.name] - _FIRST_TWENTY[unit.name]) / unit.size)


_FIRST_TWENTY = {"office": 11, "engineering": 9, "trading": 0, "imaging": 0, "operations": 0}


def _hire(unit: Unit, number: int, name: str, index: int, random: Random) -> Person:
    post = random.choices(unit.posts, [post.weight for post in unit.posts])[0]
    shift = random.uniform(-0.7, 0.7)
    admin = None
    if post.role in PRIVILEGED:
        second = f"adm.{name.split('.')[1]}{index}"
        admin = domain_account(second, _FURTHER_ADMINS + index, elevated=True)
    return Person(
        domain_account(name, _FURTHER + index),
        unit.name,
        post.role,
        f"{unit.prefix}{number:02d}",
        round((post.begins + shift) % 24, 2),
        round((post.ends + shift) % 24, 2),
        admin,
        _days(unit, random),
    )


def _days(unit: Unit, random: Random) -> tuple[int, ...]:
    days = sorted(random.sample(range(7), 5)) if unit.rota else list(WORKDAYS)
    if random.random() < unit.part_time:
        days = sorted(random.sample(days, random.choice((3, 4))))
    return tuple(days)
