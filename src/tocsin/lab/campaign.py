"""The ransomware precursor: one intrusion from a macro to the first renamed files.

Every record it writes is labelled in the ground truth with its step. It stops before the mass of
the data is touched.
"""

from collections.abc import Callable
from typing import NamedTuple

from tocsin.lab import foothold, spread
from tocsin.lab.intruder import STOLEN, VICTIM, Intruder
from tocsin.lab.world import MINUTE, SECOND, Habit, World
from tocsin.lab.write import Step

SPAN = 41 * MINUTE
"""From the opened attachment to the last renamed file."""


class Move(NamedTuple):
    """One step and the minute at which it is taken."""

    minute: float
    step: Step
    act: Callable[[Intruder], None]


MOVES = (
    Move(0.0, Step("attachment arrives", "T1566.001", quiet=True), foothold.attachment),
    Move(0.5, Step("macro starts a shell", "T1204.002"), foothold.macro),
    Move(0.8, Step("encoded script", "T1059.001"), foothold.encoded_script),
    Move(1.2, Step("download cradle", "T1105"), foothold.cradle),
    Move(2.5, Step("run key", "T1547.001"), foothold.run_key),
    Move(3.2, Step("scheduled task", "T1053.005"), foothold.task),
    Move(5.0, Step("local discovery", "T1033"), foothold.discover),
    Move(6.5, Step("domain discovery", "T1482"), foothold.discover_domain),
    Move(8.0, Step("service tickets with weak cipher", "T1558.003"), foothold.roast),
    Move(10.0, Step("elevation by auto-elevated program", "T1548.002"), foothold.elevate),
    Move(12.0, Step("memory of lsass", "T1003.001"), foothold.dump),
    Move(15.0, Step("service on the file server", "T1569.002"), spread.service),
    Move(17.0, Step("named pipe of the tool", "T1570", quiet=True), spread.talk),
    Move(19.0, Step("remote process by WMI", "T1047"), spread.wmi),
    Move(22.0, Step("remote desktop enabled", "T1112"), spread.enable_desktop),
    Move(23.0, Step("remote desktop used", "T1021.001", quiet=True), spread.desktop),
    Move(25.0, Step("archive staged", "T1560.001"), spread.stage),
    Move(28.0, Step("protection disabled", "T1562.001"), spread.blind),
    Move(31.0, Step("backup service stopped", "T1489"), spread.stop_backup),
    Move(33.0, Step("shadow copies deleted", "T1490"), spread.no_recovery),
    Move(36.0, Step("security log cleared", "T1070.001"), spread.clear),
    Move(38.0, Step("ransom note", "T1486"), spread.note),
)

RENAME = Step("rename documents", "T1486", user=STOLEN)
_STOLEN_FROM = 15.0
"""From this minute on the stolen account acts."""
_DOCUMENTS = 60


def intrude(world: World) -> Habit:
    """The intrusion, from the time it is begun."""
    begun = world.now
    intruder = Intruder(world)
    for move in MOVES:
        yield max(0, begun + int(move.minute * MINUTE) - world.now)
        inside = move.minute >= _STOLEN_FROM
        with world.files.marked(move.step._replace(user=STOLEN if inside else VICTIM)):
            move.act(intruder)
    random = world.random_for("campaign")
    for number in range(_DOCUMENTS):
        with world.files.marked(RENAME):
            spread.lock(intruder, number)
        yield random.randint(300_000, 2 * SECOND)
