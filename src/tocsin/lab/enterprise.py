"""What is simulated: the description that a caller may vary."""

import msgspec

from tocsin.lab.people import Person, employ

ONE_HOUR = 3600


class Enterprise(msgspec.Struct, frozen=True):
    """The simulated enterprise.

    `utc_offset` is its time zone in seconds, `weekend_work` makes every day a working day,
    `density` multiplies the amount of background (1.0 writes about 80,000 records in a working
    day). `attack` says whether the ransomware precursor happens, `attack_after` how many
    microseconds after the start; None means: at 10:20 local on the first working day in which it
    fits, else at 40 % of the time simulated.
    """

    utc_offset: int = ONE_HOUR
    weekend_work: bool = False
    density: float = 1.0
    attack: bool = True
    attack_after: int | None = None
    people: tuple[Person, ...] = employ()
