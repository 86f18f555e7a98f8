import os
import resource
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collect.spooling import LARGE, MEMORY, PARTITION, TINY, append, batch, read_all

from tocsin.collect.folder import load_snapshot, release, segments
from tocsin.collect.port import Checkpoint
from tocsin.collect.reader import SpoolReader
from tocsin.collect.spool import Spool, SpoolFull, SpoolOptions
from tocsin.errors import StorageError
from tocsin.formats.records import Rejected
from tocsin.model import envelope


def test_offsets_go_on_and_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, site="s", options=LARGE) as spool:
        assert append(spool, b"a", b"b", at=2) == range(2)
        assert append(spool, b"c", at=3) == range(2, 3)
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        assert spool.next_offset == 3
        assert spool.checkpoints() == {"k": {"at": 3}}
        append(spool, b"d")
    rows = SpoolReader(tmp_path).read(PARTITION, 0)
    assert rows is not None
    assert rows.schema == envelope.RAW
    assert rows.to_pylist()[0] == {
        "site": "s", "partition": PARTITION, "offset": 1, "source_id": None, "received_at": 5,
        "origin": "o", "position": 2, "raw": b"b",
    }  # fmt: skip
    assert rows["raw"].to_pylist() == [b"b", b"c", b"d"]


def test_a_second_writer_is_refused(tmp_path: Path) -> None:
    with (
        Spool(tmp_path, PARTITION, options=LARGE),
        pytest.raises(StorageError, match="another process"),
    ):
        Spool(tmp_path, PARTITION, options=LARGE)
    Spool(tmp_path, PARTITION, options=LARGE).close()


@pytest.mark.parametrize("name", ["", "../x", "a/b", "A", ".hidden"])
def test_a_partition_is_no_path(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="name"):
        Spool(tmp_path, name)


def test_a_torn_tail_gives_the_acknowledged_prefix(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        append(spool, b"one", b"two", at=2)
        spool.sync()
        size = segments(tmp_path / PARTITION)[0].path.stat().st_size
        append(spool, b"three", at=3)
    (part,) = segments(tmp_path / PARTITION)
    whole = part.path.read_bytes()
    for cut in (*range(size, size + 40, 3), *range(size + 40, len(whole), 97), len(whole) - 1):
        part.path.write_bytes(whole[:cut])
        assert read_all(tmp_path) == [(0, b"one"), (1, b"two")]
        with Spool(tmp_path, PARTITION, options=LARGE) as spool:
            assert (spool.next_offset, spool.checkpoints()) == (2, {"k": {"at": 2}})
            torn = [path.read_bytes() for path in spool.recovery.torn]
            assert torn == ([whole[size:cut]] if cut > size else [])
            append(spool, b"again", at=4)
        assert read_all(tmp_path) == [(0, b"one"), (1, b"two"), (2, b"again")]
        for path in spool.recovery.torn:
            path.unlink()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.lists(st.binary(max_size=20), max_size=4)),
        st.tuples(st.sampled_from(["sync", "reopen", "release"]), st.just([])),
    ),
    max_size=12,
)


