"""STIX patterns (STIX 2.1, part 9) as what can be looked for on one event.

An observation becomes alternatives of terms that must all hold on one event. What takes several
events (AND, FOLLOWEDBY, WITHIN and REPEATS between observations), or names what no event tells, is
`unsupported`, with its place in the pattern: it is reported, and never dropped in silence.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from tocsin.enrich.intelligence.terms import Unsupported, terms_of
from tocsin.model import observables as kinds
from tocsin.model.intelligence import Alternative, Term

MAX_PATTERN = 20_000
MAX_DEPTH = 40
MAX_ALTERNATIVES = 512
MAX_TERMS = 32
"""Bounds of one pattern: characters, brackets in one another, ways to hold, terms of each."""

_SIMPLE = re.compile(
    r"\s*\[\s*([a-z0-9-]+):([A-Za-z0-9_.]+|hashes\.(?:'[A-Za-z0-9_-]+'|[A-Za-z0-9_-]+))\s*=\s*"
    r"'([^'\\]+)'\s*\]\s*"
)
"""One comparison of one text: most of what feeds publish; the grammar takes 100 times as long."""


class Reading(NamedTuple):
    """A pattern as it is looked for, and why parts of it are not."""

    alternatives: tuple[Alternative, ...]
    unsupported: tuple[str, ...] = ()


def read_pattern(text: str) -> Reading:
    """What a pattern asks for; nothing it holds raises."""
    if len(text) > MAX_PATTERN or _depth(text) > MAX_DEPTH:
        return Reading((), ("at 0: longer or deeper than any pattern is read",))
    if found := _SIMPLE.fullmatch(text):
        path = f"{found[1]}:{found[2]}".replace("'", "")
        try:
            return Reading(tuple((term,) for term in terms_of(path, "=", found[3], found.start(1))))
        except Unsupported as why:
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
    except Unsupported as why:
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
            raise Unsupported(_at(node), f"{node.getText()[:80]} is not read")
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
            raise Unsupported(_at(node), "FOLLOWEDBY takes several events")
        return self.visit(node.observationExpressionOr())

    def _ObservationExpressionOr(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if not node.OR():
            return self.visit(node.observationExpressionAnd())
        return self._either(node.observationExpressionOr())

    def _ObservationExpressionAnd(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if node.AND():
            raise Unsupported(_at(node), "AND between observations takes several events")
        return self.visit(node.observationExpression())

    def _ObservationExpressionSimple(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        return self.visit(node.comparisonExpression())

    def _ObservationExpressionCompound(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        return self.visit(node.observationExpressions())

    def _ObservationExpressionRepeated(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        if node.repeatedQualifier().IntPosLiteral().getText() != "1":
            raise Unsupported(_at(node), "REPEATS takes several events")
        return self.visit(node.observationExpression())

    def _ObservationExpressionWithin(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        inner = node.observationExpression()
        if type(inner).__name__ == "ObservationExpressionSimpleContext":
            return self.visit(inner)  # one event is always within any time
        raise Unsupported(_at(node), "WITHIN takes several events")

    def _ObservationExpressionStartStop(self, node: Any) -> list[Alternative]:  # noqa: N802 - as above
        raise Unsupported(_at(node), "START STOP is not read; valid_from and valid_until are")

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
            raise Unsupported(_at(node), "more combinations than are looked for")
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
            raise Unsupported(_at(node), "more values than are looked for")
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
            except Unsupported as why:
                self.problems.append(str(why))
        if len(found) > MAX_ALTERNATIVES:
            raise Unsupported(0, "more alternatives than are looked for")
        return found


def _at(node: Any) -> int:
    """The character of the pattern at which a node begins."""
    return int(node.start.start)


def _any_of(node: Any, test: str, values: list[str], *, negated: bool) -> list[Alternative]:
    path = _path(node.objectPath())
    terms = [term for value in values for term in terms_of(path, test, value, _at(node))]
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
