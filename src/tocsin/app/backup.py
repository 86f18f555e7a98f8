"""Backup and restore of a site's data, while the service runs.

The order makes it whole. State is copied first, at one moment; its cursors say what of the spool
was judged and what of it is in the lake. No segment of the spool is let go while the backup runs,
so that everything behind those cursors is copied after it. The lake comes last and has at least
what cursor.lake says; what it has more is recognized when the spool is observed again.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import file_digest
from pathlib import Path

import msgspec

from tocsin.app.site import Site
from tocsin.collect.folder import KEEP, sync_folder, write_durably
from tocsin.errors import StorageError, UsageError
from tocsin.store.copies import copy_database, copy_lake

MANIFEST = "manifest.json"
DATABASES = ("state.db", "intelligence/objects.db")
"""SQLite databases below the data folder."""
FOLDERS = ("content", "context", "intelligence", "again")
"""Folders of files that are written once and never changed."""
PLAIN = ("partitions",)
"""Files of that kind."""


class Copied(msgspec.Struct, frozen=True):
    """One file of a backup."""

    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds; it is written last. `at` is microseconds UTC."""

    site: str
    at: int
    files: dict[str, Copied]
    version: int = 1

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(one.size for one in self.files.values())


def back_up(site: Site, target: Path, at: int) -> Manifest:
    """Copy the data of a site into the new folder `target`; it may be running.

    Raises UsageError when `target` is not empty, StorageError when something cannot be copied.
    """
    if not site.state.exists():
        raise UsageError(f"there is no data of a site in {site.data}")
    if target.exists() and any(target.iterdir()):
        raise UsageError(f"{target} is not empty; a backup needs a folder of its own")
    target.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with _nothing_released(site.spool):
            _copy(site, target)
        os.sync()
        manifest = Manifest(site.settings.site, at, dict(_digests(target)))
        write_durably(target / MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)))
        sync_folder(target)
    except OSError as error:
        raise StorageError(f"{target}: the backup cannot be made: {error}") from error
    return manifest


def _copy(site: Site, target: Path) -> None:
    for name in DATABASES:
        if (site.data / name).exists():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            copy_database(site.data / name, target / name)
    _copy_spool(site.spool, target / "spool")
    copy_lake(site.lake, target / "lake")
    for folder in FOLDERS:
        for path in _files(site.data / folder):
            name = str(path.relative_to(site.data))
            if not name.startswith(DATABASES):
                _copy_file(path, target / name)
    for name in PLAIN:
        if (site.data / name).exists():
            _copy_file(site.data / name, target / name)


def _copy_spool(spool: Path, target: Path) -> None:
    """Every partition: what was read up to comes before the records, which then reach further."""
    for folder in sorted(path for path in spool.iterdir() if path.is_dir()):
        (target / folder.name).mkdir(parents=True)
        for pattern in ("checkpoints.json", "*.torn", "*.seg"):
            for path in sorted(folder.glob(pattern)):
                _copy_file(path, target / folder.name / path.name)


def verify(source: Path) -> Manifest:
    """Check every file of a backup; UsageError names the first that is missing or changed."""
    try:
        manifest = msgspec.json.decode((source / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.DecodeError) as error:
        raise UsageError(f"{source} is no whole backup: {error}") from None
    found = dict(_digests(source))
    for name, expected in manifest.files.items():
        if found.get(name) != expected:
            raise UsageError(f"{source / name} is not what was backed up; use another backup")
    return manifest


def restore(source: Path, site: Site) -> Manifest:
    """Put a backup where the data of `site` lies; nothing may be there yet."""
    manifest = verify(source)
    if manifest.site != site.settings.site:
        raise UsageError(
            f"the backup is of site {manifest.site!r}, and this is {site.settings.site!r}"
        )
    if site.state.exists() or site.spool.exists() or site.lake.exists():
        raise UsageError(f"{site.data} holds data; move it away first")
    try:
        for name in manifest.files:
            _copy_file(source / name, site.data / name)
        os.sync()
    except OSError as error:
        raise StorageError(f"{site.data}: {error}; remove it and try again") from error
    return manifest


@contextmanager
def _nothing_released(spool: Path) -> Iterator[None]:
    """Keep every segment of the spool for so long: see `collect.folder.release`."""
    spool.mkdir(parents=True, exist_ok=True)
    with (spool / KEEP).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy_file(path: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    shutil.copyfile(path, target)


def _files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in sorted(folder.rglob("*")) if path.is_file())


def _digests(folder: Path) -> Iterator[tuple[str, Copied]]:
    for path in _files(folder):
        if path.name != MANIFEST:
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            yield str(path.relative_to(folder)), Copied(path.stat().st_size, digest)
