"""A harmless event of a source, out of its own samples: dated now, marked, firing nothing.

The marker stands where nothing reads it: in a field of its own, or behind the text. Whether the
record is still the source's, of which class it is, and that no rule, indicator or alert comes of it
is not assumed: `flow.observe` looks at it as the service will.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, NamedTuple

import orjson

from tocsin import flow
from tocsin.app import parts
from tocsin.app.content import applied_content, is_applied
from tocsin.app.indicators import open_table
from tocsin.app.site import Site
from tocsin.errors import UsageError
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.model.content import ContentSet
from tocsin.model.records import NativeRecord
from tocsin.model.sources import ShapeSpec, SourceSpec, TimeSpec
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize.folders import source_files
from tocsin.normalize.propose.knowledge import sample_records
from tocsin.store.intelligence_objects import FOLDER

MAX_SAMPLES = 200
"""Samples that are tried."""
NEAR = 26 * 3600 * 1_000_000
"""How far (us) the time of the event may lie from now: a wall clock of any time zone."""
KEY = "tocsin_test"
GENERAL = "base_event"
_ISO = re.compile(
    r"\d{4}(?P<dash>[-/])\d\d[-/]\d\d(?P<t>[ T])\d\d:\d\d:\d\d(?P<dot>[.,]\d{1,9})?(?P<zone>.{0,7})"
)
_OFFSET = re.compile(r" ?([+-])(\d\d):?(\d\d)")
_RFC3164 = re.compile(r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d")
_DAY_FIRST = re.compile(r"\[?\d{1,2}([/\- ])[A-Z][a-z]{2}([/\- ])\d{4}([: ])\d\d:\d\d:\d\d")
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


class Probe(NamedTuple):
    """The event to be sent. `uid` is its identity unless that is the place where it arrives.

    `dated` is false when the time of the sample had to stay.
    """

    source_id: str
    class_name: str
    raw: bytes
    marker: str
    uid: str
    dated: bool


class _Observed(NamedTuple):
    class_name: str
    uid: str
    time: int


def make_probe(site: Site, source_id: str, marker: str, now: int, *, declared: bool) -> Probe:
    """A probe of a source of the content in force, at the time `now` (us UTC).

    `declared` says that the way in names the source. Raises UsageError when there is no such
    source, it has no sample that can be marked, or each of them would make a finding.
    """
    if not is_applied(site):
        raise UsageError("no content is in force here: run `tocsin up` once")
    content = applied_content(site)
    folders = source_files(content)
    if source_id not in folders:
        known = ", ".join(sorted(folders))
        raise UsageError(f"no source {source_id} is in force; there are: {known}")
    compiled = _compiled(site, content)
    [spec] = [one for one in compiled.normalizer.sources if one.id == source_id]
    if source_id in compiled.alerts:
        raise UsageError(
            f"the records of {source_id} are alerts: each becomes a finding, so none is harmless"
        )
    whose = source_id if declared else None
    maker = _Maker(compiled, spec, marker, now, site.settings.site, whose)
    found = [probe for probe in maker.probes(sample_records(folders[source_id])) if probe]
    if not found:
        raise UsageError(maker.why())
    return min(found, key=lambda probe: (probe.class_name == GENERAL, not probe.dated))


def _compiled(site: Site, content: ContentSet) -> flow.Compiled:
    setup = parts.prepare(content, parts.rule_files(content, None), site.plans)
    compiled = parts.build(setup)
    tables = sorted((site.data / FOLDER).glob("*.table"), key=lambda path: path.stat().st_mtime)
    if tables:
        compiled = replace(compiled, indicators=open_table(site.data, tables[-1].stem))
    return compiled


class _Maker:
    """Makes probes out of samples, and remembers why not."""

    def __init__(
        self,
        compiled: flow.Compiled,
        spec: SourceSpec,
        marker: str,
        now: int,
        site: str,
        declared: str | None,
    ) -> None:
        self._compiled, self._spec, self._marker, self._now = compiled, spec, marker, now
        self._site, self._declared = site, declared
        self._firing = self._unmarked = self._tried = 0

    def why(self) -> str:
        """Why no sample became a probe."""
        if not self._tried:
            return f"the source {self._spec.id} has no sample to make an event of"
        return (
            f"none of {self._tried} samples of {self._spec.id} makes a harmless event: "
            f"{self._firing} would make a finding or open a window, "
            f"{self._unmarked} have no place for a mark"
        )

    def probes(self, samples: Iterator[bytes]) -> Iterator[Probe | None]:
        """A probe of each sample until one is as it should be."""
        for _, raw in zip(range(MAX_SAMPLES), samples, strict=False):
            self._tried += 1
            probe = self._probe(raw)
            yield probe
            if probe is not None and probe.dated and probe.class_name != GENERAL:
                return

    def _probe(self, raw: bytes) -> Probe | None:
        before = self._observed(raw)
        record = self._compiled.normalizer.decode(raw, self._declared)
        if before is None or not isinstance(record, NativeRecord):
            self._unmarked += not isinstance(record, NativeRecord)
            return None
        shape = self._spec.shape(record.shape)
        for dated in (retimed(raw, record.fields, shape, self._now), raw):
            if dated is None:
                continue
            for marked in marks(dated, self._marker):
                after = self._observed(marked)
                if after is None or after.class_name != before.class_name:
                    continue
                is_now = abs(after.time - self._now) <= NEAR
                if dated is not raw and not is_now:
                    continue
                own = self._renamed(marked, before, after)
                if own is not None:
                    uid = self._observed(own)
                    return self._made(own, uid or after, dated=is_now)
        self._unmarked += 1
        return None

    def _made(self, raw: bytes, seen: _Observed, *, dated: bool) -> Probe:
        has = all(
            self._field(raw, name) is not None for name in self._spec.identity.fields
        ) and bool(self._spec.identity.fields)
        uid = seen.uid if has else ""
        return Probe(self._spec.id, seen.class_name, raw, self._marker, uid, dated)

    def _field(self, raw: bytes, name: str) -> Any:
        record = self._compiled.normalizer.decode(raw, self._declared)
        if not isinstance(record, NativeRecord):
            return None
        aliases = self._spec.shape(record.shape).aliases.get(name, (name,))
        return next((record.fields[one] for one in aliases if one in record.fields), None)

    def _renamed(self, raw: bytes, before: _Observed, after: _Observed) -> bytes | None:
        """The record with an identity of its own, so that it is no repeat of the sample."""
        if after.uid != before.uid or not self._spec.identity.fields:
            return raw
        for name in self._spec.identity.fields:
            value = self._field(raw, name)
            if isinstance(value, str | int) and len(str(value)) > 1:
                other = raw.replace(
                    str(value).encode(), _altered(str(value), self._marker).encode()
                )
                seen = self._observed(other)
                if seen and seen.uid != before.uid and seen.class_name == before.class_name:
                    return other
        return None

    def _observed(self, raw: bytes) -> _Observed | None:
        """What the service will see; None when it is another source's or makes a finding."""
        stamp = Stamp(self._site, "test", 0, self._declared, self._now)
        rows = to_envelope(RawBatch(["test"], [0], [raw], size=len(raw)), stamp)
        seen = flow.observe(rows, self._compiled, ContextSnapshot(self._site))
        if seen.hits.num_rows or seen.windows:
            self._firing += 1
            return None
        if seen.identities.num_rows != 1:
            return None
        identity = seen.identities.to_pylist()[0]
        if identity["source_id"] != self._spec.id:
            return None
        classes = [name for name, batch in seen.events.items() if not _is_second(batch)]
        return _Observed(classes[0], identity["event_uid"], identity["time"])


