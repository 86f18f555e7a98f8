"""What keeping costs: the state transaction (T1) and the lake append (T2) with two writers.

    python -m bench.store

Made-up rows: wide ones of one OCSF class, random uids. Wall time, best of three.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import WriterProperties, write_deltalake

from tocsin.model.findings import Entity, EventCopy, Finding, Level, Match
from tocsin.normalize.ocsf.tables import class_schema
from tocsin.store.lake import DAY, Lake
from tocsin.store.seen import WINDOW
from tocsin.store.state_store import State

BATCH, FINDINGS, FLUSH = 8_192, 50, 131_072
CLASS = "process_activity"


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        transactions(Path(folder))
        lakes(Path(folder))


def transactions(folder: Path) -> None:
    """T1 on an empty state, with the window of seen events full, and of a repeated batch."""
    state = State(folder / "state.db")
    print(f"T1, {BATCH} events and {FINDINGS} findings, ms")
    print(f"  nothing seen yet      {best(lambda: think(state, fresh())):8.1f}")
    for _ in range(WINDOW // BATCH):
        think(state, fresh())
    print(f"  {WINDOW:9,} seen        {best(lambda: think(state, fresh())):8.1f}")
    again = fresh()
    think(state, again)
    print(f"  all of them repeats   {best(lambda: think(state, again)):8.1f}")
    state.close()


def fresh() -> list[str]:
    """Uids that were not there before."""
    return [os.urandom(16).hex() for _ in range(BATCH)]


def think(state: State, uids: list[str]) -> float:
    """One T1; its seconds."""
    began = time.perf_counter()
    first = state.cursor("p0", "think") + 1
    offsets = range(first, first + len(uids))
    with state.think("p0") as tx:
        tx.first_seen(uids, offsets, ["windows-security"] * len(uids), offsets)
        tx.add_findings([finding(f"{first}-{n}") for n in range(FINDINGS)])
        tx.put_fold_states("incident", {f"host-{n}": b"x" * 2_000 for n in range(10)})
        tx.count({f"events|windows-security|{n}": 10 for n in range(20)})
        tx.journal(first, "core", "batch", subject="p0", body={"first": first})
        tx.set_cursor("think", offsets[-1])
    return time.perf_counter() - began


def finding(name: str) -> Finding:
    """A finding of the usual size: two kilobytes of event."""
    return Finding(
        finding_id=name,
        rule_id="rule",
        rule_digest="digest",
        title="Title",
        level=Level.MEDIUM,
        techniques=("T1059",),
        time=1,
        event_uids=(name,),
        matched=(Match("Image", "endswith", "x.exe"),),
        entities=(Entity("host", "h1", "H1"),),
        events=(EventCopy(name, 1, CLASS, "x" * 2_000, "f.json", 1),),
        site="default",
        source_id="windows-security",
        content_id="content",
    )


def lakes(folder: Path) -> None:
    """Append one flush by our writer and by delta-rs' own (which does not fsync)."""
    rows = wide_rows()
    size = rows.nbytes / FLUSH
    print(f"T2, {FLUSH:,} rows of {CLASS} ({len(rows.schema)} columns, {size:.0f} bytes), us/event")
    turn = iter(range(100))
    ours = Lake(folder / "ours", lambda _class: rows.schema)
    zstd = WriterProperties(compression="ZSTD", compression_level=1)

    def append() -> float:
        moved = rows.set_column(
            rows.schema.get_field_index("tocsin_offset"),
            "tocsin_offset",
            pa.array(range(FLUSH * (at := next(turn)), FLUSH * (at + 1)), pa.int64()),
        )
        batches = moved.to_batches(max_chunksize=BATCH)
        began = time.perf_counter()
        ours.append("p0", FLUSH * (at + 1) - 1, {CLASS: batches})
        return time.perf_counter() - began

    def other() -> float:
        began = time.perf_counter()
        write_deltalake(
            folder / "other", rows, mode="append", partition_by=[DAY], writer_properties=zstd
        )
        return time.perf_counter() - began

    for name, run in (("files by pyarrow, fsync", append), ("write_deltalake", other)):
        print(f"  {name:26s}{best(run) * 1_000 / FLUSH:8.2f}")


def wide_rows() -> pa.Table:
    """Rows with about every fourth column filled, in 200 variants."""
    schema = class_schema(CLASS)
    columns = [pa.array(_values(field.type, field.name), field.type) for field in schema]
    return pa.table(columns, schema=schema)


def _values(kind: pa.DataType, name: str) -> list[Any]:
    variants = [_value(kind, name, n) for n in range(200)]
    return [variants[n % 200] for n in range(FLUSH)]


def _value(kind: pa.DataType, name: str, number: int) -> Any:
    """A value that depends on the column's name only in whether it is there."""
    if name == DAY:
        return "2026-11-23"
    if name == "raw_data":
        return f'{{"EventID": 4688, "n": {number}, "text": "{"y" * (900 + number)}"}}'
    if pa.types.is_struct(kind):
        return {field.name: _value(field.type, f"{name}.{field.name}", number) for field in kind}
    if not name.startswith("tocsin") and sum(name.encode()) % 4:
        return None
    if pa.types.is_integer(kind):
        return number
    return f"{name} {number}" if pa.types.is_string(kind) else None


def best(run: Callable[[], float]) -> float:
    """Milliseconds of the fastest of three runs."""
    return 1_000 * min(run() for _ in range(3))


if __name__ == "__main__":
    main()
