"""Facts in an index file, found by key or by kind without reading the others."""

import sys
from bisect import bisect_left
from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import msgspec

from tocsin.enrich.context.compilation import MAGIC, Header, compile_index
from tocsin.enrich.context.keys import key_hash
from tocsin.errors import StorageError
from tocsin.model.context import Fact

MAX_REMEMBERED = 20_000
"""Facts that stay decoded."""

MAX_UNDER_A_KEY = 2_000
"""Facts that are looked at under one key; more is not a name but a mistake."""

_decode = msgspec.msgpack.Decoder(Fact).decode
_header = msgspec.msgpack.Decoder(Header).decode


class Shelf:
    """The facts of one index. `data` may be a map of a file: only what is asked for is read."""

    def __init__(self, data: Any) -> None:
        """Read the header of `data` (bytes); StorageError when it is no index of this version."""
        view = memoryview(data)
        begin = len(MAGIC) + 4
        if bytes(view[: len(MAGIC)]) != MAGIC:
            raise StorageError("not a context index of this version: load context again")
        if sys.byteorder != "little":
            raise StorageError("a context index is read on little-endian machines only")
        try:
            size = int.from_bytes(view[len(MAGIC) : begin], "little")
            self.head = _header(view[begin : begin + size])
            parts = {name: view[at : at + n] for name, (at, n) in self.head.sections.items()}
            self._spans, self._ends = parts["spans"].cast("q"), parts["ends"].cast("q")
            self._hashes, self._facts = parts["hashes"].cast("Q"), parts["facts"].cast("I")
            self._bodies = parts["bodies"]
        except (msgspec.DecodeError, KeyError, TypeError) as error:
            raise StorageError(f"the context index is damaged: {error}") from error
        self.digest = blake2b(view, digest_size=16).hexdigest()
        self._known: dict[int, Fact] = {}

    def fact(self, number: int) -> Fact:
        """One fact by its number."""
        found = self._known.get(number)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            begin = self._ends[number - 1] if number else 0
            found = self._known[number] = _decode(self._bodies[begin : self._ends[number]])
        return found

    def under(self, key: str) -> Iterator[int]:
        """Numbers of the facts filed under a key; another key may have the same hash."""
        hashed = key_hash(key)
        at = bisect_left(self._hashes, hashed)
        last = min(len(self._hashes), at + MAX_UNDER_A_KEY)
        while at < last and self._hashes[at] == hashed:
            yield self._facts[at]
            at += 1

    def span(self, number: int) -> tuple[int, int]:
        """When a fact begins and ceases to hold (us UTC)."""
        return self._spans[2 * number], self._spans[2 * number + 1]

    def of_kind(self, kind: str) -> Iterator[Fact]:
        """Every fact of a kind, of every time, in order of feed and key."""
        first, count = self.head.kinds.get(kind, (0, 0))
        return (self.fact(number) for number in range(first, first + count))


EMPTY = compile_index(())
"""The index of a site that has said nothing."""
