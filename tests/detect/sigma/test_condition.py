"""Conditions become flat nodes over predicates that say what they look for."""

import pytest
from tests.detect.sigma_rules import rule

from tocsin.detect.sigma import parse_rules
from tocsin.detect.sigma.condition import joined
from tocsin.detect.sigma.ir import Connective, Node, Op, Predicate


def predicates(key: str, value: object) -> tuple[Predicate, ...]:
    found = parse_rules([("x", rule({"selection": {key: value}}).encode())])
    assert len(found.rules) == 1, found.rejected
    return found.predicates


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("F", "Ab", Predicate("F", Op.EQ, "ab")),
        ("F", "Ab*", Predicate("F", Op.STARTSWITH, "ab")),
        ("F", "*Ab", Predicate("F", Op.ENDSWITH, "ab")),
        ("F", "*Ab*", Predicate("F", Op.CONTAINS, "ab")),
        ("F", "**", Predicate("F", Op.ANY)),
        ("F", "a*B?c", Predicate("F", Op.GLOB, r"\Aa.*b.c\Z", detail="a*B?c")),
        ("F|contains", "a.*b", Predicate("F", Op.GLOB, r"a\..*b", detail="*a.*b*")),
        ("F|cased", "Ab", Predicate("F", Op.EQ, "Ab", cased=True)),
        ("F|re|i|s", "A.b", Predicate("F", Op.RE, "A.b", detail="is")),
        ("F|re", "A.b", Predicate("F", Op.RE, "A.b", cased=True)),
        ("F", 5, Predicate("F", Op.EQ, "5")),
        ("F", True, Predicate("F", Op.EQ, "true")),
        ("F", None, Predicate("F", Op.NULL)),
        ("F|exists", False, Predicate("F", Op.NULL)),
        ("F|lte", 5, Predicate("F", Op.LTE, "5")),
        ("F|cidr", "10.0.0.0/8", Predicate("F", Op.CIDR, "10.0.0.0/8")),
        ("F|fieldref|contains", "G", Predicate("F", Op.FIELDREF, "G", detail="contains")),
        ("", "Word", Predicate("", Op.CONTAINS, "word")),
    ],
)
def test_a_value_becomes_one_predicate(key: str, value: object, expected: Predicate) -> None:
    assert predicates(key, value) == (expected,)


def test_expansions_are_alternatives_even_under_all() -> None:
    text = rule({"selection": {"F|windash|contains|all": ["-a", "b"]}})
    tree = parse_rules([("x", text.encode())]).rules[0].tree
    assert tree.how is Connective.AND
    assert [part.how for part in tree.nodes] == [Connective.OR]
    assert (len(tree.leaves), len(tree.nodes[0].leaves)) == (1, 5)


def test_parts_of_one_connective_dissolve() -> None:
    one = Node(Connective.AND, (1,))
    pair = Node(Connective.AND, (2, 3))
    either = Node(Connective.OR, (4, 5))
    negated = Node(Connective.NOT, (), (one,))
    assert joined(Connective.AND, [one, pair, either, negated]) == Node(
        Connective.AND, (1, 2, 3), (either, negated)
    )
    assert joined(Connective.OR, [one, pair]) == Node(Connective.OR, (1,), (pair,))
