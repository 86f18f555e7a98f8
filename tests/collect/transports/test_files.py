import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.collect.spooling import MEMORY
from tests.formats.archives import PACKERS, zipped

from tocsin.collect.transports.files import Files, FileSource
from tocsin.formats.limits import Limits

SECOND = 1_000_000


class Site:
    """A folder, its transport, and what a spool would have kept of it."""

    def __init__(self, folder: Path, limits: Limits = Limits(), **source: Any) -> None:  # noqa: B008 - frozen
        self.folder = folder
        self.limits = limits
        self.source = FileSource(folder, **source)
        self.now = 100 * SECOND
        self.positions: dict[str, Any] = {}
        self.refused: dict[str, Any] = {}
        self.rows: list[tuple[str, int, bytes]] = []
        self.problems: list[str] = []
        self.transport = Files([])
        self.restart()

    def restart(self) -> None:
        self.transport.close()
        self.transport = Files([self.source], self.limits)
        self.transport.resume(
            msgspec.json.decode(msgspec.json.encode(self.positions)), self.refused
        )

    def close(self) -> None:
        self.transport.close()

    def poll(self, seconds: int = 1, most: int = 10**9) -> list[bytes]:
        """Raw records of a poll `seconds` later, of which `most` chunks are kept."""
        self.now += seconds * SECOND
        before = len(self.rows)
        for chunk in self.transport.poll(self.now):
            if not most:
                break
            most -= 1
            batch = chunk.batch
            self.rows += zip(batch.origins, batch.positions, batch.raws, strict=True)
            self.problems += [problem.reason for problem in batch.problems]
            key, position = chunk.checkpoint.key, chunk.checkpoint.position
            for kept in (self.positions, *([self.refused] if batch.problems else [])):
                if position is None:
                    kept.pop(key, None)
                else:
                    kept[key] = position
        return [raw for _, _, raw in self.rows[before:]]

    def write(self, name: str, data: bytes, mode: str = "wb") -> Path:
        path = self.folder / name
        with path.open(mode) as file:
            file.write(data)
        os.utime(path, ns=(self.now * 1000, self.now * 1000 + path.stat().st_size))
        return path


Make = Callable[..., Site]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    with ExitStack() as stack:

        def site(folder: Path = tmp_path, *args: Any, **source: Any) -> Site:
            made = Site(folder, *args, **source)
            stack.callback(made.close)
            return made

        yield site


@pytest.fixture
def site(make: Make) -> Site:
    return make()


def test_appended_lines_are_followed_and_half_a_line_waits(site: Site) -> None:
    site.write("x.log", b"one\ntw")
    assert site.poll() == [b"one"]
    assert site.poll(9) == []
    site.write("x.log", b"o\r\nthree\n", "ab")
    assert site.poll() == [b"two", b"three"]
    assert site.poll() == []
    assert [position for _, position, _ in site.rows] == [1, 2, 3]
    assert len({origin for origin, _, _ in site.rows}) == 1


def test_a_restart_goes_on_where_it_was(site: Site) -> None:
    site.write("x.log", b"one\ntw")
    site.poll()
    site.restart()
    site.write("x.log", b"o\n", "ab")
    site.write("y.log", b"other\n")
    assert site.poll() == [b"two", b"other"]


def test_rotation_by_rename_reads_the_rest_and_the_new_file(site: Site) -> None:
    path = site.write("x.log", b"one\n")
    site.poll()
    site.write("x.log", b"two\n", "ab")
    path.rename(site.folder / "x.log.1")
    site.write("x.log", b"one\nthree\n")
    assert sorted(site.poll()) == [b"one", b"three", b"two"]
    assert site.poll() == []
    assert len(set(site.rows)) == 4
    assert len({(origin, position) for origin, position, _ in site.rows}) == 4


def test_a_last_line_is_not_waited_for_for_ever(site: Site) -> None:
    site.write("x.log", b"one\ntw")
    site.poll()
    assert site.poll(900) == [b"tw"]
    site.write("x.log", b"o\n", "ab")
    assert site.poll() == [b"o"]


def test_the_last_line_of_a_rotated_file_needs_no_end(site: Site) -> None:
    path = site.write("x.log", b"one\ntwo")
    site.poll()
    path.rename(site.folder / "x.log.1")
    assert site.poll() + site.poll(5) == [b"two"]


