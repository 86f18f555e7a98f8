"""Windows event logs (EVTX), chunk by chunk: a damaged chunk or record costs only itself.

Each 64 KiB chunk is complete in itself, so it is handed to the parser behind a file header of its
own. That reads a file of any size in constant memory and in a file that was not closed properly
finds the chunks its header does not count.

The tables of strings and templates in a chunk's header are blanked first. They only save look-ups
(records name what they use by its place, and the JSON is the same), but their entries are linked
lists, and the parser follows one that leads into itself for ever. What else may make it fail,
`evtx_guard` bounds.
"""

import zlib
from collections.abc import Iterator

from tocsin.formats.evtx_child import Ask
from tocsin.formats.evtx_guard import GUARD, Lost
from tocsin.formats.limits import Limits, Unreadable
from tocsin.formats.records import Block, Item, Rejected, Skipped
from tocsin.formats.streams import Source, read_exactly

MAGIC = b"ElfFile\0"
_CHUNK_MAGIC = b"ElfChnk\0"
_HEADER = 4096
_CHUNK = 65536
_TABLES, _RECORDS = 128, 512
"""Where a chunk's tables of strings (64) and templates (32 offsets) begin, and its records."""
_Problem = tuple[str, str, bytes]
SECONDS = 2.0
"""Processor time for one chunk; a full real one takes about a millisecond."""
LEAST = 0.1
"""A file's chunks get half the time after each that needed more than its own, down to this: a
file made of nothing else costs time in proportion to its size, and whole chunks are still read."""


def read_evtx(source: Source, origin: str, limits: Limits) -> Iterator[Item]:
    """The JSON of every record as `evtx_dump` prints it, a block for each chunk."""
    header = read_exactly(source, _HEADER)
    if len(header) < _HEADER or not header.startswith(MAGIC):
        yield Skipped(origin, "truncated", "EVTX file header is not whole")
        return
    front, counted = _one_chunk_header(header), int.from_bytes(header[42:44], "little")
    position = unused = 0
    index, seconds = -1, SECONDS
    chunk, failure = b"\0" * _CHUNK, None
    while failure is None and len(chunk) == _CHUNK:
        index += 1
        chunk, failure = _chunk(source)
        if chunk.startswith(_CHUNK_MAGIC):
            whole = chunk.ljust(_CHUNK, b"\0")
            raws, problems, seconds = _records(front, whole, seconds, limits)
            yield from _items(origin, position, index, raws, problems)
            position += len(raws) + len(problems)
        elif index < counted and chunk.strip(b"\0"):
            position += 1
            yield Rejected(origin, position, "corrupt", f"chunk {index}: no chunk", chunk)
        elif chunk.strip(b"\0"):
            unused += 1
    if unused:
        yield Skipped(origin, "unused-space", f"{unused} blocks that its header does not count")
    if failure is not None:
        raise failure
    if chunk.strip(b"\0"):
        yield Skipped(origin, "truncated", f"chunk {index} has {len(chunk)} bytes")


def _items(
    origin: str, position: int, index: int, raws: list[bytes], problems: list[_Problem]
) -> Iterator[Item]:
    """What one chunk gave, numbered behind `position`."""
    if raws:
        yield Block(origin, range(position + 1, position + 1 + len(raws)), raws)
    for number, (reason, detail, raw) in enumerate(problems, position + len(raws) + 1):
        yield Rejected(origin, number, reason, f"chunk {index}: {detail}", raw)


def _chunk(source: Source) -> tuple[bytes, Unreadable | None]:
    """The next chunk, as far as the stream gives it, and the failure that cut it."""
    parts: list[bytes] = []
    left = _CHUNK
    try:
        while left and (part := source.read(left)):
            parts.append(part)
            left -= len(part)
    except Unreadable as failure:
        return b"".join(parts), failure
    return b"".join(parts), None


def _one_chunk_header(header: bytes) -> bytes:
    """The file's header, changed to say: one chunk follows."""
    front = bytearray(header)
    front[8:24] = bytes(16)
    front[42:44] = (1).to_bytes(2, "little")
    front[124:128] = zlib.crc32(bytes(front[:120])).to_bytes(4, "little")
    return bytes(front)


def _records(
    front: bytes, chunk: bytes, seconds: float, limits: Limits
) -> tuple[list[bytes], list[_Problem], float]:
    """JSON of a chunk's records, (reason, detail, raw) of the others, and the next one's time."""
    data = front + chunk[:_TABLES] + bytes(_RECORDS - _TABLES) + chunk[_RECORDS:]
    try:
        reply = GUARD.parse(Ask(data, seconds, limits.max_record, limits.kept_of_rejected))
    except Lost as lost:
        return [], [("corrupt", str(lost), chunk)], max(seconds / 2, LEAST)
    problems = reply.problems
    for index, (reason, detail, _) in enumerate(problems):
        if reason == "corrupt":
            problems[index] = (reason, detail, chunk)
            break
    return reply.raws, problems, seconds
