"""What is taken out of a list of objects: one value of the object that is meant, or all of them.

Cloud services write who and what an event concerns as a list of objects that say their own kind
(`[{"type": "User", "alternateId": ...}, {"type": "UserGroup", ...}]`). Nothing here raises on data:
a value of another form says nothing.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tocsin.normalize.scalars import ABSENT

Wanted = Mapping[str, tuple[str, ...]]
"""Key of an object -> the texts it may have, in lower case."""

MAX_OBJECTS = 100
"""Objects of one list that are looked at: senders choose how many there are."""


def objects(value: Any, wanted: Wanted) -> list[dict[str, Any]]:
    """The objects of a list (or the one that stands alone) that are `wanted`."""
    items = value if type(value) is list else [value]
    return [
        item
        for item in items[:MAX_OBJECTS]
        if type(item) is dict
        and all(str(at(item, key)).lower() in allowed for key, allowed in wanted.items())
    ]


def at(item: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path of an object; None where there is none.

    Where no key is equal, one that differs by case counts: services are not of one mind.
    """
    value: Any = item
    for step in path.split("."):
        if type(value) is not dict:
            return None
        value = value[step] if step in value else _folded(value, step.lower())
    return value


def _folded(item: Mapping[str, Any], key: str) -> Any:
    return next((value for name, value in item.items() if name.lower() == key), None)


def one(
    wanted: Wanted, keys: tuple[str, ...], convert: Callable[[Any], Any]
) -> Callable[[Any], Any]:
    """Converts the value that the first wanted object has at one of `keys`, first one first.

    A text or number in place of a list is that value, unless something certain is wanted.
    """

    def pick(value: Any) -> Any:
        if type(value) not in (list, dict):
            return None if wanted else convert(value)
        found = objects(value, wanted)
        values = (at(item, key) for key in keys for item in found)
        first = next((v for v in values if type(v) in (list, dict) or v not in ABSENT), None)
        return None if first is None else convert(first)

    return pick


def every(
    wanted: Wanted, make: Callable[[Callable[[str], Any]], dict[str, Any] | None]
) -> Callable[[Any], Any]:
    """Makes the list of the wanted objects, leaving out those of which nothing can be made."""

    def made_of(value: Any) -> Any:
        made = (make(partial(at, item)) for item in objects(value, wanted))
        return [found for found in made if found is not None] or None

    return made_of
