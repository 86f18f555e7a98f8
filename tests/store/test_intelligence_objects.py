"""Published objects: the newest version of each, and what changed."""

import pytest

from tocsin.store.intelligence_objects import ObjectRow, Objects, RelationRow


@pytest.fixture
def objects(tmp_path):
    opened = Objects(tmp_path)
    yield opened
    opened.close()


def row(name="indicator--1", version=5, *, revoked=False, note=""):
    return ObjectRow(name, name.split("--")[0], version, revoked, b"body", note)


def changed(objects, after):
    return [name for _, name, _, _ in objects.changed(after)]


def test_only_what_is_newer_counts(objects):
    assert objects.put("f", [row()]) == 1
    first = objects.last_change()
    assert objects.put("f", [row(), row(version=4)]) == 0
    assert changed(objects, first) == []
    assert objects.put("f", [row(version=6, revoked=True)]) == 1
    assert list(objects.changed(first)) == [("f", "indicator--1", 1, b"body")]
    assert objects.body("f", "indicator--1") is None


def test_an_indicator_changes_with_what_it_relates_to(objects):
    objects.put("f", [row(), row("malware--1")])
    for rows, relations in (
        ([], [RelationRow("r", "indicator--1", "malware--1", "indicates")]),
        ([row("malware--1", 6)], []),
        ([], [RelationRow("s", "indicator--1", "", "sighting", 7)]),
    ):
        before = objects.last_change()
        objects.put("f", rows, relations)
        assert changed(objects, before) == ["indicator--1"]
    before = objects.last_change()
    objects.put("f", [], [RelationRow("r", "indicator--1", "malware--1", "indicates")])
    assert changed(objects, before) == []
    assert [r.kind for r in objects.relations("f", ["indicator--1"])] == ["indicates", "sighting"]


def test_feeds_are_apart_and_counted(objects):
    objects.put("f", [row(), row("indicator--2", note="x"), row("malware--1", 9)])
    objects.put("g", [row(version=3)])
    counts = objects.counts()
    assert (counts["f"].objects, counts["f"].indicators, counts["f"].newest) == (3, 2, 9)
    assert counts["g"].indicators == 1
    assert objects.noted(None, 10) == [("f", "indicator--2", "x")]
    assert objects.noted("g", 10) == []


def test_positions_and_numbers_stay(objects, tmp_path):
    objects.set_position("f", "p", "a")
    objects.set_position("f", "p", "b")
    objects.set_number("n", 5)
    again = Objects(tmp_path)
    assert (again.position("f", "p"), again.number("n"), again.number("other")) == ("b", 5, 0)
    again.close()
