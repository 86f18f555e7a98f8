from hypothesis import given
from hypothesis import strategies as st

from tocsin.collect.feed import Feed
from tocsin.formats.records import Block, Item, RawBatch, Rejected, Skipped

ITEMS = st.lists(st.integers(0, 5), max_size=8)
"""Lengths of blocks; 0 is a problem."""


def items_of(lengths: list[int]) -> list[Item]:
    out: list[Item] = []
    for length in lengths:
        if length:
            out.append(Block("o", range(1, length + 1), [b"x"] * length))
        else:
            out.append(Skipped("o", "empty", ""))
    return out


def lines_of(lengths: list[int]) -> list[Item]:
    """The same with line numbers that go on."""
    out: list[Item] = []
    at = 1
    for length in lengths:
        if length:
            out.append(
                Block("o", range(at, at + length), [b"%d" % n for n in range(at, at + length)])
            )
        else:
            out.append(Rejected("o", at, "too-large", "", b""))
        at += max(length, 1)
    return out


@given(ITEMS, st.integers(0, 30), st.integers(0, 30))
def test_what_lies_behind_is_given_and_nothing_else(
    lengths: list[int], done: int, refused: int
) -> None:
    total = sum(max(length, 1) for length in lengths)
    feed = Feed(done, refused)
    assert list(feed.take_items(items_of(lengths))) == []
    assert feed.last == total
    rest = feed.gather.take()
    kinds = [kind for length in lengths for kind in ([True] * length or [False])]
    assert len(rest) == sum(kinds[done:])
    assert len(rest.problems) == sum(not kind for kind in kinds[max(done, refused) :])


@given(ITEMS, st.integers(0, 30))
def test_lines_are_told_by_their_number(lengths: list[int], done: int) -> None:
    feed = Feed(done, 0)
    assert list(feed.take_lines(lines_of(lengths))) == []
    rest = feed.gather.take()
    assert rest.raws == [b"%d" % number for number in rest.positions]
    assert all(number > done for number in rest.positions)
    total = sum(max(length, 1) for length in lengths)
    assert len(rest) + len(rest.problems) == max(total - done, 0)


def cut(feed: Feed, items: list[Item]) -> list[tuple[RawBatch, int]]:
    return list(feed.take_items(items))


def test_a_full_batch_says_how_far_it_goes() -> None:
    given_out = cut(Feed(5, 0), [Block("o", range(1, 20_001), [b"x"] * 20_000)])
    assert [(len(batch), seq) for batch, seq in given_out] == [(8192, 8197), (8192, 16_389)]


def test_very_many_problems_are_given_in_parts() -> None:
    given_out = cut(Feed(0, 0), [Skipped("o", "empty", "")] * 3000)
    assert [(len(batch.problems), seq) for batch, seq in given_out] == [(1024, 1024), (1024, 2048)]
