"""A file system in memory that loses, when the power is cut, what was not synced: for tests.

It is stricter than disks are. The content of a file survives as of its last `fsync` or `fdatasync`
alone; a name (a new file, a renamed one, a removed one) as of the last `fsync` of its folder.
What is durable lies in plain files below `store`; a cut is the death of the process that serves
this, and the next mount begins with what lies there.

    python -m tests.powercut.filesystem STORE MOUNTPOINT

The store: `inodes/N` has the content of file N, `names.json` the tree. Both are replaced whole.
"""

import errno
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fuse

ROOT = 1
BLOCK = 4096


def _now() -> float:
    return time.clock_gettime(time.CLOCK_REALTIME)


@dataclass
class Inode:
    """A file or a folder, as it is seen now."""

    number: int
    mode: int
    content: bytearray = field(default_factory=bytearray)
    names: dict[str, int] = field(default_factory=dict)
    """Of a folder: what is in it."""
    links: int = 1
    changed: float = field(default_factory=_now)
    dirty: bool = True
    """Whether the content differs from what is durable."""

    @property
    def is_folder(self) -> bool:
        """Whether it holds names."""
        return stat.S_ISDIR(self.mode)


class Store:
    """What survives a cut: contents and the names of folders, each as of the last sync."""

    def __init__(self, folder: Path) -> None:
        self._inodes = folder / "inodes"
        self._tree = folder / "names.json"
        self._inodes.mkdir(parents=True, exist_ok=True)
        self.folders: dict[str, dict[str, list[int]]] = {str(ROOT): {}}
        """Folder number -> name -> [inode number, mode]."""
        if self._tree.exists():
            self.folders = json.loads(self._tree.read_text())

    def keep_content(self, inode: Inode) -> None:
        """The content of a file is durable."""
        self._replace(self._inodes / str(inode.number), bytes(inode.content))

    def keep_names(self, folder: Inode, modes: dict[str, list[int]]) -> None:
        """The names of a folder are durable."""
        self.folders[str(folder.number)] = modes
        self._replace(self._tree, json.dumps(self.folders).encode())

    def content(self, number: int) -> bytes:
        """What of a file was synced; nothing when nothing was."""
        path = self._inodes / str(number)
        return path.read_bytes() if path.exists() else b""

    def highest(self) -> int:
        """The highest number that was ever kept."""
        known = [int(path.name) for path in self._inodes.iterdir() if path.suffix == ""]
        known += [one[0] for names in self.folders.values() for one in names.values()]
        return max([ROOT, *known])

    @staticmethod
    def _replace(path: Path, data: bytes) -> None:
        fresh = path.with_suffix(".new")
        fresh.write_bytes(data)
        fresh.replace(path)