def _is_second(batch: Any) -> bool:
    return "tocsin_also" in batch.schema.names and batch.column("tocsin_also")[0].as_py() is True


def marks(raw: bytes, marker: str) -> Iterator[bytes]:
    """The record with the marker in it, at each place that may do."""
    if raw.lstrip()[:1] == b"{":
        key = orjson.dumps(KEY) + b":" + orjson.dumps(marker)
        inside = raw.lstrip()[1:].lstrip()
        yield b"{" + key + (b"" if inside[:1] == b"}" else b",") + inside
        return
    mark = marker.encode()
    yield raw + b" " + KEY.encode() + b"=" + mark
    yield raw + b"\t" + KEY.encode() + b"=" + mark
    yield raw + b" " + mark
    yield raw + b"," + mark
    for end in (b"</Event>", b'"', b"]"):
        if raw.rstrip().endswith(end):
            kept = raw.rstrip().removesuffix(end)
            yield kept + (b"<!-- " + mark + b" -->" if end[:1] == b"<" else b" " + mark) + end


def retimed(raw: bytes, fields: dict[str, Any], shape: ShapeSpec, now: int) -> bytes | None:
    """The record with its first readable time set to now; None when it is not found in it."""
    for spec in shape.time:
        written = fields.get(spec.field)
        if isinstance(written, bool) or not isinstance(written, str | int | float):
            continue
        old = str(written)
        new = written_now(old, spec, now)
        if new is None:
            continue
        if old.encode() in raw:
            return raw.replace(old.encode(), new.encode())
        pieces = list(zip(old.split(" "), new.split(" "), strict=False))
        if len(pieces) > 1 and all(part.encode() in raw for part, _ in pieces):
            for part, other in pieces:
                raw = raw.replace(part.encode(), other.encode())
            return raw
    return None


