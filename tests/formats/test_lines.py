from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tocsin.formats.limits import Limits
from tocsin.formats.lines import LineFramer
from tocsin.formats.records import Block, Rejected

SMALL = Limits(max_record=64, kept_of_rejected=8, max_depth=4)


def frame(chunks: list[bytes], limits: Limits = SMALL) -> list[tuple[int, bytes | str]]:
    framer = LineFramer("o", limits)
    out: list[tuple[int, bytes | str]] = []
    for item in [*(i for chunk in chunks for i in framer.feed(chunk)), *framer.finish()]:
        if isinstance(item, Rejected):
            out.append((item.position, item.reason))
        else:
            out += zip(item.positions, item.raws, strict=True)
    return out


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def expected(data: bytes) -> list[tuple[int, bytes | str]]:
    out: list[tuple[int, bytes | str]] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if len(line) > 64:
            out.append((number, "too-large"))
        elif line.count(b"[") > 4:
            out.append((number, "too-deep"))
        elif line.strip():
            out.append((number, line.removesuffix(b"\r")))
    return out


LINE = st.one_of(
    st.binary(max_size=70).map(lambda raw: raw.translate(None, b'\n"{}[]')),
    st.sampled_from([b"", b"\r", b" ", b"[[[[[", b"[[[[", b"x" * 64, b"x" * 65, b"[" * 90, b"a\r"]),
)


@given(st.lists(LINE, max_size=20), st.lists(st.integers(0, 2000), max_size=9))
def test_any_chunking_gives_the_same_lines(lines: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(lines)
    assert frame(chunked(data, cuts)) == expected(data)


def test_a_huge_line_is_dropped_while_it_streams_and_keeps_its_neighbours() -> None:
    framer = LineFramer("o", SMALL)
    items = list(framer.feed(b"one\n"))
    held = 0
    for _ in range(1000):
        items += framer.feed(b"y" * 50)
        held = max(held, len(framer.tail))
    items += framer.feed(b"\nthree\n")
    assert held <= 64 + 50
    assert items[0] == Block("o", range(1, 2), [b"one"])
    assert items[1] == Rejected("o", 2, "too-large", "50000 bytes", b"y" * 8)
    assert items[2] == Block("o", range(3, 4), [b"three"])


def test_pending_is_what_lies_behind_the_last_line_end() -> None:
    framer = LineFramer("o", SMALL, line=10)
    assert [item.positions[0] for item in framer.feed(b"a\nbcd") if isinstance(item, Block)] == [11]
    assert (framer.line, framer.pending, framer.tail) == (11, 3, b"bcd")
    list(framer.feed(b"z" * 100))
    assert framer.pending == 103


def test_windows_line_ends_are_no_part_of_a_record() -> None:
    assert frame([b"a\r\nb\r", b"\nc"]) == [(1, b"a"), (2, b"b"), (3, b"c")]