@settings(max_examples=30)
@given(STEPS, st.booleans(), st.integers(1, 5))
def test_any_sequence_reads_back(
    steps: list[tuple[str, list[bytes]]],
    tiny: bool,
    step: int,
) -> None:
    options = TINY if tiny else LARGE
    with TemporaryDirectory(dir=MEMORY) as name:
        root = Path(name)
        spool = Spool(root, PARTITION, options=options)
        model: list[bytes] = []
        at = -1
        for kind, raws in steps:
            if kind == "append":
                model += raws
                at = len(model)
                append(spool, *raws, at=at)
            elif kind == "sync":
                spool.sync()
            elif kind == "release":
                release(root, PARTITION, len(model) // 2)
            else:
                spool.close()
                spool = Spool(root, PARTITION, options=options)
            assert spool.next_offset == len(model)
            assert spool.checkpoints() == ({"k": {"at": at}} if at >= 0 else {})
        spool.close()
        got = read_all(root, step=step)
        oldest = segments(root / PARTITION)[0].first
        assert got == list(enumerate(model))[oldest:]
        assert oldest <= len(model) // 2 + 1
        for after in range(oldest - 1, len(model)):
            assert read_all(root, after=after) == list(enumerate(model))[after + 1 :]


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=6),
    st.floats(0, 1),
    st.sampled_from([b"", b"\0" * 100, b"\xff" * 7]),
)
def test_a_power_cut_keeps_what_was_acknowledged_and_its_position(
    steps: list[tuple[int, bool]], share: float, noise: bytes
) -> None:
    """What was not synced may be on the disk in part; what stands behind it may be anything."""
    with TemporaryDirectory(dir=MEMORY) as name:
        root = Path(name)
        spool = Spool(root, PARTITION, options=LARGE)
        part = segments(root / PARTITION)[0].path
        synced, acknowledged = part.stat().st_size, 0
        for rows, sync in steps:
            append(
                spool,
                *[b"%d" % (spool.next_offset + n) for n in range(rows)],
                at=spool.next_offset + rows,
            )
            if sync:
                spool.sync()
                synced, acknowledged = part.stat().st_size, spool.next_offset
        data = part.read_bytes()
        spool.close()
        part.write_bytes(data[: synced + int(share * (len(data) - synced))] + noise)
        with Spool(root, PARTITION, options=LARGE) as spool:
            kept = spool.next_offset
            assert kept >= acknowledged
            assert spool.checkpoints().get("k", {"at": 0}) == {"at": kept}
            append(spool, b"%d" % kept)
        assert [int(raw) for _, raw in read_all(root)] == list(range(kept + 1))


