"""A zip without its directory: the members that can be read from the front, header by header.

The directory lies at the end of a zip, so a truncated one has none; what was written before the cut
is whole all the same.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from tocsin.formats.limits import Account, Unreadable
from tocsin.formats.streams import CHUNK, Prefixed, Source, read_exactly
from tocsin.formats.tar import Bounded

_LOCAL = struct.Struct("<4s5H3I2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_DESCRIPTOR_MAGIC = b"PK\x07\x08"
_ENCRYPTED, _SIZES_FOLLOW = 0x1, 0x8
_STORED, _DEFLATED = 0, 8


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