def test_a_deleted_file_is_read_to_its_end(site: Site) -> None:
    path = site.write("x.log", b"one\n")
    site.poll()
    site.write("x.log", b"two\nthree", "ab")
    path.unlink()
    assert site.poll() == [b"two", b"three"]
    assert site.poll() == []


@pytest.mark.parametrize("fresh", [b"new\n", b"completely other and longer than before\n"])
def test_a_truncated_file_is_read_from_its_start(site: Site, fresh: bytes) -> None:
    site.write("x.log", b"a first line\n")
    site.poll()
    site.write("x.log", fresh)
    assert site.poll() == [fresh[:-1]]
    assert len({origin for origin, _, _ in site.rows}) == 2


def test_a_whole_json_document_at_the_end_needs_no_line_end(site: Site) -> None:
    site.write("x.json", b'{"a": 1}\n{"a": 2}')
    assert site.poll() == [b'{"a": 1}']
    assert site.poll(5) == [b'{"a": 2}']
    site.write("x.json", b'\n{"a": 3}\n{"a": ', "ab")
    assert site.poll() == [b'{"a": 3}']
    assert site.poll(5) == []
    site.write("x.json", b"4}\n", "ab")
    assert site.poll() == [b'{"a": 4}']


def test_the_first_line_of_json_is_not_mistaken_for_a_document(site: Site) -> None:
    site.write("x.json", b'{"a":')
    assert site.poll() + site.poll(60) == []
    site.write("x.json", b' 1}\n{"a": 2}\n', "ab")
    assert site.poll() == [b'{"a": 1}', b'{"a": 2}']


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.zip", zipped({"in.json": b'{"a": 1}\n{"a": 2}\n'})),
        ("x.gz", PACKERS["gz"](b'{"a": 1}\n{"a": 2}')),
        ("x.json", b'[{"a": 1}, {"a": 2}]'),
        ("x.txt", '{"a": 1}\n{"a": 2}'.encode("utf-16")),
    ],
    ids=["zip", "gz", "document", "utf-16"],
)
def test_what_is_no_text_of_lines_is_read_once_it_rests(site: Site, name: str, data: bytes) -> None:
    site.write(name, data[:-5])
    assert site.poll() == []
    site.write(name, data)
    assert site.poll() == []
    assert site.poll(1) == []
    assert site.poll(1) == [b'{"a": 1}', b'{"a": 2}']
    assert site.poll(9) == []
    site.restart()
    assert site.poll(9) == []


def test_a_document_file_that_grows_gives_what_is_new(site: Site) -> None:
    site.write("x.json", b'{\n"a": 1}\n')
    assert site.poll() + site.poll(3) == [b'{\n"a": 1}']
    site.write("x.json", b'{\n"a": 2}\n', "ab")
    assert site.poll() + site.poll(3) == [b'{\n"a": 2}']


def test_once_reads_everything_at_the_first_poll(make: Make, tmp_path: Path) -> None:
    site = make(tmp_path, follow=False)
    site.write("a.json", b'{"a": 1}\n{"a": 2}')
    site.write("b.zip", zipped({"in.json": b'{"b": 1}', "pic.png": b"\x89PNG\0\0"}))
    assert site.poll() == [b'{"a": 1}', b'{"a": 2}', b'{"b": 1}']
    assert site.problems == ["not-a-log"]
    assert site.poll() == []
    site.restart()
    assert site.poll() == []
    assert site.problems == ["not-a-log"]


def test_problems_are_given_once_even_when_their_records_are_read_again(
    make: Make, tmp_path: Path
) -> None:
    site = make(tmp_path, Limits(max_record=10))
    site.write("x.log", b"good\n" + b"x" * 50 + b"\ngood\n")
    site.poll()
    assert site.problems == ["too-large"]
    site.positions.clear()
    site.restart()
    assert site.poll() == [b"good", b"good"]
    assert site.problems == ["too-large"]
    assert len({origin for origin, _, _ in site.rows}) == 1


def test_an_oversized_line_that_still_grows_waits(make: Make, tmp_path: Path) -> None:
    site = make(tmp_path, Limits(max_record=10))
    site.write("x.log", b"a\n" + b"x" * 50)
    assert site.poll() == [b"a"]
    site.write("x.log", b"x" * 50 + b"\nb\n", "ab")
    assert site.poll() == [b"b"]
    assert site.problems == ["too-large"]


