import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.archives import tarred

from tocsin.formats.limits import Unreadable
from tocsin.formats.streams import read_exactly
from tocsin.formats.tar import is_tar, tar_members

NAME = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=300)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_and_contents_as_the_standard_library_writes_them(form: int) -> None:
    long = "folder/" * 13 + "x" * 90
    members = {"a.json": b"1" * 511, long: b"", "b": b"2" * 512, "c": b"3" * 513}
    data = tarred(members, form=form)
    assert is_tar(data[:512])
    got = [(m.name, read_exactly(m.content, 9999)) for m in tar_members(io.BytesIO(data))]
    assert got == list(members.items())


@given(st.dictionaries(NAME, st.binary(max_size=600), max_size=4))
def test_any_name_survives(members: dict[str, bytes]) -> None:
    data = tarred(members)
    got = [(m.name, read_exactly(m.content, 9999)) for m in tar_members(io.BytesIO(data))]
    assert got == list(members.items())


def test_unread_members_are_stepped_over() -> None:
    data = tarred({"a": b"1" * 9999, "b": b"2"})
    assert [member.name for member in tar_members(io.BytesIO(data))] == ["a", "b"]


def test_links_are_reported_and_folders_are_not() -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for kind, name in ((tarfile.DIRTYPE, "d"), (tarfile.SYMTYPE, "s"), (tarfile.LNKTYPE, "l")):
            info = tarfile.TarInfo(name)
            info.type = kind
            info.linkname = "/etc/passwd"
            archive.addfile(info)
    got = [(m.name, m.unread) for m in tar_members(io.BytesIO(out.getvalue()))]
    assert got == [("s", "link"), ("l", "link")]


def header(size: bytes) -> bytes:
    block = bytearray(512)
    block[:4] = b"evil"
    block[124:136] = size.ljust(12, b"\0")
    block[156:157] = b"0"
    block[257:263] = b"ustar\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


@pytest.mark.parametrize("size", [b"-7777777777", b"99999999999", b"\xff" * 12, b"0x10"])
def test_a_size_that_is_no_size_is_refused(size: bytes) -> None:
    with pytest.raises(Unreadable, match="corrupt"):
        list(tar_members(io.BytesIO(header(size) + bytes(1024))))


def test_an_extended_header_of_gigabytes_is_refused() -> None:
    block = bytearray(header(b"77777777777"))
    block[156:157] = b"x"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    with pytest.raises(Unreadable, match="extended header"):
        list(tar_members(io.BytesIO(bytes(block) + bytes(1024))))


@given(st.integers(0, 3000), st.integers(0, 255))
def test_damage_ends_in_unreadable_at_worst(at: int, value: int) -> None:
    data = bytearray(tarred({"a" * 120: b"1" * 700, "b": b"2"}))
    data[at % len(data)] = value
    try:
        for member in tar_members(io.BytesIO(bytes(data))):
            read_exactly(member.content, 9999)
    except Unreadable as failure:
        assert failure.reason in {"corrupt", "truncated"}
