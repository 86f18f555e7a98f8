"""Ports: what the thinking parts ask of the world, each with one to three methods."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

import pyarrow as pa

from tocsin.model.findings import Finding
from tocsin.model.incidents import Incident, Verdict


class Clock(Protocol):
    """Time as an argument."""

    def now(self) -> int:
        """Microseconds since 1970 UTC."""

    def monotonic(self) -> float:
        """Seconds that never jump, for durations."""


class SpoolReader(Protocol):
    """Durable raw records by position."""

    def read(self, partition: str, after: int, max_rows: int) -> pa.RecordBatch | None:
        """The next records after offset `after` (envelope.RAW), or None when there are none."""


class Lake(Protocol):
    """Events at rest, one table per OCSF class."""

    def append(
        self, partition: str, last_offset: int, events: Mapping[str, Sequence[pa.RecordBatch]]
    ) -> None:
        """Store events up to `last_offset` of `partition` exactly once; durable on return."""

    def stored(self, partition: str) -> int:
        """The last offset of `partition` that is durably stored in every table; -1 when none is."""


class FindingsView(Protocol):
    """Findings and incidents as they stand now."""

    def incidents(self, limit: int) -> Sequence[Incident]:
        """The newest incidents, worst first among equals."""

    def incident(self, incident_id: str) -> Incident | None:
        """One incident by its id or by an alias."""

    def findings(self, incident_id: str) -> Iterator[Finding]:
        """The findings of an incident in order of time."""


class Verdicts(Protocol):
    """Where a person's grade is kept."""

    def give(self, verdict: Verdict) -> None:
        """Store and journal a verdict; raises UsageError when the incident is not known."""
