"""Two generations under one budget: forgetting costs time and nothing else."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tocsin.detect.sigma.caches import Budget, Generations


class Doubling(Generations):
    """Twice the key, counting how often it had to be computed."""

    __slots__ = ("computed",)

    def __init__(self, budget: Budget) -> None:
        super().__init__(budget)
        self.computed: list[Any] = []

    def compute(self, key: Any) -> Any:
        self.computed.append(key)
        return key * 2

    def cost(self, key: Any) -> int:
        return 10


@given(st.lists(st.integers(0, 9)), st.integers(0, 200))
def test_values_do_not_depend_on_the_budget(keys: list[int], size: int) -> None:
    cache = Doubling(Budget(size))
    assert [cache[key] for key in keys] == [key * 2 for key in keys]


def test_what_is_known_is_not_computed_again() -> None:
    cache = Doubling(Budget(1_000))
    assert [cache[1], cache[2], cache[1]] == [2, 4, 2]
    assert cache.computed == [1, 2]


def test_what_was_used_lately_survives_a_turn() -> None:
    budget = Budget(80)
    cache = Doubling(budget)
    for key in range(5):
        cache[key]
    assert budget.turns == 1
    cache[3]
    assert cache.computed == [0, 1, 2, 3, 4]
    assert cache.entries() <= 8


def test_all_caches_of_a_budget_turn_together() -> None:
    budget = Budget(80)
    one, two = Doubling(budget), Doubling(budget)
    one[1]
    for key in range(10):
        two[key]
    assert budget.turns == 2
    one[1]
    assert one.computed == [1, 1]
    assert budget.entries() <= 8


def test_a_forgotten_cache_no_longer_turns() -> None:
    budget = Budget(20)
    cache = Doubling(budget)
    budget.forget()
    for key in range(10):
        cache[key]
    assert cache.entries() == 10
