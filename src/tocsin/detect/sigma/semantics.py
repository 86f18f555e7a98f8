r"""What a Sigma predicate means on a native record: the one place where this is decided.

- **Text.** Values are compared as text. A string is itself; an integer is its decimal digits, so
  4624 equals "4624"; a float is its shortest form and an integral float is the integer (1.0 is
  "1"); a bool is "true" or "false" and never 1 or 0.
- **Case.** Comparison is case-insensitive unless the rule says `cased`: both sides go through
  `str.lower`. A regular expression is case-sensitive unless it has the `i` flag.
- **Null.** A missing field and a JSON null are the same: `field: null` holds, `exists: true` does
  not. An empty list is missing too. The empty string is a value: it is neither null nor "-", and
  "-" (which Sysmon writes for "nothing") is an ordinary string.
- **Not.** `not` inverts: a negated predicate over a missing field is true.
- **Lists and objects.** A predicate holds when it holds for any element; elements of nested lists
  and the values of a nested object are elements.
- **Wildcards.** `*` is any run of characters including none and line breaks, `?` is exactly one
  character. `*` alone holds for every present value.
- **Regular expressions** search (they are not anchored), `.` does not match a line break unless
  the `s` flag is set, and `\d`, `\w`, `\s` and `\b` are ASCII.
- **Numbers.** `lt`, `lte`, `gt` and `gte` hold only for values that are numbers or decimal text
  ("0x10" is not), with the mathematical meaning. `neq` is the negation of the whole item: it holds
  for a missing field, too.
- **Times.** `minute` to `year` compare a part of the time as it is written (`timeparts`).
- **Placeholders** (`expand`) stand for every value of the site's list; a rule whose placeholder has
  none is inactive.
- **CIDR.** The value must be one address; an IPv4 address mapped into IPv6 counts as IPv4.
- **Field references** compare the text of both fields, without case; both must be present.
- **Keywords** hold when any value of the record, at any depth, contains the text (with wildcards:
  some part of one value matches). Names of fields are not searched.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

MISSING: tuple[str, ...] = ()

_DECIMAL = re.compile(r"[+-]?[0-9]{1,300}(\.[0-9]{1,300})?([eE][+-]?[0-9]{1,3})?")
"""What counts as a number; bounded, since converting long digits takes quadratic time."""


def texts(value: Any) -> tuple[str, ...]:
    """The texts a native value is compared as; none when it is missing."""
    if isinstance(value, str):
        return (value,)
    if value is None:
        return MISSING
    return tuple(_leaves(value))


def _leaves(value: Any) -> Iterator[str]:
    """Texts of a value without recursion: depth is the sender's choice."""
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list | tuple):
            stack.extend(reversed(item))
        elif isinstance(item, dict):
            stack.extend(reversed(item.values()))
        elif item is not None:
            yield scalar_text(item)


def scalar_text(value: Any) -> str:
    """One scalar as text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def number(text: str) -> float | int | None:
    """The number that a decimal text denotes, or None."""
    if not _DECIMAL.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def address(text: str) -> IPv4Address | IPv6Address | None:
    """The address that a text denotes, IPv4 inside IPv6 taken out, or None."""
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
