"""`python -m bench.lake [--days N]`: rules over the lake, and a search for one host in it.

Every Windows record of the OTRF sets is hunted into a lake. Then the rules go over it: on the
originals, on columns that are made on the way, on columns with empty caches, and with full ones.
CPU seconds of this process. With `--days`, the same events lie in the lake once for each day, and
one host's events of all days are asked for in SQL: seconds on the wall.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable

from bench.inputs import archives, data_folder
from tocsin import flow
from tocsin.app import parts
from tocsin.app.hunt import hunt_files
from tocsin.app.replay import Replayed, replay
from tocsin.app.workers import calm_collector
from tocsin.detect.sigma import Matcher
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize.ocsf.tables import class_schema
from tocsin.store.lake import DAY, OFFSET, Lake, table_paths
from tocsin.store.lake_columns import FOLDER
from tocsin.store.query import query
from tocsin.store.query_child import Limits
from tocsin.store.scan import scan

ONE_DAY = 86_400_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lake", type=Path, help="a lake that a hunt wrote, instead of a new one")
    parser.add_argument("--days", type=int, default=0)
    parser.add_argument(
        "--rules", type=Path, default=data_folder() / "detection/sigma_rules.tar.xz"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lake = options.lake or Path(folder) / "lake"
        if options.lake is None:
            hunt_files(archives(), rules=options.rules, lake=lake)
        passes(lake, options.rules)
        if options.days:
            search(lake, Path(folder) / "days", options.days)


def passes(lake: Path, rules: Path) -> None:
    """All rules over all events, four times."""
    pa.set_cpu_count(1)
    content = parts.load_content(None)
    setup = parts.prepare(content, parts.rule_files(content, rules), parts.cache_folder())
    compiled = parts.build(setup)
    context = ContextSnapshot("hunt", content.content_id)
    calm_collector()
    tell("originals", originals(lake, compiled, context))
    fresh = replace(compiled, matcher=Matcher(compiled.plan))
    tell("columns, made", replay(lake, fresh, context))
    fresh = replace(compiled, matcher=Matcher(compiled.plan))
    tell("columns, cold", replay(lake, fresh, context))
    tell("columns, warm", replay(lake, fresh, context))
    events = sum(batch.num_rows for batch in scan(lake))
    for name, folder in (("lake", lake), ("columns", lake / FOLDER)):
        files = (
            file for file in folder.rglob("*.parquet") if (FOLDER in file.parts) == (name != "lake")
        )
        size = sum(file.stat().st_size for file in files)
        print(f"{name}: {size / events:.0f} bytes on disk per event")


def originals(lake: Path, compiled: flow.Compiled, context: ContextSnapshot) -> Iterator[Replayed]:
    """The rules over every record, decoded from its original."""
    for batch in scan(lake, site="hunt"):
        yield Replayed(batch.num_rows, flow.look_again(batch, compiled, context))


def tell(label: str, batches: Iterator[Replayed]) -> None:
    """Run one pass and print what it took."""
    began = time.process_time()
    events = findings = 0
    for batch in batches:
        events, findings = events + batch.events, findings + batch.findings.num_rows
    took = time.process_time() - began
    print(
        f"{label:<14}{events:>9,} events {took / events * 1e6:>7.2f} us/event"
        f" {events / took:>10,.0f} events/s per CPU second, {findings:,} findings"
    )


def search(lake: Path, many: Path, days: int) -> None:
    """One host's events of `days` days, asked for in SQL."""
    events = spread(lake, many, days)
    sql = (
        "SELECT device.hostname AS host, count(*) AS n FROM process_activity"
        " GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    )
    limits = Limits(seconds=120)
    host = query(sql, many, limits=limits).rows.column("host")[0].as_py()
    for name in ("process_activity", "network_activity", "authentication"):
        began = time.monotonic()
        asked = f"SELECT time, message FROM {name} WHERE device.hostname = '{host}' ORDER BY time"  # noqa: S608  # our own words
        found = query(asked, many, limits=limits)
        took = time.monotonic() - began
        print(f"{days} days, {events:,} events: {name} of one host, {found.rows.num_rows:,} rows"
              f"{' (cut)' if found.truncated else ''} in {took:.1f} s")  # fmt: skip


def spread(lake: Path, many: Path, days: int) -> int:
    """Write the events of `lake` once for each day, a day apart; how many there are then."""
    target = Lake(many, class_schema)
    events = offset = 0
    tables = {path.name: DeltaTable(path).to_pyarrow_table() for path in table_paths(lake)}
    for day in range(days):
        rows = {name: _moved(table, name, day, offset) for name, table in tables.items()}
        offset += max(table.num_rows for table in tables.values())
        target.append(
            "days", offset - 1, {name: table.to_batches() for name, table in rows.items()}
        )
        events += sum(table.num_rows for table in rows.values())
    return events


def _moved(table: pa.Table, name: str, day: int, offset: int) -> pa.Table:
    """A table `day` days later, with offsets of its own."""
    count = table.num_rows
    new = {
        "time": pc.add(table.column("time"), pa.scalar(day * ONE_DAY // 1_000, pa.int64())),
        "tocsin_time": pc.add(table.column("tocsin_time"), pa.scalar(day * ONE_DAY, pa.int64())),
        OFFSET: pa.array(range(offset, offset + count), pa.int64()),
        "tocsin_partition": pa.repeat(pa.scalar("days"), count),
        DAY: pa.repeat(pa.scalar(f"2026-{1 + day // 28:02d}-{1 + day % 28:02d}"), count),
    }
    schema = class_schema(name)
    columns = [new.get(field.name) for field in schema]
    found = [
        table.column(field.name) if column is None else column
        for field, column in zip(schema, columns, strict=True)
    ]
    return pa.table(found, schema=schema)


if __name__ == "__main__":
    main()
