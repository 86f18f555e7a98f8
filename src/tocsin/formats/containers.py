"""Opening archives within archives: the leaves, each with its own bytes, and what was skipped.

Everything is recognized by magic bytes. A leaf must be read before the next one is asked for.
"""

import io
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple, cast

from tocsin.formats.limits import Account, Unreadable
from tocsin.formats.records import Skipped
from tocsin.formats.streams import CHUNK, Opened, Peeked, Source, Unpacked, sniff_packing
from tocsin.formats.tar import BLOCK, is_tar, tar_members
from tocsin.formats.zipfront import directory_size, front_members

ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_UNSUPPORTED = {b"7z\xbc\xaf\x27\x1c": "7-Zip", b"Rar!\x1a\x07": "RAR", b"\x28\xb5\x2f\xfd": "zstd"}
_MAX_NAME = 1024
_DIRECTORY_ENTRY = 256
"""Bytes that an entry of a zip's directory takes: 46 and its name, extra fields and comment."""
_ENCRYPTED = 0x1
_ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError, struct.error, ValueError,
    NotImplementedError, RuntimeError, OverflowError, IndexError,
)  # fmt: skip


class Leaf(NamedTuple):
    """A file that is no archive, at the end of a path through archives."""

    origin: str
    source: Peeked


class Opening(NamedTuple):
    """A stream on its way down: `whole` is the same bytes with random access, where there is."""

    origin: str
    source: Peeked
    level: int
    whole: BinaryIO | None = None


def leaves(opening: Opening, account: Account) -> Iterator[Leaf | Skipped]:
    """Every leaf below; a broken or hostile part ends there and only there."""
    try:
        yield from _leaves(opening, account)
    except Unreadable as failure:
        yield Skipped(opening.origin, failure.reason, failure.detail)


def _leaves(opening: Opening, account: Account) -> Iterator[Leaf | Skipped]:
    head = opening.source.peek(BLOCK)
    packing = sniff_packing(head)
    for magic, name in _UNSUPPORTED.items():
        if head.startswith(magic):
            raise Unreadable("unsupported-archive", name)
    if packing is None and not head.startswith(ZIP_MAGIC) and not is_tar(head):
        yield Leaf(opening.origin, opening.source)
        return
    if opening.level >= account.limits.max_nesting:
        raise Unreadable("nested-too-deeply", f"more than {account.limits.max_nesting} archives")
    if packing is not None:
        inner = Peeked(Unpacked(opening.source, packing, account))
        yield from leaves(Opening(opening.origin, inner, opening.level + 1), account)
    elif head.startswith(ZIP_MAGIC):
        yield from _zip(opening, account)
    else:
        yield from _tar(opening, account)


def _tar(opening: Opening, account: Account) -> Iterator[Leaf | Skipped]:
    for member in tar_members(opening.source):
        account.enter_member()
        origin = inside(opening.origin, member.name)
        if member.unread:
            yield Skipped(origin, "not-a-file", member.unread)
        else:
            yield from leaves(Opening(origin, Peeked(member.content), opening.level + 1), account)
    # What packs the tar may break behind its last member: only reading on tells.
    while opening.source.read(CHUNK):
        pass


def _zip(opening: Opening, account: Account) -> Iterator[Leaf | Skipped]:
    whole = opening.whole or _held(opening.source, account)
    try:
        if directory_size(whole) > account.limits.max_members * _DIRECTORY_ENTRY:
            raise Unreadable("too-many-members", f"more than {account.limits.max_members}")
        archive = zipfile.ZipFile(whole)
    except _ZIP_ERRORS:
        yield from _zip_front(whole, opening, account)
        return
    with archive:
        for info in archive.infolist():
            account.enter_member()
            if info.filename.endswith("/"):
                continue
            origin = inside(opening.origin, info.filename)
            try:
                member = _ZipMember(archive, info, account)
            except Unreadable as failure:
                yield Skipped(origin, failure.reason, failure.detail)
                continue
            yield from leaves(Opening(origin, Peeked(member), opening.level + 1), account)


def _zip_front(whole: BinaryIO, opening: Opening, account: Account) -> Iterator[Leaf | Skipped]:
    """What a zip without a directory still holds at its front."""
    whole.seek(0)
    for member in front_members(Opened(whole), account):
        account.enter_member()
        if not member.name.endswith("/"):
            origin = inside(opening.origin, member.name)
            yield from leaves(Opening(origin, Peeked(member.content), opening.level + 1), account)
    raise Unreadable("truncated", "the zip has no directory: only what its front holds was read")


def _held(source: Source, account: Account) -> BinaryIO:
    """A nested zip in memory: its directory lies at its end."""
    held = io.BytesIO()
    while data := source.read(CHUNK):
        if held.tell() + len(data) > account.limits.max_held:
            raise Unreadable("too-large", f"nested zip over {account.limits.max_held} bytes")
        held.write(data)
    return held


class _ZipMember:
    def __init__(self, archive: zipfile.ZipFile, info: zipfile.ZipInfo, account: Account) -> None:
        if info.flag_bits & _ENCRYPTED:
            raise Unreadable("encrypted", "zip member needs a password")
        try:
            self._file = cast("zipfile.ZipExtFile", archive.open(info))
        except _ZIP_ERRORS as error:
            raise Unreadable("corrupt", f"zip: {error}") from error
        self._packed = info.compress_size
        self._account = account
        self._unpacked = 0

    def read(self, size: int, /) -> bytes:
        try:
            data = self._file.read1(size)
        except _ZIP_ERRORS as error:
            raise Unreadable("corrupt", f"zip: {error}") from error
        self._unpacked += len(data)
        self._account.spend(len(data))
        self._account.check_ratio(self._packed, self._unpacked)
        return data


def inside(origin: str, member: str) -> str:
    """How a member of an archive is named in `origin`; a name never becomes a path on disk."""
    return f"{origin}!{member[:_MAX_NAME]}".encode("utf-8", "backslashreplace").decode()
