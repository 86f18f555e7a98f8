import bz2
import io
import lzma

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.archives import PACKERS

from tocsin.formats.limits import MIB, Account, Limits, Trailing, Unreadable
from tocsin.formats.streams import Peeked, Prefixed, Source, Unpacked, read_exactly, sniff_packing


def unpack(data: bytes, kind: str, limits: Limits = Limits()) -> bytes:  # noqa: B008 - frozen
    source = Unpacked(io.BytesIO(data), kind, Account(limits, len(data)))
    return b"".join(iter(lambda: source.read(1000), b""))


def drain(source: Source) -> None:
    while source.read(100):
        pass


@pytest.mark.parametrize("kind", PACKERS)
@given(data=st.binary(max_size=5000), more=st.binary(max_size=50), padding=st.integers(0, 9))
def test_unpacking_is_the_inverse(kind: str, data: bytes, more: bytes, padding: int) -> None:
    packed = PACKERS[kind](data) + bytes(padding * 4) + PACKERS[kind](more)
    assert sniff_packing(packed) == kind
    assert unpack(packed, kind) == data + more


@pytest.mark.parametrize("kind", PACKERS)
@given(data=st.binary(min_size=1, max_size=500), cut=st.integers(1, 40))
def test_a_cut_is_a_failure_that_stays(kind: str, data: bytes, cut: int) -> None:
    packed = PACKERS[kind](data)
    source = Unpacked(io.BytesIO(packed[:-cut]), kind, Account(Limits(), 1))
    for _ in range(2):
        with pytest.raises(Unreadable, match="truncated"):
            drain(source)


@pytest.mark.parametrize("kind", PACKERS)
@given(data=st.binary(min_size=100, max_size=500), at=st.integers(12, 90), bit=st.integers(0, 7))
def test_damage_never_raises_anything_else(kind: str, data: bytes, at: int, bit: int) -> None:
    packed = bytearray(PACKERS[kind](data))
    packed[at % len(packed)] ^= 1 << bit
    try:
        unpack(bytes(packed), kind)
    except Unreadable as failure:
        assert failure.reason in {"corrupt", "truncated", "trailing-data"}


@pytest.mark.parametrize("kind", PACKERS)
def test_a_bomb_is_stopped_by_its_ratio(kind: str) -> None:
    bomb = {"gz": PACKERS["gz"], "xz": lzma.compress, "bz2": bz2.compress}[kind](bytes(40 * MIB))
    limits = Limits(ratio_floor=MIB)
    source = Unpacked(io.BytesIO(bomb), kind, Account(limits, len(bomb)))
    parts: list[bytes] = []
    with pytest.raises(Unreadable, match="compression-ratio"):
        parts.extend(iter(lambda: source.read(64 * 1024), b""))
    assert sum(map(len, parts)) <= max(MIB, 200 * 128 * 1024)


def test_a_well_packed_log_below_the_floor_is_no_bomb() -> None:
    assert len(unpack(PACKERS["gz"](bytes(15 * MIB)), "gz")) == 15 * MIB


def test_everything_of_one_file_counts_together() -> None:
    account = Account(Limits(total_floor=1000, max_ratio=2), packed=600)
    account.spend(1200)
    with pytest.raises(Unreadable, match="too-much-unpacked"):
        account.spend(1)


def test_rubbish_behind_a_stream() -> None:
    with pytest.raises(Trailing, match="trailing-data"):
        unpack(PACKERS["gz"](b"x") + b"rubbish behind", "gz")


@pytest.mark.parametrize("kind", PACKERS)
@pytest.mark.parametrize("stub", [b"\n", b"\x1f\x8b\x08", b"123456789"])
def test_too_few_bytes_behind_a_stream_for_another_are_a_cut(kind: str, stub: bytes) -> None:
    source = Unpacked(io.BytesIO(PACKERS[kind](b"x") + stub), kind, Account(Limits(), 1))
    assert source.read(10) == b"x"
    with pytest.raises(Trailing, match=f"truncated.*{len(stub)} bytes"):
        drain(source)


def test_peeking_consumes_nothing_and_hides_a_failure_until_its_turn() -> None:
    source = Peeked(
        Unpacked(io.BytesIO(PACKERS["gz"](b"abc" * 999)[:-9]), "gz", Account(Limits(), 1))
    )
    head = source.peek(4)
    assert head == b"abca"
    assert source.peek(10**6).startswith(head)
    assert source.read(3) == b"abc"
    with pytest.raises(Unreadable, match="truncated"):
        drain(source)


def test_read_exactly_and_prefixed() -> None:
    source = Prefixed(b"ab", io.BytesIO(b"cdef"))
    assert read_exactly(source, 5) == b"abcde"
    assert read_exactly(source, 5) == b"f"


def test_not_packed() -> None:
    assert sniff_packing(b"BZhello") is None
