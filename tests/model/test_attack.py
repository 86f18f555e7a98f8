"""The words for ATT&CK: order, counts, and moves that can be read from both ends."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.attack import TACTICS, Crosswalk, Label, LabelState, Move, Technique

IDS = st.sampled_from(["T1001", "T1002", "T1003", "stealth"])


def test_the_usual_order_has_each_tactic_once():
    assert len(set(TACTICS)) == len(TACTICS) == 16
    assert TACTICS.index("initial-access") < TACTICS.index("lateral-movement")


def test_a_technique_knows_what_it_refines():
    assert Technique("T1003.001", "x", ()).parent == "T1003"
    assert Technique("T1003", "x", ()).parent == ""
    assert not Technique("T1003", "x", (), deprecated=True).active


def test_only_a_name_that_changed_is_no_fault():
    assert Label("T1", LabelState.RENAMED, others=("T2",)).faulty
    assert not Label("T1", LabelState.RENAMED).faulty


@given(st.lists(st.builds(Move, st.just("19"), IDS, st.tuples(IDS, IDS))))
def test_forward_and_backward_say_the_same(moves):
    walk = Crosswalk.of(tuple(moves))
    for move in moves:
        for new in move.new:
            assert new in walk.newer(move.old)
            assert move.old in walk.older(new)
    assert Crosswalk.of(tuple(moves) * 2) == walk
