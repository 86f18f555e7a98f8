"""What is kept of the incident fold makes its state again, wherever it was stopped."""

from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.correlate.findings import MINUTE, T0, finding, host, rows_of
from tests.correlate.test_incidents import LAWFUL, streams

from tocsin.app import keeping
from tocsin.app.keeping import Keeper
from tocsin.correlate.incidents import IncidentFold
from tocsin.model.findings import Finding
from tocsin.store import State

SITES = count()
"""Each example has a site of its own in the one database."""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory):
    opened = State(tmp_path_factory.mktemp("kept") / "state.db")
    yield opened
    opened.close()


@settings(LAWFUL, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stream=streams(), data=st.data())
def test_what_is_kept_makes_the_same_state_again(
    state: State, monkeypatch: pytest.MonkeyPatch, stream: list[Finding], data: st.DataObject
) -> None:
    monkeypatch.setattr(keeping, "LEAST", data.draw(st.sampled_from([1, 5_000, 10**9])))
    site = f"site-{next(SITES)}"
    fold = IncidentFold()
    kept = Keeper(state, fold, site)
    plain, at = None, 0
    while at < len(stream):
        size = data.draw(st.integers(1, 9))
        rows, watermark = rows_of(stream[at : at + size]), T0 + at * MINUTE
        at += size
        with state.think("p") as tx:
            output = kept.step(tx, rows, watermark)
        plain, expected = IncidentFold().step(plain, rows, watermark=watermark, now=0)
        assert output == expected
        if data.draw(st.booleans()):
            fold = IncidentFold()
            kept = Keeper(state, fold, site)
        assert fold.snapshot() == plain


def test_a_step_writes_what_came_and_not_the_whole_state(tmp_path: Path) -> None:
    opened = State(tmp_path / "state.db")
    fold = IncidentFold()
    kept = Keeper(opened, fold, "default")
    with opened.think("p") as tx:
        many = [finding(n, n, host(f"h{n}")) for n in range(2_000)]
        kept.step(tx, rows_of(many), T0)
    before = opened.fold_states(fold.name)
    with opened.think("p") as tx:
        kept.step(tx, rows_of([finding("one", 9, host("h9"))]), T0)
    after = opened.fold_states(fold.name)
    assert all(after[key] == before[key] for key in before)
    assert sum(map(len, after.values())) - sum(map(len, before.values())) < 1_000
    opened.close()
