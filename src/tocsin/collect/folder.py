"""The folder of one spool partition: which files it has, and their names.

<first offset, 20 digits>.seg    records from that offset on
<first offset>-<byte>.torn       a torn tail, kept aside when the writer cut it off
checkpoints.json                 positions of the transports up to an offset
lock                             held by the one writer
"""

import fcntl
import os
import re
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec

from tocsin import crash
from tocsin.errors import StorageError

_SEGMENT_NAME = re.compile(r"(\d{20})\.seg")
_PARTITION = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
_SNAPSHOT = "checkpoints.json"
KEEP = "keep.lock"
"""Below the root of the spool: held by a backup, and nothing is released."""


class Segment(NamedTuple):
    """A segment file and the offset of its first record."""

    first: int
    path: Path


class Backlog(NamedTuple):
    """What a partition holds: bytes on disk, offset of the oldest record it can still give."""

    size: int
    oldest: int


class Snapshot(msgspec.Struct, frozen=True):
    """The position of every transport key as of record `upto`."""

    upto: int = -1
    checkpoints: dict[str, msgspec.Raw] = {}
    version: int = 1


def partition_folder(root: Path, partition: str) -> Path:
    """The folder of a partition; raises StorageError for a name that is none."""
    if not _PARTITION.fullmatch(partition):
        raise StorageError(f"{partition!r} cannot be the name of a spool partition")
    return root / partition


def segments(folder: Path) -> list[Segment]:
    """The segments of a partition, oldest first; none when it does not exist yet."""
    try:
        names = os.listdir(folder)  # noqa: PTH208 - names only: called for every read
    except FileNotFoundError:
        return []
    found = (match for name in names if (match := _SEGMENT_NAME.fullmatch(name)))
    return sorted(Segment(int(match[1]), folder / match[0]) for match in found)


def segment_path(folder: Path, first: int) -> Path:
    """Where the segment that begins at offset `first` lies."""
    return folder / f"{first:020d}.seg"


def backlog(root: Path, partition: str) -> Backlog:
    """Bytes and oldest offset of a partition; of a partition without segments (0, 0)."""
    parts = segments(partition_folder(root, partition))
    return Backlog(sum(size_of(part.path) for part in parts), parts[0].first if parts else 0)


def size_of(path: Path) -> int:
    """Size in bytes; 0 for a file that was just released."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def release(root: Path, partition: str, up_to: int) -> int:
    """Remove the segments whose records all have offsets of at most `up_to`; gives bytes freed.

    The newest segment stays, and so does one whose checkpoints no snapshot has yet: after that the
    transports could not tell any more what was read. All stay while a backup holds the lock `KEEP`.
    """
    if _kept(root):
        return 0
    folder = partition_folder(root, partition)
    parts = segments(folder)
    covered = min(up_to, load_snapshot(folder).upto)
    freed = 0
    for part, following in pairwise(parts):
        if following.first - 1 > covered:
            break
        freed += size_of(part.path)
        part.path.unlink(missing_ok=True)
    if freed:
        sync_folder(folder)
        crash.point("spool.released")
    return freed


def _kept(root: Path) -> bool:
    """Whether a backup is under way."""
    try:
        handle = os.open(root / KEEP, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def load_snapshot(folder: Path) -> Snapshot:
    """The stored snapshot, an empty one when there is none; StorageError when it is damaged."""
    path = folder / _SNAPSHOT
    try:
        return msgspec.json.decode(path.read_bytes(), type=Snapshot)
    except FileNotFoundError:
        return Snapshot()
    except (msgspec.DecodeError, OSError) as error:
        raise StorageError(
            f"{path} cannot be read ({error}); restore it, or remove it to have all sources read"
            " again from their beginning"
        ) from error


def store_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Replace the snapshot; durable on return."""
    fresh = folder / f"{_SNAPSHOT}.new"
    write_durably(fresh, msgspec.json.encode(snapshot))
    fresh.replace(folder / _SNAPSHOT)
    sync_folder(folder)
    crash.point("spool.snapshot")


def write_durably(path: Path, data: bytes) -> None:
    """Write a whole file and fsync it; its folder is the caller's."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def make_folder(folder: Path) -> None:
    """Make a folder whose own name is durable too; one that is there may have been made just now.

    The folder above it must be durable already.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
