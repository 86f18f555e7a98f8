import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.formats.archives import PACKERS

from tocsin.formats.limits import Limits
from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block, Item, Rejected, Skipped
from tocsin.formats.text import encoding_of, framing_of, is_line_log


def raws(items: list[Item]) -> list[bytes]:
    return [raw for item in items if isinstance(item, Block) for raw in item.raws]


@pytest.mark.parametrize(
    ("data", "framing"),
    [
        (b'{"a": 1}\n{"a": 2}\n', "lines"),
        (b'{"a": 1}', "lines"),
        (b'{"a": 1\n{"a": 2}\n', "lines"),
        (b'{\n  "a": 1\n}\n{\n  "a": 2\n}', "documents"),
        (b'{"a": 1}{"a": 2}', "documents"),
        (b'[{"a": 1}]', "documents"),
        (b' \n[\n{"a": 1}]', "documents"),
        (b'{"Records":[{"a": 1}]}\n', "documents"),
        (b"Feb 17 13:40:03 host app[1]: hello\n", "lines"),
        (b"[2024-01-01] hello\n", "lines"),
        (b"[ 1.23] kernel: hello\n", "lines"),
        (b"[Mon Jan 01 10:00:00 2024] [error] hello\n", "lines"),
        (b"[", "documents"),
        (b"\x7fELF\x02\x01\x01\0", "binary content"),
    ],
)
def test_framing_is_seen_in_the_content(data: bytes, framing: str) -> None:
    assert framing_of(data, "x.log") == framing


def test_the_name_decides_only_where_content_cannot() -> None:
    assert framing_of(b"words and words\n", "README") != "lines"
    assert framing_of(b"words and words\n", "setup.cfg") != "lines"
    assert framing_of(b"words,and,words\n", "x.csv.gz") != "lines"
    assert framing_of(b"words and words\n", "auth.log.1") == "lines"
    assert framing_of(b"words and words\n", "auth.log.2.gz") == "lines"
    assert framing_of(b'{"a": 1}\n', "LICENSE.md") == "lines"


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encodings_become_utf8(codec: str, end: str) -> None:
    lines = [json.dumps({"a": value}, ensure_ascii=False) for value in ("x" * 40, "grüße", "漢字")]
    data = end.join(lines).encode(codec)
    assert raws(list(read_bytes("x.json", data))) == [line.encode() for line in lines]


def test_encoding_without_a_mark_is_seen_by_its_zero_bytes() -> None:
    assert encoding_of('{"a": 1}'.encode("utf-16-le")) == "utf-16-le"
    assert encoding_of('{"a": 1}'.encode("utf-16-be")) == "utf-16-be"
    assert encoding_of(b'{"a": 1}') is None
    assert encoding_of(bytes(100)) is None


def test_half_a_character_at_the_end_is_shown_not_fatal() -> None:
    data = ('{"a": 1}\n' * 2).encode("utf-16") + b"{"
    assert raws(list(read_bytes("x.json", data)))[:2] == [b'{"a": 1}'] * 2


def test_followed_are_only_lines_of_utf8() -> None:
    assert is_line_log(b'{"a": 1}\n', "x.json")
    assert is_line_log(b'\xef\xbb\xbf{"a": 1}\n', "x.json")
    assert not is_line_log(b'{"a":\n1}\n', "x.json")
    assert not is_line_log('{"a": 1}\n'.encode("utf-16"), "x.json")
    assert not is_line_log(PACKERS["gz"](b"x\n"), "x.log")
    assert not is_line_log(b"PK\x03\x04", "x.log")


def test_a_line_of_a_hundred_thousand_levels_is_refused_alone() -> None:
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    items = list(read_bytes("x.json", b'{"a": 1}\n' + deep + b'\n{"b": 2}'))
    assert raws(items) == [b'{"a": 1}', b'{"b": 2}']
    (item,) = [item for item in items if isinstance(item, Rejected)]
    assert (item.position, item.reason, item.raw) == (2, "too-deep", deep[: 64 * 1024])


def test_a_huge_line_is_refused_alone() -> None:
    huge = b'{"a":"' + b"x" * 300_000 + b'"}'
    items = list(
        read_bytes("x.json", b'{"a": 1}\n' + huge + b'\n{"b": 2}', Limits(max_record=1000))
    )
    assert raws(items) == [b'{"a": 1}', b'{"b": 2}']
    assert [item.position for item in items if isinstance(item, Rejected)] == [2]


def test_a_huge_first_line_does_not_hide_the_others() -> None:
    huge = b'{"a":"' + b"x" * 300_000 + b'"}'
    items = list(read_bytes("x.json", huge + b'\n{"b": 2}\n{"c": 3}', Limits(max_record=1000)))
    assert raws(items) == [b'{"b": 2}', b'{"c": 3}']


def test_nothing_at_all() -> None:
    assert [item.reason for item in read_bytes("x", b"") if isinstance(item, Skipped)] == ["empty"]
    assert list(read_bytes("x.log", b"\n\r\n  \n")) == []


@given(st.binary(max_size=400), st.sampled_from(["x", "x.json", "x.zip", "x.evtx", "x.md"]))
def test_no_bytes_at_all_make_it_fail(data: bytes, name: str) -> None:
    for item in read_bytes(name, data):
        assert isinstance(item, Block | Rejected | Skipped)


@given(
    st.sampled_from([b"PK\x03\x04", b"\x1f\x8b\x08", b"BZh91AY&SY", b"\xfd7zXZ\0", b"ElfFile\0"]),
    st.binary(max_size=400),
)
def test_no_bytes_behind_a_magic_make_it_fail(magic: bytes, data: bytes) -> None:
    for item in read_bytes("x", magic + data):
        assert isinstance(item, Block | Rejected | Skipped)
