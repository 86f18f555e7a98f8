import io
import random
import struct
import tarfile
import zlib
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.formats import evtx
from tocsin.formats.evtx import MAGIC, read_evtx
from tocsin.formats.evtx_child import Ask, Reply
from tocsin.formats.evtx_guard import GUARD, Lost
from tocsin.formats.limits import Limits
from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block, Item, Rejected, Skipped

CHUNK = 65536


@pytest.fixture(scope="module")
def logs(shared_data: Path) -> list[bytes]:
    """Real logs of more than one chunk, smallest first."""
    found = []
    with tarfile.open(shared_data / "detection" / "evtx_attack_samples.tar.xz") as archive:
        for member in archive:
            if member.name.endswith(".evtx") and member.size > 4096 + 2 * CHUNK:
                file = archive.extractfile(member)
                assert file is not None
                found.append(file.read())
            if len(found) == 3:
                break
    return sorted(found, key=len)


def count(items: list[Item]) -> int:
    return sum(len(item.raws) for item in items if isinstance(item, Block))


@pytest.mark.data
def test_records_are_evtx_dump_json_numbered_in_order(logs: list[bytes]) -> None:
    items = list(read_bytes("x", logs[0]))
    assert all(isinstance(item, Block) for item in items)
    positions = [at for item in items if isinstance(item, Block) for at in item.positions]
    assert positions == list(range(1, count(items) + 1))
    for item in items:
        assert isinstance(item, Block)
        for raw in item.raws:
            assert "EventRecordID" in orjson.loads(raw)["Event"]["System"]


@pytest.mark.data
def test_a_broken_chunk_costs_only_itself(logs: list[bytes]) -> None:
    whole = [item.raws for item in read_bytes("x", logs[0]) if isinstance(item, Block)]
    data = bytearray(logs[0])
    data[4096 : 4096 + 8] = b"garbage!"
    items = list(read_bytes("x", bytes(data)))
    assert [item.raws for item in items if isinstance(item, Block)] == whole[1:]
    (rejected,) = [item for item in items if isinstance(item, Rejected)]
    assert (rejected.position, rejected.reason, len(rejected.raw)) == (1, "corrupt", CHUNK)


