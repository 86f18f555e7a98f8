"""Bodies of requests, unpacked as they come and never further than allowed."""

import zlib

from tocsin.errors import InputError

RATIO_FLOOR = 16 * 1024 * 1024
"""Unpacked bytes up to which the ratio is not looked at."""
_GZIP_OR_ZLIB = 47
"""zlib's window bits for either header."""


class BodyRefused(InputError):
    """A body that is not read any further; `status` is the HTTP status that says so."""

    def __init__(self, status: int, reason: str, detail: str) -> None:
        super().__init__(reason, detail)
        self.status = status


class Unpacker:
    """Takes the pieces of one body and gives what they hold.

    `most` is the limit in bytes unpacked, `ratio` that of unpacked to packed bytes.
    """

    def __init__(self, encoding: str, most: int, ratio: int) -> None:
        """Raises BodyRefused (415) for an encoding that is not understood."""
        encoding = encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise BodyRefused(415, "encoding", "send gzip, deflate, or nothing packed")
        self._stream = zlib.decompressobj(_GZIP_OR_ZLIB) if encoding not in _PLAIN else None
        self._most = most
        self._ratio = ratio
        self._packed = self._unpacked = 0

    def take(self, data: bytes) -> list[bytes]:
        """What a piece holds; raises BodyRefused when it is too much (413) or damaged (400)."""
        self._packed += len(data)
        limit = self._most
        if self._stream is not None:
            limit = min(limit, max(RATIO_FLOOR, self._ratio * self._packed))
        pieces = [data] if self._stream is None else self._inflate(data, limit + 1)
        self._unpacked += sum(map(len, pieces))
        if self._unpacked > limit:
            raise BodyRefused(413, "too-large", f"the body unpacks to more than {limit} bytes")
        return pieces

    def end(self) -> None:
        """Raises BodyRefused (400) when the packed stream is not whole."""
        if self._stream is not None and self._packed and not self._stream.eof:
            raise BodyRefused(400, "truncated", "the packed body is not whole")

    def _inflate(self, data: bytes, most: int) -> list[bytes]:
        """Unpack, over the ends of members; stops soon after the limit."""
        pieces: list[bytes] = []
        room = most - self._unpacked
        try:
            while data and room > 0 and self._stream is not None:
                if self._stream.eof:
                    self._stream = zlib.decompressobj(_GZIP_OR_ZLIB)
                pieces.append(self._stream.decompress(data, room))
                room -= len(pieces[-1])
                data = self._stream.unused_data
        except zlib.error:
            raise BodyRefused(400, "not-packed", "the body is not packed as it says") from None
        return pieces


_PLAIN = ("", "identity")