def test_a_flipped_bit_in_an_old_frame_is_said_and_passed_over(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        for index in range(3):
            append(spool, b"x%d" % index, at=index)
            spool.sync()
    (part,) = segments(tmp_path / PARTITION)
    data = bytearray(part.path.read_bytes())
    data[len(data) // 2] ^= 4
    part.path.write_bytes(data)
    reader = SpoolReader(tmp_path)
    rows = reader.read(PARTITION, -1)
    assert rows is not None
    assert rows["offset"].to_pylist() == [0, 2]
    assert len(reader.damaged) == 1
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        assert (len(spool.recovery.damaged), spool.recovery.torn) == (1, [])
        assert spool.next_offset == 3
    assert part.path.read_bytes() == bytes(data)


def test_positions_survive_the_segments_they_came_from(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=TINY) as spool:
        for index in range(4):
            key = Checkpoint(f"k{index % 2}", {"at": index})
            spool.append(batch(b"x"), source_id="s", received_at=0, checkpoint=key)
            spool.sync()
        spool.append(batch(b"x"), source_id="s", received_at=0, checkpoint=Checkpoint("k0", None))
        spool.sync()
    assert release(tmp_path, PARTITION, 4) > 0
    assert [part.first for part in segments(tmp_path / PARTITION)] == [5]
    with Spool(tmp_path, PARTITION, options=TINY) as spool:
        assert (spool.next_offset, spool.checkpoints()) == (5, {"k1": {"at": 3}})


def test_nothing_is_released_that_someone_still_needs(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=TINY) as spool:
        for _ in range(3):
            append(spool, b"x", b"y", at=1)
            spool.sync()
    assert release(tmp_path, PARTITION, 2) > 0
    assert read_all(tmp_path)[0] == (2, b"x")
    assert release(tmp_path, PARTITION, -1) == 0
    assert release(tmp_path, "nothing", 5) == 0


def fill(spool: Spool, raw: bytes) -> None:
    while True:
        append(spool, raw, at=spool.next_offset)
        spool.sync()


def test_a_full_spool_says_so_and_takes_more_after_release(tmp_path: Path) -> None:
    noise = os.urandom(4000)
    options = SpoolOptions(segment=5000, most=20_000, reserve=0)
    with Spool(tmp_path, PARTITION, options=options) as spool:
        with pytest.raises(SpoolFull, match="limit"):
            fill(spool, noise)
        written = spool.next_offset
        assert written == len(read_all(tmp_path)) >= 3
        release(tmp_path, PARTITION, written - 1)
        append(spool, noise, at=written)
        assert spool.next_offset == written + 1


def test_the_reserve_of_the_disk_is_kept(tmp_path: Path) -> None:
    with (
        Spool(tmp_path, PARTITION, options=SpoolOptions(reserve=2**62)) as spool,
        pytest.raises(SpoolFull, match="reserve"),
    ):
        append(spool, b"x")


def test_a_disk_that_fills_up_within_a_frame_leaves_the_spool_whole(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        append(spool, b"before", at=1)
        size = segments(tmp_path / PARTITION)[0].path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 700, hard))
        try:
            with pytest.raises(StorageError, match="large"):
                append(spool, os.urandom(2000), at=2)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert not spool.broken
        assert segments(tmp_path / PARTITION)[0].path.stat().st_size == size
        append(spool, b"after", at=2)
    assert read_all(tmp_path) == [(0, b"before"), (1, b"after")]


def test_a_disk_too_full_for_a_new_segment_lets_the_old_one_grow(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=TINY) as spool:
        append(spool, b"a", at=1)
        snapshot = tmp_path / PARTITION / "checkpoints.json.new"
        snapshot.mkdir()
        spool.sync()
        append(spool, b"b", at=2)
        snapshot.rmdir()
        append(spool, b"c", at=3)
    assert [part.first for part in segments(tmp_path / PARTITION)] == [0, 3]
    assert [raw for _, raw in read_all(tmp_path)] == [b"a", b"b", b"c"]


def test_a_failed_fsync_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    spool = Spool(tmp_path, PARTITION, options=LARGE)
    append(spool, b"x", at=1)
    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(StorageError, match="fsync"):
        spool.sync()
    monkeypatch.undo()
    assert spool.broken
    with pytest.raises(StorageError, match="opened again"):
        append(spool, b"y", at=2)
    spool.close()
    with Spool(tmp_path, PARTITION, options=LARGE) as spool:
        assert spool.checkpoints() == {"k": {"at": spool.next_offset}}


def test_a_damaged_snapshot_is_the_operators_to_judge(tmp_path: Path) -> None:
    with Spool(tmp_path, PARTITION, options=TINY) as spool:
        append(spool, b"x", at=1)
    (tmp_path / PARTITION / "checkpoints.json").write_bytes(b"{")
    with pytest.raises(StorageError, match=r"checkpoints\.json"):
        Spool(tmp_path, PARTITION, options=TINY)


def test_dead_letters_keep_everything(tmp_path: Path) -> None:
    reject = Rejected("o", 3, "too-large", "9 bytes", b"\xff\0")
    with Spool(tmp_path, "dead", options=LARGE) as spool:
        spool.append_rejects(
            [reject], source_id=None, received_at=7, checkpoint=Checkpoint("k", {"seq": 3})
        )
        assert spool.checkpoints() == {"k": {"seq": 3}}
        spool.sync()
    rows = SpoolReader(tmp_path).read("dead", -1)
    assert rows is not None
    assert rows.schema == envelope.REJECTS
    assert rows.to_pylist() == [
        {"partition": "dead", "offset": 0, "received_at": 7, **reject._asdict(), "source_id": None}
    ]


WRITER = """
import sys
from pathlib import Path
from tests.collect.spooling import TINY, append
from tocsin.collect.folder import release
from tocsin.collect.spool import Spool
root = Path(sys.argv[1])
spool = Spool(root, "files", options=TINY)
at = (spool.checkpoints().get("k") or {"at": 0})["at"]
for index in range(at, at + 3):
    append(spool, b"%d" % index, at=index + 1)
    spool.sync()
    print(index, flush=True)
    release(root, "files", -1 if index < 2 else 0)
"""
POINTS = ["spool.appended", "spool.synced", "spool.snapshot", "spool.rotated", "spool.released"]


@pytest.mark.parametrize("point", POINTS)
def test_kill_at_each_point_neither_loses_nor_doubles(
    tmp_path: Path, repo: Path, point: str
) -> None:
    acknowledged: list[int] = []
    for armed in (f"{point}:2" if point != "spool.released" else point, ""):
        done = subprocess.run(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            env={**os.environ, "TOCSIN_CRASH_AT": armed, "PYTHONPATH": str(repo)},
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == (-9 if armed else 0), done.stderr.decode()
        acknowledged += [int(line) for line in done.stdout.split()]
    got = [int(raw) for _, raw in read_all(tmp_path)]
    first = int(got[0])
    assert got == list(range(first, first + len(got)))
    assert set(range(first, max(acknowledged) + 1)) <= set(got)
    assert load_snapshot(tmp_path / PARTITION).upto >= len(got) - 2
