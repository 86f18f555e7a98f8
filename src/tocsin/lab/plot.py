"""What a campaign or its twin is told with: labelled steps of one actor."""

from contextlib import AbstractContextManager

from tocsin.lab import logons
from tocsin.lab.hosts import Host, Process, Session
from tocsin.lab.people import Person
from tocsin.lab.processes import open_desktop
from tocsin.lab.world import World
from tocsin.lab.write import Step


class Plot:
    """One course of events. `benign` marks the twin of the campaign `name`."""

    def __init__(self, world: World, name: str, user: str, *, benign: bool = False) -> None:
        self.world = world
        self.name = name
        self.user = user
        self.benign = benign
        self.random = world.random_for(f"{name} {'twin' if benign else 'campaign'}")

    def step(
        self, name: str, technique: str, *, quiet: bool = False
    ) -> AbstractContextManager[None]:
        """Label what is written inside. Nothing inside may wait: others would be labelled too."""
        step = Step(name, technique, quiet, self.name, self.benign, self.user)
        return self.world.files.marked(step)


def pick(world: World, roles: tuple[str, ...], purpose: str) -> Person:
    """Somebody in one of `roles`, always the same for one purpose; anybody, if there is none."""
    fitting = [person for person in world.people if person.role in roles and not person.admin]
    return world.random_for(f"pick {purpose}").choice(fitting or list(world.people))


def pick_admin(world: World, purpose: str) -> Person:
    """An administrator, always the same for one purpose."""
    fitting = [person for person in world.people if person.role == "administrator"]
    return world.random_for(f"pick {purpose}").choice(fitting)


def desk_of(world: World, person: Person) -> Process:
    """A person's shell; who is not there is logged on."""
    desk = world.desks.get(person.account.name)
    if desk is not None:
        return desk
    return open_desktop(world, local(world, person))


def local(world: World, person: Person) -> Session:
    """A logon of a person at their own screen."""
    station: Host = world.station(person)
    return logons.log_on(world, station, person.account, 2, station)