def written_now(old: str, spec: TimeSpec, now: int) -> str | None:
    """`now` (us UTC) in the form in which `old` is written; None for a form that is not known."""
    moment = datetime.fromtimestamp(now / 1_000_000, UTC)
    if spec.format.startswith("epoch"):
        return _epoch(old, now)
    if spec.format == "rfc3164" and _RFC3164.match(old):
        return f"{_MONTHS[moment.month - 1]} {moment.day:>2} {moment:%H:%M:%S}" + old[15:]
    if spec.format == "day_first" and (found := _DAY_FIRST.match(old)):
        first, second, third = found.groups()
        zone = _OFFSET.search(old[found.end() :])
        local = moment.astimezone(_zone(zone)) if zone else moment
        day = f"{local.day:02}{first}{_MONTHS[local.month - 1]}{second}{local.year}"
        return f"{'[' * old.startswith('[')}{day}{third}{local:%H:%M:%S}" + old[found.end() :]
    found = _ISO.fullmatch(old)
    if found is None:
        return None
    zone = _OFFSET.fullmatch(found["zone"])
    local = moment.astimezone(_zone(zone)) if zone else moment
    day = local.strftime(f"%Y{found['dash']}%m{found['dash']}%d")
    dot = found["dot"] or ""
    fraction = dot[:1] + f"{local.microsecond:06}000"[: len(dot) - 1] if dot else ""
    return f"{day}{found['t']}{local:%H:%M:%S}{fraction}{found['zone']}"


def _zone(found: re.Match[str]) -> timezone:
    minutes = int(found[2]) * 60 + int(found[3])
    return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))


def _epoch(old: str, now: int) -> str | None:
    whole, dot, fraction = old.partition(".")
    if not whole.isdigit():
        return None
    digits = f"{now:016}000"
    text = digits[: len(whole)] if len(whole) <= len(digits) else ""
    rest = digits[len(whole) :].ljust(len(fraction), "0")[: len(fraction)]
    return text + dot + rest if text else None


def _altered(value: str, marker: str) -> str:
    """A value of the same form: its digits, and hexadecimal letters, out of `marker`."""
    stream = iter((marker.rpartition("-")[2] * 8).lower())
    is_hex = bool(re.fullmatch(r"[0-9A-Fa-f{}\-]{8,}", value)) and not value.isdigit()
    made = []
    for place, one in enumerate(value):
        if one.isdigit() or (is_hex and one.isalpha()):
            fresh = next(stream, "7")
            number = str(int(fresh, 16) % 9 + (place == 0)) if one.isdigit() else fresh
            made.append(number if one.isdigit() or fresh.isalpha() else "a")
        else:
            made.append(one)
    return "".join(made) if "".join(made) != value else f"{value}-{marker[-8:]}"
