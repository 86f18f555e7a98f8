"""One record that our code stumbles over becomes a dead letter; the rest goes on."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import flow
from tocsin.app.isolation import isolating
from tocsin.model.envelope import RAW
from tocsin.model.stages import ContextSnapshot, Observed


def rows(n: int) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [
            {
                "site": "t",
                "partition": "p0",
                "offset": number,
                "source_id": None,
                "received_at": 0,
                "origin": "x",
                "position": number,
                "raw": str(number).encode(),
            }
            for number in range(n)
        ],
        schema=RAW,
    )


@given(st.integers(1, 40), st.sets(st.integers(0, 39)))
def test_exactly_the_poison_is_set_aside(n, poison):
    def step(raw, _compiled, _context):
        offsets = raw.column("offset").to_pylist()
        if poison & set(offsets):
            raise KeyError("ours")
        counts = {"seen||": len(offsets)}
        return Observed({}, flow.NO_FINDINGS, flow.NO_IDENTITIES, flow.NO_REJECTS, counts)

    observed = isolating(step, rows(n), None, ContextSnapshot())
    expected = {number for number in poison if number < n}
    assert set(observed.rejects.column("offset").to_pylist()) == expected
    assert observed.counts["seen||"] == n - len(expected)
    assert observed.counts.get("rejected||internal-error", 0) == len(expected)
    assert set(observed.rejects.column("reason").to_pylist()) <= {"internal-error"}


def test_what_is_no_mistake_of_ours_is_not_hidden():
    def step(raw, _compiled, _context):
        raise MemoryError

    with pytest.raises(MemoryError):
        isolating(step, rows(2), None, ContextSnapshot())
