import io
import random
import tarfile
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.formats.evtx import MAGIC, read_evtx
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
