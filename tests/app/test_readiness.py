"""Core's readiness: stored with the batch, read back after a restart, renewed before it ends."""

import pyarrow as pa
import pytest

from tocsin.app.readiness import MEMORY, Readiness
from tocsin.lab.readiness import specs, thresholds
from tocsin.lab.telemetry import Stream, batch, steady, ticks
from tocsin.lab.world import DAY, HOUR, MINUTE
from tocsin.model.quality import EMPTY, WHOLE, measured_from_bytes
from tocsin.model.readiness import Asked, Fit, Refused, Use
from tocsin.normalize.quality.duplicates import with_duplicates
from tocsin.store import State

START = 1_772_323_200_000_000
STREAM = Stream("gate", steady(400))
ROWS = list(ticks(STREAM, 1, START, START + HOUR, every=10 * MINUTE))


@pytest.fixture
def state(tmp_path) -> State:
    return State(tmp_path / "state.db")


def begin(state: State) -> Readiness:
    made = Readiness(state.fold_states(MEMORY))
    made.work_with(thresholds(), specs([STREAM]))
    return made


def feed(state: State, core: Readiness, rows: pa.RecordBatch, now: int, **more: int) -> None:
    with state.think("p") as tx:
        core.take(tx, rows, more, watermark=now - MINUTE, now=now)


def test_it_is_issued_with_the_batch_and_known_after_a_restart(state):
    core = begin(state)
    feed(state, core, batch(ROWS), ROWS[-1].at)
    again = begin(state)
    assert again.known == core.known != {}
    now = ROWS[-1].at + MINUTE
    assert again.ask([Asked("gate")], Use.DETECTION, (), now) == Fit()
    assert isinstance(again.ask([Asked("gate")], Use.AUTONOMY, (), now), Refused)
    assert {e.subject for e in state.readiness.readiness()} == {
        "gate:detection", "gate:training", "gate:autonomy",
    }  # fmt: skip
    assert "readiness" in {record.kind for record in state.journal.tail(5)}


def test_a_batch_that_is_rolled_back_leaves_nothing(state):
    core = begin(state)

    def fail() -> None:
        with state.think("p") as tx:
            core.take(tx, batch(ROWS), {}, watermark=0, now=ROWS[-1].at)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert state.readiness.readiness() == []
    assert begin(state).known == {}


def test_it_is_issued_anew_when_half_its_time_is_over_and_not_before(state):
    core = begin(state)
    feed(state, core, batch(ROWS), ROWS[-1].at)
    count = len(state.evidence("readiness", "gate:training"))
    for hours in (1, 11, 13):
        now = ROWS[-1].at + hours * HOUR
        with state.think("p") as tx:
            core.let_time_pass(tx, watermark=now - MINUTE, now=now)
    assert len(state.evidence("readiness", "gate:training")) == count + 1
    assert core.known["gate", Use.TRAINING].expires > ROWS[-1].at + DAY


def test_repeats_are_counted_for_their_source():
    rows = with_duplicates(batch(ROWS), {"gate": 7, "other": 3})
    bodies = [measured_from_bytes(body) for body in rows.column("body").to_pylist()]
    assert sum(body.cells[WHOLE].get("duplicates", 0) for body in bodies) == 7
    assert with_duplicates(batch(ROWS), {}).equals(batch(ROWS))


def test_records_that_nobody_recognized_are_of_no_source(state):
    core = begin(state)
    feed(state, core, EMPTY, START)
    assert core.known == {}
