"""Records of several lines that are followed: nothing lost, nothing doubled, whatever happens."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collect.transports.test_files import Site

from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.close()


def audit(kind: str, serial: int) -> bytes:
    return f"type={kind} msg=audit(1700000000.1:{serial}): x={serial}\n".encode()


def test_an_open_event_waits_for_the_rest(site: Site) -> None:
    site.write("audit.log", audit("SYSCALL", 1))
    assert site.poll() == []
    site.write("audit.log", audit("CWD", 1), "ab")
    site.restart()
    assert site.poll() == []
    site.write("audit.log", audit("SYSCALL", 2), "ab")
    assert site.poll() == [(audit("SYSCALL", 1) + audit("CWD", 1)).rstrip()]
    assert [position for _, position, _ in site.rows] == [1]


def test_an_event_is_complete_when_the_file_rests(site: Site) -> None:
    site.write("audit.log", audit("SYSCALL", 1) + audit("CWD", 1))
    assert site.poll() == []
    assert site.poll(3) == [(audit("SYSCALL", 1) + audit("CWD", 1)).rstrip()]
    assert site.poll(3) == []
    site.restart()
    assert site.poll(3) == []


HEADER = b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n"


def test_a_row_behind_a_restart_has_its_header(site: Site) -> None:
    site.write("conn.log", HEADER + b"1.0\tC1\n")
    assert site.poll() == [HEADER + b"1.0\tC1"]
    site.restart()
    other = HEADER.replace(b"uid", b"other")
    site.write("conn.log", b"2.0\tC2\n" + other + b"3.0\tC3\n", "ab")
    assert site.poll() == [HEADER + b"2.0\tC2", other + b"3.0\tC3"]
    site.restart()
    site.write("conn.log", b"4.0\tC4\n", "ab")
    assert site.poll() == [other + b"4.0\tC4"]


LINES = st.lists(
    st.sampled_from(
        [audit("SYSCALL", 1), audit("PATH", 1), audit("PROCTITLE", 1), audit("SYSCALL", 2), b"x\n"]
    ),
    min_size=1,
    max_size=12,
)
STEPS = st.lists(st.tuples(st.integers(1, 200), st.booleans(), st.integers(0, 1)), max_size=12)


@settings(max_examples=40)
@given(LINES, STEPS)
def test_every_way_of_growing_gives_the_records_of_the_whole(
    lines: list[bytes], steps: list[tuple[int, bool, int]]
) -> None:
    data = b"".join(lines)
    with TemporaryDirectory() as folder:
        site = Site(Path(folder))
        at = 0
        for size, restart, most in steps:
            site.write("a.log", data[at : at + size], "ab")
            at += size
            site.poll(1, most)
            if restart or not most:  # what was not kept is read again after a restart only
                site.restart()
        site.write("a.log", data[at:], "ab")
        site.poll()
        site.poll(5)
        site.restart()
        site.poll(5)
        site.close()
        whole = [
            one
            for item in read_bytes("a.log", data)
            if isinstance(item, Block)
            for one in zip(item.positions, item.raws, strict=True)
        ]
        assert [(position, raw) for _, position, raw in site.rows] == whole
