"""Byte streams: one `read`, failures as `Unreadable`, compression undone under limits."""

import bz2
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from tocsin.formats.limits import MIB, Account, Trailing, Unreadable

CHUNK = 128 * 1024
LONGEST_MAGIC = 10
_LZMA_MEMORY = 256 * MIB


class Source(Protocol):
    """Bytes in order; `b""` is the end. Raises Unreadable for a broken or hostile stream."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`."""


class Opened:
    """An open file as a source: an error of the operating system ends it as Unreadable."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`."""
        try:
            return self._file.read(size)
        except OSError as error:
            raise Unreadable("io-error", str(error)) from error


class Peeked:
    """A source whose first bytes can be looked at before anyone reads them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._head = b""
        self._failure: Unreadable | None = None

    def peek(self, size: int) -> bytes:
        """Up to `size` bytes without consuming them; fewer only at the end or at a failure."""
        while len(self._head) < size and self._failure is None:
            try:
                more = self._source.read(max(size - len(self._head), CHUNK))
            except Unreadable as failure:
                self._failure = failure
                break
            if not more:
                break
            self._head += more
        return self._head[:size]

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`; a failure seen while peeking comes after them."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        if self._failure is not None:
            raise self._failure
        return self._source.read(size)


def read_exactly(source: Source, size: int) -> bytes:
    """`size` bytes, fewer only when the source ends."""
    parts: list[bytes] = []
    while size:
        part = source.read(min(size, CHUNK))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class _Decoder(Protocol):
    """What zlib, bz2 and lzma decompressors have in common here."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Gzip:
    """zlib's decompressor with the input kept inside, as bz2 and lzma do."""

    def __init__(self) -> None:
        self._decoder = zlib.decompressobj(31)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


def _xz() -> _Decoder:
    return lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_LZMA_MEMORY)


_DECODERS: dict[str, Callable[[], _Decoder]] = {
    "gz": _Gzip,
    "xz": _xz,
    "bz2": bz2.BZ2Decompressor,
}


class Unpacked:
    """The content of a compressed source of `kind` gz, xz or bz2, with concatenated streams."""

    def __init__(self, source: Source, kind: str, account: Account) -> None:
        self._source = source
        self._account = account
        self._kind = kind
        self._decoder = _DECODERS[kind]()
        self._packed = self._unpacked = 0
        self._ended = False
        self._failure: Unreadable | None = None

    def read(self, size: int, /) -> bytes:
        """The next unpacked bytes; a failure is raised again on every later read."""
        if self._failure is not None:
            raise self._failure
        try:
            data = b"" if self._ended else self._next(size)
            self._unpacked += len(data)
            self._account.spend(len(data))
            self._account.check_ratio(self._packed, self._unpacked)
        except (zlib.error, lzma.LZMAError, EOFError, OSError, MemoryError) as error:
            self._failure = Unreadable("corrupt", f"{self._kind}: {error}")
            raise self._failure from error
        except Unreadable as failure:
            self._failure = failure
            raise
        return data

    def _next(self, size: int) -> bytes:
        while True:
            if self._decoder.eof and not self._another():
                return b""
            # A decoder may hold unpacked bytes back: ask it before it is given more.
            data = self._decoder.decompress(b"", size)
            if data:
                return data
            if self._decoder.eof:
                continue
            packed = self._source.read(CHUNK)
            if not packed:
                raise Unreadable("truncated", f"{self._kind} stream ends early")
            self._packed += len(packed)
            data = self._decoder.decompress(packed, size)
            if data:
                return data

    def _another(self) -> bool:
        """Start on the stream that follows, if one does; zero bytes between are padding."""
        head = self._decoder.unused_data.lstrip(b"\0")
        while len(head) < LONGEST_MAGIC and (more := self._source.read(CHUNK)):
            self._packed += len(more)
            head = (head + more).lstrip(b"\0")
        if not head:
            self._ended = True
            return False
        if len(head) < LONGEST_MAGIC:
            # gzip(1), too, calls this an unexpected end: a stream that was to follow is cut off.
            raise Trailing(
                "truncated",
                f"{len(head)} bytes follow the {self._kind} stream that ended: too few for another",
            )
        if sniff_packing(head) != self._kind:
            raise Trailing("trailing-data", f"no {self._kind} stream follows the one that ended")
        self._decoder = _DECODERS[self._kind]()
        self._source = Prefixed(head, self._source)
        self._packed -= len(head)
        return True


class Prefixed:
    """A source with bytes put back in front of it."""

    def __init__(self, head: bytes, source: Source) -> None:
        self._head = head
        self._source = source

    def read(self, size: int, /) -> bytes:
        """The next bytes, at most `size`."""
        if self._head:
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._source.read(size)


def sniff_packing(head: bytes) -> str | None:
    """The kind of compression by magic bytes: gz, xz, bz2 or None."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gz"
    if head.startswith(b"\xfd7zXZ\x00"):
        return "xz"
    if head.startswith(b"BZh") and head[4:10] in {b"1AY&SY", b"\x17rE8P\x90"}:
        return "bz2"
    return None
