"""What people see of the state: worst first, open first, and nothing refused stays hidden."""

import pyarrow as pa
import pytest
from tests.store.stories import change, finding, incident
from tests.store.test_intake import refuse

from tocsin.app import overview
from tocsin.app.site import open_site
from tocsin.model.findings import Level
from tocsin.model.incidents import INCIDENT_CHANGES, Grade, Verdict
from tocsin.store import State


@pytest.fixture
def site(tmp_path):
    (tmp_path / "tocsin.toml").write_text("")
    (tmp_path / "data").mkdir()
    return open_site(tmp_path, {})


@pytest.fixture
def state(site):
    opened = State(site.state)
    yield opened
    opened.close()


def store(state, *found):
    rows = [change(one, [f"of-{one.incident_id}"]) for one in found]
    with state.think("p0") as tx:
        tx.add_findings([finding(f"of-{one.incident_id}") for one in found])
        tx.apply_incident_changes(pa.RecordBatch.from_pylist(rows, schema=INCIDENT_CHANGES))


def test_the_worst_is_never_behind_newer_ones(state):
    many = [incident(f"low{n}", last=100 + n, level=Level.LOW) for n in range(30)]
    store(state, incident("worst", last=1, level=Level.CRITICAL), *many)
    page = overview.listed(state.casebook, 3, newest=False, closed=False)
    assert [one.incident_id for one in page] == ["worst", "low29", "low28"]
    page = overview.listed(state.casebook, 1, newest=True, closed=False)
    assert [one.incident_id for one in page] == ["low29"]


def test_closed_ones_are_listed_last_and_only_when_asked_for(state):
    store(state, incident("done", level=Level.CRITICAL), incident("open", level=Level.LOW))
    state.casebook.give(Verdict("done", Grade.FALSE_POSITIVE, "a scanner", "maria", 1))

    def ids(*, newest, closed):
        page = overview.listed(state.casebook, 9, newest=newest, closed=closed)
        return [one.incident_id for one in page]

    assert ids(newest=False, closed=False) == ["open"]
    assert ids(newest=False, closed=True) == ["open", "done"]
    assert ids(newest=True, closed=False) == ["open"]
    assert set(ids(newest=True, closed=True)) == {"open", "done"}


def test_a_closed_incident_is_found_by_its_id(state):
    store(state, incident("done"))
    state.casebook.give(Verdict("done", Grade.FALSE_POSITIVE, "a scanner", "maria", 1))
    assert overview.find_incident(state.casebook, "do").incident_id == "done"


def test_a_site_without_state_refused_nothing(site):
    assert overview.refused(site) == {}
    assert overview.dead_letters(site, 9, None) == []


def test_what_was_refused_can_be_read_and_asked(site, state):
    refuse(state, "not-json", "too-deep")
    assert overview.refused(site) == {"not-json": 1, "too-deep": 1}
    [only] = overview.dead_letters(site, 9, "too-deep")
    assert (only.reason, only.raw) == ("too-deep", b"{}")
    sql = "SELECT reason, position FROM dead_letters ORDER BY reason"
    answer = overview.query(site.lake, site.state, sql, 9)
    assert answer.rows.to_pylist() == [
        {"reason": "not-json", "position": 1},
        {"reason": "too-deep", "position": 2},
    ]
