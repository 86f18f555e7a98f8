"""From paths and bytes to raw records: the front door of this package.

`read_batches` is the fast way in; `read_path` gives the same records one by one.
"""

import io
import os
import stat
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import BinaryIO

from tocsin.formats.containers import Leaf, Opening, leaves
from tocsin.formats.limits import DEFAULT, Account, Limits, Unreadable
from tocsin.formats.records import Block, Item, RawBatch, RawRecord, Rejected, Skipped
from tocsin.formats.streams import Opened, Peeked
from tocsin.formats.text import read_leaf
from tocsin.model.envelope import BATCH_BYTES, BATCH_ROWS

_CONTENT_SUFFIXES = (".yml", ".yaml")
_NO_CONTENT = {"not-a-file", "unsupported-archive", "trailing-data"}
"""Reasons for which something beside the content may be passed over."""
_MAX_CONTENT = 4 * 1024 * 1024
MAX_PROBLEMS = 1024
"""Problems of one batch: with what a reject keeps, at most 64 MiB."""


def read_bytes(name: str, data: bytes, limits: Limits = DEFAULT) -> Iterator[Item]:
    """Blocks and problems of one file that is already in memory; `name` is its origin."""
    yield from read_file(name, io.BytesIO(data), len(data), limits)


def read_path(path: Path, limits: Limits = DEFAULT) -> Iterator[RawRecord | Skipped | Rejected]:
    """Every record and problem of a file or folder, in order of name."""
    for item in read_items(path, limits):
        if isinstance(item, Block):
            yield from map(RawRecord, [item.origin] * len(item.raws), item.positions, item.raws)
        else:
            yield item


def read_items(path: Path, limits: Limits = DEFAULT) -> Iterator[Item]:
    """The same as `read_path`, with consecutive records as blocks."""
    for found in files_below(path):
        if isinstance(found, Skipped):
            yield found
        else:
            yield from (item for item, _ in _tracked(found, limits))


def read_batches(
    paths: Iterable[Path],
    limits: Limits = DEFAULT,
    *,
    max_rows: int = BATCH_ROWS,
    max_bytes: int = BATCH_BYTES,
) -> Iterator[RawBatch]:
    """Records of all paths in full batches; problems ride on the batch they were met in."""
    gather = Gather(max_rows, max_bytes)
    done = 0
    for path in paths:
        for found in files_below(path):
            if isinstance(found, Skipped):
                gather.batch.problems.append(found)
                continue
            for item, at in _tracked(found, limits):
                gather.bytes_read = done + at
                yield from gather.add(item)
            done += _size(found)
            gather.bytes_read = done
    if len(gather.batch) or gather.batch.problems:
        yield gather.take()


class Gather:
    """Collects items into batches of bounded rows and bytes."""

    def __init__(self, max_rows: int = BATCH_ROWS, max_bytes: int = BATCH_BYTES) -> None:
        self.batch = RawBatch()
        self.bytes_read = 0
        self._max_rows = max_rows
        self._max_bytes = max_bytes

    def add(self, item: Item) -> Iterator[RawBatch]:
        """Take an item; gives each batch that became full."""
        if not isinstance(item, Block):
            self.batch.problems.append(item)
            if len(self.batch.problems) >= MAX_PROBLEMS:
                yield self.take()
            return
        while item.raws:
            fits = self.fill(item)
            if self.full or not fits:
                yield self.take()
            item = Block(item.origin, item.positions[fits:], item.raws[fits:])

    @property
    def full(self) -> bool:
        """True when not one more record goes in."""
        return len(self.batch) >= self._max_rows or self.batch.size >= self._max_bytes

    def fill(self, block: Block) -> int:
        """Take as many records from the front of a block as fit and say how many.

        0 asks for `take` first; one always fits into an empty batch.
        """
        fits = self._fitting(block.raws)
        if fits:
            self.batch.add(Block(block.origin, block.positions[:fits], block.raws[:fits]))
        return fits

    def take(self) -> RawBatch:
        """The batch as it is; the next one starts empty."""
        full, self.batch = self.batch, RawBatch()
        full.bytes_read = self.bytes_read
        return full

    def _fitting(self, raws: list[bytes]) -> int:
        """How many of `raws` still fit; at least one fits into an empty batch."""
        rows = min(len(raws), self._max_rows - len(self.batch))
        room = self._max_bytes - self.batch.size
        if sum(map(len, raws[:rows])) <= room:
            return rows
        size = 0
        for index, raw in enumerate(raws[:rows]):
            size += len(raw)
            if size > room:
                return index if index or len(self.batch) else 1
        return rows


