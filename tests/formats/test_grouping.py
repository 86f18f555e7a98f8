from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tocsin.formats import grouping as module
from tocsin.formats.grouping import (
    AuditEvents,
    Grouping,
    Single,
    ZeekRows,
    grouping_of,
    header_before,
)
from tocsin.formats.limits import Limits
from tocsin.formats.lines import LineFramer
from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block, Item, Rejected

LIMITS = Limits(max_record=400, kept_of_rejected=8)


def records(grouping: Grouping, chunks: list[bytes]) -> list[tuple[int, bytes]]:
    """(position, raw or reason) of everything in `chunks`."""
    framer = LineFramer("o", LIMITS)
    items: list[Item] = []
    for chunk in chunks:
        items += grouping.feed(framer.feed(chunk))
    items += grouping.feed(framer.finish())
    items += grouping.finish()
    found: list[tuple[int, bytes]] = []
    for item in items:
        if isinstance(item, Block):
            found += zip(item.positions, item.raws, strict=True)
        elif isinstance(item, Rejected):
            found.append((item.position, item.reason.encode()))
    return found


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def line(kind: str, serial: int, text: str = "x=1") -> bytes:
    return f"type={kind} msg=audit(17000.1:{serial}): {text}".encode()


def test_lines_of_one_audit_event_are_one_record() -> None:
    data = [line("SYSCALL", 1), line("EXECVE", 1), line("SYSCALL", 2), line("CWD", 2)]
    found = records(AuditEvents(), [b"\n".join(data)])
    assert found == [(1, b"\n".join(data[:2])), (3, b"\n".join(data[2:]))]


def test_an_event_ends_with_its_last_record_and_an_end_mark_alone_is_none() -> None:
    grouping = AuditEvents()
    data = [line("SYSCALL", 1), line("PROCTITLE", 1), line("EOE", 1, ""), line("EOE", 2, "")]
    found = records(grouping, [b"".join(text + b"\n" for text in data)])
    assert found == [(1, b"\n".join(data[:2]))]
    assert grouping.open_lines(9) == 0


def test_other_lines_stay_records_and_end_an_event() -> None:
    data = [b"Nov 1 a", line("SYSCALL", 1), b"Nov 1 b", line("PATH", 1), b'{"audit(1.1:2):": 1}']
    assert [raw for _, raw in records(AuditEvents(), [b"\n".join(data)])] == data


def test_lines_with_a_syslog_header_are_grouped_too() -> None:
    data = [b"<13>Nov 23 07:00:00 h audispd: node=h " + line(k, 7) for k in ("SYSCALL", "CWD")]
    assert records(AuditEvents(), [b"\n".join(data)]) == [(1, b"\n".join(data))]


def test_an_event_without_end_is_cut() -> None:
    many = module.MAX_LINES + 3
    found = records(AuditEvents(), [b"\n".join([line("PATH", 1)] * many)])
    assert [position for position, _ in found] == [1, module.MAX_LINES + 1]


AUDIT = st.lists(
    st.sampled_from(
        [
            line("SYSCALL", 1),
            line("PATH", 1),
            line("PROCTITLE", 1),
            line("SYSCALL", 2),
            line("EOE", 2, ""),
            b"other",
            b"",
            b"y" * 500,
        ]
    ),
    max_size=20,
)
CUTS = st.lists(st.integers(0, 5_000), max_size=6)


@given(AUDIT, CUTS)
def test_where_chunks_end_changes_no_audit_record(lines: list[bytes], cuts: list[int]) -> None:
    data = b"\n".join(lines)
    assert records(AuditEvents(), chunked(data, cuts)) == records(AuditEvents(), [data])


@given(AUDIT)
def test_no_audit_line_is_lost_or_doubled(lines: list[bytes]) -> None:
    found = records(AuditEvents(), [b"\n".join(lines)])
    wanted = [raw for raw in lines if raw and not raw.endswith(b"y")]
    got = [part for _, raw in found for part in raw.split(b"\n") if part != b"too-large"]
    end = line("EOE", 2, "")
    assert [raw for raw in got if raw != end] == [raw for raw in wanted if raw != end]
    assert [position for position, _ in found] == sorted({position for position, _ in found})


@given(AUDIT, st.integers(0, 20))
def test_reading_may_go_on_before_any_record(lines: list[bytes], stop: int) -> None:
    whole = records(AuditEvents(), [b"\n".join(lines)])
    grouping, framer = AuditEvents(), LineFramer("o", LIMITS)
    list(grouping.feed(framer.feed(b"".join(raw + b"\n" for raw in lines[:stop]))))
    done = framer.line - grouping.open_lines(framer.line)
    again = LineFramer("o", LIMITS, done)
    second = AuditEvents()
    items = [*second.feed(again.feed(b"\n".join(lines[done:]))), *second.feed(again.finish())]
    items += second.finish()
    found: list[tuple[int, bytes]] = []
    for item in items:
        if isinstance(item, Block):
            found += zip(item.positions, item.raws, strict=True)
        elif isinstance(item, Rejected):
            found.append((item.position, item.reason.encode()))
    assert found == [one for one in whole if one[0] > done]


HEAD = [b"#separator \\x09", b"#set_separator\t,", b"#path\tdns", b"#open\t2025"]


def head(path: bytes) -> list[bytes]:
    return [*HEAD[:2], b"#path\t" + path, b"#fields\tts\tuid", b"#types\ttime\tstring"]


def test_a_zeek_row_carries_the_header_that_says_how_to_read_it() -> None:
    lines = [*HEAD, *head(b"dns")[3:], b"1.0\tC1", b"#close\t2025", *head(b"ssl"), b"2.0\tC2"]
    found = records(ZeekRows(), [b"\n".join(lines)])
    assert found == [
        (7, b"\n".join([*HEAD[:3], *head(b"dns")[3:], b"1.0\tC1"])),
        (14, b"\n".join([*head(b"ssl"), b"2.0\tC2"])),
    ]


def test_a_zeek_row_without_a_header_is_refused() -> None:
    data = b"\n".join([HEAD[0], b"1.0\tC1", b"#fields\tts\tuid", b"2.0\tC2"])
    found = records(ZeekRows(), [data])
    assert [(position, raw[:9]) for position, raw in found] == [
        (2, b"no-header"),
        (4, b"#separato"),
    ]


ZEEK = st.lists(
    st.sampled_from(
        [*HEAD, b"#fields\tts\tuid", b"#fields\tts", b"#close\tx", b"1.0\tC1", b"", b"2.0\tC2"]
    ),
    max_size=25,
)


@given(ZEEK, CUTS)
def test_the_header_is_found_again(lines: list[bytes], cuts: list[int]) -> None:
    data = b"".join(raw + b"\n" for raw in lines)
    rows = ZeekRows()
    list(rows.feed(LineFramer("o", LIMITS).feed(data)))
    assert header_before(chunked(data, cuts)) == rows.header


def test_the_first_bytes_choose() -> None:
    assert isinstance(grouping_of(b"\xef\xbb\xbf#separator \\x09\n"), ZeekRows)
    assert isinstance(grouping_of(b'{"a": 1}\n'), Single)
    assert isinstance(grouping_of(b"Nov 23 x"), AuditEvents)


def test_files_are_read_in_groups() -> None:
    data = b"\n".join([line("SYSCALL", 1), line("CWD", 1)])
    (block,) = read_bytes("audit.log", data)
    assert isinstance(block, Block)
    assert block.raws == [data]
