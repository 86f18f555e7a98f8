"""Who signs in to cloud services: Entra ID knows everybody, Okta the applications of others."""

from tocsin.lab import entra, okta
from tocsin.lab.people import Person
from tocsin.lab.places import Attempt, workstation
from tocsin.lab.world import World


def sign_in(world: World, person: Person, app: str, attempt: Attempt | None = None) -> None:
    """Somebody signs in to an application of the cloud suite, from their desk unless said."""
    attempt = attempt or Attempt(workstation(person))
    entra.sign_in(world, person, app, attempt)


def single_sign_on(world: World, person: Person, app: str, attempt: Attempt | None = None) -> None:
    """Somebody opens an application of another provider through Okta."""
    attempt = attempt or Attempt(workstation(person))
    okta.session(world, person, app, attempt)
