import pyarrow as pa
import pytest
from tests.store.stories import change, finding, incident

from tocsin.errors import UsageError
from tocsin.model.findings import Level
from tocsin.model.incidents import INCIDENT_CHANGES, Grade, Incident, Verdict
from tocsin.store.state_store import State


def store(state: State, *found: Incident, alias: tuple[str, str] | None = None) -> None:
    rows = [change(item, [f"of-{item.incident_id}"]) for item in found]
    if alias:
        rows.append(change(None, [], alias[0], alias_of=alias[1]))
    with state.think("p0") as tx:
        tx.add_findings([finding(f"of-{item.incident_id}") for item in found])
        tx.apply_incident_changes(pa.RecordBatch.from_pylist(rows, schema=INCIDENT_CHANGES))


def test_incidents_come_worst_first_or_newest_first(state: State) -> None:
    store(
        state,
        incident("old", last=1, level=Level.CRITICAL),
        incident("mild", last=9, level=Level.LOW),
        incident("bad", last=9, level=Level.HIGH),
        incident("earlier", last=8, level=Level.HIGH),
    )
    assert names(state.casebook.incidents(9)) == ["old", "bad", "earlier", "mild"]
    assert names(state.casebook.incidents(1)) == ["old"]
    assert names(state.casebook.incidents(9, newest=True)) == ["bad", "mild", "earlier", "old"]


def test_incidents_are_listed_by_status(state: State) -> None:
    store(state, incident("i1"), incident("i2"))
    state.casebook.give(Verdict("i1", Grade.FALSE_POSITIVE, "a scanner", "maria", 55))
    assert names(state.casebook.incidents(9, status="open")) == ["i2"]
    assert names(state.casebook.incidents(9, status="closed")) == ["i1"]
    assert names(state.casebook.incidents(9)) == ["i1", "i2"]


def names(found: list[Incident]) -> list[str]:
    return [one.incident_id for one in found]


def test_what_is_not_known_is_none(state: State) -> None:
    assert state.casebook.incident("none") is None
    assert state.casebook.status("none") is None
    assert list(state.casebook.findings("none")) == []


def test_a_verdict_closes_and_is_journaled(state: State) -> None:
    store(state, incident("i1"))
    assert state.casebook.status("i1") == "open"
    verdict = Verdict("i1", Grade.FALSE_POSITIVE, "a scanner", "maria", 55)
    state.casebook.give(verdict)
    assert state.casebook.verdicts() == [verdict]
    assert state.casebook.status("i1") == "closed"
    head = state.journal.head()
    assert head is not None
    assert (head.at, head.actor, head.kind, head.subject) == (55, "maria", "verdict", "i1")
    assert head.body == '{"grade":"false-positive","reason":"a scanner"}'


def test_an_undetermined_incident_stays_open(state: State) -> None:
    store(state, incident("i1"))
    state.casebook.give(Verdict("i1", Grade.TRUE_POSITIVE, "seen", "maria", 1))
    state.casebook.give(Verdict("i1", Grade.UNDETERMINED, "not sure after all", "li", 2))
    assert state.casebook.status("i1") == "open"
    assert [item.by for item in state.casebook.verdicts("i1")] == ["maria", "li"]


def test_a_new_finding_opens_an_incident_again_and_a_new_story_does_not(state: State) -> None:
    store(state, incident("i1"))
    state.casebook.give(Verdict("i1", Grade.TRUE_POSITIVE, "seen", "maria", 1))
    retold = pa.RecordBatch.from_pylist([change(incident("i1"), [])], schema=INCIDENT_CHANGES)
    with state.think("p0") as tx:
        tx.apply_incident_changes(retold)
    assert state.casebook.status("i1") == "closed"
    store(state, incident("i1", title="more"))
    assert state.casebook.status("i1") == "open"


