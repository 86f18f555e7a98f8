"""Partial evaluation keeps the truth, and a trigger is never absent from a tree that holds."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.sigma.ir import Connective, Node
from tocsin.detect.sigma.residual import (
    Rest,
    holds,
    holds_unless,
    index,
    partial,
    slots_in,
    trigger,
)

LEAVES = 6
leaves = st.integers(0, LEAVES - 1)
nodes = st.recursive(
    st.builds(
        lambda how, found: Node(how, tuple(found)),
        st.sampled_from([Connective.AND, Connective.OR]),
        st.lists(leaves, max_size=3),
    ),
    lambda inner: (
        st.builds(lambda part: Node(Connective.NOT, (), (part,)), inner)
        | st.builds(
            lambda how, found, parts: Node(how, tuple(found), tuple(parts)),
            st.sampled_from([Connective.AND, Connective.OR]),
            st.lists(leaves, max_size=2),
            st.lists(inner, max_size=3),
        )
    ),
    max_leaves=8,
)
truths = st.frozensets(leaves)


def truth(node: Node, true: frozenset[int]) -> bool:
    if node.how is Connective.NOT:
        return not truth(node.nodes[0], true)
    parts = [leaf in true for leaf in node.leaves] + [truth(part, true) for part in node.nodes]
    return all(parts) if node.how is Connective.AND else any(parts)


@given(nodes, truths, truths)
def test_what_is_left_has_the_truth_of_the_whole(
    node: Node, true: frozenset[int], known: frozenset[int]
) -> None:
    rest = partial(node, lambda leaf: leaf in true if leaf in known else leaf)
    found = rest if isinstance(rest, bool) else holds(rest, true)
    assert found == truth(node, true)
    assert isinstance(rest, bool) or not slots_in(rest) & known


@given(nodes, truths, truths)
def test_an_answer_despite_unknown_slots_holds_for_all_their_values(
    node: Node, true: frozenset[int], unknown: frozenset[int]
) -> None:
    rest = partial(node, lambda leaf: leaf)
    if not isinstance(rest, Rest):
        return
    answer = holds_unless(rest, true - unknown, unknown)
    if answer is not None:
        for more in (frozenset[int](), unknown, frozenset(sorted(unknown)[::2])):
            assert holds(rest, (true - unknown) | more) is answer


@given(nodes, truths)
def test_a_tree_that_holds_has_a_trigger_that_holds(node: Node, true: frozenset[int]) -> None:
    rest = partial(node, lambda leaf: leaf)
    if not isinstance(rest, Rest):
        return
    found = trigger(rest, float)
    if holds(rest, true) and found is not None:
        assert found & true


def test_an_index_finds_keys_by_slot_and_names_those_without() -> None:
    by_slot, always = index({1: frozenset({7, 8}), 2: None, 3: frozenset({8})})
    assert by_slot == {7: (1,), 8: (1, 3)}
    assert always == (2,)
