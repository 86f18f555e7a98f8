"""What delta-rs leaves to its caller: making a commit durable, and outliving a torn one.

delta-rs puts a log entry in place with one link call, so a reader never sees half of it. It does
not fsync: after a power cut the newest entries may be missing, or be there without their content.
"""

import os
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

LOG = "_delta_log"
_POINTER = "_last_checkpoint"
_UNSURE = 100
"""Newest entries that are forced at the start: each writer leaves at most one unforced."""


def fsync(path: Path) -> None:
    """Force a file's content, or a folder's list of names, to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class LogSync:
    """Forces the log of one table to disk, each entry once."""

    def __init__(self, table: Path) -> None:
        self._table = table
        self._done: set[str] = set()

    def sync(self) -> None:
        """Entries, checkpoints and their folders are on disk when this returns.

        The first call also takes up what an earlier process committed but may not have forced.
        """
        log = self._table / LOG
        entries = sorted(entry.name for entry in os.scandir(log) if _is_entry(entry.name))
        new = [name for name in entries if name not in self._done]
        for name in new if self._done else new[-_UNSURE:]:
            fsync(log / name)
        fsync(log)
        if not self._done:
            fsync(self._table)
            fsync(self._table.parent)
        self._done = {name for name in entries if name != _POINTER}


def drop_torn_tail(table: Path) -> list[str]:
    """Remove what a power cut left unfinished at the end of a table's log; returns the names.

    Only the newest entry and the newest checkpoint can be torn, and only before their commit was
    acknowledged: what such an entry added is appended again by its owner.
    """
    log = table / LOG
    if not log.is_dir():
        return []
    torn = []
    entries = sorted(log.glob("*.json"))
    if entries and not _whole_entry(entries[-1]):
        torn.append(entries[-1])
    checkpoints = sorted(log.glob("*.checkpoint*.parquet"))
    pointer = log / _POINTER
    if checkpoints and not _whole_checkpoint(checkpoints[-1]):
        torn += [checkpoints[-1], pointer]
    elif pointer.exists() and not _is_json(pointer.read_bytes()):
        torn.append(pointer)
    for path in torn:
        path.unlink(missing_ok=True)
    return [path.name for path in torn]


def _is_entry(name: str) -> bool:
    """Whether a file of the log folder is part of the log (not a temporary file)."""
    return name.endswith((".json", ".parquet")) or name == _POINTER


def _whole_entry(path: Path) -> bool:
    lines = path.read_bytes().splitlines()
    return bool(lines) and all(_is_json(line) for line in lines)


def _whole_checkpoint(path: Path) -> bool:
    try:
        pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError):
        return False
    return True


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data)
    except msgspec.DecodeError:
        return False
    return True