def test_a_verdict_survives_when_its_incident_becomes_an_alias(state: State) -> None:
    store(state, incident("i1"), incident("i2"))
    given = Verdict("i2", Grade.TRUE_POSITIVE, "seen", "maria", 1)
    state.casebook.give(given)
    store(state, alias=("i2", "i1"))
    assert state.casebook.verdicts("i1") == [given]
    assert state.casebook.verdicts("i2") == [given]
    later = Verdict("i2", Grade.BENIGN_POSITIVE, "by its old name", "li", 2)
    state.casebook.give(later)
    assert state.casebook.verdicts("i1") == [given, later]
    assert state.casebook.status("i1") == "closed"


def test_an_open_incident_that_becomes_an_alias_opens_the_older_one(state: State) -> None:
    store(state, incident("i1"), incident("i2"), incident("i3"))
    for name in ("i1", "i2"):
        state.casebook.give(Verdict(name, Grade.TRUE_POSITIVE, "seen", "maria", 1))
    store(state, alias=("i2", "i1"))
    assert state.casebook.status("i1") == "closed"
    store(state, alias=("i3", "i1"))
    assert state.casebook.status("i1") == "open"


def test_a_verdict_on_nothing_is_refused_and_leaves_no_record(state: State) -> None:
    with pytest.raises(UsageError, match="no incident i9"):
        state.casebook.give(Verdict("i9", Grade.TRUE_POSITIVE, "", "maria", 1))
    assert state.casebook.verdicts() == []
    assert state.journal.head() is None


def test_tables_for_sql_have_levels_as_words(state: State) -> None:
    assert state.casebook.tables()["findings"].num_rows == 0
    store(state, incident("i1"))
    tables = state.casebook.tables()
    [row] = tables["incidents"].to_pylist()
    assert (row["incident_id"], row["level"], row["status"]) == ("i1", "high", "open")
    [row] = tables["findings"].to_pylist()
    assert (row["finding_id"], row["incident_id"], row["time"]) == ("of-i1", "i1", 10)


def test_decisions_bind_events_are_journaled_and_numbered(state: State) -> None:
    store(state, incident("i1"), incident("i2"))
    merge = state.casebook.merge(["i2", "i1"], reason="one", by="maria", at=5)
    assert merge.incident_ids == ("i1", "i2")
    assert [set(block.events) for block in merge.blocks] == [{"of-i1", "of-i2"}]
    link = state.casebook.link(["i1", "i2"], reason="near", by="eve", at=6)
    assert (merge.number, link.number, state.casebook.last_decision()) == (1, 2, 2)
    assert state.casebook.decisions("i2") == [merge, link]
    kinds = [(one.actor, one.kind, one.subject) for one in state.journal.tail(2)]
    assert kinds == [("maria", "incident-merge", "i1"), ("eve", "incident-link", "i1")]
    assert state.journal.verify() is None


def test_a_split_names_what_stays_and_what_goes(state: State) -> None:
    store(state, incident("i1"))
    with state.think("p0") as tx:
        tx.add_findings([finding("more", time=20)], ["i1"])
    made = state.casebook.split("i1", ["more"], reason="two", by="maria", at=5)
    stay, out = made.blocks
    assert (stay.incident_id, stay.events, out.events) == ("i1", ("of-i1",), ("more",))
    assert out.incident_id.startswith("inc-")
    assert made.apart == ((stay.name, out.name),)
    for wrong in (["of-i1", "more"], ["elsewhere"], []):
        with pytest.raises(UsageError):
            state.casebook.split("i1", wrong, reason="two", by="maria", at=5)
    assert state.casebook.last_decision() == made.number


def test_a_link_follows_its_findings_into_other_incidents(state: State) -> None:
    store(state, incident("i1"), incident("i2"), incident("i3"))
    made = state.casebook.link(["i1", "i2"], reason="near", by="maria", at=5)
    with state.think("p0"):
        assert state.casebook.move("i3", "i2", lambda one: one.finding_id == "of-i2") == 1
    assert [(one.incident_id, why) for one, why in state.casebook.linked("i1")] == [("i3", made)]
    assert state.casebook.linked("i2") == []
