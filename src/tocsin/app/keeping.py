"""How core keeps the state of the incident fold: a snapshot, and what came since.

The fold is a pure function, so the state is a snapshot of it and the rows of the steps since. A
step writes down its rows and no more; when they have grown as large as the snapshot, a new one
takes the place of both. The cost of a step does not grow with the state.

INVARIANT  what is kept, told again to a new fold, makes the state that the kept steps made.
"""

import msgspec
import pyarrow as pa

from tocsin.correlate.incidents import IncidentFold
from tocsin.model.findings import Finding, findings_from_arrow, findings_to_arrow
from tocsin.store import State
from tocsin.store.think import Think

LEAST = 1024 * 1024
"""Bytes of steps below which no new snapshot is made."""

_ENTRY = "/step/"

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, list[Finding]]).decode


def entry_of(rows: pa.RecordBatch, watermark: int) -> bytes:
    """A step as it is kept: its watermark (us UTC) and its findings without their events."""
    findings = [
        msgspec.structs.replace(one, events=(), values=()) for one in findings_from_arrow(rows)
    ]
    return _encode((watermark, findings))


class Keeper:
    """The one incident fold of a site, and its state in the database."""

    def __init__(self, state: State, fold: IncidentFold, site: str) -> None:
        self._fold = fold
        self._site = site
        kept = state.fold_states(fold.name)
        snapshot = kept.get(site)
        fold.resume(snapshot)
        self._entries = sorted(key for key in kept if key.startswith(site + _ENTRY))
        for key in self._entries:
            watermark, findings = _decode(kept[key])
            fold.advance(findings_to_arrow([(0, one) for one in findings]), watermark=watermark)
        self._size = max(LEAST, len(snapshot or b""))
        self._since = sum(len(kept[key]) for key in self._entries)
        self._next = int(self._entries[-1].rpartition("/")[2]) + 1 if self._entries else 0

    def step(self, tx: Think, rows: pa.RecordBatch, watermark: int) -> pa.RecordBatch:
        """One step of the fold, kept in the transaction; rows of `INCIDENT_CHANGES`."""
        changes = self._fold.advance(rows, watermark=watermark)
        entry = entry_of(rows, watermark)
        self._since += len(entry)
        if self._since > self._size:
            self.keep(tx, self._fold.snapshot())
        else:
            key = f"{self._site}{_ENTRY}{self._next:012}"
            self._entries.append(key)
            self._next += 1
            tx.put_fold_states(self._fold.name, {key: entry})
        return changes

    def keep(self, tx: Think, snapshot: bytes) -> None:
        """Put a snapshot in the place of all that is kept, and go on from it."""
        gone = dict.fromkeys(self._entries)
        tx.put_fold_states(self._fold.name, {self._site: snapshot, **gone})
        self._fold.resume(snapshot)
        self._entries, self._since, self._size = [], 0, max(LEAST, len(snapshot))
