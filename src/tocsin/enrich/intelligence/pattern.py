"""STIX patterns (STIX 2.1, part 9) as what can be looked for on one event.

An observation becomes alternatives of terms that must all hold on one event. What takes several
events (AND, FOLLOWEDBY, WITHIN and REPEATS between observations), or names what no event tells, is
`unsupported`, with its place in the pattern: it is reported, and never dropped in silence.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from ipaddress import ip_network
from typing import Any, NamedTuple

import re2

from tocsin.enrich.intelligence.paths import Meaning, meaning_of
from tocsin.model import observables as kinds
from tocsin.model.intelligence import Alternative, Term
from tocsin.model.observables import fold, guesses, refanged

MAX_PATTERN = 20_000
MAX_DEPTH = 40
MAX_ALTERNATIVES = 512
MAX_TERMS = 32
MAX_EXPRESSION = 1_000
"""Bounds of one pattern: characters, brackets in one another, ways to hold, terms of each,
characters of a regular expression."""

WIDEST = {4: 8, 6: 16}
"""Prefix lengths (IPv4, IPv6) below which a network is no indicator: it would hold for anybody."""

_SIMPLE = re.compile(
    r"\s*\[\s*([a-z0-9-]+):([A-Za-z0-9_.]+|hashes\.(?:'[A-Za-z0-9_-]+'|[A-Za-z0-9_-]+))\s*=\s*"
    r"'([^'\\]+)'\s*\]\s*"
)
"""One comparison of one text: most of what feeds publish; the grammar takes 100 times as long."""


class Reading(NamedTuple):
    """A pattern as it is looked for, and why parts of it are not."""

    alternatives: tuple[Alternative, ...]
    unsupported: tuple[str, ...] = ()


class _Unsupported(Exception):
    def __init__(self, at: int, reason: str) -> None:
        super().__init__(f"at {at}: {reason}")


def read_pattern(text: str) -> Reading:
    """What a pattern asks for; nothing it holds raises."""
    if len(text) > MAX_PATTERN or _depth(text) > MAX_DEPTH:
        return Reading((), ("at 0: longer or deeper than any pattern is read",))
    if found := _SIMPLE.fullmatch(text):
        path = f"{found[1]}:{found[2]}".replace("'", "")
        try:
            return Reading(tuple((term,) for term in _terms(path, "=", found[3], found.start(1))))
        except _Unsupported as why:
            return Reading((), (str(why),))
    return _by_grammar(text)


def _depth(text: str) -> int:
    depth = deepest = 0
    for char in text:
        depth += (char in "([") - (char in ")]")
        deepest = max(deepest, depth)
    return deepest


def _by_grammar(text: str) -> Reading:
    from stix2patterns.exceptions import ParseException  # noqa: PLC0415  # slow, rarely needed
    from stix2patterns.v21.pattern import Pattern  # noqa: PLC0415  # likewise

    walk = _Walk()
    try:
        alternatives = Pattern(text).visit(walk)
    except (ParseException, RecursionError) as error:
        return Reading((), (f"not a STIX pattern: {' '.join(str(error).split())[:200]}",))
    except _Unsupported as why:
        return Reading((), (*walk.problems, str(why)))
    usable = tuple(dict.fromkeys(walk.usable(alternatives)))
    return Reading(usable, tuple(dict.fromkeys(walk.problems)))


class _Walk:
    """Visits the tree of a pattern; by the name of each node's class.

    A part of an OR that is unsupported is noted and left out: the others still hold by themselves.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def visit(self, node: Any) -> list[Alternative]:
        """The ways in which what a node says can hold."""
        name = type(node).__name__.removesuffix("Context")
        step: Callable[[Any], list[Alternative]] | None = getattr(self, f"_{name}", None)
        if step is None:
            raise _Unsupported(_at(node), f"{node.getText()[:80]} is not read")
        return step(node)

    def usable(self, alternatives: Iterable[Alternative]) -> Iterator[Alternative]:
        """Those that say what is there, not only what is not, and more than a port."""
        for one in alternatives:
            kinds_of = {term.kind for term in one if not term.negated}
            if kinds_of - {kinds.PORT}:
                yield one
            else:
                self.problems.append("at 0: says too little to be looked for")

    def _Pattern(self, node: Any) -> list[Alternative]:  # noqa: N802 - the grammar's names
        return self.visit(node.observationExpressions())

    def _ObservationExpressions(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if node.FOLLOWEDBY():
            raise _Unsupported(_at(node), "FOLLOWEDBY takes several events")
        return self.visit(node.observationExpressionOr())

    def _ObservationExpressionOr(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if not node.OR():
            return self.visit(node.observationExpressionAnd())
        return self._either(node.observationExpressionOr())

    def _ObservationExpressionAnd(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if node.AND():
            raise _Unsupported(_at(node), "AND between observations takes several events")
        return self.visit(node.observationExpression())

    def _ObservationExpressionSimple(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        return self.visit(node.comparisonExpression())

    def _ObservationExpressionCompound(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        return self.visit(node.observationExpressions())

    def _ObservationExpressionRepeated(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if node.repeatedQualifier().IntPosLiteral().getText() != "1":
            raise _Unsupported(_at(node), "REPEATS takes several events")
        return self.visit(node.observationExpression())

    def _ObservationExpressionWithin(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        inner = node.observationExpression()
        if type(inner).__name__ == "ObservationExpressionSimpleContext":
            return self.visit(inner)  # one event is always within any time
        raise _Unsupported(_at(node), "WITHIN takes several events")

    def _ObservationExpressionStartStop(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        raise _Unsupported(_at(node), "START STOP is not read; valid_from and valid_until are")

    def _ComparisonExpression(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if not node.OR():
            return self.visit(node.comparisonExpressionAnd())
        return self._either(node.comparisonExpression())

    def _ComparisonExpressionAnd(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if not node.AND():
            return self.visit(node.propTest())
        left, right = (self.visit(part) for part in node.comparisonExpressionAnd())
        both = [(*a, *b) for a in left for b in right]
        if len(both) > MAX_ALTERNATIVES or any(len(one) > MAX_TERMS for one in both):
            raise _Unsupported(_at(node), "more combinations than are looked for")
        return both

    def _PropTestParen(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        return self.visit(node.comparisonExpression())

    def _PropTestEqual(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        unlike = bool(node.NEQ()) is not bool(node.NOT())
        value = _literal(node.primitiveLiteral())
        return _any_of(node, "=", [value], negated=unlike)

    def _PropTestSet(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        values = [_literal(one) for one in node.setLiteral().primitiveLiteral()]
        if len(values) > MAX_ALTERNATIVES:
            raise _Unsupported(_at(node), "more values than are looked for")
        return _any_of(node, "=", values, negated=bool(node.NOT()))

    def _PropTestLike(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        value = _text(node.StringLiteral().getText())
        return _any_of(node, "LIKE", [value], negated=bool(node.NOT()))

    def _PropTestRegex(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        value = _text(node.StringLiteral().getText())
        return _any_of(node, "MATCHES", [value], negated=bool(node.NOT()))

    def _PropTestIsSubset(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        value = _text(node.StringLiteral().getText())
        return _any_of(node, "ISSUBSET", [value], negated=bool(node.NOT()))

    def _either(self, parts: Iterable[Any]) -> list[Alternative]:
        found: list[Alternative] = []
        for part in parts:
            try:
                found += self.visit(part)
            except _Unsupported as why:
                self.problems.append(str(why))
        if len(found) > MAX_ALTERNATIVES:
            raise _Unsupported(0, "more alternatives than are looked for")
        return found


def _at(node: Any) -> int:
    """The character of the pattern at which a node begins."""
    return int(node.start.start)


def _any_of(node: Any, test: str, values: list[str], *, negated: bool) -> list[Alternative]:
    path = _path(node.objectPath())
    terms = [term for value in values for term in _terms(path, test, value, _at(node))]
    if not negated:
        return [(term,) for term in terms]
    return [
        tuple(Term(term.kind, term.test, term.value, term.role, negated=True) for term in terms)
    ]


def _path(node: Any) -> str:
    """`type:property` without quotes; every list step reads `[*]`."""
    text = re.sub(r"\[(?:\*|-?[0-9]+)\]", "[*]", node.getText())
    return text.replace("'", "")


def _literal(node: Any) -> str:
    text: str = node.getText()
    return _text(text) if text.startswith("'") else text


def _text(quoted: str) -> str:
    r"""A string literal without its quotes; `\'` and `\\` are the only escapes."""
    return re.sub(r"\\(['\\])", r"\1", quoted[1:-1])


def _terms(path: str, test: str, value: str, at: int) -> list[Term]:
    """The terms of one comparison, any of which is enough. Raises _Unsupported."""
    meaning = meaning_of(path)
    if meaning is None:
        raise _Unsupported(at, f"{path[:120]} is in no event")
    if test in ("LIKE", "MATCHES"):
        return [_expression(meaning, test, value, at)]
    if test == "ISSUBSET" and meaning.kind not in (kinds.ADDRESS, kinds.ANY):
        raise _Unsupported(at, f"{path[:120]} is no address")
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
        raise _Unsupported(at, f"{value[:80]!r} is no {meaning.kind}")
    for term in found:
        if term.kind == kinds.DOMAIN and "." not in term.value:
            raise _Unsupported(at, f"{term.value!r} is a whole top level")
    return found


_DEFANGED = frozenset({kinds.ADDRESS, kinds.DOMAIN, kinds.URL, kinds.EMAIL})


def _network(meaning: Meaning, value: str, at: int) -> Term:
    try:
        network = ip_network(value, strict=False)
    except ValueError:
        raise _Unsupported(at, f"{value[:80]!r} is no network") from None
    if network.prefixlen == network.max_prefixlen:
        return Term(kinds.ADDRESS, "is", str(network.network_address), meaning.role)
    if network.prefixlen < WIDEST[network.version]:
        raise _Unsupported(at, f"{value[:80]} is too wide a network")
    return Term(kinds.ADDRESS, "net", str(network), meaning.role)


def _expression(meaning: Meaning, test: str, value: str, at: int) -> Term:
    """LIKE and MATCHES over the folded value: without case, with one kind of slash."""
    if meaning.kind in (kinds.ANY, kinds.PORT):
        raise _Unsupported(at, f"{test} on addresses and ports is not read")
    expression = _like(meaning.kind, value) if test == "LIKE" else value
    if len(expression) > MAX_EXPRESSION:
        raise _Unsupported(at, "a longer expression than is read")
    if not _runs(expression):
        raise _Unsupported(at, "an expression that RE2 does not run, or that holds for anything")
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
