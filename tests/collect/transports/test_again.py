"""Bundles are given once, removed when they are durable, and their positions forgotten."""

import pytest

from tocsin.collect.transports.again import Again, Bundle, Letter, write_bundle
from tocsin.errors import StorageError

BUNDLE = Bundle("okta_system_log", [Letter("a.json", 3, b"{}"), Letter("b.json", 1, b"x")])


def started(folder, positions=()):
    transport = Again(folder)
    transport.resume({key: {"done": True} for key in positions}, {})
    return transport


def test_a_bundle_is_given_once_and_removed_when_durable(tmp_path):
    write_bundle(tmp_path, "2", BUNDLE)
    write_bundle(tmp_path, "1", Bundle(None, []))
    transport = started(tmp_path)
    first, second = transport.poll(0)
    assert [first.checkpoint.key, second.checkpoint.key] == ["1.again", "2.again"]
    assert second.source_id == "okta_system_log"
    assert (second.batch.origins, second.batch.positions) == (["a.json", "b.json"], [3, 1])
    assert second.batch.raws == [b"{}", b"x"]
    assert list(transport.poll(0)) == []
    transport.durable([first, second])
    assert list(tmp_path.iterdir()) == []
    forgotten = [chunk.checkpoint for chunk in transport.poll(0)]
    assert [(one.key, one.position) for one in forgotten] == [("1.again", None), ("2.again", None)]
    assert list(transport.poll(0)) == []


def test_what_the_spool_has_is_not_given_after_a_crash(tmp_path):
    write_bundle(tmp_path, "1", BUNDLE)
    transport = started(tmp_path, ["1.again"])
    assert list(tmp_path.iterdir()) == []
    assert [chunk.checkpoint.position for chunk in transport.poll(0)] == [None]


def test_what_was_not_stored_is_given_after_a_crash(tmp_path):
    write_bundle(tmp_path, "1", BUNDLE)
    [given] = started(tmp_path).poll(0)
    [again] = started(tmp_path).poll(0)
    assert given == again


def test_a_folder_that_is_not_there_gives_nothing(tmp_path):
    assert list(started(tmp_path / "none").poll(0)) == []


def test_a_damaged_bundle_is_named(tmp_path):
    (tmp_path / "1.again").write_bytes(b"\xff")
    with pytest.raises(StorageError, match="move it away"):
        list(started(tmp_path).poll(0))
