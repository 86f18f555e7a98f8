"""A backup holds one moment, is checked whole, and a site goes on from it."""

import os
from pathlib import Path

import pytest
from tests.store.lake_rows import EVENT, event_rows
from tests.store.stories import finding

from tocsin.app.backup import back_up, restore, verify
from tocsin.app.site import open_site
from tocsin.collect.folder import release
from tocsin.collect.port import Checkpoint
from tocsin.collect.reader import SpoolReader
from tocsin.collect.spool import Spool, SpoolOptions
from tocsin.errors import UsageError
from tocsin.formats.records import Block, RawBatch
from tocsin.store import State
from tocsin.store.lake import Lake
from tocsin.store.scan import scan


def new_site(folder):
    folder.mkdir()
    (folder / "tocsin.toml").write_text("")
    return open_site(folder, {})


def append(spool, first, rows):
    batch = RawBatch()
    batch.add(Block("a.json", list(range(first, first + rows)), [b"{}" * 50] * rows))
    spool.append(batch, source_id=None, received_at=5, checkpoint=Checkpoint("a", {"seq": first}))
    spool.sync()


@pytest.fixture
def site(tmp_path):
    made = new_site(tmp_path / "one")
    (made.data / "content").mkdir(parents=True)
    (made.data / "content" / "c1.set").write_bytes(b"content")
    (made.data / "partitions").write_text("1")
    with Spool(made.spool, "p0", site="default") as spool:
        append(spool, 0, 30)
    lake = Lake(made.lake, lambda _class: EVENT)
    for first in range(0, 20, 10):
        rows = event_rows(range(first, first + 10))
        lake.append("p0", first + 9, {"file_activity": [rows]})
    state = State(made.state)
    with state.think("p0") as tx:
        tx.add_findings([finding("f1")])
        tx.set_cursor("think", 24)
        tx.set_cursor("lake", 19)
    state.close()
    return made


def offsets(site):
    return [n for batch in scan(site.lake) for n in batch.column("offset").to_pylist()]


def test_a_site_goes_on_from_its_backup(site, tmp_path):
    made = back_up(site, tmp_path / "copy", 7)
    assert (made.site, made.at) == ("default", 7)
    other = new_site(tmp_path / "two")
    restore(tmp_path / "copy", other)
    state = State(other.state)
    assert [one.finding_id for one in state.casebook.all_findings()] == ["f1"]
    assert (state.cursor("p0", "think"), state.cursor("p0", "lake")) == (24, 19)
    state.close()
    assert offsets(other) == list(range(20))
    assert SpoolReader(other.spool).read("p0", 24).column("offset").to_pylist() == [
        25,
        26,
        27,
        28,
        29,
    ]
    with Spool(other.spool, "p0", site="default") as spool:
        assert spool.next_offset == 30
        assert spool.checkpoints() == {"a": {"seq": 0}}
    Lake(other.lake, lambda _class: EVENT).append(
        "p0", 24, {"file_activity": [event_rows(range(25))]}
    )
    assert offsets(other) == list(range(25))
    assert (other.data / "content" / "c1.set").read_bytes() == b"content"
    assert (other.data / "partitions").read_text() == "1"


def test_what_is_written_meanwhile_is_of_no_harm(site, tmp_path, monkeypatch):
    """State is copied first: everything that comes later is behind its cursors."""
    from tocsin.app import backup

    copied = backup.copy_lake

    def later(root, target):
        lake = Lake(root, lambda _class: EVENT)
        lake.append("p0", 29, {"file_activity": [event_rows(range(20, 30))]})
        assert release(site.spool, "p0", 29) == 0
        copied(root, target)

    monkeypatch.setattr(backup, "copy_lake", later)
    back_up(site, tmp_path / "copy", 7)
    other = new_site(tmp_path / "two")
    restore(tmp_path / "copy", other)
    fresh = Lake(other.lake, lambda _class: EVENT)
    fresh.append("p0", 29, {"file_activity": [event_rows(range(20, 30))]})
    assert offsets(other) == list(range(30))


def test_the_spool_is_released_again_after_a_backup(site, tmp_path):
    with Spool(
        site.spool, "p0", site="default", options=SpoolOptions(segment=200, reserve=0)
    ) as spool:
        append(spool, 30, 30)
        append(spool, 60, 30)
        append(spool, 90, 30)
    back_up(site, tmp_path / "copy", 7)
    assert release(site.spool, "p0", 80) > 0


@pytest.mark.parametrize("harm", ["change", "remove", "cut"])
def test_a_harmed_backup_is_refused(site, tmp_path, harm):
    made = back_up(site, tmp_path / "copy", 7)
    assert verify(tmp_path / "copy") == made
    victim = next(path for path in (tmp_path / "copy" / "lake").rglob("*.parquet"))
    match harm:
        case "change":
            data = bytearray(victim.read_bytes())
            data[40] ^= 1
            victim.write_bytes(data)
        case "remove":
            victim.unlink()
        case _:
            os.truncate(tmp_path / "copy" / "manifest.json", 30)
    with pytest.raises(UsageError):
        restore(tmp_path / "copy", new_site(tmp_path / "two"))


def test_nothing_is_overwritten(site, tmp_path):
    back_up(site, tmp_path / "copy", 7)
    with pytest.raises(UsageError, match="not empty"):
        back_up(site, tmp_path / "copy", 7)
    with pytest.raises(UsageError, match="holds data"):
        restore(tmp_path / "copy", site)
    with pytest.raises(UsageError, match="no data"):
        back_up(new_site(tmp_path / "three"), tmp_path / "other", 7)


def test_a_site_that_is_named_by_a_relative_path_is_copied_too(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    made = back_up(open_site(Path("one"), {}), Path("copy"), 7)
    assert verify(Path("copy")) == made
