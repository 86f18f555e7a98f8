"""Reading tar as a stream: headers are checked, nothing seeks, nothing is extracted.

The standard library's reader trusts sizes in headers (negative ones made it loop for ever,
CVE-2025-8194) and holds extended headers of any size in memory; this one refuses both.
"""

from collections.abc import Iterator
from typing import NamedTuple

from tocsin.formats.limits import MIB, Unreadable
from tocsin.formats.streams import CHUNK, Source, read_exactly

BLOCK = 512
_FILES = b"0\x007"
_LONG_NAME, _PAX, _LINKS, _SPARSE = b"L", b"x", b"12", b"S"
_MAX_EXTENDED = MIB


class Bounded:
    """The next `size` bytes of a source; ends early with Unreadable when the source does."""

    def __init__(self, source: Source, size: int) -> None:
        self._source = source
        self._left = size

    def read(self, size: int, /) -> bytes:
        """The next bytes of the member, at most `size`."""
        if not self._left:
            return b""
        data = self._source.read(min(size, self._left))
        if not data:
            raise Unreadable("truncated", f"{self._left} bytes of a tar member are missing")
        self._left -= len(data)
        return data

    def drain(self) -> None:
        """Read past what is left."""
        while self._left:
            self.read(CHUNK)


class TarMember(NamedTuple):
    """One entry: `unread` is empty for a plain file, else why its content is not read."""

    name: str
    content: Bounded
    unread: str


class _Header(NamedTuple):
    name: str
    size: int
    kind: bytes


def is_tar(head: bytes) -> bool:
    """True when `head` starts with a header block whose checksum is right."""
    return len(head) >= BLOCK and _checksum_holds(head[:BLOCK])


def tar_members(source: Source) -> Iterator[TarMember]:
    """Every entry that is not a folder; each must be read before the next is asked for."""
    name, size = "", -1
    while (header := _header(read_exactly(source, BLOCK))) is not None:
        content = Bounded(source, size if size >= 0 and header.kind in _FILES else header.size)
        padding = -content._left % BLOCK  # noqa: SLF001 - same module
        if header.kind == _LONG_NAME:
            name = _text(_extended(content).rstrip(b"\0"))
        elif header.kind == _PAX:
            name, size = _pax(_extended(content), name)
        else:
            unread = _why_unread(header.kind)
            if unread is not None:
                yield TarMember(name or header.name, content, unread)
            if header.kind != b"K":
                name, size = "", -1
        content.drain()
        read_exactly(source, padding)


def _why_unread(kind: bytes) -> str | None:
    """Empty: read it; None: not worth a word (folders, extended headers); else the reason."""
    if kind in _FILES:
        return ""
    if kind in _LINKS:
        return "link"
    return "sparse" if kind == _SPARSE else None


def _header(block: bytes) -> _Header | None:
    if not block.strip(b"\0"):
        return None
    if len(block) < BLOCK:
        raise Unreadable("truncated", "tar ends within a header")
    if not _checksum_holds(block):
        raise Unreadable("corrupt", "tar header does not add up")
    name = block[:100].rstrip(b"\0")
    if block[257:263] == b"ustar\0" and block[345]:
        name = block[345:500].split(b"\0")[0] + b"/" + name
    return _Header(_text(name.split(b"\0")[0]), _number(block[124:136]), block[156:157])


def _checksum_holds(block: bytes) -> bool:
    try:
        written = _number(block[148:156])
    except Unreadable:
        return False
    return written == sum(block[:148]) + 8 * 0x20 + sum(block[156:])


def _number(field: bytes) -> int:
    """An octal or (GNU) base-256 number that is not negative."""
    if field[0] == 0x80:  # noqa: PLR2004 - the mark of a base-256 number
        return int.from_bytes(field[1:], "big")
    digits = field.split(b"\0")[0].strip()
    if digits and not digits.isdigit():
        raise Unreadable("corrupt", "tar header holds a bad number")
    try:
        return int(digits or b"0", 8)
    except ValueError as error:
        raise Unreadable("corrupt", "tar header holds a bad number") from error


def _extended(content: Bounded) -> bytes:
    size = content._left  # noqa: SLF001 - same module
    if size > _MAX_EXTENDED:
        raise Unreadable("corrupt", f"tar extended header of {size} bytes")
    return read_exactly(content, size)


def _pax(data: bytes, name: str) -> tuple[str, int]:
    """Path and size of the entry that follows; lines are `length key=value`."""
    size = -1
    at = 0
    while at < len(data):
        length, _, _ = data[at : at + 20].partition(b" ")
        if not length.isdigit() or int(length) <= len(length):
            break
        record = data[at + len(length) + 1 : at + int(length) - 1]
        key, _, value = record.partition(b"=")
        if key == b"path":
            name = _text(value)
        elif key == b"size" and value.isdigit() and len(value) < 20:  # noqa: PLR2004 - an int64
            size = int(value)
        at += int(length)
    return name, size


def _text(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")
