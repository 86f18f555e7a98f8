"""One comparison of a STIX pattern as terms: what is looked for, in comparable form."""

import re
from functools import cache
from ipaddress import ip_network

import re2

from tocsin.enrich.intelligence.paths import Meaning, meaning_of
from tocsin.model import observables as kinds
from tocsin.model.intelligence import Term
from tocsin.model.observables import fold, guesses, refanged

WIDEST = {4: 8, 6: 16}
"""Prefix lengths (IPv4, IPv6) below which a network is no indicator: it would hold for anybody."""
MAX_EXPRESSION = 1_000
"""Characters of a regular expression."""


class Unsupported(Exception):
    """A part of a pattern, by its place in it, is not looked for; the text says why."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(f"at {at}: {reason}")


def terms_of(path: str, test: str, value: str, at: int) -> list[Term]:
    """The terms of one comparison, any of which is enough. Raises Unsupported."""
    meaning = meaning_of(path)
    if meaning is None:
        raise Unsupported(at, f"{path[:120]} is in no event")
    if test in ("LIKE", "MATCHES"):
        return [_expression(meaning, test, value, at)]
    if test == "ISSUBSET" and meaning.kind not in (kinds.ADDRESS, kinds.ANY):
        raise Unsupported(at, f"{path[:120]} is no address")
    plain = refanged(value)
    if meaning.kind in (kinds.ADDRESS, kinds.ANY) and "/" in plain:
        return [_network(meaning, plain, at)]
    if meaning.kind == kinds.ANY:
        found = [Term(kind, "is", folded, meaning.role) for kind, folded in guesses(plain)]
    else:
        kind = meaning.kind
        folded = fold(kind, plain if kind in _DEFANGED else value)
        found = [Term(kind, "is", folded, meaning.role)] if folded else []
    if not found:
        raise Unsupported(at, f"{value[:80]!r} is no {meaning.kind}")
    for term in found:
        if term.kind == kinds.DOMAIN and "." not in term.value:
            raise Unsupported(at, f"{term.value!r} is a whole top level")
    return found


_DEFANGED = frozenset({kinds.ADDRESS, kinds.DOMAIN, kinds.URL, kinds.EMAIL})


def _network(meaning: Meaning, value: str, at: int) -> Term:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise Unsupported(at, f"{value[:80]!r} is no network") from None
    if network.prefixlen == network.max_prefixlen:
        return Term(kinds.ADDRESS, "is", str(network.network_address), meaning.role)
    if network.prefixlen < WIDEST[network.version]:
        raise Unsupported(at, f"{value[:80]} is too wide a network")
    return Term(kinds.ADDRESS, "net", str(network), meaning.role)


def _expression(meaning: Meaning, test: str, value: str, at: int) -> Term:
    """LIKE and MATCHES over the folded value: without case, with one kind of slash."""
    if meaning.kind in (kinds.ANY, kinds.PORT):
        raise Unsupported(at, f"{test} on addresses and ports is not read")
    expression = _like(meaning.kind, value) if test == "LIKE" else value
    if len(expression) > MAX_EXPRESSION:
        raise Unsupported(at, "a longer expression than is read")
    if not _runs(expression):
        raise Unsupported(at, "an expression that RE2 does not run, or that holds for anything")
    return Term(meaning.kind, "re", expression, meaning.role)


def _like(kind: str, value: str) -> str:
    """`%` is any text and `_` any character, as in SQL; the whole value must be so."""
    folded = value.lower()
    if kind == kinds.URL:
        folded = re.sub(r"^https?://", "", folded)
    if kind in (kinds.FILENAME, kinds.FOLDER, kinds.REGISTRY):
        folded = folded.replace("/", "\\")
    if kind == kinds.REGISTRY and "%" in folded:
        head, mark, tail = folded.partition("%")
        folded = (fold(kind, head) + ("\\" if head.endswith("\\") else "")) + mark + tail
    inner = "".join({"%": ".*", "_": "."}.get(char, re2.escape(char)) for char in folded)
    return f"(?s)^{inner}$"


@cache
def _quiet() -> "re2.Options":
    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = False
    options.max_mem = 1 << 20
    return options


def _runs(expression: str) -> bool:
    """Whether RE2 takes an expression, and it asks for anything at all."""
    try:
        compiled = re2.compile(expression, _quiet())
    except re2.error:
        return False
    return not compiled.search("") and not compiled.search("\x01")
