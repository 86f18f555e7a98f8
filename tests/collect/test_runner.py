from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.collect.spooling import LARGE, PARTITION, batch, read_all

from tocsin.collect.port import Checkpoint, Chunk
from tocsin.collect.reader import SpoolReader
from tocsin.collect.runner import Runner
from tocsin.collect.spool import Spool, SpoolFull, SpoolOptions
from tocsin.errors import StorageError
from tocsin.formats.records import RawBatch, Rejected, Skipped


class Tick:
    """A clock that moves a little with every look."""

    def __init__(self) -> None:
        self.at = 0

    def now(self) -> int:
        self.at += 1
        return self.at

    def monotonic(self) -> float:
        return self.now() / 1e6


class Queue:
    """A transport that gives what it was told."""

    def __init__(self, *chunks: Chunk) -> None:
        self.chunks = list(chunks)
        self.kept: list[Chunk] = []
        self.resumed: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None

    def resume(self, positions: Mapping[str, Any], refused: Mapping[str, Any]) -> None:
        self.resumed = (positions, refused)

    def poll(self, now: int) -> Iterator[Chunk]:
        assert now > 0
        while self.chunks:
            yield self.chunks.pop(0)

    def durable(self, chunks: Sequence[Chunk]) -> None:
        self.kept += chunks


def chunk(*raws: bytes, seq: int, problems: int = 0) -> Chunk:
    content = batch(*raws)
    content.problems += [Rejected("o", seq, "too-large", "d", b"r"), Skipped("p", "empty", "e")][
        :problems
    ]
    return Chunk(content, "src", Checkpoint("k", {"seq": seq}))


@pytest.fixture
def spools(tmp_path: Path) -> Iterator[tuple[Spool, Spool]]:
    with (
        Spool(tmp_path, PARTITION, options=LARGE) as spool,
        Spool(tmp_path, "dead", options=LARGE) as dead,
    ):
        yield spool, dead


def runner(transport: Queue, spools: tuple[Spool, Spool], pause: object = None) -> Runner:
    spool, dead = spools
    wait = pause if callable(pause) else lambda _: True
    return Runner(transport, spool, dead, clock=Tick(), pause=wait)


def test_records_and_dead_letters_are_durable_and_counted(
    tmp_path: Path, spools: tuple[Spool, Spool]
) -> None:
    run = runner(Queue(chunk(b"a", b"bc", seq=3, problems=2), chunk(b"d", seq=4)), spools)
    assert run.step()
    assert [raw for _, raw in read_all(tmp_path)] == [b"a", b"bc", b"d"]
    rows = SpoolReader(tmp_path).read("dead", -1)
    assert rows is not None
    assert rows["reason"].to_pylist() == ["too-large", "empty"]
    assert rows["raw"].to_pylist() == [b"r", b""]
    assert (run.counts.received, run.counts.bytes) == (3, 4)
    assert run.counts.rejected == {"too-large": 1, "empty": 1}


def test_a_transport_learns_where_both_spools_end(spools: tuple[Spool, Spool]) -> None:
    runner(Queue(chunk(b"a", seq=1), chunk(seq=2, problems=1), chunk(b"b", seq=3)), spools).step()
    again = Queue()
    runner(again, spools)
    assert again.resumed == ({"k": {"seq": 3}}, {"k": {"seq": 2}})


def test_a_full_spool_is_waited_for_and_nothing_is_lost(
    tmp_path: Path, spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, _ = spools
    real, fails = spool.append, [SpoolFull("full"), StorageError("no space left"), None]

    def append(*args: Any, **kwargs: Any) -> range:
        if fails and (failure := fails.pop(0)):
            raise failure
        return real(*args, **kwargs)

    monkeypatch.setattr(spool, "append", append)
    waited: list[float] = []
    run = runner(Queue(chunk(b"a", seq=1)), spools, lambda s: waited.append(s) or True)
    run.step()
    assert [raw for _, raw in read_all(tmp_path)] == [b"a"]
    assert (run.counts.waits, run.counts.waiting) == (2, "")
    assert len([seconds for seconds in waited if seconds]) == 2


def test_a_stop_while_waiting_leaves_the_chunk_unread(spools: tuple[Spool, Spool]) -> None:
    spool, dead = spools
    spool._options = SpoolOptions(reserve=2**62)
    run = Runner(Queue(chunk(b"a", seq=1)), spool, dead, clock=Tick(), pause=lambda _: False)
    run.run()
    assert (spool.next_offset, spool.checkpoints()) == (0, {})
    assert "reserve" in run.counts.waiting


def test_a_broken_disk_is_not_waited_for(
    spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, _ = spools
    monkeypatch.setattr(spool, "_broken", True)
    with pytest.raises(StorageError):
        runner(Queue(chunk(b"a", seq=1)), spools).step()
    monkeypatch.undo()


def test_it_runs_until_told_to_stop(tmp_path: Path, spools: tuple[Spool, Spool]) -> None:
    answers = [True, True, True, False]
    run = runner(Queue(chunk(b"a", seq=1)), spools, lambda _: answers.pop(0))
    run.run()
    assert answers == []
    assert len(read_all(tmp_path)) == 1


def test_small_chunks_share_an_fsync(
    spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, _ = spools
    syncs: list[int] = []
    real = spool.sync
    monkeypatch.setattr(spool, "sync", lambda: (syncs.append(1), real())[1])
    runner(Queue(*(chunk(b"a", seq=i) for i in range(50))), spools).step()
    assert len(syncs) == 1


def test_an_empty_batch_only_moves_the_position(spools: tuple[Spool, Spool]) -> None:
    runner(Queue(Chunk(RawBatch(), None, Checkpoint("k", {"seq": 9}))), spools).step()
    assert spools[0].checkpoints() == {"k": {"seq": 9}}


def test_a_transport_is_told_what_is_durable_and_nothing_else(
    spools: tuple[Spool, Spool], monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, _ = spools
    first, second, third = (chunk(raw, seq=n) for n, raw in enumerate((b"a", b"b", b"c")))
    transport = Queue(first, second)
    seen: list[int] = []
    real = spool.sync
    monkeypatch.setattr(spool, "sync", lambda: (seen.append(len(transport.kept)), real())[1])
    run = runner(transport, spools)
    run.step()
    assert seen == [0], "told before it was durable"
    assert transport.kept == [first, second]
    transport.chunks = [third]
    spool._options = SpoolOptions(reserve=2**62)
    run = Runner(transport, *spools, clock=Tick(), pause=lambda seconds: not seconds)
    run.step()
    assert transport.kept == [first, second], "told of what found no room"


def test_transports_that_share_a_spool_keep_their_own_positions(
    spools: tuple[Spool, Spool],
) -> None:
    spool, dead = spools

    def run(transport: Queue, name: str) -> None:
        Runner(transport, spool, dead, clock=Tick(), pause=lambda _: True, name=name).step()

    run(Queue(chunk(b"a", seq=1)), "")
    run(Queue(chunk(b"b", seq=2, problems=1)), "http")
    run(Queue(chunk(b"c", seq=3)), "http2")
    again = {name: Queue() for name in ("", "http", "http2", "other")}
    for name, transport in again.items():
        run(transport, name)
    positions = {name: transport.resumed for name, transport in again.items()}
    assert positions == {
        "": ({"k": {"seq": 1}}, {}),
        "http": ({"k": {"seq": 2}}, {"k": {"seq": 2}}),
        "http2": ({"k": {"seq": 3}}, {}),
        "other": ({}, {}),
    }
