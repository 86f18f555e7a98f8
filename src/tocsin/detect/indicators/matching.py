"""Indicators over OCSF rows: distinct values are looked up, not rows.

What one indicator has on one device, source address and user within one hour of event time is one
sighting: its finding has an identity made of exactly that. So a batch may be cut anywhere, and the
lake may be searched later, without a finding being made twice; and an indicator that everything
touches makes one finding an hour and host. The hits behind it are counted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from tocsin.detect.indicators.columns import column_at, texts_at
from tocsin.detect.indicators.paths import Place, places_of
from tocsin.detect.indicators.probing import Probe, Prober, holds, probes
from tocsin.model.intelligence import Alternative, Indicator

HOUR = 60 * 60 * 1_000_000

OWN_COLUMNS = (
    ("tocsin_time",), ("metadata", "uid"), ("device", "hostname"), ("src_endpoint", "ip"),
    ("actor", "user", "name"), ("user", "name"),
)  # fmt: skip
"""Columns that a match needs beside those of observables."""

ALSO = "tocsin_also"
"""Says of a row that its record is in another table as well, and is searched there."""


class Group(NamedTuple):
    """What makes hits of one indicator one sighting; `hour` is hours since 1970."""

    device: str
    source: str
    user: str
    hour: int

    @property
    def text(self) -> str:
        """As it enters the identity of the finding."""
        return "\0".join(map(str, self))


class Sighting(NamedTuple):
    """An indicator held on a row, the first of its group; `hits` are all rows of the group."""

    row: int
    indicator: Indicator
    alternative: Alternative
    place: Place
    probe: Probe
    seen: str
    group: Group
    worth: int
    hits: int


class _Hit(NamedTuple):
    indicator: Indicator
    alternative: Alternative
    place: Place
    probe: Probe
    seen: str


class Matching:
    """Looks for indicators in batches; remembers the columns of classes."""

    def __init__(self, prober: Prober) -> None:
        self._prober = prober
        self._known: dict[str, tuple[pa.Schema, tuple[Place, ...], tuple[Place, ...]]] = {}

    def sightings(self, class_name: str, rows: pa.RecordBatch) -> list[Sighting]:
        """What indicators say of rows of one class, at the rows' own times, in order of row.

        Of a record that states two events only the first is searched: it is one sighting.
        """
        every, wanted = self._places(class_name, rows.schema)
        hits: dict[tuple[int, str], _Hit] = {}
        for place in wanted:
            for row, hit in self._in_column(rows, place, every):
                hits.setdefault((row, hit.indicator.rule_id), hit)
        if not hits:
            return []
        second = texts_at(rows, ALSO)
        first = {key: hit for key, hit in hits.items() if not second[key[0]]}
        return sorted(_grouped(rows, first))

    def _places(
        self, class_name: str, schema: pa.Schema
    ) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
        known = self._known.get(class_name)
        if known is None or not known[0].equals(schema):
            every = places_of(schema)
            wanted = tuple(place for place in every if self._prober.wants(place.kind))
            known = self._known[class_name] = (schema, every, wanted)
        return known[1], known[2]

    def _in_column(
        self, rows: pa.RecordBatch, place: Place, every: Sequence[Place]
    ) -> Iterator[tuple[int, _Hit]]:
        column = column_at(rows, place.path)
        if column is None:
            return
        encoded = column.values.dictionary_encode()
        find = self._prober.find
        for number, value in enumerate(encoded.dictionary.to_pylist()):
            found = find(place.kind, str(value))
            if not found:
                continue
            at = column.rows(number, encoded.indices)
            for probe, indicator in found:
                for row in at:
                    held = _held(indicator, probe, place, rows, row, every)
                    if held is not None:
                        yield row, _Hit(indicator, held, place, probe, str(value))


def _held(
    indicator: Indicator,
    probe: Probe,
    place: Place,
    rows: pa.RecordBatch,
    row: int,
    every: Sequence[Place],
) -> Alternative | None:
    """The alternative that holds on a row, where one term holds for the probe at a place."""
    for alternative in indicator.alternatives:
        if not any(
            holds(term, probe) and not term.negated and term.role in ("", place.role)
            for term in alternative
        ):
            continue
        if len(alternative) == 1 or _all_hold(alternative, rows.slice(row, 1), every):
            return alternative
    return None


def _all_hold(alternative: Alternative, row: pa.RecordBatch, every: Sequence[Place]) -> bool:
    values = [(place, probe) for place in every for probe in _values(row, place)]
    return all(
        any(
            term.kind == probe.kind
            and term.role in ("", place.role)
            and holds(term, probe) is not term.negated
            for place, probe in values
        )
        for term in alternative
    )


def _values(row: pa.RecordBatch, place: Place) -> Iterator[Probe]:
    column = column_at(row, place.path)
    for value in column.values.to_pylist() if column is not None else ():
        if value is not None:
            yield from probes(place.kind, str(value))


def _grouped(rows: pa.RecordBatch, hits: Mapping[tuple[int, str], _Hit]) -> Iterator[Sighting]:
    times, uids, devices, sources, actors, users = (texts_at(rows, *path) for path in OWN_COLUMNS)
    first: dict[tuple[str, Group], tuple[int, str, int, int]] = {}
    count: Counter[tuple[str, Group]] = Counter()
    for (row, rule_id), hit in hits.items():
        at = times[row] or 0
        worth = hit.indicator.worth(at)
        if not worth:
            continue
        user = (actors[row] or users[row] or "").lower()
        group = Group(_short(devices[row]), sources[row] or "", user, at // HOUR)
        count[rule_id, group] += 1
        mine = (at, uids[row] or "", row, worth)
        if (rule_id, group) not in first or mine < first[rule_id, group]:
            first[rule_id, group] = mine
    for (rule_id, group), (_, _, row, worth) in first.items():
        yield Sighting(row, *hits[row, rule_id], group, worth, count[rule_id, group])


def _short(name: str | None) -> str:
    return (name or "").strip().lower().split(".", 1)[0]


def counted(sightings: Sequence[Sighting]) -> dict[str, int]:
    """Hits by feed and kind, and how many of them became part of the finding of another."""
    counts: Counter[str] = Counter()
    for one in sightings:
        counts[f"indicator-hits|{one.indicator.feed}|{one.probe.kind}"] += one.hits
        if one.hits > 1:
            counts[f"indicator-grouped|{one.indicator.feed}|"] += one.hits - 1
    return dict(counts)


def known_columns(schema: pa.Schema) -> list[str]:
    """Columns (paths with dots) that matching reads, of those that a schema has."""
    wanted = [place.path for place in places_of(schema)]
    names = set(schema.names)
    own = [path for path in (*OWN_COLUMNS, (ALSO,)) if path[0] in names]
    return list(dict.fromkeys(".".join(path) for path in (*wanted, *own)))
