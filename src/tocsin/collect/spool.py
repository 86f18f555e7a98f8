"""The writing side of the spool: the first place where a record is durable.

- A record is acknowledged only after `sync` returned.
- Records and the position up to which their source was read are one frame: durable together or
  not at all, so that a restart neither loses nor doubles.
- One process writes a partition; any number read it.
- Disk full or a failing disk changes nothing that was acknowledged.
"""

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any, Self

import msgspec
import pyarrow as pa

from tocsin import crash
from tocsin.collect import folder as files
from tocsin.collect.frames import (
    SEGMENT_HEADER,
    frames,
    pack_frame,
    salt_of,
    segment_header,
)
from tocsin.collect.port import Checkpoint
from tocsin.errors import StorageError
from tocsin.formats.records import RawBatch, Rejected, Stamp, to_envelope
from tocsin.model import envelope

MIB = 1024 * 1024
_COMPRESSION = pa.ipc.IpcWriteOptions(compression="zstd")


class SpoolFull(StorageError):
    """The spool has its configured size or the disk its reserve: try again later."""


class SpoolLocked(StorageError):
    """Another process writes this partition."""


@dataclass(frozen=True, slots=True)
class SpoolOptions:
    """Sizes in bytes: of one segment, of all of a partition, and what stays free on the disk."""

    segment: int = 64 * MIB
    most: int = 16 * 1024 * MIB
    reserve: int = 512 * MIB


@dataclass(slots=True)
class Recovery:
    """What opening found and did: nothing of it was acknowledged unless `damaged` is set."""

    torn: list[Path] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)


