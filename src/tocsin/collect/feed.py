"""Cutting what a reader gives into batches, behind the point up to which it was given before."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

from tocsin.formats.read import MAX_PROBLEMS, Gather
from tocsin.formats.records import Block, Item, Problem, RawBatch, Rejected


class Feed:
    """Gathers what lies behind `done` into batches; problems only behind `refused` too."""

    def __init__(self, done: int, refused: int) -> None:
        self.gather = Gather()
        self.last = 0
        self._done = done
        self._refused = max(done, refused)

    def take_lines(self, items: Iterable[Item]) -> Iterator[tuple[RawBatch, int]]:
        """Full batches and the number of their last line."""
        for item in items:
            if isinstance(item, Block):
                yield from self._block(item, item.positions)
            elif isinstance(item, Rejected):
                yield from self._problem(item, item.position)

    def take_items(self, items: Iterable[Item]) -> Iterator[tuple[RawBatch, int]]:
        """Full batches and how many records and problems came up to their end."""
        count = 0
        for item in items:
            first = count + 1
            count += len(item.raws) if isinstance(item, Block) else 1
            if isinstance(item, Block):
                yield from self._block(item, range(first, count + 1))
            else:
                yield from self._problem(item, count)
        self.last = count

    def _block(self, block: Block, seqs: Sequence[int]) -> Iterator[tuple[RawBatch, int]]:
        skip = bisect_right(seqs, self._done)
        while skip < len(seqs):
            block = Block(block.origin, block.positions[skip:], block.raws[skip:])
            seqs = seqs[skip:]
            skip = self.gather.fill(block)
            self.last = seqs[skip - 1] if skip else self.last
            if self.gather.full or not skip:
                yield self.gather.take(), self.last

    def _problem(self, problem: Problem, seq: int) -> Iterator[tuple[RawBatch, int]]:
        if seq > self._refused:
            self.gather.batch.problems.append(problem)
        self.last = seq
        if len(self.gather.batch.problems) >= MAX_PROBLEMS:
            yield self.gather.take(), self.last
