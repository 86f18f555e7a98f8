"""Files and folders, read once or followed.

- A file is known by device and inode: a renamed one goes on where it was.
- A file whose first bytes changed or that became shorter is a new one and is read from its start.
- Text of lines is followed: a last line without its end waits for the rest, and so does a record
  that may go on in the next line.
- Everything else (archives, EVTX, JSON documents) is read as a whole, once it stopped changing.
- The origin of a record is `path#stamp` with the time when its file was first seen: unlike the path
  alone it never names two files, so that a position stays an identity when logs are rotated.
"""

import os
from codecs import BOM_UTF8
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fnmatch import fnmatch
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgspec

from tocsin.collect.feed import Feed
from tocsin.collect.port import Checkpoint, Chunk
from tocsin.formats.grouping import Grouping, ZeekRows, grouping_of, header_before
from tocsin.formats.limits import DEFAULT, Limits
from tocsin.formats.lines import LineFramer
from tocsin.formats.read import files_below, printable, read_file
from tocsin.formats.records import Item, RawBatch, Skipped
from tocsin.formats.streams import CHUNK
from tocsin.formats.text import SNIFF, is_line_log

_HEAD = 256
"""So many first bytes tell whether a file is still the same one."""
_MAX_HANDLES = 256
"""Files kept open so that one that is deleted can still be read to its end."""
_REMEMBER = 7 * 86_400_000_000
"""Microseconds for which the position of a vanished file is kept: a share may come back."""
_TURN = 16
"""Full batches of one file before the next file has its turn."""
_LAST_LINE = 1024 * 1024
"""A last line up to this size is given without its end once it is a whole JSON document."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file or folder to read; times are microseconds.

    `include` is a pattern for file names. `settle` is how long a file that is read as a whole, or
    a record of several lines, must stay unchanged before it counts as complete, `patience` how long
    a last line without its end may. What is not followed is complete at once.
    """

    path: Path
    source_id: str | None = None
    follow: bool = True
    include: str = "*"
    settle: int = 2_000_000
    patience: int = 600_000_000


class _Position(msgspec.Struct):
    """What a checkpoint holds for one file.

    Lines up to `seq` are done; reading goes on at byte `offset`, which is behind line `line`. Of a
    file read as a whole, `seq` items are done and `size` is how long it was when it was finished.
    """

    origin: str
    path: str
    head: str = ""
    head_size: int = 0
    seq: int = 0
    offset: int = 0
    line: int = 0
    size: int = -1

    def is_of(self, head: bytes, size: int) -> bool:
        """True when a file of `size` bytes that begins with `head` is the one meant here."""
        return size >= max(self.offset, self.size) and _digest(head[: self.head_size]) == self.head


@dataclass(slots=True)
class _Seen:
    """A file as it was at the last poll (-1: gone), and since when it is like that.

    `done` is set when it was read after all patience: then nothing is left to do.
    """

    size: int = -1
    changed: int = -1
    since: int = 0
    done: bool = False


