"""What is simulated: the description that a caller may vary."""

from typing import Self

import msgspec

from tocsin.errors import UsageError
from tocsin.lab.people import Person
from tocsin.lab.staff import employ

ONE_HOUR = 3600

SOURCES = ("windows", "samba", "linux", "zeek", "firewall", "entra", "okta", "cloudtrail")
"""What can write logs."""

CAMPAIGNS = ("ransomware", "spray", "cloud-theft", "insider", "roasting", "takeover")
"""The campaigns by name; each has a benign twin of the same name."""

_PEOPLE_OF_CAMPAIGNS = 20
TYPICAL = 4_000
"""Records of Windows that a person's work leads to in a working day at density 1."""


class Enterprise(msgspec.Struct, frozen=True):
    """The simulated enterprise.

    `utc_offset` is its time zone in seconds, `weekend_work` makes every day a working day,
    `density` multiplies the amount of routine (1.0 writes about 80,000 records of Windows in a
    working day of 20 people) but not what happens now and then: an administrator installs as many
    programs at density 0.1 as at 1. `absence` is the share of days on which people are on leave or
    ill. `sources` says which logs are kept, `zeek_tsv` whether Zeek writes tab-separated values
    instead of JSON, `graph` whether Entra's logs come from Graph instead of diagnostic settings.

    `attack` says whether any campaign happens, `campaigns` which, `twins` which of their benign
    twins. `attack_after` is when the first campaign begins, in microseconds after the start; None
    means: at 10:20 local on the first working day in which it fits, else at 40 % of the time
    simulated.
    """

    utc_offset: int = ONE_HOUR
    weekend_work: bool = False
    density: float = 1.0
    attack: bool = True
    attack_after: int | None = None
    people: tuple[Person, ...] = employ()
    absence: float = 0.0
    sources: tuple[str, ...] = ("windows",)
    zeek_tsv: bool = False
    graph: bool = False
    campaigns: tuple[str, ...] = ("ransomware",)
    twins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for given, known, what in (
            (self.sources, SOURCES, "source"),
            ((*self.campaigns, *self.twins), CAMPAIGNS, "campaign"),
        ):
            for name in given:
                if name not in known:
                    raise UsageError(f"no {what} is called {name}; there are {', '.join(known)}")

        if len(self.people) < _PEOPLE_OF_CAMPAIGNS and (self.attack or self.twins):
            raise UsageError(f"campaigns need {_PEOPLE_OF_CAMPAIGNS} people or more")

    @classmethod
    def of(cls, people: int, seed: int = 0, *, volume: int = TYPICAL) -> Self:
        """A whole enterprise of `people` with every source and no campaign.

        `volume` is the number of Windows records that a person's work leads to in a working day.
        """
        return cls(
            people=employ(people, seed),
            density=volume / TYPICAL,
            absence=0.08,
            sources=SOURCES,
            attack=False,
        )
