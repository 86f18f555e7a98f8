"""Where every record of a source is.

    received = stored + duplicates + dead letters + dropped by policy + in flight

Each part is counted where it becomes true, in the transaction that makes it so: `received`,
`duplicates` and `dead-letters` when a batch is judged, `stored` and `dropped` when cursor.lake
moves over it. So a part never counts twice, whatever was crashed and done again, and what is
missing on the right side is on its way, or lost.
"""

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec
import pyarrow as pa

from tocsin.store.scan import SOURCE, records_of

RECEIVED, DUPLICATES, DEAD = "received", "duplicates", "dead-letters"
STORED, DROPPED, EXPIRED, AGAIN = "stored", "dropped", "expired", "reprocessed"
PARTS = (RECEIVED, STORED, DUPLICATES, DEAD, DROPPED, EXPIRED, AGAIN)
"""Names of the counters, each with a source as its label."""

NOBODY = ""
"""The source of records that nobody recognized, and for which none was declared."""


class Account(msgspec.Struct, frozen=True):
    """Counts of one source since the state was made.

    `expired` are stored events that retention removed since; `reprocessed` are dead letters that
    were sent through again, and were received again.
    """

    source_id: str
    received: int = 0
    stored: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    dropped: int = 0
    expired: int = 0
    reprocessed: int = 0

    @property
    def in_flight(self) -> int:
        """Judged and not yet in the lake. What stays here when all has settled is lost."""
        gone = self.stored + self.duplicates + self.dead_letters + self.dropped
        return self.received - gone

    def places(self) -> list[tuple[str, int]]:
        """Every count with its name."""
        names = [name for name in self.__struct_fields__ if name != "source_id"]
        return [("in_flight", self.in_flight), *((name, getattr(self, name)) for name in names)]


def accounts(counters: Mapping[str, int]) -> list[Account]:
    """An account for each source with a counter (`name|source` -> n), by id."""
    found: dict[str, dict[str, int]] = {}
    for key, value in counters.items():
        name, _, source = key.partition("|")
        if name in PARTS and "|" not in source:
            found.setdefault(source, {})[name.replace("-", "_")] = value
    return [Account(source, **found[source]) for source in sorted(found)]


def judged(
    counts: Mapping[str, int], repeated: pa.RecordBatch, rejects: pa.RecordBatch
) -> Counter[str]:
    """What a batch adds when it is judged.

    `counts` are those of `flow.quality_counts`, `repeated` the identities of its repeats.
    """
    added: Counter[str] = Counter()
    for key, n in counts.items():
        name, source, _ = key.split("|", 2)
        if name in ("classified", "rejected"):
            added[f"{RECEIVED}|{source}"] += n
    for source in repeated.column("source_id").to_pylist():
        added[f"{DUPLICATES}|{source}"] += 1
    added.update(refused(rejects))
    return added


def refused(rejects: pa.RecordBatch) -> Counter[str]:
    """What dead letters add."""
    sources = rejects.column("source_id").to_pylist()
    return Counter(f"{DEAD}|{source or NOBODY}" for source in sources)


def unread(rejects: pa.RecordBatch) -> Counter[str]:
    """What dead letters add that the edge refused before anything else saw them."""
    dead = refused(rejects)
    came = Counter({key.replace(DEAD, RECEIVED, 1): n for key, n in dead.items()})
    return dead + came


def settled(name: str, sources: Mapping[str, int]) -> dict[str, int]:
    """What a move of cursor.lake adds: `name` is stored or dropped."""
    return {f"{name}|{source}": n for source, n in sources.items()}


def by_source(batches: Iterable[pa.RecordBatch]) -> Counter[str]:
    """How many records of each source there are in rows of lake tables.

    What a record states beside its own event is stored too, and is no record of its own.
    """
    found: Counter[str] = Counter()
    for rows in batches:
        records = records_of(pa.Table.from_batches([rows]))
        for pair in records.column(SOURCE).value_counts().to_pylist():
            found[pair["values"]] += pair["counts"]
    return found
