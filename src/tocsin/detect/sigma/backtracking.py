"""How long a regular expression can take that only a backtracking engine runs.

Python's `re` cannot be interrupted, so what it may be asked is decided before: the parsed pattern
is bounded from above. Repeats whose ways of matching multiply (one in another, or alternatives
that can both go on) may take exponential time: such a pattern is refused. Else the time is at most
a polynomial of the text's length, and the text is cut where that exceeds the budget.
"""

import re
from collections.abc import Iterable, Sequence
from re import _constants as codes  # type: ignore[attr-defined]  # no stubs for the parser
from re import _parser as parser  # type: ignore[attr-defined]  # as above
from typing import Any

BUDGET = 4_000_000
"""Steps that one evaluation may take: about 20 to 40 ms on a slow core."""

MOST_CHARACTERS = 8_192
"""Characters that are looked at whatever the pattern."""

FEWEST_CHARACTERS = 64
"""A pattern that could not look at so many characters within the budget is refused."""

_MANY = 16
"""A repeat with a larger upper bound counts as one without."""

_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT)
_ASSERTIONS = (codes.ASSERT, codes.ASSERT_NOT)


class ExponentialError(Exception):
    """The pattern can take time exponential in the length of the text; the text says why."""


def characters(pattern: str, flags: int) -> int:
    """How many characters a pattern may look at; raises ExponentialError when none is safe."""
    parsed = parser.parse(pattern, flags)
    degree = _degree(parsed)
    steps = (1 + len(pattern) // 8) * _choices(parsed)
    allowed = int((BUDGET / steps) ** (1 / (degree + 1)))
    if allowed < FEWEST_CHARACTERS:
        raise ExponentialError(f"{degree} repeats that multiply each other")
    return min(allowed, MOST_CHARACTERS)


def _choices(items: Iterable[Any]) -> int:
    """The number of ways in which alternatives and short repeats can be combined."""
    ways = 1
    for code, argument in items:
        for part in _inside(code, argument):
            ways *= _choices(part)
        if code in _REPEATS and argument[1] is not codes.MAXREPEAT and argument[1] <= _MANY:
            ways *= argument[1] - argument[0] + 1
        elif code is codes.BRANCH and not _exclusive(argument[1]):
            ways *= len(argument[1])
        if ways > BUDGET:
            raise ExponentialError("too many optional parts")
    return ways


def _degree(items: Iterable[Any]) -> int:
    """The exponent of the number of steps from one starting point."""
    ways = most = 0
    for code, argument in items:
        if code in _ASSERTIONS:
            most = max(most, ways + _degree(argument[1]))
            continue
        ways += _ways(code, argument)
        most = max(most, ways)
    return most


def _ways(code: Any, argument: Any) -> int:
    """The exponent of the number of ways in which one item can match."""
    if code in _REPEATS:
        _, high, body = argument
        return _repeat(body, many=high is codes.MAXREPEAT or high > _MANY)
    if code is codes.POSSESSIVE_REPEAT:
        return _degree(argument[2]) + 1
    if code is codes.ATOMIC_GROUP:
        return _degree(argument)
    if code is codes.SUBPATTERN:
        return _degree(argument[3])
    if code is codes.BRANCH:
        return max(_degree(branch) for branch in argument[1])
    if code is codes.GROUPREF_EXISTS:
        _, yes, no = argument
        return max(_degree(yes), _degree(no or ()))
    return 0


def _repeat(body: Sequence[Any], *, many: bool) -> int:
    if not many:
        inner = _degree(body)
        if inner or (_chooses(body) and len(body) > 0):
            raise ExponentialError("a repeat of what can match in more than one way")
        return 0
    if not _one_way(body):
        raise ExponentialError("a repeat of what can match in more than one way")
    return 1


def _one_way(items: Iterable[Any]) -> bool:
    """True when the items match a given text in one way at most."""
    return not _degree(items) and not _chooses(items)


def _chooses(items: Iterable[Any]) -> bool:
    """True when some part of the items has alternatives that may begin alike, or a repeat."""
    for code, argument in items:
        if code in _REPEATS and argument[0] != argument[1]:
            return True
        if code is codes.GROUPREF_EXISTS:
            return True
        if code is codes.BRANCH and not _exclusive(argument[1]):
            return True
        if any(_chooses(part) for part in _inside(code, argument)):
            return True
    return False


def _inside(code: Any, argument: Any) -> Iterable[Any]:
    if code in _REPEATS or code is codes.POSSESSIVE_REPEAT:
        return (argument[2],)
    if code is codes.SUBPATTERN:
        return (argument[3],)
    if code is codes.BRANCH:
        return tuple(argument[1])
    if code is codes.ATOMIC_GROUP:
        return (argument,)
    return (argument[1],) if code in _ASSERTIONS else ()


def _exclusive(branches: Sequence[Any]) -> bool:
    """True when every alternative begins with a different literal."""
    firsts = [branch[0] if len(branch) else None for branch in branches]
    literals = [first[1] for first in firsts if first is not None and first[0] is codes.LITERAL]
    folded = {chr(code).lower() for code in literals}
    return len(folded) == len(branches)


def flags_of(letters: str, *, cased: bool) -> int:
    """Python's flags for the letters of a rule."""
    flags = re.ASCII if cased else re.NOFLAG
    for letter in letters:
        flags |= {"i": re.IGNORECASE, "m": re.MULTILINE, "s": re.DOTALL}[letter]
    return int(flags)
