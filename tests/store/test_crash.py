"""kill -9 at every named crash point of the store, then going on: nothing lost, nothing twice."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from deltalake import DeltaTable
from tests.store import crash_child

from tocsin.store.state_store import State

POINTS = {
    "t1.before-commit": 3,
    "t1.after-commit": 2,
    "lake.files-written": 2,
    "lake.synced": 4,
    "lake.committed": 5,
    "lake.commit-synced": 6,
}
"""Name and how often the point is passed before the process ends there."""


def test_every_crash_point_of_the_store_is_tried(repo: Path) -> None:
    sources = (repo / "src" / "tocsin" / "store").rglob("*.py")
    named = [name for f in sources for name in re.findall(r'crash\.point\("(.+?)"', f.read_text())]
    upkeep = {"upkeep.files-written", "upkeep.committed"}  # tests/app/test_upkeep.py tries them
    assert sorted(set(named) - upkeep) == sorted(POINTS)


@pytest.mark.parametrize("point", POINTS)
def test_after_kill_9_every_event_and_finding_is_there_once(
    repo: Path, tmp_path: Path, point: str
) -> None:
    killed = subprocess.run(
        [sys.executable, "-m", "tests.store.crash_child", str(tmp_path), "10", "15"],
        cwd=repo,
        env={**os.environ, "TOCSIN_CRASH_AT": f"{point}:{POINTS[point]}"},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    crash_child.work(tmp_path, batch=8, flush=20)
    check_lake(tmp_path / "lake")
    check_state(State(tmp_path / "state.db", read_only=True))


def check_lake(root: Path) -> None:
    for turn, name in enumerate(crash_child.CLASSES):
        rows = DeltaTable(root / name).to_pyarrow_table(columns=["tocsin_offset"])
        found = sorted(rows.column("tocsin_offset").to_pylist())
        assert found == list(range(turn, crash_child.EVENTS, len(crash_child.CLASSES)))


def check_state(state: State) -> None:
    names = sorted(item.finding_id for item in state.casebook.all_findings())
    assert names == sorted(f"f{n}" for n in range(0, crash_child.EVENTS, 7))
    assert state.intake.counters() == {"events": crash_child.EVENTS, "duplicates": 10}
    assert state.journal.verify() is None
    cursors = {state.cursor("p0", kind) for kind in ("think", "lake")}
    assert cursors == {crash_child.EVENTS - 1}
    state.close()
