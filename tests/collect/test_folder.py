from pathlib import Path

import msgspec
import pytest
from tests.collect.spooling import PARTITION, TINY, append

from tocsin.collect.folder import (
    Snapshot,
    backlog,
    load_snapshot,
    segment_path,
    segments,
    size_of,
    store_snapshot,
)
from tocsin.collect.spool import Spool


def test_backlog_counts_bytes_and_names_the_oldest_record(tmp_path: Path) -> None:
    assert backlog(tmp_path, PARTITION) == (0, 0)
    with Spool(tmp_path, PARTITION, options=TINY) as spool:
        append(spool, b"a", b"b")
        spool.sync()
        append(spool, b"c")
    parts = segments(tmp_path / PARTITION)
    assert backlog(tmp_path, PARTITION) == (sum(p.path.stat().st_size for p in parts), 0)
    parts[0].path.unlink()
    assert backlog(tmp_path, PARTITION).oldest == 2


def test_only_segments_are_segments(tmp_path: Path) -> None:
    for name in ("lock", "1.seg", "00000000000000000007.seg.torn", "00000000000000000002-9.torn"):
        (tmp_path / name).touch()
    segment_path(tmp_path, 12).touch()
    assert [part.first for part in segments(tmp_path)] == [12]
    assert segments(tmp_path / "none") == []
    assert size_of(tmp_path / "none") == 0


@pytest.mark.parametrize("upto", [-1, 0, 2**62])
def test_a_snapshot_is_what_was_stored(tmp_path: Path, upto: int) -> None:
    stored = Snapshot(upto, {"k": msgspec.Raw(b'{"at":[1,null]}')})
    store_snapshot(tmp_path, stored)
    again = load_snapshot(tmp_path)
    assert (again.upto, bytes(again.checkpoints["k"])) == (upto, b'{"at":[1,null]}')
