"""Context: what a site knows about what its telemetry names, as it was on the day of an event."""

from typing import NamedTuple, Protocol


class Place(NamedTuple):
    """Where in the organization an event belongs; empty texts where nobody said."""

    unit: str = ""
    """Business unit."""
    segment: str = ""
    """Network segment or zone."""


NOWHERE = Place()


class Placing(Protocol):
    """Tells the place of an event from what it names."""

    def place(self, host: str, user: str, address: str, at: int) -> Place:
        """The place at time `at` (us UTC) of a host, a user and an address; each may be empty."""


class NoContext:
    """A site that has said nothing about itself."""

    def place(self, host: str, user: str, address: str, at: int) -> Place:  # noqa: ARG002 - the port's
        """Nowhere."""
        return NOWHERE