@pytest.mark.data
def test_a_file_cut_inside_a_chunk_gives_the_records_before(logs: list[bytes]) -> None:
    whole = count(list(read_bytes("x", logs[0])))
    items = list(read_bytes("x", logs[0][: 4096 + CHUNK + CHUNK // 2]))
    first = next(len(item.raws) for item in items if isinstance(item, Block))
    assert first < count(items) <= whole
    assert [item.reason for item in items if isinstance(item, Skipped)] == ["truncated"]


@pytest.mark.data
def test_damage_anywhere_is_a_value(logs: list[bytes]) -> None:
    noise = random.Random(3)  # noqa: S311 - damage that repeats
    data = logs[0][: 4096 + CHUNK]
    for _ in range(150):
        hurt = bytearray(data)
        for _ in range(noise.choice([1, 20])):
            hurt[noise.randrange(8, len(hurt))] = noise.randrange(256)
        for item in read_bytes("x", bytes(hurt)):
            if not isinstance(item, Block):
                assert item.reason in {"corrupt", "truncated"}


@pytest.mark.data
def test_a_record_over_the_limit_is_refused_alone(logs: list[bytes]) -> None:
    sizes = [len(r) for i in read_bytes("x", logs[0]) if isinstance(i, Block) for r in i.raws]
    items = list(read_bytes("x", logs[0], Limits(max_record=max(sizes) - 1)))
    assert count(items) == sum(size < max(sizes) for size in sizes)
    assert {item.reason for item in items if isinstance(item, Rejected)} == {"too-large"}


@given(st.binary(max_size=200))
def test_what_only_begins_like_a_log_is_reported(rest: bytes) -> None:
    (item,) = read_bytes("x", MAGIC + rest)
    assert isinstance(item, Skipped)
    assert item.reason == "truncated"


def test_chunks_of_zeros_are_unused_space() -> None:
    header = MAGIC.ljust(4096, b"\0")
    assert list(read_evtx(io.BytesIO(header + bytes(2 * CHUNK)), "x", Limits())) == []


def test_rubbish_behind_the_counted_chunks_is_unused_space() -> None:
    data = MAGIC.ljust(4096, b"\0") + b"?" * CHUNK * 3
    (item,) = read_evtx(io.BytesIO(data), "x", Limits())
    assert isinstance(item, Skipped)
    assert (item.reason, item.detail[:8]) == ("unused-space", "3 blocks")


def test_a_chunk_without_its_mark_is_kept() -> None:
    header = bytearray(MAGIC.ljust(4096, b"\0"))
    header[42] = 1
    data = bytes(header) + b"?" * CHUNK
    (item,) = read_evtx(io.BytesIO(data), "x", Limits())
    assert isinstance(item, Rejected)
    assert item.raw == b"?" * CHUNK


def looping_log() -> bytes:
    """A log of one chunk whose table of strings names two that follow each other."""
    header = bytearray(MAGIC.ljust(4096, b"\0"))
    header[32:44] = struct.pack("<IHHHH", 128, 1, 3, 4096, 1)
    header[124:128] = zlib.crc32(header[:120]).to_bytes(4, "little")
    chunk = bytearray(b"ElfChnk\0".ljust(CHUNK, b"\0"))
    chunk[40:52] = struct.pack("<III", 128, 512, 512)
    chunk[128:132] = (512).to_bytes(4, "little")
    for at, following in ((512, 600), (600, 512)):
        chunk[at : at + 12] = struct.pack("<IHHHH", following, 0, 1, ord("a"), 0)
    return bytes(header + chunk)


def test_strings_that_follow_each_other_do_not_stall() -> None:
    with pytest.raises(Lost, match="took longer"):  # what the parser makes of it as it is
        GUARD.parse(Ask(looping_log(), 0.2, 1024, 1024))
    items = list(read_evtx(io.BytesIO(looping_log()), "x", Limits()))
    assert [item.reason for item in items if not isinstance(item, Block)] in ([], ["corrupt"])


@pytest.mark.data
def test_records_beside_strings_that_follow_each_other_are_read(logs: list[bytes]) -> None:
    whole = list(read_bytes("x", logs[0]))
    data = bytearray(logs[0])
    one, two = [at for at in struct.unpack_from("<64I", data, 4096 + 128) if at][:2]
    for at, following in ((one, two), (two, one)):
        data[4096 + at : 4096 + at + 4] = following.to_bytes(4, "little")
    with pytest.raises(Lost, match="took longer"):
        GUARD.parse(Ask(bytes(data), 0.2, 1024, 1024))
    assert list(read_bytes("x", bytes(data))) == whole


class _Failing:
    """Loses every chunk that is not whole, and notes the time it was given."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def parse(self, ask: Ask) -> Reply:
        self.seconds.append(ask.seconds)
        if b"bad" in ask.data:
            raise Lost("took longer than it may")
        return Reply([b"{}", b"{}"], [])


def test_a_chunk_that_is_lost_is_kept_raw_and_the_others_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    guard = _Failing()
    monkeypatch.setattr(evtx, "GUARD", guard)
    good, bad = (b"ElfChnk\0".ljust(600, b"\0") + end for end in (b"ok", b"bad"))
    chunks = [chunk.ljust(CHUNK, b"\0") for chunk in (good, *[bad] * 9, good)]
    items = list(read_evtx(io.BytesIO(MAGIC.ljust(4096, b"\0") + b"".join(chunks)), "x", Limits()))
    assert items[0] == Block("x", range(1, 3), [b"{}", b"{}"])
    detail = "chunk 1: took longer than it may"
    assert items[1] == Rejected("x", 3, "corrupt", detail, chunks[1])
    assert items[-1] == Block("x", range(12, 14), [b"{}", b"{}"])
    assert guard.seconds[:3] == [2.0, 2.0, 1.0]
    assert guard.seconds[-1] == 0.1
