"""Kill the collecting process wherever it may die: every record is in the spool exactly once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.collect.spooling import read_all
from tests.formats.archives import zipped

from tocsin.collect.reader import SpoolReader

COLLECTOR = """
import itertools, sys
from pathlib import Path
from tests.collect.spooling import PARTITION, TINY
from tests.collect.test_runner import Tick
from tocsin.collect.runner import Runner
from tocsin.collect.spool import Spool
from tocsin.collect.transports.files import Files, FileSource
from tocsin.formats.limits import Limits
root, logs = map(Path, sys.argv[1:])
steps = itertools.count()
with Spool(root, PARTITION, options=TINY) as spool, Spool(root, "dead", options=TINY) as dead:
    transport = Files([FileSource(logs, settle=0)], Limits(max_record=100))
    runner = Runner(transport, spool, dead, clock=Tick(), pause=lambda _: True)
    for number in range(4):
        with (logs / "grows.log").open("ab") as file:
            file.write(b"more %d\\nand half" % number)
        runner.step()
    transport.close()
"""
POINTS = [
    ("spool.appended", 1),
    ("spool.appended", 4),
    ("spool.synced", 2),
    ("spool.snapshot", 1),
    ("spool.rotated", 3),
    ("collect.rejected", 1),
]


def rejects(root: Path) -> list[tuple[str, int]]:
    rows = SpoolReader(root).read("dead", -1)
    assert rows is not None
    names = [origin.partition("#")[0].rpartition("/")[2] for origin in rows["origin"].to_pylist()]
    return list(zip(names, rows["position"].to_pylist(), strict=True))


@pytest.mark.parametrize(("point", "count"), POINTS)
def test_no_kill_loses_or_doubles(tmp_path: Path, repo: Path, point: str, count: int) -> None:
    logs, root = tmp_path / "logs", tmp_path / "spool"
    logs.mkdir()
    root.mkdir()
    (logs / "a.json").write_bytes(b'{"a": 1}\n' * 9000 + b"x" * 200 + b'\n{"a": 2}\n')
    (logs / "b.zip").write_bytes(zipped({"in.json": b'{"b": 1}\n' * 9000, "pic.png": b"\x89PNG\0"}))
    died = 0
    for armed in (f"{point}:{count}", f"{point}:{count}", ""):
        done = subprocess.run(
            [sys.executable, "-c", COLLECTOR, str(root), str(logs)],
            env={**os.environ, "TOCSIN_CRASH_AT": armed, "PYTHONPATH": str(repo)},
            capture_output=True,
            check=False,
            timeout=60,
        )
        assert done.returncode in ((-9, 0) if armed else (0,)), done.stderr.decode()
        died += done.returncode != 0
    assert died or count > 1
    got = [raw for _, raw in read_all(root)]
    assert got.count(b'{"a": 1}') == got.count(b'{"b": 1}') == 9000
    assert got.count(b'{"a": 2}') == 1
    text = (logs / "grows.log").read_bytes()
    expected = text.split(b"\n")[:-1]
    assert [raw for raw in got if raw.startswith((b"more", b"and"))] == expected
    assert sorted(rejects(root)) == [("a.json", 9001), ("b.zip", 0)]
    assert len(got) == 18_001 + len(expected)
    offsets = [offset for offset, _ in read_all(root, step=1000)]
    assert offsets == list(range(len(got)))
