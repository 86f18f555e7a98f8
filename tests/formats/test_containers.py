import zipfile

import pytest
from tests.formats.archives import PACKERS, tarred, zipped

from tocsin.formats.containers import inside
from tocsin.formats.limits import MIB, Limits
from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block, Item, Skipped

LINE = b'{"a": 1}\n'


def reasons(items: list[Item]) -> list[tuple[str, str]]:
    return [(item.origin, item.reason) for item in items if isinstance(item, Skipped)]


def count(items: list[Item]) -> int:
    return sum(len(item.raws) for item in items if isinstance(item, Block))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_bomb_is_stopped_and_its_neighbours_are_read(method: int) -> None:
    bomb = zipped({"bomb.json": bytes(60 * MIB), "good.json": LINE}, method)
    assert len(bomb) * 900 < 60 * MIB
    items = list(read_bytes("n", bomb, Limits(ratio_floor=MIB)))
    assert reasons(items) == [("n!bomb.json", "compression-ratio")] or reasons(items) == [
        ("n!bomb.json", "not-a-log")
    ]
    assert count(items) == 1


def test_a_bomb_of_lines_is_stopped() -> None:
    data = zipped({"bomb.log": b"x\n" * (10 * MIB), "good.json": LINE})
    items = list(read_bytes("n", data, Limits(ratio_floor=MIB)))
    assert reasons(items) == [("n!bomb.log", "compression-ratio")]
    assert count(items) < 8 * MIB


def test_many_small_bombs_are_stopped_together() -> None:
    data = zipped({f"{i}.log": b"x\n" * 100_000 for i in range(50)})
    limits = Limits(ratio_floor=MIB, total_floor=2 * MIB)
    items = list(read_bytes("n", data, limits))
    assert "too-much-unpacked" in dict(reasons(items)).values()
    assert count(items) <= (2 * MIB + 100_000) // 2 + len(data) * 200 // 2


def test_a_bomb_in_a_bomb_is_stopped() -> None:
    inner = zipped({"x.log": b"x\n" * (4 * MIB)})
    data = zipped({f"{i}.zip": inner for i in range(40)})
    items = list(read_bytes("n", data, Limits(ratio_floor=MIB, total_floor=4 * MIB)))
    assert {reason for _, reason in reasons(items)} <= {"compression-ratio", "too-much-unpacked"}
    assert len(reasons(items)) >= 40


def test_nesting_has_an_end() -> None:
    data = LINE
    for level in range(8):
        data = PACKERS["gz"](data) if level % 2 else zipped({"x.json": data})
    assert [reason for _, reason in reasons(list(read_bytes("n", data)))] == ["nested-too-deeply"]
    assert count(list(read_bytes("n", data, Limits(max_nesting=8)))) == 1


def test_a_nested_zip_too_large_to_hold_is_reported() -> None:
    data = tarred({"x.zip": zipped({"x.json": LINE * 99}, zipfile.ZIP_STORED), "y.json": LINE})
    items = list(read_bytes("n", data, Limits(max_held=500)))
    assert reasons(items) == [("n!x.zip", "too-large")]
    assert count(items) == 1


def test_an_encrypted_member_is_reported() -> None:
    data = bytearray(zipped({"x.json": LINE}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    assert reasons(list(read_bytes("n", bytes(data)))) == [("n!x.json", "encrypted")]


@pytest.mark.parametrize(
    "magic", [b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07\x01\0", b"\x28\xb5\x2f\xfd"]
)
def test_other_archives_are_named(magic: bytes) -> None:
    assert reasons(list(read_bytes("n", magic + bytes(99)))) == [("n", "unsupported-archive")]


def test_a_zip_without_its_directory_gives_what_its_front_holds() -> None:
    data = zipped({"a.json": LINE * 9, "b.json": LINE * 9})
    items = list(read_bytes("n", data[: data.index(b"PK\x01\x02")]))
    assert count(items) == 18
    assert reasons(items) == [("n", "truncated")]


def test_a_zip_cut_inside_a_member_gives_the_members_before() -> None:
    data = zipped({"a.json": LINE * 9, "b.json": bytes(range(33, 127)) * 9})
    items = list(read_bytes("n", data[: data.rindex(b"PK\x03\x04") + 60]))
    assert count(items) >= 9
    assert ("n", "truncated") in reasons(items)


def test_a_directory_too_long_to_hold_is_not_even_opened() -> None:
    data = zipped({f"{'x' * 200}{i}.json": LINE for i in range(9)})
    items = list(read_bytes("n", data, Limits(max_members=4)))
    assert reasons(items) == [("n", "too-many-members")]
    assert count(items) == 0


def test_member_names_are_bounded_and_storable() -> None:
    assert inside("o", "x" * 9999) == "o!" + "x" * 1024
    assert inside("o", "\udcff").encode() == b"o!\\udcff"


def test_a_member_without_a_name_is_read() -> None:
    data = zipped({"x": LINE}).replace(b"x", b"", 1)
    hurt = bytearray(zipped({"x": LINE}))
    at = hurt.index(b"PK\x01\x02")
    hurt[at + 28 : at + 30] = b"\0\0"
    for text in (data, bytes(hurt)):
        for item in read_bytes("n", text):
            assert isinstance(item, Block | Skipped)
