"""Rules over stored events: what a new rule would have fired, what an exception would have hidden.

The findings are those that the same rules gave, or would have given, when the events came in: the
same identity, the same time.
"""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from tocsin import flow
from tocsin.model.stages import ContextSnapshot
from tocsin.store.scan import LATEST, scan


class Replayed(NamedTuple):
    """A batch of stored events was looked at: how many, and what rules say (findings.FINDINGS)."""

    events: int
    findings: pa.RecordBatch


def replay(
    lake: Path,
    compiled: flow.Compiled,
    context: ContextSnapshot,
    *,
    since: int = 0,
    until: int = LATEST,
    sources: Collection[str] | None = None,
) -> Iterator[Replayed]:
    """What `compiled.plan` says of every stored event with `since` <= time < `until` (us UTC).

    In order of partition and offset. `sources`: only events of these source ids. Memory holds the
    records of one flush of the lake. Raises StorageError when the lake cannot be read.
    """
    for rows in scan(lake, site=context.site, since=since, until=until, sources=sources):
        yield Replayed(rows.num_rows, flow.look_again(rows, compiled, context))
