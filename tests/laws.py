"""The laws of `model/stages.py`, checked the same way for every Observe and every Fold.

A test of a new stage is one call: `check_fold` or `check_observe` inside a hypothesis test, which
hands over `st.data()` for the choices: where batches are split, in which order rows arrive within
the lateness, and which prefix is sent again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any

import msgspec
import pyarrow as pa
from hypothesis import strategies as st

from tocsin.model.stages import ContextSnapshot, Fold, Observe, Observed

END = 2**62


def check_fold(
    make: Callable[[], Fold],
    rows: pa.RecordBatch,
    meaning: Callable[[list[pa.RecordBatch]], Any],
    data: st.DataObject,
    *,
    lateness: int,
    time: str = "time",
) -> Any:
    """Every law of a Fold over `rows`; returns what they mean in plain order.

    `meaning` turns all outputs, in order, into what must not depend on the order: a value that
    can be compared. `time` names the column of event times (us). `make` builds a fresh fold, so
    that nothing can hide in an instance.
    """
    times = rows.column(time).to_pylist()
    plain = _run(make, [(rows, _watermark(times, lateness))])
    expected = meaning(plain)
    order = arrival(times, data, lateness)
    batches = _batches(rows, order, times, data, lateness)
    shuffled = _run(make, batches)
    assert meaning(shuffled) == expected, "order of arrival or split of batches changes the result"
    again = data.draw(st.integers(0, len(batches)), label="batches that are sent twice")
    repeated = [*batches[:again], *batches[:again], *batches[again:]]
    assert meaning(_run(make, repeated)) == expected, "sending a prefix again changes the result"
    _check_state(make, batches)
    return expected


def check_chained(
    make: Callable[[], Fold],
    rows: pa.RecordBatch,
    parts: Callable[[list[pa.RecordBatch]], Iterable[frozenset[str]]],
    linked: Callable[[str, str], bool],
    data: st.DataObject,
    *,
    time: str = "time",
) -> list[pa.RecordBatch]:
    """What holds for a grouping Fold however late its rows come; returns the outputs.

    Rows arrive in any order at all, most of them far behind the watermark. `parts` reads the
    groups of names from the outputs; in each group a chain of names that are `linked`, every link
    within its window, must lead from any one to any other.
    """
    outputs = run_late(make, rows, data, time=time)
    for part in parts(outputs):
        loose = set(part)
        reached = [loose.pop()]
        for name in reached:
            near = {other for other in loose if linked(name, other)}
            loose -= near
            reached.extend(near)
        assert not loose, f"nothing leads from {reached} to {loose}"
    return outputs


def run_late(
    make: Callable[[], Fold], rows: pa.RecordBatch, data: st.DataObject, *, time: str = "time"
) -> list[pa.RecordBatch]:
    """The outputs for rows in an order that keeps to no lateness at all."""
    times = rows.column(time).to_pylist()
    order = data.draw(st.permutations(range(len(times))), label="order of arrival")
    return _run(make, _batches(rows, order, times, data, lateness=0))


def arrival(times: Sequence[int], data: st.DataObject, lateness: int) -> list[int]:
    """An order in which rows of these event times can arrive and all be on time."""
    delays = data.draw(
        st.lists(st.integers(0, lateness), min_size=len(times), max_size=len(times)),
        label="how late each row arrives",
    )
    return sorted(range(len(times)), key=lambda n: (times[n] + delays[n], n))


def cuts(size: int, data: st.DataObject) -> list[tuple[int, int]]:
    """Consecutive ranges that cover `size` rows, some of them empty."""
    inner = data.draw(st.lists(st.integers(0, size), max_size=6), label="where batches are split")
    edges = [0, *sorted(inner), size]
    return list(pairwise(edges))


def _batches(
    rows: pa.RecordBatch,
    order: list[int],
    times: Sequence[int],
    data: st.DataObject,
    lateness: int,
) -> list[tuple[pa.RecordBatch, int]]:
    batches = []
    for start, end in cuts(len(order), data):
        watermark = _watermark([times[n] for n in order[:end]], lateness)
        batches.append((rows.take(pa.array(order[start:end], pa.int64())), watermark))
    return batches


def _watermark(times: Sequence[int], lateness: int) -> int:
    return max(times, default=0) - lateness


def _run(
    make: Callable[[], Fold], batches: list[tuple[pa.RecordBatch, int]]
) -> list[pa.RecordBatch]:
    """Every batch through a fold of its own, state as bytes between; then the end of all input."""
    states: dict[str, bytes | None] = {}
    outputs: list[pa.RecordBatch] = []
    empty = batches[0][0].slice(0, 0)
    for rows, watermark in [*batches, (empty, END)]:
        keys = make().key(rows).to_pylist()
        for key in sorted({*keys, *states}):
            chosen = pa.array([n for n, k in enumerate(keys) if k == key], pa.int64())
            part = rows.take(chosen)
            states[key], output = make().step(
                states.get(key), part, watermark=watermark, now=watermark
            )
            outputs.append(output)
    return outputs


def _check_state(make: Callable[[], Fold], batches: list[tuple[pa.RecordBatch, int]]) -> None:
    """State carries its version, and the same input gives the same bytes in every process."""
    fold = make()
    for rows, watermark in batches:
        if not rows.num_rows or len(set(fold.key(rows).to_pylist())) != 1:
            continue
        first, _ = make().step(None, rows, watermark=watermark, now=0)
        second, _ = make().step(None, rows, watermark=watermark, now=END)
        assert first == second, "the state depends on the clock or on the instance"
        if first is not None:
            version, _state = msgspec.msgpack.decode(first)
            assert version == fold.version


def check_observe(
    observe: Observe[Any],
    raw: pa.RecordBatch,
    compiled: Any,
    context: ContextSnapshot,
    data: st.DataObject,
) -> Observed:
    """Every law of an Observe over `raw`; returns what it says of the whole batch.

    Observe is stateless, so a split, another order and a repeat must each say the same of every
    row. Host clocks are estimates from one batch alone and are left out.
    """
    whole = observe(raw, compiled, context)
    expected = _said([whole])
    parts = [raw.slice(start, end - start) for start, end in cuts(raw.num_rows, data)]
    split = _said([observe(part, compiled, context) for part in parts])
    assert split == expected, "splitting a batch changes what it says"
    order = data.draw(st.permutations(range(raw.num_rows)), label="order of the rows")
    shuffled = raw.take(pa.array(order, pa.int64()))
    assert _said([observe(shuffled, compiled, context)]) == expected, "the order of rows shows"
    assert _said([observe(raw, compiled, context)]) == expected, "a second look says other things"
    return whole


def _said(results: Sequence[Observed]) -> dict[str, Counter[str]]:
    """Rows by table, without their order, and the counts added up."""
    said: dict[str, Counter[str]] = {}
    for result in results:
        named = {"hits": result.hits, "identities": result.identities, "rejects": result.rejects}
        for name, rows in {**named, **{f"events:{k}": v for k, v in result.events.items()}}.items():
            if rows.num_rows:
                said.setdefault(name, Counter()).update(map(repr, rows.to_pylist()))
        said.setdefault("counts", Counter()).update(result.counts)
    return said
