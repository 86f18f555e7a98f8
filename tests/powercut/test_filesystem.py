"""The file system for power cuts: keeps what was synced, forgets the rest."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.powercut.disk import Disk, need_fuse

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A disk that is on."""
    need_fuse()
    disk = Disk(tmp_path / "disk")
    disk.on()
    yield disk
    disk.cut()


def sync(path: Path) -> None:
    """fsync of a file or a folder."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def again(disk: Disk) -> list[str]:
    """Cut the power, and what is there then."""
    disk.cut()
    disk.on()
    return sorted(str(path.relative_to(disk.mount)) for path in disk.mount.rglob("*"))


def test_content_survives_as_of_its_last_sync_and_names_as_of_their_folders(disk: Disk) -> None:
    kept, nameless, unsynced = (disk.mount / name for name in ("kept", "nameless", "unsynced"))
    kept.write_bytes(b"one")
    unsynced.write_bytes(b"only its name")
    sync(kept)
    sync(disk.mount)
    with kept.open("ab") as file:
        file.write(b" two")
    nameless.write_bytes(b"synced")
    sync(nameless)
    assert again(disk) == ["kept", "unsynced"]
    assert kept.read_bytes() == b"one"
    assert unsynced.read_bytes() == b""


def test_a_rename_survives_with_its_folder(disk: Disk) -> None:
    old, new = disk.mount / "old", disk.mount / "new"
    old.write_bytes(b"first")
    sync(old)
    sync(disk.mount)
    old.rename(new)
    assert new.read_bytes() == b"first"
    assert again(disk) == ["old"]
    old.rename(new)
    sync(disk.mount)
    assert again(disk) == ["new"]
    new.unlink()
    assert again(disk) == ["new"]
    assert new.read_bytes() == b"first"


@pytest.mark.parametrize(("synchronous", "kept"), [("FULL", 20), ("NORMAL", 0)])
def test_it_shows_what_sqlite_says_of_its_own_modes(
    disk: Disk, synchronous: str, kept: int
) -> None:
    path = disk.mount / "a.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE t (n INTEGER)")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.execute(f"PRAGMA synchronous={synchronous}")
    sync(disk.mount)
    for number in range(20):
        database.execute("INSERT INTO t VALUES (?)", (number,))
    disk.cut()
    disk.on()
    with sqlite3.connect(path) as found:
        assert found.execute("SELECT count(*) FROM t").fetchone() == (kept,)
        assert found.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found.close()
