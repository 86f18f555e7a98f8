"""What the standard library lacks for hostile zips: a look at the directory, and doing without it.

The directory lies at the end of a zip, so a truncated one has none; what was written before the cut
is whole all the same and can be read header by header.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from tocsin.formats.limits import Account, Unreadable
from tocsin.formats.streams import CHUNK, Prefixed, Source, read_exactly
from tocsin.formats.tar import Bounded

_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_DESCRIPTOR_MAGIC = b"PK\x07\x08"
_ENCRYPTED, _SIZES_FOLLOW = 0x1, 0x8
_STORED, _DEFLATED = 0, 8
_END = struct.Struct("<4s4H2IH")
_END_MAGIC = b"PK\x05\x06"
_LONG_END_SIZE = struct.Struct("<Q")
_LONG_END_MAGIC = b"PK\x06\x06"
_LONG_END, _LOCATOR, _MAX_COMMENT = 56, 20, 65_535


def directory_size(file: BinaryIO) -> int:
    """Bytes of the directory of a zip, as its end says; 0 when it has none.

    The standard library makes an object of every entry before anyone can ask how many there are.
    """
    file.seek(0, 2)
    size = file.tell()
    room = min(size, _END.size + _MAX_COMMENT + _LONG_END + _LOCATOR)
    file.seek(size - room)
    tail = file.read(room)
    end = tail.rfind(_END_MAGIC)
    if end < 0 or len(tail) - end < _END.size:
        return 0
    long_end = end - _LOCATOR - _LONG_END
    if long_end >= 0 and tail.startswith(_LONG_END_MAGIC, long_end):
        (directory,) = _LONG_END_SIZE.unpack_from(tail, long_end + 40)
        return int(directory)
    return int(_END.unpack_from(tail, end)[5])


class FrontMember(NamedTuple):
    """A member as its local header names it."""

    name: str
    content: "Bounded | _Inflated"


def front_members(source: Source, account: Account) -> Iterator[FrontMember]:
    """Members up to the first one that cannot be read; each before the next is asked for.

    Raises Unreadable where a member's end cannot be found.
    """
    while True:
        header = read_exactly(source, _LOCAL.size)
        if len(header) < _LOCAL.size or not header.startswith(_LOCAL_MAGIC):
            return
        _, _, flags, method, _, _, _, packed, _, name_size, extra_size = _LOCAL.unpack(header)
        name = read_exactly(source, name_size).decode("utf-8", "backslashreplace")
        read_exactly(source, extra_size)
        if flags & _ENCRYPTED or (method == _STORED and flags & _SIZES_FOLLOW):
            raise Unreadable("corrupt", f"zip member {name[:200]!r} cannot be read from its front")
        if method == _DEFLATED:
            inflated = _Inflated(source, account)
            yield FrontMember(name, inflated)
            while inflated.read(CHUNK):
                pass
            source = inflated.rest()
        elif method == _STORED:
            stored = Bounded(source, packed)
            yield FrontMember(name, stored)
            stored.drain()
        else:
            raise Unreadable("corrupt", f"zip member {name[:200]!r} is packed by method {method}")
        if flags & _SIZES_FOLLOW:
            source = _behind_descriptor(source)


class _Inflated:
    """A deflated member, which says itself where it ends."""

    def __init__(self, source: Source, account: Account) -> None:
        self._source = source
        self._account = account
        self._decoder = zlib.decompressobj(-15)
        self._packed = self._unpacked = 0

    def read(self, size: int, /) -> bytes:
        """The next unpacked bytes, at most `size`."""
        data = b""
        while not data and not self._decoder.eof:
            packed = self._decoder.unconsumed_tail or self._source.read(CHUNK)
            if not packed:
                raise Unreadable("truncated", "zip member ends early")
            self._packed += 0 if self._decoder.unconsumed_tail else len(packed)
            try:
                data = self._decoder.decompress(packed, size)
            except zlib.error as error:
                raise Unreadable("corrupt", f"zip: {error}") from error
        self._unpacked += len(data)
        self._account.spend(len(data))
        self._account.check_ratio(self._packed, self._unpacked)
        return data

    def rest(self) -> Source:
        """What follows the member."""
        return Prefixed(self._decoder.unused_data, self._source)


def _behind_descriptor(source: Source) -> Source:
    """Step over crc and sizes behind a member: 12 bytes, 20 in a zip64, a magic perhaps before."""
    room = 4 + 20 + 4
    head = read_exactly(source, room)
    at = 4 if head.startswith(_DESCRIPTOR_MAGIC) else 0
    for size in (12, 20):
        if head[at + size :].startswith(b"PK"):
            at += size
            break
    else:
        at = len(head)
    return Prefixed(head[at:], source)
