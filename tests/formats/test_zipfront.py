import io
import zipfile

import pytest
from tests.formats.archives import zipped

from tocsin.formats.limits import Account, Limits, Unreadable
from tocsin.formats.streams import read_exactly
from tocsin.formats.zipfront import directory_size, front_members


class Streamed(io.BytesIO):
    """An output that cannot seek: then sizes follow behind each member."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise io.UnsupportedOperation


def streamed(members: dict[str, bytes]) -> bytes:
    out = Streamed()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


MEMBERS = {"a/x.json": b"1" * 5000, "empty": b"", "ü.json": b"2" * 70_000}


def front(data: bytes) -> dict[str, bytes]:
    members = front_members(io.BytesIO(data), Account(Limits(), len(data)))
    return {member.name: read_exactly(member.content, 10**6) for member in members}


@pytest.mark.parametrize(
    "data",
    [zipped(MEMBERS), zipped(MEMBERS, zipfile.ZIP_STORED), streamed(MEMBERS)],
    ids=["deflated", "stored", "streamed"],
)
def test_the_front_holds_every_member(data: bytes) -> None:
    assert front(data) == MEMBERS
    assert front(data[: data.index(b"PK\x01\x02")]) == MEMBERS


def test_members_that_are_not_read_are_stepped_over() -> None:
    data = streamed(MEMBERS)
    names = [m.name for m in front_members(io.BytesIO(data), Account(Limits(), len(data)))]
    assert names == list(MEMBERS)


@pytest.mark.parametrize("data", [zipped(MEMBERS), streamed(MEMBERS)])
def test_the_size_of_the_directory_is_known_before_it_is_read(data: bytes) -> None:
    expected = data.index(b"PK\x05\x06") - data.index(b"PK\x01\x02")
    assert directory_size(io.BytesIO(data)) == expected
    assert directory_size(io.BytesIO(data + b"comment")) == expected
    assert directory_size(io.BytesIO(data[:40])) == 0


def test_the_size_of_a_long_directory_is_known_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1)
    data = zipped({"x": b"1" * 99})
    assert b"PK\x06\x06" in data
    expected = data.index(b"PK\x06\x06") - data.index(b"PK\x01\x02")
    assert directory_size(io.BytesIO(data)) == expected


def test_a_cut_is_said() -> None:
    data = zipped({"x": bytes(range(256)) * 9})
    with pytest.raises(Unreadable, match="truncated"):
        front(data[:100])


def test_a_member_whose_end_cannot_be_known_is_said() -> None:
    with pytest.raises(Unreadable, match="cannot be read from its front"):
        front(b"PK\x03\x04" + (20).to_bytes(2, "little") + (9).to_bytes(2, "little") + bytes(22))
