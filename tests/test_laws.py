"""The laws can fail: each is broken on purpose by a small stage, and the check must see it."""

import msgspec
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.laws import check_fold, check_observe

from tocsin.model.envelope import RAW, REJECTS
from tocsin.model.findings import findings_to_arrow
from tocsin.model.stages import IDENTITIES, ContextSnapshot, Observed

QUICKLY = settings(
    max_examples=40, database=None, phases=(Phase.generate,), report_multiple_bugs=False
)
"""A law that is broken need not be broken in the smallest way."""

ROWS = pa.schema([pa.field("time", pa.int64()), pa.field("name", pa.string())])
SUMS = pa.schema([pa.field("seen", pa.list_(pa.string()))])


class Names:
    """Collects the distinct names; `broken` names the law that it breaks."""

    name = "names"
    version = 1

    def __init__(self, broken: str = "") -> None:
        self.broken = broken

    def key(self, rows: pa.RecordBatch) -> pa.Array:
        return pa.array(["one"] * rows.num_rows, pa.string())

    def step(
        self, state: bytes | None, rows: pa.RecordBatch, *, watermark: int, now: int
    ) -> tuple[bytes | None, pa.RecordBatch]:
        del watermark
        seen: list[str] = msgspec.msgpack.decode(state)[1] if state else []
        for name in rows.column("name").to_pylist():
            if name not in seen or self.broken == "replay":
                seen.append(name)
        if self.broken == "split" and rows.num_rows:
            seen = seen[-3:]
        if self.broken != "order":
            seen.sort()
        found = {"seen": seen}
        kept = (
            [now, seen] if self.broken == "clock" else [2 if self.broken == "version" else 1, seen]
        )
        return msgspec.msgpack.encode(kept), pa.RecordBatch.from_pylist([found], SUMS)


def last(outputs: list[pa.RecordBatch]) -> list[str]:
    return list(outputs[-1].column("seen")[-1].as_py()) if outputs else []


ALL = pa.RecordBatch.from_pylist([{"time": n, "name": f"n{n % 5}"} for n in range(12)], ROWS)


def run(broken: str) -> None:
    @QUICKLY
    @given(st.data())
    def check(data: st.DataObject) -> None:
        check_fold(lambda: Names(broken), ALL, last, data, lateness=6)

    check()


def test_a_fold_that_keeps_the_laws_passes() -> None:
    run("")


@pytest.mark.parametrize("law", ["order", "split", "replay", "clock", "version"])
def test_a_fold_that_breaks_one_is_found(law: str) -> None:
    with pytest.raises(AssertionError):
        run(law)


def look(raw: pa.RecordBatch, broken: str, context: ContextSnapshot) -> Observed:
    """Rejects every row, and counts."""
    rows = raw.to_pylist()
    if broken == "split":
        rows = rows[:3]
    rejects = [
        {
            name: row[name]
            for name in ("partition", "offset", "origin", "position", "received_at", "raw")
        }
        | {"reason": "test", "detail": rows[0]["origin"] if broken == "order" else context.site}
        for row in rows
    ]
    return Observed(
        {},
        findings_to_arrow([]),
        pa.RecordBatch.from_pylist([], IDENTITIES),
        pa.RecordBatch.from_pylist(rejects, REJECTS),
        {"rejected||test": len(rejects)},
    )


def observe_all(broken: str) -> None:
    raw = pa.RecordBatch.from_pylist(
        [
            {"site": "s", "partition": "p", "offset": n, "source_id": None, "received_at": n}
            | {"origin": f"o{n}", "position": n, "raw": b"x"}
            for n in range(8)
        ],
        RAW,
    )

    @QUICKLY
    @given(st.data())
    def check(data: st.DataObject) -> None:
        check_observe(look, raw, broken, ContextSnapshot("s"), data)

    check()


def test_an_observe_that_keeps_the_laws_passes() -> None:
    observe_all("")


@pytest.mark.parametrize("law", ["order", "split"])
def test_an_observe_that_breaks_one_is_found(law: str) -> None:
    with pytest.raises(AssertionError):
        observe_all(law)
