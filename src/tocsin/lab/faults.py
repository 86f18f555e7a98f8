"""Faults of telemetry: what goes wrong with logs in a company, put into simulated records.

A fault changes records from a moment on, or how the directory places people, and says what is then
true (`Truth`): which measure of which source must name it. Records go through the product's own
decoding, mapping and measuring.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson
import pyarrow as pa

from tocsin import flow
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.lab.people import Person
from tocsin.model.context import NOWHERE, Place, Placing
from tocsin.model.envelope import RAW
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer
from tocsin.normalize.quality.measure import Batch, Meter

SECOND = 1_000_000


class Truth(NamedTuple):
    """What a fault is: the measure that must find it, the source, and where."""

    fault: str
    measure: str
    source_id: str
    scope: str = ""


class Line(NamedTuple):
    """A record as it came: its time (us UTC), its source and its bytes."""

    time: int
    source_id: str
    raw: bytes


Alter = Callable[[Line], Line | None]
"""What becomes of a record; None: it never comes."""


class Fault(NamedTuple):
    """A fault and the truth about it."""

    truth: Truth
    alter: Alter


def lines_of(folder: Path, normalizer: Normalizer, until: int) -> list[Line]:
    """Every readable record of a folder of simulated logs, in order of time.

    They were read at `until` (us UTC): times without a year are of that one.
    """
    found: list[Line] = []
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    for batch in read_batches(paths, DEFAULT):
        rows = [{"raw": raw, "received_at": until} for raw in batch.raws]
        ready = prepared(envelope(rows, 0), normalizer)
        times = [moment[0] for moment in ready.mapped.moments]
        raws = _readable(ready, batch.raws)
        sources = [record.source_id for record in ready.records]
        found += [Line(*one) for one in zip(times, sources, raws, strict=True)]
    return sorted(found)


def _readable(ready: Batch, raws: Sequence[bytes]) -> list[bytes]:
    rejected = set(ready.rejects.column("offset").to_pylist())
    return [raw for row, raw in enumerate(raws) if row not in rejected]


def envelope(rows: Sequence[Mapping[str, Any]], first: int) -> pa.RecordBatch:
    """`envelope.RAW` of records with `raw` and `received_at`; offsets from `first` on."""
    whole = [
        {
            "site": "lab", "partition": "lab", "offset": first + n, "source_id": None,
            "origin": "lab", "position": first + n, **row,
        }
        for n, row in enumerate(rows)
    ]  # fmt: skip
    return pa.RecordBatch.from_pylist(whole, schema=RAW)


def prepared(raw: pa.RecordBatch, normalizer: Normalizer) -> Batch:
    """A batch decoded and mapped, ready to be measured."""
    decoded = flow.decode(raw, normalizer)
    positions = decoded.positions
    mapped = normalizer.mapped(decoded.records, positions, decoded.raws, ContextSnapshot("lab"))
    return Batch(raw, decoded.records, positions, mapped, decoded.rejects)


class Delivery(NamedTuple):
    """Records that arrived together: `at` (us UTC), what was measured, and events by source."""

    at: int
    quality: pa.RecordBatch
    events: dict[str, int]


def deliveries(  # noqa: PLR0913 - what arrives, how, and what goes wrong with it
    lines: Sequence[Line],
    normalizer: Normalizer,
    meter: Meter,
    *,
    alter: Alter | None = None,
    placing: Placing | None = None,
    rows: int = 256,
    linger: int = 60 * SECOND,
    first: int = 0,
) -> Iterator[Delivery]:
    """Records as they arrive, a second after they happened, in batches of `rows` or `linger` (us).

    The time of arrival is that of the record before a fault changed it.
    """
    held: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    begun = 0
    for line in lines:
        if held and (len(held) >= rows or line.time - begun > linger):
            yield _delivered(held, first, normalizer, meter, placing, counts)
            first += len(held)
            held, counts = [], {}
        begun = begun if held else line.time
        sent = line if alter is None else alter(line)
        if sent is not None:
            held.append({"raw": sent.raw, "received_at": line.time + SECOND})
            counts[line.source_id] = counts.get(line.source_id, 0) + 1
    if held:
        yield _delivered(held, first, normalizer, meter, placing, counts)


def _delivered(
    held: list[dict[str, Any]],
    first: int,
    normalizer: Normalizer,
    meter: Meter,
    placing: Placing | None,
    counts: dict[str, int],
) -> Delivery:
    ready = prepared(envelope(held, first), normalizer)
    return Delivery(held[-1]["received_at"], meter.measure(ready, placing), counts)


def of_source(source_id: str, since: int, change: Callable[[bytes], bytes | None]) -> Alter:
    """Change the records of one source from a moment on."""

    def alter(line: Line) -> Line | None:
        if line.source_id != source_id or line.time < since:
            return line
        raw = change(line.raw)
        return None if raw is None else line._replace(raw=raw)

    return alter


def renamed_users(source_id: str, fields: Sequence[str], form: str, since: int) -> Fault:
    """Users are written in another form: `form` holds `{}` where the bare name goes."""

    def change(raw: bytes) -> bytes:
        record = orjson.loads(raw)
        for path in fields:
            place, name = _reach(record, path)
            if place is not None and isinstance(place.get(name), str):
                bare = place[name].rpartition("\\")[2].partition("@")[0]
                if bare and not bare.endswith("$"):
                    place[name] = form.format(bare)
        return orjson.dumps(record)

    truth = Truth("user names change format", "format", source_id)
    return Fault(truth, of_source(source_id, since, change))


def vanished(source_id: str, fields: Sequence[str], since: int, attribute: str) -> Fault:
    """Native fields are not sent any more, and with them an attribute."""

    def change(raw: bytes) -> bytes:
        record = orjson.loads(raw)
        for path in fields:
            place, name = _reach(record, path)
            if place is not None:
                place.pop(name, None)
        return orjson.dumps(record)

    truth = Truth("a required field vanishes", "field", source_id, attribute)
    return Fault(truth, of_source(source_id, since, change))


def silenced(source_id: str, since: int) -> Fault:
    """Nothing comes any more."""
    truth = Truth("a source falls silent", "silence", source_id)
    return Fault(truth, of_source(source_id, since, lambda _raw: None))


def clock_ahead(source_id: str, seconds: int, since: int, host: str = "") -> Fault:
    """The clock of a source, or of one of its hosts, is so many seconds ahead (or behind)."""
    marker = host.encode()

    def change(raw: bytes) -> bytes:
        return shifted(raw, seconds) if marker in raw else raw

    truth = Truth("a clock drifts", "clock", source_id, host)
    return Fault(truth, of_source(source_id, since, change))


def _reach(record: Any, path: str) -> tuple[dict[str, Any] | None, str]:
    *steps, last = path.split(".")
    for step in steps:
        record = record.get(step) if isinstance(record, dict) else None
    return (record, last) if isinstance(record, dict) and last in record else (None, last)


_ISO = re.compile(rb"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)")
_EPOCH = re.compile(rb'("ts":\s*)(\d{10})')


def shifted(raw: bytes, seconds: int) -> bytes:
    """A record with every ISO time in it, and Zeek's `ts`, moved."""
    by = timedelta(seconds=seconds)

    def iso(found: re.Match[bytes]) -> bytes:
        at = datetime.fromisoformat(f"{found[1].decode()}T{found[3].decode()}") + by
        return at.strftime(f"%Y-%m-%d{found[2].decode()}%H:%M:%S").encode()

    moved = _ISO.sub(iso, raw)
    return _EPOCH.sub(lambda found: found[1] + str(int(found[2]) + seconds).encode(), moved)


SERVICES = "services"
"""The unit of accounts that no person has."""
_SERVICE = ("svc_", "msol_", "adm")


class Directory:
    """Places people and their workstations in their units; from a moment on one unit is wrong.

    `into` is the unit in which the users of `wrong` are then found; empty: in none.
    """

    def __init__(
        self, people: Sequence[Person], *, wrong: str = "", since: int = 0, into: str = ""
    ) -> None:
        self._users = {person.account.name: person.unit for person in people}
        self._users |= {person.admin.name: person.unit for person in people if person.admin}
        self._hosts = {person.workstation.lower(): person.unit for person in people}
        self._wrong, self._since, self._into = wrong, since, into

    def place(self, host: str, user: str, address: str, at: int) -> Place:  # noqa: ARG002 - the port's
        """The unit of a host, else of a user."""
        unit = self._hosts.get(host.partition(".")[0].lower(), "") if host else ""
        if not unit and user:
            bare = user.rpartition("\\")[2].partition("@")[0].lower()
            unit = self._users.get(bare, SERVICES if bare.startswith(_SERVICE) else "")
            if unit == self._wrong and at >= self._since:
                unit = self._into
        return Place(unit) if unit else NOWHERE
