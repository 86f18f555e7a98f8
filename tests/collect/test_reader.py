from pathlib import Path

import pytest
from tests.collect.spooling import LARGE, PARTITION, TINY, append, read_all

from tocsin.collect.folder import segment_path, segments
from tocsin.collect.reader import SpoolReader
from tocsin.collect.spool import Spool, SpoolOptions
from tocsin.errors import StorageError


def offsets(reader: SpoolReader, after: int, most: int = 8192) -> list[int]:
    rows = reader.read(PARTITION, after, most)
    return [] if rows is None else rows["offset"].to_pylist()


@pytest.mark.parametrize("options", [TINY, LARGE])
def test_a_reader_follows_a_writer(tmp_path: Path, options: SpoolOptions) -> None:
    reader = SpoolReader(tmp_path)
    assert offsets(reader, -1) == []
    with Spool(tmp_path, PARTITION, options=options) as spool:
        assert offsets(reader, -1) == []
        after = -1
        for index in range(1, 6):
            append(spool, *[b"x"] * index)
            if index % 2:
                spool.sync()
            got = offsets(reader, after)
            assert got == list(range(after + 1, spool.next_offset))
            after = got[-1]
        assert offsets(reader, after) == []
        assert offsets(reader, 2) == list(range(3, spool.next_offset))
    assert reader.damaged == []
    reader.close()


def test_at_most_so_many_rows_and_no_frame_twice(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        append(spool, *[b"x"] * 10)
        append(spool, *[b"y"] * 10)
    reader = SpoolReader(tmp_path)
    assert offsets(reader, -1, 4) == [0, 1, 2, 3]
    assert offsets(reader, 3, 9) == list(range(4, 13))
    assert offsets(reader, 3, 2) == [4, 5]
    assert offsets(reader, 18, 5) == [19]
    assert offsets(reader, 500, 5) == []


def test_positions_without_records_are_no_batch(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        append(spool, at=1)
        append(spool, b"x", at=2)
        append(spool, at=3)
    assert read_all(tmp_path) == [(0, b"x")]


def test_a_frame_that_is_being_written_is_waited_for(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        append(spool, b"a")
        size = segments(tmp_path / PARTITION)[0].path.stat().st_size
        append(spool, b"b")
        append(spool, b"c")
    (part,) = segments(tmp_path / PARTITION)
    whole = part.path.read_bytes()
    reader = SpoolReader(tmp_path)
    for end in (size + 5, size + 60, size + 200):
        part.path.write_bytes(whole[:end])
        assert offsets(reader, 0) == []
    part.path.write_bytes(whole)
    assert offsets(reader, 0) == [1, 2]
    assert reader.damaged == []


@pytest.mark.parametrize("wanted", [0, 1, 2])
def test_damaged_lengths_do_not_mislead_the_search(tmp_path: Path, wanted: int) -> None:
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        sizes = []
        for raw in (b"a", b"b", b"c"):
            sizes.append(segments(tmp_path / PARTITION)[0].path.stat().st_size)
            append(spool, raw)
    (part,) = segments(tmp_path / PARTITION)
    data = bytearray(part.path.read_bytes())
    data[sizes[0] + 16] ^= 0x55
    part.path.write_bytes(data)
    assert offsets(SpoolReader(tmp_path), wanted - 1) == list(range(max(wanted, 1), 3))


def test_damage_at_the_end_of_a_closed_segment_does_not_stop_reading(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=TINY) as spool:
        for raw in (b"a", b"b", b"c"):
            append(spool, raw)
            spool.sync()
    part = segments(tmp_path / PARTITION)[1]
    part.path.write_bytes(part.path.read_bytes()[:-3])
    reader = SpoolReader(tmp_path)
    assert offsets(reader, -1) == [0, 2]
    assert len(reader.damaged) == 1


def test_a_segment_that_never_got_its_header_is_passed_over(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        append(spool, b"a")
    folder = tmp_path / PARTITION
    segment_path(folder, 1).touch()
    reader = SpoolReader(tmp_path)
    assert offsets(reader, -1) == [0]
    assert offsets(reader, 0) == []
    assert reader.damaged == []
    source = tmp_path / "other"
    with Spool(source, PARTITION, options=LARGE) as spool:
        append(spool, b"x")
        append(spool, b"b")
    (part,) = segments(source / PARTITION)
    part.path.rename(segment_path(folder, 2))
    assert offsets(reader, 0) == [1]
    assert len(reader.damaged) == 1


def test_what_the_disk_refuses_is_a_storage_error(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        append(spool, b"x")
    part = segments(tmp_path / PARTITION)[0].path
    part.unlink()
    part.mkdir()
    with pytest.raises(StorageError):
        SpoolReader(tmp_path).read(PARTITION, -1)