def test_a_missing_folder_is_said_once(make: Make, tmp_path: Path) -> None:
    site = make(tmp_path / "none")
    site.poll()
    site.poll()
    assert site.problems == ["io-error"]
    (tmp_path / "none").mkdir()
    site.write("x.log", b"a\n")
    assert site.poll() == [b"a"]


def test_a_file_that_comes_back_is_not_read_again(site: Site) -> None:
    path = site.write("x.log", b"a\n")
    site.poll()
    path.rename(site.folder.parent / "x.away")
    assert site.poll(3600) == site.poll(3600) == []
    (site.folder.parent / "x.away").rename(path)
    site.restart()
    assert site.poll() == []


def test_a_file_that_stays_away_is_forgotten(site: Site) -> None:
    path = site.write("x.log", b"a\n")
    site.poll()
    path.rename(site.folder.parent / "away")
    site.poll()
    site.poll(3600)
    assert len(site.positions) == 1
    site.poll(8 * 86_400)
    assert site.positions == {}


def test_a_deleted_file_is_forgotten_before_its_number_is_used_again(site: Site) -> None:
    path = site.write("x.log", b"a\nb\n")
    site.poll()
    path.unlink()
    assert site.poll() == []
    assert site.positions == {}
    site.write("x.log", b"a\nb\n")
    assert site.poll() == [b"a", b"b"]


def test_only_included_names_and_each_file_once(make: Make, tmp_path: Path) -> None:
    site = make(tmp_path, include="*.log")
    os.link(site.write("x.log", b"a\n"), tmp_path / "y.log")
    site.write("x.txt", b"b\n")
    assert site.poll() == [b"a"]


def test_a_mark_of_utf8_is_no_part_of_the_first_line(site: Site) -> None:
    site.write("x.log", b"\xef\xbb\xbfone\n")
    assert site.poll() == [b"one"]
    assert site.poll() == []


def test_many_lines_are_cut_into_batches_that_can_be_lost(make: Make, tmp_path: Path) -> None:
    site = make(tmp_path)
    lines = [b"%d" % index for index in range(30_000)]
    site.write("x.log", b"\n".join(lines) + b"\n")
    got = site.poll(most=1)
    assert len(got) == 8192
    while more := (site.restart() or site.poll(most=1)):
        got += more
    assert got == lines
    assert [position for _, position, _ in site.rows] == list(range(1, 30_001))


def test_a_long_file_leaves_the_others_their_turn(site: Site) -> None:
    lines = b"".join(b"%d\n" % index for index in range(150_000))
    site.write("a.log", lines)
    site.write("b.log", b"b\n")
    first = site.poll()
    assert 16 * 8192 <= len(first) < 150_000
    assert first[-1] == b"b"
    assert b"\n".join(first[:-1] + site.poll()) + b"\n" == lines


PIECES = st.sampled_from([b"a", b"bb\n", b"\n", b"{}\n", b'{"x": 1}\n', b"y" * 15, b"\r\n", b" \n"])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), PIECES),
        st.tuples(st.sampled_from(["poll", "crash", "rotate", "restart"]), st.just(b"")),
    ),
    max_size=25,
)


@settings(max_examples=60)
@given(EVENTS)
def test_whatever_happens_each_line_is_given_once(
    events: list[tuple[str, bytes]],
) -> None:
    with TemporaryDirectory(dir=MEMORY) as name:
        run_events(Path(name), events)


def run_events(folder: Path, events: list[tuple[str, bytes]]) -> None:
    site = Site(folder, Limits(max_record=10))
    texts, rotated = [b""], 0
    for kind, data in events:
        if kind == "append":
            texts[-1] += data
            site.write("x.log", data, "ab")
        elif kind == "rotate" and texts[-1]:
            (site.folder / "x.log").rename(site.folder / f"x.log.{rotated}")
            rotated += 1
            texts.append(b"")
        elif kind == "crash":
            site.poll(most=0)
            site.restart()
        elif kind == "restart":
            site.restart()
        else:
            site.poll()
    site.poll()
    site.poll(900)
    lines = [line.removesuffix(b"\r") for text in texts for line in text.split(b"\n")]
    assert sorted(raw for _, _, raw in site.rows) == sorted(
        line for line in lines if line.strip() and len(line) <= 10
    )
    assert site.problems == ["too-large"] * sum(len(line) > 10 for line in lines)
    site.transport.close()
