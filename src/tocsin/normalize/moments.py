"""When a record happened, by the order of trust that its source declares."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tocsin.model.records import NativeRecord
from tocsin.model.sources import ShapeSpec, SourceSpec, TimeSpec
from tocsin.model.stages import HostClock
from tocsin.normalize.times import SECOND, TimeReader
from tocsin.normalize.wrapped import TIME

QUARTER = 15 * 60 * SECOND
"""Offsets of time zones are multiples of 15 minutes."""
_LONGEST = 26 * 60 * 60 * SECOND
"""No wall clock is further from UTC: 14 hours of zone and 12 of a clock without AM and PM."""
_HOUR_LENGTH = len("2020-09-21T22")

LABEL_PAIR = ("time:zone-from-record",)
LABEL_CLOCK = ("time:zone-from-host-clock",)
LABEL_ASSUMED = ("time:zone-assumed",)
LABEL_FORWARDER = ("time:forwarder",)
LABEL_RECEIVED = ("time:received",)
"""Labels (`metadata.labels`) of a time that did not come from the record as it is."""


Moment = tuple[int, str | None, tuple[str, ...] | None]
"""A time in us UTC, the text it comes from, and how it was corrected (`metadata.labels`)."""


def clock_key(host: str, written: str) -> str:
    """The key of a host's clock in one written hour, for hours in which it differs."""
    return f"{host.lower()}@{written[:_HOUR_LENGTH].replace(' ', 'T')}"


class TimeResolver:
    """Times of the records of one shape."""

    def __init__(self, source: SourceSpec, shape: ShapeSpec) -> None:
        self._specs = shape.time
        self._host_names = shape.aliases.get(source.host, (source.host,)) if source.host else ()
        self._zone = zone_offset(source.time_zone)
        self._reader = TimeReader()

    def moments(
        self,
        records: Sequence[Mapping[str, Any]],
        received: Sequence[int],
        clocks: Mapping[str, HostClock],
    ) -> list[Moment]:
        """The best time of each record."""
        first = self._specs[0]
        if first.zone != "utc" or first.format != "iso":
            return [self.moment(r, at, clocks) for r, at in zip(records, received, strict=True)]
        read, name = self._reader.micros, first.field
        found = []
        for record, at in zip(records, received, strict=True):
            written = record.get(name)
            micros = read(written)
            found.append(
                self.moment(record, at, clocks) if micros is None else (micros, written, None)
            )
        return found

    def moment(
        self, fields: Mapping[str, Any], received: int, clocks: Mapping[str, HostClock]
    ) -> Moment:
        """The best time; the time of reception when the record has none that can be read."""
        for spec in self._specs:
            written = fields.get(spec.field)
            micros = self._reader.read(written, spec.format, received)
            if micros is None:
                continue
            written = str(written)
            if spec.zone == "utc" or spec.format.startswith("epoch"):
                return micros, written, None
            offset, labels = self._offset(spec, fields, written, clocks)
            return micros + offset, written, labels
        said = fields.get(TIME)
        if said is not None:
            micros = self._reader.read(said, "iso" if type(said) is str else "epoch", received)
            if micros is not None:
                return micros, str(said), LABEL_FORWARDER
        return received, None, LABEL_RECEIVED

    def _offset(
        self,
        spec: TimeSpec,
        fields: Mapping[str, Any],
        written: Any,
        clocks: Mapping[str, HostClock],
    ) -> tuple[int, tuple[str, ...]]:
        if spec.zone_from is not None:
            found = self.between(fields, spec.zone_from)
            if found is not None:
                return found, LABEL_PAIR
        if clocks:
            host = self.host(fields)
            clock = clocks.get(clock_key(host, written)) or clocks.get(host)
            if clock is not None:
                return clock.offset, LABEL_CLOCK
        return self._zone, LABEL_ASSUMED

    def between(self, fields: Mapping[str, Any], names: tuple[str, str]) -> int | None:
        """UTC minus wall clock, to 15 minutes, from two fields that say the same moment."""
        local = self._reader.micros(fields.get(names[0]))
        utc = self._reader.micros(fields.get(names[1]))
        if local is None or utc is None:
            return None
        offset = (utc - local + QUARTER // 2) // QUARTER * QUARTER
        return offset if abs(offset) <= _LONGEST else None

    def host(self, fields: Mapping[str, Any]) -> str:
        """The host's name in lower case; empty when it has none."""
        for name in self._host_names:
            value = fields.get(name)
            if type(value) is str:
                return value.lower()
        return ""

    def clock_sample(self, fields: Mapping[str, Any]) -> tuple[str, str, int] | None:
        """(host, key of its written hour, offset) of a record that has both kinds of time.

        Only a UTC time that is trusted more than the local one says something about the clock: a
        collector's time is made from the local one and would agree with it.
        """
        utc = ""
        for spec in self._specs:
            if spec.field not in fields:
                continue
            if spec.zone == "utc":
                utc = utc or spec.field
                continue
            if spec.field == utc:  # one field in two spellings says nothing about the clock
                return None
            offset = self.between(fields, (spec.field, utc)) if utc else None
            host = self.host(fields)
            if offset is None or not host:
                return None
            return host, clock_key(host, fields[spec.field]), offset
        return None


def zone_offset(zone: str) -> int:
    """us to add to a wall clock of `UTC` or `+HH:MM`; raises ValueError for anything else."""
    if zone == "UTC":
        return 0
    sign, hours, minutes = zone[:1], zone[1:3], zone[4:6]
    if sign not in ("+", "-") or zone[3:4] != ":" or len(zone) != len("+00:00"):
        raise ValueError(f"time_zone is UTC or +HH:MM, not {zone!r}")
    ahead = (int(hours) * 60 + int(minutes)) * 60 * SECOND
    return -ahead if sign == "+" else ahead


def estimate_host_clocks(
    resolvers: Mapping[tuple[str, str], TimeResolver], records: Iterable[NativeRecord]
) -> dict[str, HostClock]:
    """How far each host's written time lies from UTC, by majority of records that say both.

    Beside the key of a host (its name in lower case) there are keys `host@YYYY-MM-DDTHH` for
    written hours in which the majority is another: a clock was set, or wrote 12 hours without AM
    and PM.
    """
    votes: dict[str, dict[int, int]] = {}
    hosts: dict[str, str] = {}
    for record in records:
        resolver = resolvers.get((record.source_id, record.shape))
        sample = resolver.clock_sample(record.fields) if resolver else None
        if sample is None:
            continue
        host, hour, offset = sample
        hosts[hour] = host
        for key in (host, hour):
            counted = votes.setdefault(key, {})
            counted[offset] = counted.get(offset, 0) + 1
    clocks = {key: _majority(counted) for key, counted in votes.items()}
    return {
        key: clock
        for key, clock in sorted(clocks.items())
        if key not in hosts or clock.offset != clocks[hosts[key]].offset
    }


def _majority(counted: Mapping[int, int]) -> HostClock:
    offset = min(counted, key=lambda found: (-counted[found], abs(found), found))
    return HostClock(offset=offset, samples=counted[offset])
