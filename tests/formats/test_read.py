import os
import random
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.formats.archives import PACKERS, tarred, zipped

from tocsin.formats.limits import Limits, Unreadable
from tocsin.formats.read import (
    Gather,
    files_below,
    printable,
    read_batches,
    read_bytes,
    read_members,
    read_path,
    total_bytes,
)
from tocsin.formats.records import Block, RawRecord, Rejected, Skipped, Stamp, to_envelope
from tocsin.model import envelope

NOISE = random.Random(1)  # noqa: S311 - bytes that repeat
LINES = b'{"a": 1}\n{"a": 2}\n{"a": 3}\n'


def raws(items: Iterable[object]) -> list[bytes]:
    return [raw for item in items if isinstance(item, Block) for raw in item.raws]


def problems(items: Iterable[object]) -> list[tuple[str, str]]:
    return [(i.origin, i.reason) for i in items if isinstance(i, Skipped | Rejected)]


def test_read_path_names_origin_and_line(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_bytes(LINES)
    (tmp_path / "a.zip").write_bytes(zipped({"in/x.json": LINES[:9]}))
    got = list(read_path(tmp_path))
    assert got == [
        RawRecord(f"{tmp_path}/a.zip!in/x.json", 1, b'{"a": 1}'),
        RawRecord(f"{tmp_path}/b.json", 1, b'{"a": 1}'),
        RawRecord(f"{tmp_path}/b.json", 2, b'{"a": 2}'),
        RawRecord(f"{tmp_path}/b.json", 3, b'{"a": 3}'),
    ]


@pytest.mark.parametrize("kind", PACKERS)
def test_packed_tar_in_zip_in_packed_file(kind: str) -> None:
    inner = PACKERS[kind](tarred({"x.log": LINES}))
    data = PACKERS[kind](zipped({"deep.tar": inner}))
    items = list(read_bytes("n", data))
    assert raws(items) == LINES.split(b"\n")[:3]
    assert items[0].origin == "n!deep.tar!x.log"


def test_concatenated_gzip_streams_are_one_file() -> None:
    data = PACKERS["gz"](LINES[:9]) + PACKERS["gz"](LINES[9:]) + bytes(512)
    assert problems(read_bytes("n", data)) == []
    assert raws(read_bytes("n", data)) == LINES.split(b"\n")[:3]


@pytest.mark.parametrize(
    ("rubbish", "reason"), [(b"\n", "truncated"), (b"no stream at all", "trailing-data")]
)
def test_rubbish_after_a_packed_stream_is_reported_and_costs_nothing(
    rubbish: bytes, reason: str
) -> None:
    items = list(read_bytes("n", PACKERS["gz"](LINES[:-1]) + rubbish))
    assert raws(items) == LINES.split(b"\n")[:3]
    assert problems(items) == [("n", reason)]


@pytest.mark.parametrize("kind", PACKERS)
def test_a_truncated_stream_gives_what_is_whole_and_refuses_the_torn_record(kind: str) -> None:
    many = b"".join(
        b'{"n": %d, "x": "%s"}\n' % (i, NOISE.randbytes(40).hex().encode()) for i in range(9999)
    )
    data = PACKERS[kind](many)[: -len(many) // 20]
    items = list(read_bytes("n", data))
    good = raws(items)
    assert 100 < len(good) < 9999
    assert good == many.split(b"\n")[: len(good)]
    assert problems(items)[-1] == ("n", "truncated")
    torn = [item for item in items if isinstance(item, Rejected)]
    assert all(many.split(b"\n")[len(good)].startswith(item.raw) for item in torn)


def test_a_truncated_tar_gives_the_members_before() -> None:
    data = tarred({"a.json": LINES, "b.json": LINES * 500})
    items = list(read_bytes("n", data[: 512 + 512 + 512 + 40]))
    assert raws(items)[:3] == LINES.split(b"\n")[:3]
    assert ("n!b.json", "truncated") in problems(items)


def test_a_member_that_is_no_log_is_reported_not_fatal() -> None:
    data = zipped(
        {
            "__MACOSX/._x.json": b"\0\5\26\7\0\2\0\0Mac OS X",
            "LICENSE": b"do what you like\n",
            "rule.yml": b"title: x\n",
            "pic.png": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
            "empty.json": b"",
            "x.json": LINES,
        }
    )
    items = list(read_bytes("n", data))
    assert raws(items) == LINES.split(b"\n")[:3]
    assert problems(items) == [
        ("n!__MACOSX/._x.json", "not-a-log"),
        ("n!LICENSE", "not-a-log"),
        ("n!rule.yml", "not-a-log"),
        ("n!pic.png", "not-a-log"),
        ("n!empty.json", "empty"),
    ]


def test_a_hidden_fork_that_is_text_is_no_log_either() -> None:
    assert problems(read_bytes("n", zipped({"__MACOSX/._x.json": b"text\n"}))) == [
        ("n!__MACOSX/._x.json", "not-a-log")
    ]


def test_damage_in_one_zip_member_leaves_the_others() -> None:
    data = bytearray(zipped({"a.json": LINES * 50, "b.json": LINES}))
    data[45] ^= 0xFF
    items = list(read_bytes("n", bytes(data)))
    assert ("n!a.json", "corrupt") in problems(items)
    assert raws(items)[-3:] == LINES.split(b"\n")[:3]


def test_names_in_archives_never_become_paths(tmp_path: Path) -> None:
    data = tarred({"../../evil.json": LINES, "/etc/evil.json": LINES})
    (tmp_path / "x.tar").write_bytes(data)
    assert len(raws(read_bytes("n", data))) == 6
    list(read_path(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["x.tar"]


def test_folder_walk_survives_loops_dangling_links_and_pipes(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "up").symlink_to(tmp_path)
    (tmp_path / "gone").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "x.json").write_bytes(LINES)
    found = list(files_below(tmp_path))
    assert [f for f in found if isinstance(f, Path)] == [tmp_path / "x.json"]
    assert [(f.origin.rpartition("/")[2], f.reason) for f in found if isinstance(f, Skipped)] == [
        ("gone", "io-error"),
        ("pipe", "not-a-file"),
    ]


def test_a_missing_path_is_a_value_too() -> None:
    assert problems(read_path(Path("/nowhere/at/all")))[0][1] == "io-error"


def test_a_file_name_that_is_no_utf8_can_be_stored(tmp_path: Path) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9.json"
    Path(os.fsdecode(name)).write_bytes(LINES)
    (batch,) = read_batches([tmp_path])
    rows = to_envelope(batch, Stamp("s", "p", 0, None, 0))
    assert rows["origin"][0].as_py().endswith("caf\\xe9.json")


def test_batches_are_full_and_lose_nothing(tmp_path: Path) -> None:
    for index in range(7):
        (tmp_path / f"{index}.json").write_bytes(LINES * 5)
    (tmp_path / "z.yml").write_bytes(b"x")
    batches = list(read_batches([tmp_path], max_rows=8))
    assert [len(batch) for batch in batches] == [8] * 13 + [1]
    assert [raw for batch in batches for raw in batch.raws] == LINES.split(b"\n")[:3] * 35
    assert [p.reason for batch in batches for p in batch.problems] == ["not-a-log"]
    assert batches[-1].bytes_read == total_bytes([tmp_path]) == 7 * len(LINES) * 5 + 1


def test_batches_are_bounded_by_bytes_but_a_record_always_fits() -> None:
    gather = Gather(max_rows=100, max_bytes=10)
    block = Block("o", range(1, 5), [b"x" * 6, b"x" * 4, b"x" * 1, b"x" * 50])
    batches = [*gather.add(block), gather.take()]
    assert [[len(raw) for raw in batch.raws] for batch in batches] == [[6, 4], [1], [50], []]
    assert [at for batch in batches for at in batch.positions] == [1, 2, 3, 4]


def test_to_envelope_is_the_contract() -> None:
    batch = Gather().batch
    batch.add(Block("o", [4, 9], [b"a", b"\xff"]))
    rows = to_envelope(batch, Stamp("site", "files", 7, None, 123))
    assert rows.schema == envelope.RAW
    assert rows.to_pylist()[1] == {
        "site": "site", "partition": "files", "offset": 8, "source_id": None,
        "received_at": 123, "origin": "o", "position": 9, "raw": b"\xff",
    }  # fmt: skip


def test_members_of_a_rule_archive(tmp_path: Path) -> None:
    members = {"rules/b.yml": b"b: 1", "rules/a.YAML": b"a: 1", "LICENSE": b"text"}
    (tmp_path / "r.tar.xz").write_bytes(PACKERS["xz"](tarred(members)))
    assert list(read_members(tmp_path / "r.tar.xz")) == [
        (f"{tmp_path}/r.tar.xz!rules/b.yml", b"b: 1"),
        (f"{tmp_path}/r.tar.xz!rules/a.YAML", b"a: 1"),
    ]


def test_what_is_no_content_does_not_hinder_it(tmp_path: Path) -> None:
    (tmp_path / "r.yml").write_bytes(b"a: 1")
    (tmp_path / "docs.7z").write_bytes(b"7z\xbc\xaf\x27\x1c")
    os.mkfifo(tmp_path / "pipe")
    assert [name for name, _ in read_members(tmp_path)] == [f"{tmp_path}/r.yml"]
    with pytest.raises(Unreadable, match="io-error"):
        list(read_members(tmp_path / "none"))


def test_half_a_rule_archive_is_refused(tmp_path: Path) -> None:
    data = PACKERS["xz"](tarred({f"{i}.yml": NOISE.randbytes(99) for i in range(99)}))
    (tmp_path / "r.tar.xz").write_bytes(data[: len(data) // 2])
    with pytest.raises(Unreadable, match="truncated"):
        list(read_members(tmp_path / "r.tar.xz"))


def test_limits_can_be_set() -> None:
    items = list(read_bytes("n", zipped({str(i): LINES for i in range(9)}), Limits(max_members=3)))
    assert len(raws(items)) == 9
    assert problems(items) == [("n", "too-many-members")]


def test_printable_keeps_utf8() -> None:
    assert printable(Path("/über")) == "/über"


@pytest.mark.data
def test_real_archives_are_read_to_the_end(shared_data: Path) -> None:
    folder = shared_data / "detection" / "otrf" / "atomic" / "windows" / "defense_evasion" / "host"
    items = list(read_path(folder / "empire_enable_rdp.tar.gz"))
    assert len(items) > 1000
    assert [item.reason for item in items if isinstance(item, Skipped)] == ["truncated"]