class Spool:
    """The one writer of a partition."""

    def __init__(
        self,
        root: Path,
        partition: str,
        *,
        site: str = "default",
        options: SpoolOptions | None = None,
    ) -> None:
        """Open or create; recovers what a crash left. StorageError when another writes here."""
        self.partition = partition
        self.site = site
        self.recovery = Recovery()
        self._options = options or SpoolOptions()
        self._folder = files.partition_folder(root, partition)
        self._broken = self._unsynced = False
        self._handle = -1
        self._salt = b""
        self._next = self._size = self._total = 0
        self._checkpoints: dict[str, msgspec.Raw] = {}
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            files.sync_folder(root)
            files.sync_folder(root.parent)
            self._lock = _lock(self._folder)
            self._recover()
        except OSError as error:
            raise StorageError(f"spool {self._folder}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def next_offset(self) -> int:
        """The offset that the next record gets."""
        return self._next

    @property
    def broken(self) -> bool:
        """True after a failed fsync: only opening again can tell what the disk has."""
        return self._broken

    def checkpoints(self) -> Mapping[str, Any]:
        """The position of every key, as of the last record."""
        return {key: msgspec.json.decode(raw) for key, raw in self._checkpoints.items()}

    def append(
        self,
        batch: RawBatch,
        *,
        source_id: str | None,
        received_at: int,
        checkpoint: Checkpoint | None,
    ) -> range:
        """Write the records and the position after them; gives their offsets.

        Not acknowledged before `sync`. Raises SpoolFull before anything is written, StorageError
        when the disk refuses; nothing of the batch is then in the spool.
        """
        stamp = Stamp(self.site, self.partition, self._next, source_id, received_at)
        return self._append(to_envelope(batch, stamp), checkpoint)

    def append_rejects(
        self,
        rejects: Sequence[Rejected],
        *,
        source_id: str | None = None,
        received_at: int,
        checkpoint: Checkpoint | None,
    ) -> range:
        """The same for dead letters, in the form of `envelope.REJECTS`."""
        rows = len(rejects)
        columns = [
            pa.repeat(pa.scalar(self.partition, pa.string()), rows),
            pa.array(range(self._next, self._next + rows), pa.int64()),
            pa.array([reject.origin for reject in rejects], pa.string()),
            pa.array([reject.position for reject in rejects], pa.int64()),
            pa.repeat(pa.scalar(received_at, pa.int64()), rows),
            pa.array([reject.reason for reject in rejects], pa.string()),
            pa.array([reject.detail for reject in rejects], pa.string()),
            pa.array([reject.raw for reject in rejects], pa.binary()),
            pa.repeat(pa.scalar(source_id, pa.string()), rows),
        ]
        rows_batch = pa.RecordBatch.from_arrays(columns, schema=envelope.REJECTS)
        return self._append(rows_batch, checkpoint)

    def sync(self) -> None:
        """Make everything appended so far durable: after this it may be acknowledged."""
        if not self._unsynced:
            return
        self._usable()
        try:
            os.fdatasync(self._handle)
        except OSError as error:
            # What the kernel keeps after a failed fsync is undefined: only a recovery can tell.
            self._broken = True
            raise StorageError(f"spool {self._folder}: fsync: {error}") from error
        self._unsynced = False
        crash.point("spool.synced")
        if self._size >= self._options.segment:
            self._rotate()

    def close(self) -> None:
        """Sync and let go of the partition."""
        try:
            if not self._broken:
                self.sync()
        finally:
            os.close(self._handle)
            os.close(self._lock)

    def _append(self, rows: pa.RecordBatch, checkpoint: Checkpoint | None) -> range:
        self._usable()
        note = b"" if checkpoint is None else msgspec.json.encode(checkpoint)
        frame = pack_frame(self._salt, self._next, rows.num_rows, note, _to_bytes(rows))
        self._check_room(len(frame))
        try:
            _write(self._handle, frame)
        except OSError as error:
            self._cut_back()
            raise StorageError(f"spool {self._folder}: {error}") from error
        crash.point("spool.appended")
        offsets = range(self._next, self._next + rows.num_rows)
        self._next = offsets.stop
        self._size += len(frame)
        self._total += len(frame)
        self._unsynced = True
        self._note(note)
        return offsets

    def _usable(self) -> None:
        if self._broken:
            raise StorageError(f"spool {self._folder} must be opened again: an fsync failed")

    def _cut_back(self) -> None:
        try:
            os.ftruncate(self._handle, self._size)
            os.lseek(self._handle, self._size, os.SEEK_SET)
        except OSError:
            self._broken = True

    def _check_room(self, size: int) -> None:
        if self._total + size > self._options.most:
            self._total = sum(files.size_of(part.path) for part in files.segments(self._folder))
        if self._total + size > self._options.most:
            raise SpoolFull(f"spool {self._folder} holds {self._total} bytes, its limit")
        disk = os.statvfs(self._folder)
        if disk.f_bavail * disk.f_frsize - size < self._options.reserve:
            raise SpoolFull(f"the disk of spool {self._folder} is down to its reserve")

    def _note(self, note: bytes) -> None:
        if not note:
            return
        checkpoint = msgspec.json.decode(note, type=_Noted)
        if bytes(checkpoint.position) == b"null":
            self._checkpoints.pop(checkpoint.key, None)
        else:
            self._checkpoints[checkpoint.key] = checkpoint.position

    def _rotate(self) -> None:
        """Close the segment with a snapshot of all positions; go on in a new one.

        A disk too full for that is no fault: all records are durable, the segment just grows on.
        """
        try:
            self._snapshot()
            fresh, salt = _create(self._folder, self._next)
        except OSError:
            return
        os.close(self._handle)
        self._handle, self._salt, self._size = fresh, salt, SEGMENT_HEADER
        crash.point("spool.rotated")

    def _snapshot(self) -> None:
        files.store_snapshot(self._folder, files.Snapshot(self._next - 1, dict(self._checkpoints)))

    def _recover(self) -> None:
        """Find the end of what is whole, cut off what is torn, learn the positions again."""
        snapshot = files.load_snapshot(self._folder)
        self._checkpoints = dict(snapshot.checkpoints)
        self._next = snapshot.upto + 1
        parts = files.segments(self._folder)
        for part, following in zip_longest(parts, parts[1:]):
            if following is None or following.first > snapshot.upto + 1:
                self._learn(part, snapshot.upto, last=following is None)
        self._total = sum(files.size_of(part.path) for part in parts)
        if self._handle < 0:
            self._handle, self._salt = _create(self._folder, self._next)
            self._size = SEGMENT_HEADER

    def _learn(self, part: files.Segment, known: int, *, last: bool) -> None:
        data = part.path.read_bytes()
        salt = salt_of(data)
        end = SEGMENT_HEADER
        self._next = max(self._next, part.first)
        for frame in frames(data, salt) if salt else ():
            if frame.at != end:
                self.recovery.damaged.append(f"{part.path}: bytes {end} to {frame.at}")
            end = frame.end
            self._next = frame.first + frame.rows
            if frame.first > known:
                self._note(frame.checkpoint)
        if last:
            self._reopen(part, data, salt, end)
        elif end != len(data):
            self.recovery.damaged.append(f"{part.path}: bytes {end} to {len(data)}")

    def _reopen(self, part: files.Segment, data: bytes, salt: bytes | None, end: int) -> None:
        """Go on behind the last whole frame; what follows it was never acknowledged."""
        keep = end if salt else 0
        if data[keep:]:
            torn = self._folder / f"{part.path.stem}-{keep}.torn"
            files.write_durably(torn, data[keep:])
            files.sync_folder(self._folder)
            self.recovery.torn.append(torn)
        if salt is None:
            part.path.unlink()
            return
        self._handle = os.open(part.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        os.ftruncate(self._handle, keep)
        os.fsync(self._handle)
        self._salt, self._size = salt, keep


class _Noted(msgspec.Struct):
    key: str
    position: msgspec.Raw


def _lock(folder: Path) -> int:
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise SpoolLocked(f"another process writes to spool {folder}") from error
    return handle


def _create(folder: Path, first: int) -> tuple[int, bytes]:
    """A new segment with its header, name and content durable."""
    salt = os.urandom(8)
    path = files.segment_path(folder, first)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        _write(handle, segment_header(salt, first))
        os.fsync(handle)
        files.sync_folder(folder)
    except OSError:
        os.close(handle)
        path.unlink()
        raise
    return handle, salt


def _write(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]


def _to_bytes(rows: pa.RecordBatch) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=_COMPRESSION) as writer:
        writer.write_batch(rows)
    return memoryview(sink.getvalue())
