"""Typed conditions: what a finding must hold for an exception to cover it.

Conditions are narrow on purpose, since what they hold for is hidden: **every** value of a field
(or every entity of a kind and role) must satisfy them, a missing field satisfies none, and a
regular expression must match the whole value. Text is compared as rules compare it: integers as
their digits, booleans as `true` and `false`, without case except in regular expressions, which
run in google-re2 and take time linear in the value.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

import msgspec
import re2

from tocsin.model.findings import Entity

MAX_VALUES = 1_000
"""Values of one field that are looked at; a record with more is not covered."""

MAX_TEXT = 65_536
"""Characters of a value that are looked at; a longer one is not covered."""

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Comparison(StrEnum):
    """How a condition looks at a value."""

    EQUALS = "equals"
    ONE_OF = "one_of"
    STARTSWITH = "startswith"
    ENDSWITH = "endswith"
    CONTAINS = "contains"
    CIDR = "cidr"
    REGEX = "regex"


class Condition(msgspec.Struct, frozen=True):
    """One question about a native field, or about the entities of a kind in a role."""

    test: Comparison
    wanted: tuple[str, ...]
    field: str = ""
    entity: str = ""
    role: str = ""


class Window(msgspec.Struct, frozen=True):
    """Hours of the week in which the event must have happened.

    `begin` and `end` are minutes of the day (0 to 1440, the end not included), `offset` minutes
    east of UTC. A window over midnight belongs to the day on which it begins.
    """

    days: tuple[int, ...]
    begin: int
    end: int
    offset: int

    def holds(self, at: int) -> bool:
        """True when `at` (us UTC) lies in the window."""
        when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at, minutes=self.offset)
        minute, day = when.hour * 60 + when.minute, when.weekday()
        if self.begin < self.end:
            return day in self.days and self.begin <= minute < self.end
        if minute >= self.begin:
            return day in self.days
        return minute < self.end and (day - 1) % 7 in self.days


Check = Callable[[str], bool]
Question = Callable[[Mapping[str, Any], Sequence[Entity]], bool]


def question_of(condition: Condition) -> Question:
    """The condition as a function of native fields and entities; it may raise ValueError.

    What cannot be compiled (an address that is none, a pattern that google-re2 refuses) is the
    ValueError's text.
    """
    check = check_of(condition)
    if condition.entity:
        return lambda _, entities: _every(_names(condition, entities), check)
    name = condition.field
    return lambda fields, _: _every(((text,) for text in _texts(fields.get(name))), check)


def check_of(condition: Condition) -> Check:
    """What one text must satisfy; raises ValueError like `question_of`."""
    wanted = condition.wanted
    folded = tuple(text.lower() for text in wanted)
    match condition.test:
        case Comparison.EQUALS | Comparison.ONE_OF:
            known = frozenset(folded)
            return lambda text: text.lower() in known
        case Comparison.STARTSWITH:
            return lambda text: text.lower().startswith(folded)
        case Comparison.ENDSWITH:
            return lambda text: text.lower().endswith(folded)
        case Comparison.CONTAINS:
            return lambda text: any(part in text.lower() for part in folded)
        case Comparison.CIDR:
            return _in_networks(wanted)
        case Comparison.REGEX:
            return _whole_matches(wanted)


def _in_networks(wanted: Iterable[str]) -> Check:
    networks = [ip_network(text, strict=False) for text in wanted]
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("a network of all addresses covers everything")

    def check(text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        return any(address in network for network in networks)

    return check


_UNLIKE = ("", "a", "7", "~ \\x", "\U0001f984")
"""Texts that have nothing in common: a pattern that matches most of them means anything."""


def _whole_matches(wanted: Iterable[str]) -> Check:
    options = re2.Options()
    options.log_errors = False
    patterns = []
    for text in wanted:
        try:
            patterns.append(re2.compile(text, options))
        except re2.error as error:
            raise ValueError(f"not a pattern that runs in linear time: {_words(error)}") from None
        if patterns[-1].fullmatch("") or all(patterns[-1].fullmatch(one) for one in _UNLIKE[1:]):
            raise ValueError("a pattern that matches anything covers everything")
    return lambda text: any(pattern.fullmatch(_clean(text)) for pattern in patterns)


def _words(error: Exception) -> str:
    found = error.args[0] if error.args else ""
    return found.decode("utf-8", "replace") if isinstance(found, bytes) else str(found)


def _clean(text: str) -> str:
    """Text without lone surrogates, which have no UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _every(values: Iterable[tuple[str, ...]], check: Check) -> bool:
    """Whether there are values, not too many, and one of the names of each satisfies `check`."""
    number = 0
    for number, names in enumerate(values, 1):
        if number > MAX_VALUES or not any(len(n) <= MAX_TEXT and check(n) for n in names):
            return False
    return number > 0


def _names(condition: Condition, entities: Iterable[Entity]) -> Iterator[tuple[str, ...]]:
    for entity in entities:
        if entity.kind == condition.entity and entity.role == condition.role:
            yield (entity.name, entity.key)


def _texts(value: Any) -> Iterator[str]:
    """The texts of a native value, without recursion: depth is the sender's choice."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif isinstance(item, list | tuple):
            waiting.extend(item)
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, bool):
            yield "true" if item else "false"
        elif isinstance(item, float) and item.is_integer():
            yield str(int(item))
        elif item is not None:
            yield str(item)
