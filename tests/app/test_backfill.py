"""The past comes in at the time of its events, once, and pages nobody."""

import json
import os
import subprocess
import sys

import pytest
from tests.app.stored import NOW, new_site, packing, small_content

from tocsin.app.accounts import accounts
from tocsin.app.backfill import backfill, run_of
from tocsin.app.content import put_in_force
from tocsin.app.readiness import PAST
from tocsin.app.site import open_site
from tocsin.errors import UsageError
from tocsin.model.findings import Standing
from tocsin.store import State
from tocsin.store.scan import scan

SYSMON = "windows_sysmon"
PER_FILE = 6


@pytest.fixture(scope="module")
def content():
    return small_content()


@pytest.fixture
def site(tmp_path, content):
    return started(tmp_path / "soc", content)


def started(folder, content):
    made = new_site(folder)
    put_in_force(made, content, "a test")
    return made


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("a", "b"):
        lines = [json.dumps(packing(f"{name}-ana", hour)) for hour in range(PER_FILE)]
        (folder / f"{name}.json").write_text("\n".join([*lines, "no JSON"]) + "\n")
    return folder


def fill(site, *paths, source=None):
    return backfill(site, paths, source=source, received=NOW, now=NOW, told=lambda _filled: None)


def account(site, source=SYSMON):
    state = State(site.state)
    found = {one.source_id: one for one in accounts(state.intake.counters())}
    state.close()
    return found[source]


def stored(site):
    return [row for batch in scan(site.lake) for row in batch.to_pylist()]


def test_events_count_and_open_no_incident(site, logs):
    filled = fill(site, logs)
    assert (filled.records, filled.repeats, filled.dead_letters) == (14, 0, 2)
    assert filled.findings == 2 * PER_FILE
    assert dict(filled.sources) == {SYSMON: 2 * PER_FILE}
    hour = 3_600_000_000
    assert filled.latest - filled.earliest == (PER_FILE - 1) * hour
    assert min(row["time"] for row in stored(site)) == filled.earliest
    state = State(site.state)
    assert {one.standing for one in state.casebook.all_findings()} == {Standing.HISTORY}
    assert state.casebook.incidents(9) == []
    assert state.fold_states(PAST)
    state.close()
    one = account(site)
    assert (one.received, one.stored, one.in_flight) == (12, 12, 0)
    assert account(site, "").dead_letters == 2


def test_the_same_files_again_change_nothing(site, logs):
    fill(site, logs)
    rows = stored(site)
    again = fill(site, logs)
    assert (again.records, again.findings) == (0, 0)
    assert stored(site) == rows


def test_an_overlapping_export_brings_what_is_new(site, logs):
    fill(site, logs / "a.json")
    more = [json.dumps(packing("a-ana", hour)) for hour in range(PER_FILE + 2)]
    (logs / "a.json").write_text("\n".join(more) + "\n")
    again = fill(site, logs / "a.json")
    assert again.repeats == PER_FILE
    assert len(stored(site)) == PER_FILE + 2
    assert account(site).in_flight == 0


def test_what_came_in_live_is_known(site, logs, content):
    fill(site, logs / "b.json")
    uids = [row["uid"] for row in stored(site)]
    other = started(site.folder.parent / "other", content)
    state = State(other.state)
    with state.think("p0") as tx:
        tx.first_seen(uids, list(range(len(uids))), [SYSMON] * len(uids), [1] * len(uids))
    state.close()
    assert fill(other, logs / "b.json").repeats == PER_FILE
    assert stored(other) == []


def test_history_never_pushes_live_events_out(site, logs):
    fill(site, logs)
    state = State(site.state, window=3)
    with state.think("p0") as tx:
        assert tx.first_seen(["0" * 32], [1], [SYSMON], [1]) == []
        assert tx.first_seen(["0" * 32], [2], [SYSMON], [1]) == [2]
    state.close()
    assert fill(site, logs).records == 0


@pytest.mark.parametrize("point", ["backfill.judged:2", "backfill.stored", "lake.committed"])
def test_a_run_that_is_killed_goes_on_and_counts_once(site, logs, point):
    code = (
        "import sys; from pathlib import Path; from tests.app.test_backfill import *\n"
        "fill(open_site(Path(sys.argv[1]), {}), Path(sys.argv[2]))\n"
    )
    environment = {**os.environ, "TOCSIN_CRASH_AT": point, "PYTHONPATH": "."}
    command = [sys.executable, "-c", code, str(site.folder), str(logs)]
    assert subprocess.run(command, env=environment, check=False).returncode != 0
    fill(open_site(site.folder, {}), logs)
    one = account(site)
    assert (one.received, one.stored, one.duplicates, one.in_flight) == (12, 12, 0, 0)
    assert len(stored(site)) == 2 * PER_FILE
    state = State(site.state)
    assert len(list(state.casebook.all_findings())) == 2 * PER_FILE
    assert sum(state.intake.dead_letter_counts().values()) == 2
    state.close()


def test_a_changed_file_is_another_run(logs):
    before = run_of([logs], None)
    assert run_of([logs], None) == before
    assert run_of([logs], SYSMON) != before
    (logs / "c.json").write_text("{}")
    assert run_of([logs], None) != before


def test_what_cannot_be_read_is_said_before_anything_is_done(site, logs):
    with pytest.raises(UsageError, match="does not exist"):
        fill(site, logs / "none")
    with pytest.raises(UsageError, match="there is no source"):
        fill(site, logs, source="nobody")
    with pytest.raises(UsageError, match="at least one"):
        fill(site)


def test_what_a_backfill_brought_is_known_when_it_comes_in_live(site, logs):
    fill(site, logs / "b.json")
    uids = [row["uid"] for row in stored(site)]
    state = State(site.state)
    with state.think("p0") as tx:
        assert tx.seen_in_history(uids) == set(uids)
        assert tx.seen_in_history(["0" * 32]) == set()
    state.close()


def test_what_came_in_live_first_is_not_taken_over(site, logs, content):
    fill(site, logs / "b.json")
    uids = [row["uid"] for row in stored(site)]
    other = started(site.folder.parent / "other", content)
    state = State(other.state)
    with state.think("p0") as tx:
        tx.first_seen(uids, list(range(len(uids))), [SYSMON] * len(uids), [1] * len(uids))
    fill(other, logs / "b.json")
    with state.think("p0") as tx:
        assert tx.seen_in_history(uids) == set()
    state.close()


def test_a_file_that_cannot_be_read_is_one_dead_letter_however_often_it_is_tried(site, logs):
    (logs / "z.json.gz").write_bytes(b"\x1f\x8b\x08\x00 no gzip")
    dead = fill(site, logs).dead_letters
    assert dead == 3
    assert fill(site, logs).dead_letters == 0
    assert account(site, "").dead_letters == 3
