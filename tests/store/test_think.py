import pyarrow as pa
import pytest
from tests.store.stories import change, finding, incident

from tocsin.model.envelope import REJECTS
from tocsin.model.findings import Level
from tocsin.model.incidents import INCIDENT_CHANGES
from tocsin.store.state_store import State
from tocsin.store.think import MAX_RAW, SourceCount


def changes(*rows: dict[str, object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=INCIDENT_CHANGES)


def test_fold_states_are_kept_replaced_and_forgotten(state: State) -> None:
    with state.think("p0") as tx:
        tx.put_fold_states("f", {str(n): b"a" for n in range(1_200)})
        tx.put_fold_states("other", {"1": b"other"})
    with state.think("p0") as tx:
        tx.put_fold_states("f", {"1": b"b", "2": None, "new": b"c"})
        found = tx.fold_states("f", [*map(str, range(1_200)), "new", "unknown", "1"])
    assert len(found) == 1_200
    assert (found["1"], found["3"], found["new"], found.get("2")) == (b"b", b"a", b"c", None)
    assert state.fold_states("other") == {"1": b"other"}


def test_a_finding_is_stored_once(state: State) -> None:
    with state.think("p0") as tx:
        assert tx.add_findings([finding("f1"), finding("f2"), finding("f1")]) == 2
    with state.think("p0") as tx:
        assert tx.add_findings([finding("f2", level=Level.LOW), finding("f3")]) == 1
    assert [f.finding_id for f in state.casebook.all_findings()] == ["f1", "f2", "f3"]
    assert next(iter(state.casebook.all_findings())) == finding("f1")


def test_findings_may_come_with_their_incident(state: State) -> None:
    with state.think("p0") as tx:
        tx.add_findings([finding("f1"), finding("f2")], ["i1", None])
    assert [f.finding_id for f in state.casebook.findings("i1")] == ["f1"]


def test_an_incident_grows_with_its_findings(state: State) -> None:
    with state.think("p0") as tx:
        tx.add_findings([finding("f1", time=5), finding("f2", time=3)])
        tx.apply_incident_changes(changes(change(incident("i1"), ["f1"])))
        tx.apply_incident_changes(changes(change(incident("i1", title="worse"), ["f2"])))
    found = state.casebook.incident("i1")
    assert found is not None
    assert found.title == "worse"
    assert [f.finding_id for f in state.casebook.findings("i1")] == ["f2", "f1"]


def test_an_alias_hands_over_its_findings_and_its_own_aliases(state: State) -> None:
    with state.think("p0") as tx:
        tx.add_findings([finding("f1"), finding("f2"), finding("f3")])
        tx.apply_incident_changes(
            changes(
                change(incident("i1"), ["f1"]),
                change(incident("i2"), ["f2"]),
                change(incident("i3"), ["f3"]),
            )
        )
        tx.apply_incident_changes(changes(change(None, [], "i3", alias_of="i2")))
    with state.think("p0") as tx:
        tx.apply_incident_changes(changes(change(None, [], "i2", alias_of="i1")))
    for name in ("i1", "i2", "i3"):
        found = state.casebook.incident(name)
        assert found is not None
        assert (found.incident_id, found.aliases) == ("i1", ("i2", "i3"))
        assert len(list(state.casebook.findings(name))) == 3
    assert [item.incident_id for item in state.casebook.incidents(9)] == ["i1"]


def test_an_alias_of_an_alias_means_the_incident_itself(state: State) -> None:
    with state.think("p0") as tx:
        tx.add_findings([finding("f3")])
        tx.apply_incident_changes(changes(change(incident("i1"), [])))
        tx.apply_incident_changes(changes(change(None, [], "i2", alias_of="i1")))
        tx.apply_incident_changes(changes(change(None, ["f3"], "i3", alias_of="i2")))
    assert [f.finding_id for f in state.casebook.findings("i1")] == ["f3"]
    found = state.casebook.incident("i3")
    assert found is not None
    assert found.incident_id == "i1"


def test_counters_add_up(state: State) -> None:
    for _ in range(3):
        with state.think("p0") as tx:
            tx.count({"events|a|b": 2, "events|a|c": 1, "duplicates": 0})
    assert state.intake.counters() == {"duplicates": 0, "events|a|b": 6, "events|a|c": 3}


def test_a_source_keeps_its_bounds(state: State) -> None:
    with state.think("p0") as tx:
        tx.see_sources([SourceCount("s", 5, 10, 20, 900), SourceCount("r", 1, 1, 1, 1)])
        tx.see_sources([SourceCount("s", 2, 15, 18, 950)])
    assert state.intake.sources() == [
        SourceCount("r", 1, 1, 1, 1),
        SourceCount("s", 7, 10, 20, 950),
    ]


def test_dead_letters_keep_the_original_up_to_a_bound(state: State) -> None:
    rows = [
        {
            "partition": "p0", "offset": n, "origin": "f.json", "position": n, "received_at": 7,
            "reason": reason, "detail": "seen", "raw": raw,
        }
        for n, (reason, raw) in enumerate([("bad", b"\x00\xff"), ("large", b"x" * (MAX_RAW + 1))])
    ]  # fmt: skip
    with state.think("p0") as tx:
        tx.add_rejects(pa.RecordBatch.from_pylist(rows, schema=REJECTS))
    large, bad = state.intake.dead_letters(10)
    assert (bad.raw, bad.detail, bad.reason) == (b"\x00\xff", "seen", "bad")
    assert large.raw == b"x" * MAX_RAW
    assert f"of {MAX_RAW + 1} bytes" in large.detail
    assert [item.offset for item in state.intake.dead_letters(10, reason="bad")] == [0]
    assert len(state.intake.dead_letters(1)) == 1


@pytest.mark.parametrize("kind", ["think", "lake"])
def test_cursors_move_on(state: State, kind: str) -> None:
    with state.think("p0") as tx:
        assert tx.cursor(kind) == -1
        tx.set_cursor(kind, 4)
        tx.set_cursor(kind, 9)
        assert tx.cursor(kind) == 9
    assert state.cursor("p0", kind) == 9
    assert state.cursor("p1", kind) == -1
