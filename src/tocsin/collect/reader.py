"""The reading side of the spool: any process, by partition and offset.

A frame is handed on only after this side has synced it too: what a reader has acted on can never
be missing after a power cut.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from tocsin.collect.folder import Segment, partition_folder, segments
from tocsin.collect.frames import (
    FRAME_HEADER,
    SEGMENT_HEADER,
    Frame,
    claim_of,
    frame_at,
    frames,
    next_frame,
    salt_of,
)
from tocsin.errors import StorageError
from tocsin.model.envelope import BATCH_BYTES, BATCH_ROWS


@dataclass(slots=True)
class _Place:
    """Where reading goes on in one partition."""

    segment: Segment
    handle: int
    salt: bytes
    at: int
    following: int
    """The offset that is wanted next."""
    held: pa.RecordBatch | None = None
    """Rows of a frame of which only a part was asked for."""
    searched: tuple[int, int] = (-1, -1)
    """(byte, file size) for which the search for a later frame was in vain."""


class SpoolReader:
    """Reads partitions below `root`; keeps its place, so that going on costs no search."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._places: dict[str, _Place] = {}
        self.damaged: list[str] = []
        """Places that were passed over because no frame there is whole any more."""

    def read(self, partition: str, after: int, max_rows: int = BATCH_ROWS) -> pa.RecordBatch | None:
        """The next records after offset `after` (-1: from the oldest), or None when none are there.

        At most `max_rows` rows and about 16 MB, in the schema they were written with.
        """
        try:
            return self._read(partition, after + 1, max_rows)
        except (OSError, pa.ArrowInvalid) as error:
            self.forget(partition)
            raise StorageError(f"spool {self._root / partition}: {error}") from error

    def forget(self, partition: str) -> None:
        """Let go of the place in a partition and of its file."""
        if (place := self._places.pop(partition, None)) is not None:
            os.close(place.handle)

    def close(self) -> None:
        """Let go of every file."""
        for partition in list(self._places):
            self.forget(partition)

    def _read(self, partition: str, wanted: int, max_rows: int) -> pa.RecordBatch | None:
        place = self._places.get(partition)
        if place is None or place.following != wanted:
            self.forget(partition)
            place = self._seek(partition_folder(self._root, partition), wanted)
            if place is None:
                return None
            self._places[partition] = place
        parts: list[pa.RecordBatch] = []
        rows = size = 0
        while rows < max_rows and size < BATCH_BYTES:
            part = self._take(place, max_rows - rows)
            if part is None:
                break
            parts.append(part)
            rows += part.num_rows
            size += part.nbytes
        if not parts:
            return None
        os.fdatasync(place.handle)
        return parts[0] if len(parts) == 1 else pa.concat_batches(parts)

    def _take(self, place: _Place, max_rows: int) -> pa.RecordBatch | None:
        rows = place.held
        place.held = None
        while rows is None:
            frame = self._next(place)
            if frame is None:
                return None
            skip = max(place.following - frame.first, 0)
            if skip < frame.rows:
                rows = _to_rows(frame).slice(skip)
                place.following = frame.first + skip
        taken = rows.slice(0, max_rows)
        if taken.num_rows < rows.num_rows:
            place.held = rows.slice(taken.num_rows)
        place.following += taken.num_rows
        return taken

    def _next(self, place: _Place) -> Frame | None:
        """The next whole frame, in this segment or a later one."""
        while (frame := _frame(place)) is None:
            newer = [part for part in segments(place.segment.path.parent) if part > place.segment]
            # The writer may have completed it and gone on to a new segment meanwhile.
            if (frame := _frame(place)) is not None:
                break
            size = os.fstat(place.handle).st_size
            if size > place.at and self._over_damage(place, size):
                continue
            if not self._move(place, newer, size):
                return None
        place.at = frame.end
        return frame

    def _over_damage(self, place: _Place, size: int) -> bool:
        """Go to the next whole frame behind something that is none; False when there is none."""
        if place.searched == (place.at, size):
            return False
        rest = os.pread(place.handle, size - place.at, place.at)
        later = next_frame(rest, 1, place.salt)
        if later is None:
            place.searched = (place.at, size)
            return False
        if _frame(place) is None:
            found = place.at + later.at
            self.damaged.append(f"{place.segment.path}: bytes {place.at} to {found}")
            place.at = found
        return True

    def _move(self, place: _Place, newer: list[Segment], size: int) -> bool:
        opened = self._open(newer)
        if opened is None:
            return False
        if size > place.at:
            self.damaged.append(f"{place.segment.path}: bytes {place.at} to {size}")
        os.close(place.handle)
        place.segment, place.handle, place.salt = opened
        place.at = SEGMENT_HEADER
        return True

    def _open(self, parts: list[Segment]) -> tuple[Segment, int, bytes] | None:
        """The first segment that can be opened; only the newest may still be on its way."""
        for part in parts:
            if (opened := _open(part)) is not None:
                return part, *opened
            if part != parts[-1] and part.path.exists():
                self.damaged.append(f"{part.path}: no header")
        return None

    def _seek(self, folder: Path, wanted: int) -> _Place | None:
        parts = segments(folder)
        if not parts:
            return None
        first = max((part for part in parts if part.first <= wanted), default=parts[0])
        opened = self._open([part for part in parts if part >= first])
        if opened is None:
            return None
        place = _Place(*opened, SEGMENT_HEADER, wanted)
        if not _step_over(place, wanted):
            data = os.pread(place.handle, os.fstat(place.handle).st_size, 0)
            for frame in frames(data, place.salt):
                place.at = frame.at
                if frame.first + frame.rows > wanted:
                    break
                place.at = frame.end
        return place


def _step_over(place: _Place, wanted: int) -> bool:
    """Move to the frame that holds `wanted` by headers alone; False when they do not add up."""
    expected = place.segment.first
    size = os.fstat(place.handle).st_size
    while place.at < size:
        claim = claim_of(os.pread(place.handle, FRAME_HEADER, place.at), place.salt)
        if claim is None or claim.first != expected or place.at + claim.size > size:
            return False
        expected = claim.first + claim.rows
        if expected > wanted:
            break
        place.at += claim.size
    return True


def _open(part: Segment) -> tuple[int, bytes] | None:
    """A segment's handle and salt; None when it was released or its header is not whole yet."""
    try:
        handle = os.open(part.path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    salt = salt_of(os.pread(handle, SEGMENT_HEADER, 0))
    if salt is None:
        salt = salt_of(os.pread(handle, os.fstat(handle).st_size, 0))
    if salt is None:
        os.close(handle)
        return None
    return handle, salt


def _frame(place: _Place) -> Frame | None:
    claim = claim_of(os.pread(place.handle, FRAME_HEADER, place.at), place.salt)
    if claim is None:
        return None
    found = frame_at(os.pread(place.handle, claim.size, place.at), 0, place.salt)
    return found and found._replace(at=place.at, end=place.at + found.end)


def _to_rows(frame: Frame) -> pa.RecordBatch:
    with pa.ipc.open_stream(pa.py_buffer(frame.payload)) as stream:
        return stream.read_next_batch()