def total_bytes(paths: Iterable[Path]) -> int:
    """Size on disk of all files below the paths: what `RawBatch.bytes_read` counts up to."""
    return sum(_size(f) for path in paths for f in files_below(path) if not isinstance(f, Skipped))


def files_below(path: Path) -> Iterator[Path | Skipped]:
    """Regular files at or below `path`, in order of name; each folder once, links followed."""
    yield from _below(path, set())


def _below(path: Path, seen: set[tuple[int, int]]) -> Iterator[Path | Skipped]:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            if (status.st_dev, status.st_ino) in seen:
                return
            seen.add((status.st_dev, status.st_ino))
            # A followed folder is listed several times a second: plain files cost no stat here.
            with os.scandir(path) as found:
                entries = sorted(found, key=attrgetter("name"))
            for entry in entries:
                if entry.is_file():
                    yield Path(entry.path)
                else:
                    yield from _below(Path(entry.path), seen)
        elif stat.S_ISREG(status.st_mode):
            yield path
        else:
            yield Skipped(printable(path), "not-a-file", "device, socket or pipe")
    except OSError as error:
        yield Skipped(printable(path), "io-error", error.strerror or str(error))


def read_members(
    path: Path,
    limits: Limits = DEFAULT,
    *,
    suffixes: tuple[str, ...] = _CONTENT_SUFFIXES,
    most: int = _MAX_CONTENT,
) -> Iterator[tuple[str, bytes]]:
    """Every YAML file of a folder or archive with its name: content that comes as one archive.

    `suffixes` are how the names of other files end (an empty one: any), `most` how many bytes one
    may have. Raises Unreadable when something is broken: half a rule set is worse than none.
    """
    for found in files_below(path):
        if isinstance(found, Skipped):
            _insist(found)
            continue
        with found.open("rb") as file:
            for leaf in _leaves(printable(found), file, _size(found), limits):
                if isinstance(leaf, Skipped):
                    _insist(leaf)
                elif leaf.origin.lower().endswith(suffixes):
                    yield leaf.origin, _whole(leaf, most)


def _insist(skipped: Skipped) -> None:
    if skipped.reason not in _NO_CONTENT:
        raise Unreadable(skipped.reason, f"{skipped.origin}: {skipped.detail}")


def _whole(leaf: Leaf, most: int) -> bytes:
    data = bytearray()
    while part := leaf.source.read(_MAX_CONTENT):
        data += part
        if len(data) > most:
            raise Unreadable("too-large", f"{leaf.origin}: over {most} bytes")
    return bytes(data)


def printable(path: Path) -> str:
    """A path as text that can be stored: bytes that are no UTF-8 are written out."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _tracked(path: Path, limits: Limits) -> Iterator[tuple[Item, int]]:
    """The items of a file on disk, each with how far the file was read."""
    origin = printable(path)
    try:
        file = path.open("rb")
    except OSError as error:
        yield Skipped(origin, "io-error", error.strerror or str(error)), 0
        return
    with file:
        for item in read_file(origin, file, _size(path), limits):
            yield item, file.tell()


def read_file(origin: str, file: BinaryIO, size: int, limits: Limits = DEFAULT) -> Iterator[Item]:
    """Blocks and problems of one open file of `size` bytes, from its beginning."""
    for leaf in _leaves(origin, file, size, limits):
        if isinstance(leaf, Skipped):
            yield leaf
        else:
            yield from read_leaf(leaf, limits)


def _leaves(origin: str, file: BinaryIO, size: int, limits: Limits) -> Iterator[Leaf | Skipped]:
    opening = Opening(origin, Peeked(Opened(file)), 0, file)
    return leaves(opening, Account(limits, size))
