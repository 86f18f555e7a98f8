from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tocsin.store.state_store import State


def uid(number: int) -> str:
    return f"{number * 0x9E3779B97F4A7C15 % (1 << 64):016x}{number:016x}"


def see(state: State, partition: str, numbers: list[int], first: int) -> list[int]:
    offsets = list(range(first, first + len(numbers)))
    with state.think(partition) as tx:
        uids = [uid(number) for number in numbers]
        return tx.first_seen(uids, offsets, ["s"] * len(numbers), [0] * len(numbers))


def test_a_repeat_is_found_in_the_batch_and_in_earlier_ones(state: State) -> None:
    assert see(state, "p0", [1, 2, 1], 0) == [2]
    assert see(state, "p0", [3, 2], 3) == [4]
    assert see(state, "p1", [3, 4], 0) == [0]


def test_our_own_redelivery_is_no_repeat(state: State) -> None:
    see(state, "p0", [1, 2, 3], 0)
    assert see(state, "p0", [1, 2, 3], 0) == []
    assert see(state, "p0", [2, 3, 4], 1) == []
    assert see(state, "p0", [4], 9) == [9]


def test_what_is_the_same_in_half_of_its_uid_is_not_the_same(state: State) -> None:
    with state.think("p0") as tx:
        assert tx.first_seen(["ab" * 8 + "00" * 8], [0], ["s"], [0]) == []
    with state.think("p0") as tx:
        assert tx.first_seen(["ab" * 8 + "11" * 8], [1], ["s"], [0]) == []
    with state.think("p0") as tx:
        assert tx.first_seen(["ab" * 8 + "11" * 8], [2], ["s"], [0]) == [2]


def test_it_is_remembered_by_the_next_process_and_taken_up_from_another(
    state: State, tmp_path: Path
) -> None:
    see(state, "p0", [1], 0)
    other = State(tmp_path / "state.db")
    assert see(other, "p0", [1, 2], 5) == [5]
    assert see(state, "p0", [2], 9) == [9]
    other.close()


def test_a_transaction_that_failed_remembers_nothing(state: State) -> None:
    with pytest.raises(KeyError), state.think("p0") as tx:  # noqa: PT012  # it is rolled back
        tx.first_seen([uid(1)], [0], ["s"], [0])
        raise KeyError
    assert see(state, "p0", [1], 7) == []
    assert see(state, "p0", [1], 8) == [8]


def test_the_oldest_are_forgotten_beyond_the_window(tmp_path: Path) -> None:
    state = State(tmp_path / "small.db", window=6)
    see(state, "p0", [1, 2, 3], 0)
    see(state, "p0", [4, 5, 6], 3)
    assert see(state, "p0", [1], 6) == [6]
    see(state, "p0", [7, 8], 7)
    assert see(state, "p0", [1], 9) == [9]
    see(state, "p0", [9], 10)
    assert see(state, "p0", [1, 4], 20) == [21]
    state.close()


def test_a_batch_may_be_empty(state: State) -> None:
    assert see(state, "p0", [], 0) == []


batches = st.lists(
    st.tuples(
        st.sampled_from(["p0", "p1"]),
        st.integers(0, 20),
        st.lists(st.integers(0, 12), min_size=1, max_size=5),
    ),
    max_size=8,
)


@settings(max_examples=15, deadline=None)
@given(batches=batches)
def test_it_says_what_a_dictionary_of_first_places_says(
    tmp_path_factory: pytest.TempPathFactory, batches: list[tuple[str, int, list[int]]]
) -> None:
    state = State(tmp_path_factory.mktemp("seen") / "state.db")
    first: dict[int, tuple[str, int]] = {}
    for partition, start, numbers in batches:
        expected = [
            start + row
            for row, number in enumerate(numbers)
            if first.setdefault(number, (partition, start + row)) != (partition, start + row)
        ]
        assert see(state, partition, numbers, start) == expected
    state.close()
