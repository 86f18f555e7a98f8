r"""Keywords: text searched in every value of a record, with a cheap look at the raw bytes first.

The raw line is JSON, where a value may be written with escapes. Fragments are therefore made only
of characters that JSON has no reason to escape, and a line that escapes an ASCII character as
`\u00..`, or holds one of the two characters outside ASCII whose lower case is or begins with an
ASCII letter (U+0130, U+212A), counts as a candidate too. Candidates are decided exactly.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from tocsin.detect.sigma.automata import escaped
from tocsin.detect.sigma.checks import Check, check_of
from tocsin.detect.sigma.ir import Op, Predicate
from tocsin.detect.sigma.semantics import texts

_SAFE = re.compile(r"[A-Za-z0-9 !#$%&'()*+,\-.:;<=>?@\[\]^_`{|}~]+")
_DOUBT = (
    rb"\\u00",
    rb"\\u0130",
    rb"\\u212a",
    rb"\xc4\xb0",
    rb"\xe2\x84\xaa",
)
_SHORTEST = 3


class KeywordChecks:
    """Exact decision of a route's keywords on a record."""

    def __init__(self, keywords: Mapping[int, Predicate]) -> None:
        plain = {n: p for n, p in keywords.items() if p.op is Op.CONTAINS and not p.cased}
        self._contained = {slot: predicate.text for slot, predicate in plain.items()}
        self._checks: dict[int, Check] = {slot: check_of(p) for slot, p in keywords.items()}

    def true_of(self, fields: Mapping[str, Any]) -> frozenset[int]:
        """Slots of the keywords that some value of the record holds."""
        values = texts(list(fields.values()))
        joined = "\0".join(values).lower()
        contained = self._contained
        return frozenset(
            slot
            for slot, check in self._checks.items()
            if contained.get(slot, "") in joined and any(check(text) for text in values)
        )


def fragment(predicate: Predicate) -> bytes | None:
    """An expression that occurs in the raw line whenever the keyword holds, or None."""
    if predicate.op is not Op.CONTAINS:
        return None
    pieces = _SAFE.findall(predicate.text)
    longest = max(pieces, key=len, default="")
    return escaped(longest) if len(longest) >= _SHORTEST else None


def expressions(keywords: Iterable[Predicate]) -> tuple[bytes, ...] | None:
    """What to look for in raw bytes, or None when some keyword gives nothing to look for."""
    found = {fragment(predicate) for predicate in keywords}
    if None in found:
        return None
    return (*sorted(piece for piece in found if piece is not None), *_DOUBT)
