"""The bytes of a spool segment: a header, then frames that each hold many records.

    segment  magic 8, version 4, salt 8, first offset 8, crc32 4
    frame    salt 8, crc32 4, checkpoint length 4, payload length 4, first offset 8, count 4,
             checkpoint (JSON), payload

Integers are little-endian; the crc covers everything behind it. The salt is random for each
segment: after damage the next frame is found by it, and what a log record contains can never pass
for a frame. A frame that is not whole is not there.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple, cast

_SEGMENT = struct.Struct("<8sI8sQ")
_CRC = struct.Struct("<I")
_FRAME = struct.Struct("<8sIIIQI")
_COVERED = 12
"""The crc of a frame starts behind the salt and the crc itself."""
MAGIC = b"TOCSPOOL"
VERSION = 1
SEGMENT_HEADER = _SEGMENT.size + _CRC.size
FRAME_HEADER = _FRAME.size
SALT = 8


class Frame(NamedTuple):
    """One frame and where it lies: bytes [at, end) of its segment."""

    first: int
    rows: int
    checkpoint: bytes
    payload: memoryview
    at: int
    end: int


def segment_header(salt: bytes, first: int) -> bytes:
    """The header of a segment whose first record has offset `first`."""
    head = _SEGMENT.pack(MAGIC, VERSION, salt, first)
    return head + _CRC.pack(zlib.crc32(head))


def salt_of(data: bytes) -> bytes | None:
    """The salt of a segment, or None when its header is not whole.

    A damaged header behind which frames stand is no loss: each of them begins with the salt.
    """
    if len(data) < SEGMENT_HEADER:
        return None
    magic, version, salt, _ = _SEGMENT.unpack_from(data)
    (crc,) = _CRC.unpack_from(data, _SEGMENT.size)
    if magic == MAGIC and version == VERSION and crc == zlib.crc32(data[: _SEGMENT.size]):
        return cast("bytes", salt)
    guess = data[SEGMENT_HEADER : SEGMENT_HEADER + SALT]
    return guess if frame_at(data, SEGMENT_HEADER, guess) else None


def pack_frame(salt: bytes, first: int, rows: int, checkpoint: bytes, payload: memoryview) -> bytes:
    """A frame as it is written."""
    head = _FRAME.pack(salt, 0, len(checkpoint), len(payload), first, rows)
    crc = zlib.crc32(payload, zlib.crc32(checkpoint, zlib.crc32(head[_COVERED:])))
    return b"".join((head[:SALT], _CRC.pack(crc), head[_COVERED:], checkpoint, payload))


def frame_at(data: bytes, at: int, salt: bytes) -> Frame | None:
    """The frame that begins at `at`, or None when there is no whole one."""
    if len(data) - at < FRAME_HEADER:
        return None
    mark, crc, checkpoint_size, payload_size, first, count = _FRAME.unpack_from(data, at)
    body = at + FRAME_HEADER
    end = body + checkpoint_size + payload_size
    view = memoryview(data)
    if mark != salt or end > len(data) or crc != zlib.crc32(view[at + _COVERED : end]):
        return None
    middle = body + checkpoint_size
    return Frame(first, count, data[body:middle], view[middle:end], at, end)


class Claim(NamedTuple):
    """What a frame's header says, unchecked: offsets [first, first + rows), `size` bytes."""

    first: int
    rows: int
    size: int


def claim_of(header: bytes, salt: bytes) -> Claim | None:
    """The claim of the header of a frame, to step over it or to know how much to read."""
    if len(header) < FRAME_HEADER:
        return None
    mark, _, checkpoint_size, payload_size, first, count = _FRAME.unpack_from(header)
    if mark != salt:
        return None
    return Claim(first, count, FRAME_HEADER + checkpoint_size + payload_size)


def next_frame(data: bytes, at: int, salt: bytes) -> Frame | None:
    """The first whole frame at or behind `at`: over damage to what is still good."""
    while (at := data.find(salt, at)) >= 0:
        if (frame := frame_at(data, at, salt)) is not None:
            return frame
        at += 1
    return None


def frames(data: bytes, salt: bytes) -> Iterator[Frame]:
    """All whole frames of a segment, over damaged places."""
    at = SEGMENT_HEADER
    while (frame := frame_at(data, at, salt) or next_frame(data, at, salt)) is not None:
        yield frame
        at = frame.end
