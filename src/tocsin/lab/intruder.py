"""The intruder: what is theirs at each moment of the intrusion."""

from tocsin.lab.hosts import Process, Session
from tocsin.lab.operations import run
from tocsin.lab.people import Person
from tocsin.lab.processes import finish
from tocsin.lab.world import World

VICTIM = "ines.falk"
STOLEN = "arne.vogt"


class Intruder:
    """Whose machine, which processes and which sessions the intruder holds."""

    def __init__(self, world: World) -> None:
        self.world = world
        people = {person.account.name: person for person in world.people}
        self.victim: Person = people[VICTIM]
        self.stolen: Person = people[STOLEN]
        self.station = world.station(self.victim)
        self.files = world.hosts["FS01"]
        self.backups = world.hosts["BK01"]
        self.temp = f"{self.victim.home}\\AppData\\Local\\Temp"
        self.office: Process
        self.shell: Process
        self.elevated: Process
        self.foothold: Process
        self.admin: Session
        self.remote: Process

    def use(self, parent: Process, name: str, command: str) -> None:
        """Run a tool of Windows that ends at once."""
        finish(self.world, run(self.world, parent, name, command))