class Files:
    """The transport for files and folders."""

    def __init__(self, sources: Sequence[FileSource], limits: Limits = DEFAULT) -> None:
        self._sources = sources
        self._limits = limits
        self._positions: dict[str, _Position] = {}
        self._refused: dict[str, _Position] = {}
        self._seen: dict[str, _Seen] = {}
        self._handles: dict[str, tuple[BinaryIO, FileSource]] = {}
        self._headers: dict[str, tuple[bytes, ...]] = {}
        """The Zeek header that holds at the position of a file; found again after a restart."""

    def resume(self, positions: Mapping[str, Any], refused: Mapping[str, Any]) -> None:
        """Take up again where the spool and the dead letters end."""
        self._positions = msgspec.convert(dict(positions), dict[str, _Position])
        self._refused = msgspec.convert(dict(refused), dict[str, _Position])

    def poll(self, now: int) -> Iterator[Chunk]:
        """What is new in all files; `now` is microseconds UTC."""
        present: set[str] = set()
        for source in self._sources:
            for found in files_below(source.path):
                if isinstance(found, Skipped):
                    present.add(found.origin)
                    yield from self._unreadable(found, source)
                elif fnmatch(found.name, source.include):
                    yield from self._visit(found, source, now, present)
        for key in self._positions.keys() - present:
            yield from self._gone(key, now)
        for key in self._seen.keys() - present - self._positions.keys():
            del self._seen[key]

    def durable(self, chunks: Sequence[Chunk]) -> None:
        """Nobody waits for an answer: the position is in the spool."""

    def close(self) -> None:
        """Close the files that are followed."""
        for file, _ in self._handles.values():
            file.close()
        self._handles.clear()

    def _unreadable(self, found: Skipped, source: FileSource) -> Iterator[Chunk]:
        """Say once that something cannot be read."""
        if found.origin not in self._positions:
            position = _Position(found.origin, found.origin, seq=1)
            yield self._chunk(found.origin, position, RawBatch(problems=[found]), source)

    def _visit(
        self, path: Path, source: FileSource, now: int, present: set[str]
    ) -> Iterator[Chunk]:
        try:
            status = path.stat()
        except OSError:
            return
        key = f"{status.st_dev}:{status.st_ino}"
        if key in present:
            return
        present.add(key)
        seen = self._seen.setdefault(key, _Seen())
        if (seen.size, seen.changed) != (status.st_size, status.st_mtime_ns):
            seen.size, seen.changed, seen.since = status.st_size, status.st_mtime_ns, now
            seen.done = False
        elif seen.done or self._is_read(key, status.st_size):
            return
        rested = now - seen.since if source.follow else source.patience
        try:
            with path.open("rb") as file:
                ended = yield from self._read(key, file, path, source, now=now, rested=rested)
                seen.done = ended and rested >= source.patience
        except OSError as error:
            problem = Skipped(printable(path), "io-error", error.strerror or str(error))
            present.add(problem.origin)
            yield from self._unreadable(problem, source)

    def _is_read(self, key: str, size: int) -> bool:
        position = self._positions.get(key)
        return position is not None and size in (position.offset, position.size)

    def _read(
        self, key: str, file: BinaryIO, path: Path, source: FileSource, *, now: int, rested: int
    ) -> Generator[Chunk, None, bool]:
        """Read on; `rested` is for how long the file did not change. False: more is there."""
        head = file.read(SNIFF)
        position = self._position(key, file, printable(path), head, now)
        end = rested >= source.patience
        if is_line_log(head, path.name):
            self._keep(key, file, source)
            settled = rested >= source.settle
            if settled:
                end |= position.path != printable(path) or _whole_json(file, position)
            close = settled or end
            return (yield from self._lines(key, file, position, source, end=end, close=close))
        if head and (end or (rested >= source.settle and not _may_grow(head))):
            yield from self._whole(key, file, position, source)
        return True

    def _position(self, key: str, file: BinaryIO, path: str, head: bytes, now: int) -> _Position:
        """Where to go on in this file, from the start when it is not the one that was known."""
        size = os.fstat(file.fileno()).st_size
        known = self._positions.get(key)
        if known is not None and known.is_of(head, size):
            if known.head_size < _HEAD:
                known.head, known.head_size = _digest(head), len(head[:_HEAD])
            return known
        refused = self._refused.get(key)
        if known is None and refused is not None and refused.is_of(head, size):
            # Its first problems were kept but not its first records: begin, under the same name.
            return _Position(refused.origin, path, _digest(head), len(head[:_HEAD]))
        return _Position(f"{path}#{now:x}", path, _digest(head), len(head[:_HEAD]))

    def _keep(self, key: str, file: BinaryIO, source: FileSource) -> None:
        """Hold a followed file open: when it is deleted, its last lines can still be read."""
        if not source.follow or key in self._handles:
            return
        if len(self._handles) >= _MAX_HANDLES:
            oldest, _ = self._handles.pop(next(iter(self._handles)))
            oldest.close()
        self._handles[key] = (os.fdopen(os.dup(file.fileno()), "rb"), source)

    def _gone(self, key: str, now: int) -> Iterator[Chunk]:
        """Read a vanished file to its end; forget it when it was deleted or stays away."""
        deleted = False
        if key in self._handles:
            file, source = self._handles.pop(key)
            with file, suppress(OSError):
                deleted = not os.fstat(file.fileno()).st_nlink
                yield from self._drain(key, file, source)
        seen = self._seen.get(key)
        if not deleted and (seen is None or seen.size >= 0):
            self._seen[key] = _Seen(since=now)
        elif deleted or (seen and now - seen.since > _REMEMBER):
            # Of a deleted file the inode may soon name another one: it must not be taken for it.
            del self._positions[key]
            self._headers.pop(key, None)
            yield Chunk(RawBatch(), None, Checkpoint(key, None))

    def _drain(self, key: str, file: BinaryIO, source: FileSource) -> Iterator[Chunk]:
        ended = False
        while not ended:
            ended = yield from self._lines(key, file, self._positions[key], source, end=True)

    def _lines(
        self,
        key: str,
        file: BinaryIO,
        position: _Position,
        source: FileSource,
        *,
        end: bool,
        close: bool = True,
    ) -> Generator[Chunk, None, bool]:
        """Records of lines behind the position.

        With `close` also a record that might go on, with `end` a last line without its line end.
        False when there are so many that other files should have their turn first.
        """
        grouping = self._grouping(key, file, position)
        at = file.seek(position.offset or _mark_size(file))
        framer = LineFramer(position.origin, self._limits, position.line)
        feed = Feed(position.seq, self._refused_up_to(key, position))
        ends = [_Place(at, position.line, _header(grouping))]
        turn = _TURN
        while chunk := file.read(CHUNK):
            at += len(chunk)
            for batch, seq in feed.take_lines(grouping.feed(framer.feed(chunk))):
                # Go on behind lines only that are all in what was given.
                ends = [place for place in ends if place.line <= seq][-1:] or ends[:1]
                position.seq = seq
                self._go_on(key, position, ends[0])
                yield self._chunk(key, position, batch, source)
                turn -= 1
                if not turn:
                    return False
            ends.append(_before_open(file, at - framer.pending, framer.line, grouping))
        rest: list[Item] = []
        if end:
            rest += grouping.feed(framer.finish())
        if close:
            rest += grouping.finish()
        for batch, seq in feed.take_lines(rest):
            position.seq = seq
            yield self._chunk(key, position, batch, source)
        if end or close:
            behind = at if end else at - framer.pending
            ends.append(_Place(behind, framer.line, _header(grouping)))
        self._go_on(key, position, ends[-1])
        position.seq = max(position.seq, position.line)
        yield from self._last(key, position, feed, source)
        return True

    def _go_on(self, key: str, position: _Position, place: "_Place") -> None:
        """Let reading go on at a place."""
        position.offset, position.line = place.offset, place.line
        if place.header:
            self._headers[key] = place.header

    def _grouping(self, key: str, file: BinaryIO, position: _Position) -> Grouping:
        """What makes records of the lines behind the position."""
        file.seek(0)
        head = file.read(_HEAD)
        header = self._headers.get(key) if position.offset else ()
        grouping = grouping_of(head, header or ())
        if header is None and isinstance(grouping, ZeekRows):
            file.seek(0)
            grouping = ZeekRows(header_before(_up_to(file, position.offset)))
        return grouping

    def _whole(
        self, key: str, file: BinaryIO, position: _Position, source: FileSource
    ) -> Iterator[Chunk]:
        """Everything in a file behind the items that were read before."""
        file.seek(0)
        size = os.fstat(file.fileno()).st_size
        feed = Feed(position.seq, self._refused_up_to(key, position))
        for batch, seq in feed.take_items(read_file(position.origin, file, size, self._limits)):
            position.seq = seq
            yield self._chunk(key, position, batch, source)
        position.seq = max(position.seq, feed.last)
        position.size = size
        yield from self._last(key, position, feed, source)

    def _last(
        self, key: str, position: _Position, feed: Feed, source: FileSource
    ) -> Iterator[Chunk]:
        batch = feed.gather.take()
        if len(batch) or batch.problems or position.size >= 0:
            yield self._chunk(key, position, batch, source)
        else:
            self._positions[key] = position

    def _chunk(self, key: str, position: _Position, batch: RawBatch, source: FileSource) -> Chunk:
        self._positions[key] = position
        return Chunk(batch, source.source_id, Checkpoint(key, msgspec.to_builtins(position)))

    def _refused_up_to(self, key: str, position: _Position) -> int:
        refused = self._refused.get(key)
        return refused.seq if refused is not None and refused.origin == position.origin else 0


