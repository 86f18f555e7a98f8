import pyarrow as pa

from tocsin.model.envelope import REJECTS
from tocsin.store.intake import SHOWN_BYTES
from tocsin.store.state_store import State


def refuse(state: State, *reasons: str, raw: bytes = b"{}") -> None:
    rows = [
        {
            "partition": "p0", "offset": n, "origin": "f.json", "position": n + 1,
            "received_at": 10, "reason": reason, "detail": "seen", "raw": raw,
        }
        for n, reason in enumerate(reasons)
    ]  # fmt: skip
    with state.think("p0") as tx:
        tx.add_rejects(pa.RecordBatch.from_pylist(rows, schema=REJECTS))


def test_dead_letters_are_counted_by_reason_the_commonest_first(state: State) -> None:
    assert state.intake.dead_letter_counts() == {}
    refuse(state, "not-json", "too-deep", "unrecognized", "too-deep")
    counts = state.intake.dead_letter_counts()
    assert list(counts.items()) == [("too-deep", 2), ("not-json", 1), ("unrecognized", 1)]


def test_the_table_for_sql_has_the_newest_and_the_beginning_of_the_original(state: State) -> None:
    assert state.intake.table(9).num_rows == 0
    refuse(state, "not-json", "too-deep", raw=b"\xff" + b"x" * 2 * SHOWN_BYTES)
    [row] = state.intake.table(1).to_pylist()
    assert (row["reason"], row["origin"], row["position"]) == ("too-deep", "f.json", 2)
    assert row["raw"] == "\ufffd" + "x" * (SHOWN_BYTES - 1)
