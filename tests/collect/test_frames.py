from hypothesis import given
from hypothesis import strategies as st

from tocsin.collect.frames import (
    FRAME_HEADER,
    SEGMENT_HEADER,
    claim_of,
    frame_at,
    frames,
    next_frame,
    pack_frame,
    salt_of,
    segment_header,
)

SALT = b"saltsalt"
PARTS = st.lists(
    st.tuples(st.integers(0, 9), st.binary(max_size=30), st.binary(max_size=60)), max_size=5
)


def segment(parts: list[tuple[int, bytes, bytes]], first: int = 7) -> tuple[bytes, list[int]]:
    """A segment and the byte where each of its frames ends."""
    data = segment_header(SALT, first)
    ends = []
    for rows, checkpoint, payload in parts:
        data += pack_frame(SALT, first, rows, checkpoint, memoryview(payload))
        first += rows
        ends.append(len(data))
    return data, ends


@given(PARTS)
def test_what_was_packed_is_read(parts: list[tuple[int, bytes, bytes]]) -> None:
    data, ends = segment(parts)
    assert salt_of(data) == SALT
    got = list(frames(data, SALT))
    assert [(f.rows, f.checkpoint, bytes(f.payload)) for f in got] == parts
    assert [f.end for f in got] == ends
    for frame in got:
        claim = claim_of(data[frame.at : frame.at + FRAME_HEADER], SALT)
        assert claim is not None
        assert (claim.first, claim.rows, claim.size) == (
            frame.first,
            frame.rows,
            frame.end - frame.at,
        )


@given(PARTS, st.data())
def test_a_cut_leaves_the_frames_before_it(
    parts: list[tuple[int, bytes, bytes]], data: st.DataObject
) -> None:
    text, ends = segment(parts)
    cut = data.draw(st.integers(SEGMENT_HEADER, len(text)))
    assert [frame.end for frame in frames(text[:cut], SALT)] == [end for end in ends if end <= cut]


@given(PARTS.filter(bool), st.data())
def test_a_changed_byte_costs_its_own_frame_only(
    parts: list[tuple[int, bytes, bytes]], data: st.DataObject
) -> None:
    text, ends = segment(parts)
    at = data.draw(st.integers(SEGMENT_HEADER, len(text) - 1))
    hurt = bytearray(text)
    hurt[at] ^= data.draw(st.integers(1, 255))
    victim = next(index for index, end in enumerate(ends) if at < end)
    got = [frame.end for frame in frames(bytes(hurt), SALT)]
    assert got == ends[:victim] + ends[victim + 1 :]


def test_content_cannot_pass_for_a_frame() -> None:
    forged = pack_frame(b"guessed!", 0, 1, b"{}", memoryview(b"evil"))
    data, _ = segment([(1, b"", forged)])
    hurt = bytearray(data)
    hurt[SEGMENT_HEADER + 9] ^= 1
    assert list(frames(bytes(hurt), SALT)) == []
    assert next_frame(data, SEGMENT_HEADER + 1, SALT) is None


def test_a_damaged_segment_header_is_made_up_for_by_its_frames() -> None:
    data, _ = segment([(1, b"", b"x")])
    hurt = b"?" + data[1:]
    assert salt_of(hurt) == SALT
    assert salt_of(hurt[:SEGMENT_HEADER]) is None
    assert salt_of(data[:10]) is None


def test_no_frame_in_too_little() -> None:
    assert frame_at(b"short", 0, SALT) is None
    assert claim_of(b"short", SALT) is None
