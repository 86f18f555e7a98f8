"""One predicate on one text, decided directly: what the automata must agree with.

Regular expressions run in google-re2, whose time is linear in the text. Only patterns that need
lookaround or back-references fall back to Python's `re`, and only on as many characters as it can
search within a budget whatever the text says (`backtracking`).
"""

import operator
import re
from collections.abc import Callable
from ipaddress import ip_network

import re2

from tocsin.detect.sigma.backtracking import ExponentialError, characters, flags_of
from tocsin.detect.sigma.ir import Op, Predicate
from tocsin.detect.sigma.semantics import address, number
from tocsin.detect.sigma.timeparts import time_part

Check = Callable[[str], bool]

_COMPARE: dict[Op, Callable[..., bool]] = {
    Op.LT: operator.lt,
    Op.LTE: operator.le,
    Op.GT: operator.gt,
    Op.GTE: operator.ge,
    Op.NE: operator.ne,
}


def check_of(predicate: Predicate) -> Check:
    """A function that says whether one text of the field satisfies `predicate`."""
    match predicate.op:
        case Op.EQ | Op.CONTAINS | Op.STARTSWITH | Op.ENDSWITH:
            return _literal(predicate)
        case Op.GLOB | Op.RE:
            return _regex(predicate)
        case Op.CIDR:
            return _cidr(predicate.text)
        case Op.LT | Op.LTE | Op.GT | Op.GTE | Op.NE:
            return _compare(predicate)
        case Op.TIME:
            return _at_time(predicate)
        case Op.ANY | Op.EXISTS:
            return lambda text: True  # noqa: ARG005 - every present text
        case Op.NULL | Op.FIELDREF:
            return lambda text: False  # noqa: ARG005 - not a question about one text


def _literal(predicate: Predicate) -> Check:
    wanted, cased = predicate.text, predicate.cased
    tests: dict[Op, Callable[[str, str], bool]] = {
        Op.EQ: operator.eq,
        Op.CONTAINS: operator.contains,
        Op.STARTSWITH: str.startswith,
        Op.ENDSWITH: str.endswith,
    }
    test = tests[predicate.op]
    return lambda text: test(text if cased else text.lower(), wanted)


def _compare(predicate: Predicate) -> Check:
    test: Callable[[float, float], bool] = _COMPARE[predicate.op]
    wanted = number(predicate.text)
    if wanted is None:
        return lambda text: False  # noqa: ARG005 - nothing compares with it
    unit = predicate.detail

    def check(text: str) -> bool:
        found = time_part(text, unit) if unit else number(text)
        return found is not None and test(found, wanted)

    return check


def _at_time(predicate: Predicate) -> Check:
    wanted, unit = number(predicate.text), predicate.detail
    return lambda text: time_part(text, unit) == wanted


def _cidr(text: str) -> Check:
    network = ip_network(text)

    def check(value: str) -> bool:
        found = address(value)
        return found is not None and found.version == network.version and found in network

    return check


def _regex(predicate: Predicate) -> Check:
    fold = predicate.op is Op.GLOB and not predicate.cased
    linear = _linear(predicate)
    if linear is not None:
        search = linear.search
        return lambda text: search(_clean(text.lower() if fold else text)) is not None
    limit = backtrack_limit(predicate)
    if limit is None:
        return lambda text: False  # noqa: ARG005 - its rule is not active
    backtrack = re.compile(predicate.text, _python_flags(predicate)).search
    return lambda text: backtrack(text[:limit]) is not None


def backtrack_limit(predicate: Predicate) -> int | None:
    """Characters that the pattern may look at in Python's `re`; None when it must not run at all.

    0 stands for a pattern that runs in linear time and has no limit.
    """
    if predicate.op is not Op.RE or _linear(predicate) is not None:
        return 0
    try:
        return characters(predicate.text, _python_flags(predicate))
    except (ExponentialError, RecursionError):
        return None


def _clean(text: str) -> str:
    """Text without lone surrogates, which have no UTF-8 form."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _python_flags(predicate: Predicate) -> int:
    return flags_of(predicate.detail, cased=predicate.cased)


def _linear(predicate: Predicate) -> "re2._Regexp | None":
    """The pattern in google-re2, or None when it needs backtracking."""
    flags = "s" if predicate.op is Op.GLOB else predicate.detail
    pattern = dollar_before_newline(predicate.text, multiline="m" in flags)
    return compile_linear((f"(?{flags})" if flags else "") + pattern)


def compile_linear(pattern: str) -> "re2._Regexp | None":
    """A pattern in google-re2, quietly None when it cannot run it."""
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error:
        return None


def dollar_before_newline(pattern: str, *, multiline: bool) -> str:
    r"""The pattern with `$` and `\Z` in the words of google-re2.

    There `$` is the very end, while everybody else also lets it stand before a final line break.
    """
    out: list[str] = []
    in_class = False
    position = 0
    while position < len(pattern):
        char = pattern[position]
        if char == "\\":
            pair = pattern[position : position + 2]
            out.append(r"\z" if pair == r"\Z" and not in_class else pair)
            position += 2
            continue
        if in_class:
            in_class = (
                char != "]"
                or pattern[position - 1] == "["
                or pattern[position - 2 : position] == "[^"
            )
        elif char == "[":
            in_class = True
        out.append(r"(?:\n?\z)" if char == "$" and not in_class and not multiline else char)
        position += 1
    return "".join(out)
