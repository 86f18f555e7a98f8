"""When people work: they arrive, work with breaks, and leave."""

from tocsin.lab.acts import ACTS
from tocsin.lab.desk import Desk, keep_signed_in
from tocsin.lab.errands import run_errands
from tocsin.lab.people import Person
from tocsin.lab.world import HOUR, MINUTE, SECOND, Habit, World


def at_work(world: World, person: Person) -> Habit:
    """A person's days: arrive, work with breaks, leave."""
    random = world.random_for(f"person {person.account.name}")
    acts, weights = ACTS[person.unit]
    _, hour = world.local(world.now)
    length = (person.ends - person.begins) % 24
    already = (hour - person.begins) % 24
    if already < length and world.works(person):
        yield random.randint(1, 120) * SECOND
    else:
        already = 0.0
        yield world.until_hour(person.begins) + random.randint(0, 25) * MINUTE
    while True:
        if world.works(person):
            desk = Desk(world, person, random)
            leaves = world.now + int((length - already) * HOUR) + random.randint(-9, 9) * MINUTE
            world.begin(run_errands(desk, leaves))
            if "entra" in world.on:
                world.begin(keep_signed_in(desk, leaves))
            yield random.randint(20, 200) * SECOND
            while world.now < leaves:
                _, hour = world.local(world.now)
                pause = 2.5 if 12 <= hour < 13 else 1.0  # noqa: PLR2004 (lunch)
                mean = 240 * pause / world.enterprise.density
                wait = int(random.expovariate(1 / mean) * SECOND) + SECOND
                yield min(wait, leaves - world.now)
                if world.now < leaves:
                    random.choices(acts, weights)[0](desk)
            desk.leave()
        already = 0.0
        yield HOUR
        yield world.until_hour(person.begins) + random.randint(0, 25) * MINUTE
