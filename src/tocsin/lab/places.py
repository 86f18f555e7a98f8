"""Where people and intruders come in from and with what, as the cloud's logs tell it."""

from typing import NamedTuple

from tocsin.lab.firewall import EGRESS
from tocsin.lab.people import Person


class Place(NamedTuple):
    """An address on the outside, where it is and whose it is."""

    address: str
    city: str
    state: str
    country: str
    latitude: float
    longitude: float
    network: int
    owner: str


OFFICE = Place(EGRESS, "Bremen", "Bremen", "DE", 53.07516, 8.80777, 64_496, "Northquay")
MOBILE = Place(
    "198.51.100.230", "Hamburg", "Hamburg", "DE", 53.57532, 10.01534, 64_500, "Funkwelle Mobil"
)
HOME = Place(
    "198.51.100.240", "Oldenburg", "Niedersachsen", "DE", 53.1412, 8.21467, 64_501, "Nordkabel"
)
HOTEL = Place("203.0.113.140", "Lisboa", "Lisboa", "PT", 38.71667, -9.13333, 64_502, "Hotelnet")
AIRPORT = Place("203.0.113.150", "Madrid", "Madrid", "ES", 40.4165, -3.70256, 64_503, "Aeronet")
ABROAD = Place("203.0.113.90", "Chisinau", "Chisinau", "MD", 47.00556, 28.8575, 64_510, "Hostgrove")
RENTED = Place(
    "203.0.113.91", "Amsterdam", "Noord-Holland", "NL", 52.37403, 4.88969, 64_511, "Rentabox"
)


class Device(NamedTuple):
    """What somebody signs in with. `managed` machines are joined to the domain."""

    name: str
    system: str
    browser: str
    agent: str
    managed: bool = True


_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/124.0.0.0 Safari/537.36 Edg/124.0.2478.80"
)
PHONE = Device(
    "",
    "Ios 17.4",
    "Mobile Safari",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
    managed=False,
)


def workstation(person: Person) -> Device:
    """The machine that a person has at work."""
    return Device(person.workstation, "Windows10", "Edge 124.0.2478", _AGENT)


class Attempt(NamedTuple):
    """How somebody comes in. `error` is Entra's code, 0 when it works."""

    device: Device
    place: Place = OFFICE
    error: int = 0
    interactive: bool = False
    second_factor: bool = True