class Forgetful(fuse.Operations):  # type: ignore[misc]  # the library has no types
    """The file system: a method for each call of a program; errors are OSError."""

    def __init__(self, store: Path) -> None:
        self._store = Store(store)
        self._inodes: dict[int, Inode] = {}
        self._next = self._store.highest() + 1
        self._handles: dict[int, Inode] = {}
        self._next_handle = 1
        self._load(ROOT, stat.S_IFDIR | 0o755)

    def _load(self, number: int, mode: int) -> None:
        """What was durable of a tree."""
        inode = Inode(number, mode, dirty=False)
        self._inodes[number] = inode
        if not inode.is_folder:
            inode.content = bytearray(self._store.content(number))
            return
        for name, (child, child_mode) in self._store.folders.get(str(number), {}).items():
            inode.names[name] = child
            if child in self._inodes:
                self._inodes[child].links += 1
            else:
                self._load(child, child_mode)

    def _find(self, path: str) -> Inode:
        inode = self._inodes[ROOT]
        for part in _parts(path):
            if part not in inode.names:
                raise fuse.FuseOSError(errno.ENOENT)
            inode = self._inodes[inode.names[part]]
        return inode

    def _place(self, path: str) -> tuple[Inode, str]:
        """The folder of a path, and the last name of it."""
        parts = list(_parts(path))
        return self._find("/".join(parts[:-1])), parts[-1]

    def _make(self, path: str, mode: int) -> Inode:
        folder, name = self._place(path)
        if name in folder.names:
            raise fuse.FuseOSError(errno.EEXIST)
        inode = Inode(self._next, mode)
        self._next += 1
        self._inodes[inode.number] = inode
        folder.names[name] = inode.number
        return inode

    def _drop(self, path: str) -> None:
        folder, name = self._place(path)
        self._inodes[folder.names.pop(name)].links -= 1

    def _hold(self, inode: Inode) -> int:
        handle, self._next_handle = self._next_handle, self._next_handle + 1
        self._handles[handle] = inode
        return handle

    # What programs call.

    def getattr(self, path: str, fh: int | None = None) -> dict[str, Any]:
        """Size, mode and times."""
        inode = self._handles[fh] if fh in self._handles else self._find(path)
        return {
            "st_mode": inode.mode, "st_ino": inode.number, "st_size": len(inode.content),
            "st_nlink": 2 if inode.is_folder else inode.links, "st_uid": os.getuid(),
            "st_gid": os.getgid(), "st_mtime": inode.changed, "st_ctime": inode.changed,
            "st_atime": inode.changed, "st_blocks": -(-len(inode.content) // 512),
        }  # fmt: skip

    def readdir(self, path: str, fh: int) -> list[str]:
        """The names in a folder."""
        return [".", "..", *self._find(path).names]

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        """A new file, open."""
        return self._hold(self._make(path, stat.S_IFREG | stat.S_IMODE(mode)))

    def open(self, path: str, flags: int) -> int:
        """An open file."""
        return self._hold(self._find(path))

    def opendir(self, path: str) -> int:
        """An open folder."""
        return self._hold(self._find(path))

    def release(self, path: str, fh: int) -> int:
        """Closing a file makes nothing durable."""
        del self._handles[fh]
        return 0

    releasedir = release

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        """Some bytes of a file, synced or not."""
        return bytes(self._handles[fh].content[offset : offset + size])

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        """Some bytes, in memory."""
        inode = self._handles[fh]
        if offset > len(inode.content):
            inode.content.extend(bytes(offset - len(inode.content)))
        inode.content[offset : offset + len(data)] = data
        _touch(inode)
        return len(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> None:
        """Shorter, or longer with zeros."""
        inode = self._handles[fh] if fh in self._handles else self._find(path)
        del inode.content[length:]
        inode.content.extend(bytes(length - len(inode.content)))
        _touch(inode)

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        """The content of a file survives from here on."""
        inode = self._handles[fh]
        if inode.dirty:
            self._store.keep_content(inode)
            inode.dirty = False
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        """The names of a folder survive from here on."""
        folder = self._handles[fh]
        modes = {name: [n, self._inodes[n].mode] for name, n in folder.names.items()}
        self._store.keep_names(folder, modes)
        return 0

    def flush(self, path: str, fh: int) -> int:
        """Nothing: a file that is closed is not synced by that."""
        return 0

    def mkdir(self, path: str, mode: int) -> None:
        """A new folder."""
        self._make(path, stat.S_IFDIR | stat.S_IMODE(mode))

    def unlink(self, path: str) -> None:
        """One name less; who has the file open still reads it."""
        self._drop(path)

    def rmdir(self, path: str) -> None:
        """A folder less, when it is empty."""
        if self._find(path).names:
            raise fuse.FuseOSError(errno.ENOTEMPTY)
        self._drop(path)

    def rename(self, old: str, new: str) -> None:
        """Another name, in place of what had it."""
        before, name = self._place(old)
        after, to = self._place(new)
        if to in after.names and after.names[to] != before.names[name]:
            self._inodes[after.names[to]].links -= 1
        after.names[to] = before.names.pop(name)

    def link(self, target: str, source: str) -> None:
        """One more name of a file."""
        inode = self._find(source)
        folder, name = self._place(target)
        if name in folder.names:
            raise fuse.FuseOSError(errno.EEXIST)
        folder.names[name] = inode.number
        inode.links += 1

    def chmod(self, path: str, mode: int) -> int:
        """Other rights; they are kept with the names."""
        inode = self._find(path)
        inode.mode = stat.S_IFMT(inode.mode) | stat.S_IMODE(mode)
        return 0

    def chown(self, path: str, uid: int, gid: int) -> int:
        """Everything belongs to whoever runs this."""
        return 0

    def utimens(self, path: str, times: tuple[float, float] | None = None) -> int:
        """The time of the last change."""
        self._find(path).changed = _now() if times is None else times[1]
        return 0

    def statfs(self, path: str) -> dict[str, int]:
        """Room enough."""
        return {"f_bsize": BLOCK, "f_frsize": BLOCK, "f_blocks": 2**22, "f_bavail": 2**21,
                "f_bfree": 2**21, "f_namemax": 255}  # fmt: skip


def _parts(path: str) -> Iterator[str]:
    return (part for part in path.split("/") if part)


def _touch(inode: Inode) -> None:
    inode.dirty, inode.changed = True, _now()


if __name__ == "__main__":
    fuse.FUSE(
        Forgetful(Path(sys.argv[1])), sys.argv[2], foreground=True, nothreads=True,
        big_writes=True, direct_io=False, default_permissions=False,
    )  # fmt: skip
