"""Cells have names that can be taken apart, and counts add up in any order."""

from hypothesis import given
from hypothesis import strategies as st

from tocsin.model.quality import (
    WHOLE,
    HostDelay,
    Measured,
    add_cells,
    cell_key,
    cell_parts,
    measured_from_bytes,
    measured_to_bytes,
)

COUNTS = st.dictionaries(st.sampled_from(["n", "user.name#", "user.name"]), st.integers(0, 9))
CELLS = st.dictionaries(st.sampled_from([WHOLE, "a||", "a|u|s"]), COUNTS)


def test_a_cell_key_is_taken_apart_whatever_the_unit_is_called():
    assert cell_parts(cell_key("authentication", "plant", "dmz")) == (
        "authentication",
        "plant",
        "dmz",
    )
    assert cell_parts(cell_key("authentication", "a|b")) == ("authentication", "a/b", "")
    assert cell_parts(WHOLE) == ("", "", "")


@given(st.lists(CELLS, max_size=4))
def test_counts_add_up_in_any_order_and_leave_what_was_added(parts):
    forth, back = {}, {}
    kept = [{key: dict(counts) for key, counts in part.items()} for part in parts]
    for part in parts:
        add_cells(forth, part)
    for part in reversed(parts):
        add_cells(back, part)
    assert forth == back
    assert parts == kept


def test_a_body_is_read_as_it_was_written():
    one = Measured({WHOLE: {"n": 2}}, {7: 2}, {"h": HostDelay(2, 1.5, 0.5)}, {"k": 1})
    one.sequences = {"dc01": [(1, 4)]}
    assert measured_from_bytes(measured_to_bytes(one)) == one