def _digest(head: bytes) -> str:
    return blake2b(head[:_HEAD], digest_size=8).hexdigest()


def _mark_size(file: BinaryIO) -> int:
    """Length of the byte order mark at the start of UTF-8 text, usually 0."""
    file.seek(0)
    return len(BOM_UTF8) if file.read(len(BOM_UTF8)) == BOM_UTF8 else 0


class _Place(NamedTuple):
    """Where reading may go on: at a byte behind a line, with the Zeek header that holds there."""

    offset: int
    line: int
    header: tuple[bytes, ...]


def _header(grouping: Grouping) -> tuple[bytes, ...]:
    return grouping.header if isinstance(grouping, ZeekRows) else ()


def _before_open(file: BinaryIO, end: int, line: int, grouping: Grouping) -> _Place:
    """Behind the last line before the record that is still open.

    `end` is behind line `line`, the last one that was fed. The file is left where it was read to.
    """
    lines = grouping.open_lines(line)
    if not lines:
        return _Place(end, line, _header(grouping))
    back = file.tell()
    text = b""
    start = end
    while text.count(b"\n") <= lines and start:
        size = min(CHUNK, start)
        start -= size
        file.seek(start)
        text = file.read(size) + text
    file.seek(back)
    text = text[: end - start]
    cut = len(text)
    for _ in range(lines + 1):
        cut = text.rfind(b"\n", 0, cut)
    return _Place(start + cut + 1, line - lines, ())


def _up_to(file: BinaryIO, end: int) -> Iterator[bytes]:
    """The bytes from where the file stands up to `end`."""
    while data := file.read(min(CHUNK, end - file.tell())):
        yield data


def _may_grow(head: bytes) -> bool:
    """True for the beginning of a first JSON line that is still being written."""
    return head.lstrip()[:1] == b"{" and b"\n" not in head and len(head) < SNIFF


def _whole_json(file: BinaryIO, position: _Position) -> bool:
    """True when the text behind the last line end is a JSON document, so nothing can be missing."""
    size = os.fstat(file.fileno()).st_size
    file.seek(max(position.offset, size - _LAST_LINE))
    tail = file.read(_LAST_LINE).rpartition(b"\n")[2]
    if not tail.startswith(b"{"):
        return False
    try:
        msgspec.json.decode(tail, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
