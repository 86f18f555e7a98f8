"""The compiled form survives being stored, and equal questions are equal."""

import msgspec

from tocsin.detect.sigma.ir import Connective, Node, Op, Predicate


def test_nodes_and_predicates_survive_being_stored() -> None:
    tree = Node(Connective.AND, (1, 2), (Node(Connective.NOT, (), (Node(Connective.OR, (3,)),)),))
    packed = msgspec.msgpack.encode(tree)
    assert msgspec.msgpack.decode(packed, type=Node) == tree
    predicate = Predicate("F", Op.GLOB, r"\Aa.*\Z", detail="a*")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(predicate), type=Predicate) == predicate


def test_equal_questions_are_one_key() -> None:
    one, same = Predicate("F", Op.EQ, "a"), Predicate("F", Op.EQ, "a")
    others = {Predicate("F", Op.EQ, "a", cased=True), Predicate("G", Op.EQ, "a")}
    assert len({one, same} | others) == 3
