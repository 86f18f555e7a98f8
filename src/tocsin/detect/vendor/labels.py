"""ATT&CK labels as vendors write them, in one spelling: `T1003.001` and `credential-access`."""

import re
from collections.abc import Iterator
from typing import Any

from tocsin.model.attack import TACTICS

_TECHNIQUE = re.compile(r"(?<![0-9a-z])t[0-9]{4}(?:\.[0-9]{3})?(?![0-9a-z])", re.IGNORECASE)

_BETWEEN = re.compile(r'[\[\]",;|]+')
"""Several tactics may stand in one text, as a list or as JSON."""

_IDS = {
    "TA0043": "reconnaissance",
    "TA0042": "resource-development",
    "TA0001": "initial-access",
    "TA0002": "execution",
    "TA0003": "persistence",
    "TA0004": "privilege-escalation",
    "TA0005": "defense-evasion",
    "TA0006": "credential-access",
    "TA0007": "discovery",
    "TA0008": "lateral-movement",
    "TA0009": "collection",
    "TA0011": "command-and-control",
    "TA0010": "exfiltration",
    "TA0040": "impact",
}
"""ATT&CK enterprise: ids of tactics."""

_SPELLINGS = {name.replace("-", ""): name for name in TACTICS}

MAX_LABELS = 32
"""Labels of one alert that are kept; who sends it chooses how many there are."""


def tactic(text: str) -> str:
    """A tactic's short name out of its id or name in any spelling; empty for no tactic.

    `CredentialAccess`, `Credential Access`, `credential_access` and `TA0006` are one.
    """
    plain = "".join(char for char in text if char.isalnum())
    return _IDS.get(plain.upper(), "") or _SPELLINGS.get(plain.lower(), "")


def techniques_in(text: str) -> list[str]:
    """The ids of techniques and sub-techniques that a text names, in upper case."""
    return [found.upper() for found in _TECHNIQUE.findall(text[:_LONGEST])]


_LONGEST = 1_000


def labels_of(attacks: Any) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(techniques, tactics) that a list of OCSF `attack` objects names, without repeats.

    Where a sub-technique is named, its technique is not named again beside it.
    """
    items = attacks[:MAX_LABELS] if isinstance(attacks, list | tuple) else []
    named = [one for item in items if isinstance(item, dict) for one in _techniques(item)]
    tactics = [one for item in items if isinstance(item, dict) for one in _tactics(item)]
    parents = {one.partition(".")[0] for one in named if "." in one}
    kept = dict.fromkeys(one for one in named if one not in parents)
    return tuple(kept), tuple(dict.fromkeys(tactics))


def _techniques(attack: dict[str, Any]) -> Iterator[str]:
    for name in ("technique", "sub_technique"):
        yield from (one for text in _texts(attack.get(name)) for one in techniques_in(text))


def _tactics(attack: dict[str, Any]) -> Iterator[str]:
    for text in _texts(attack.get("tactic")):
        yield from (found for word in _BETWEEN.split(text[:_LONGEST]) if (found := tactic(word)))


def _texts(named: Any) -> Iterator[str]:
    """The id, else the name."""
    if isinstance(named, dict):
        values = (named.get("uid"), named.get("name"))
        yield from (value for value in values if isinstance(value, str))
