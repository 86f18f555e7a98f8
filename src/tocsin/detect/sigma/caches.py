"""Bounded memory for what was already computed: two generations under one budget.

A cache answers from its young generation; what it must compute, or finds in the old one, goes into
the young. When the bytes that all caches of a Matcher took since the last turn exceed half the
budget, every cache turns: young becomes old, old is forgotten. Nothing that is forgotten changes a
result: it is computed again.
"""

from typing import Any, Protocol


class Turning(Protocol):
    """A cache that can give up its old generation."""

    def turn(self) -> None:
        """Young becomes old; the old generation is forgotten."""

    def entries(self) -> int:
        """Entries in both generations."""


class Budget:
    """Bytes (estimated) that the caches of one Matcher may hold."""

    def __init__(self, size: int) -> None:
        self._half = max(size // 2, 1)
        self._left = self._half
        self._caches: list[Turning] = []
        self.turns = 0

    def join(self, cache: Turning) -> None:
        """Let `cache` turn with the others."""
        self._caches.append(cache)

    def entries(self) -> int:
        """Entries that all caches hold in both generations."""
        return sum(cache.entries() for cache in self._caches)

    def forget(self) -> None:
        """No cache is part of this budget any more."""
        self._caches.clear()
        self._left = self._half

    def spend(self, size: int) -> None:
        """Count `size` bytes that a cache just took, and turn all caches when it is time."""
        self._left -= size
        if self._left < 0:
            self._left = self._half
            self.turns += 1
            for cache in self._caches:
                cache.turn()


class Generations(dict[Any, Any]):
    """A dict whose missing entries are computed; lookups of known keys run at the speed of dict."""

    __slots__ = ("_budget", "_old")

    def __init__(self, budget: Budget) -> None:
        super().__init__()
        self._budget = budget
        self._old: dict[Any, Any] = {}
        budget.join(self)

    def __missing__(self, key: Any) -> Any:
        found = self._old.pop(key, self)
        value = self.compute(key) if found is self else found
        self[key] = value
        self._budget.spend(self.cost(key))
        return value

    def compute(self, key: Any) -> Any:
        """The value for a key that is not known; it must depend on nothing but the key."""
        raise NotImplementedError

    def cost(self, key: Any) -> int:
        """Bytes that an entry takes, about."""
        raise NotImplementedError

    def turn(self) -> None:
        """See `Turning`."""
        self._old = dict(self)
        self.clear()

    def entries(self) -> int:
        """See `Turning`."""
        return len(self) + len(self._old)
