"""`tocsin normalize --records`: single records in, what each means out, so that others can measure.

One JSON object a line: `id`, `raw` and, optionally, `source`. Each is judged alone, whatever stands
before or behind it.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import orjson

from tocsin import flow
from tocsin.errors import InputError
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_bytes, read_items
from tocsin.formats.records import Block, RawBatch, Stamp, to_envelope
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer

BROKEN = frozenset(
    {"empty", "not-utf-8", "not-an-object", "too-deep", "too-large", "truncated", "malformed"}
)
"""Reasons that are about the record itself, and not about which sources there are."""

_MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"


class Reading(msgspec.Struct, frozen=True):
    """What one record means: `ok` with its events, or `unknown` or `rejected` and why."""

    id: Any
    status: str
    source: str
    reason: str
    events: tuple[dict[str, Any], ...] = ()


class Reader:
    """Reads records one by one, with the code that reads them in the stream."""

    def __init__(self, normalizer: Normalizer, site: str, now: int) -> None:
        """`now` (us UTC) is when all records are taken to have arrived."""
        self._normalizer = normalizer
        self._known = {spec.id for spec in normalizer.sources}
        self._site = site
        self._now = now

    def read(self, record_id: Any, raw: str, declared: str | None = None) -> Reading:
        """One record. A declared source that is none leaves it to be recognized."""
        source = declared if declared in self._known else None
        data = raw.removeprefix(_MARK).encode("utf-8", "surrogatepass")
        if not data.strip():
            return Reading(record_id, "rejected", "", "empty: no content")
        decoded, problems = self._decode(self._framed(data), source)
        if problems:
            whole = RawBatch(["record"], [1], [data])
            again, still = self._decode((whole, []), source)
            if not still:
                decoded, problems = again, still
        if not decoded.records:
            return Reading(record_id, _status(problems, data), "", "; ".join(map(_text, problems)))
        context = ContextSnapshot(
            self._site, host_clocks=self._normalizer.host_clocks(decoded.records)
        )
        events = self._normalizer.all_events(
            decoded.records, decoded.positions, decoded.raws, context
        )
        return Reading(
            record_id,
            "ok",
            decoded.records[0].source_id,
            "; ".join(map(_text, problems)),
            tuple(event for stated in events for _, event in stated),
        )

    def _framed(self, data: bytes) -> tuple[RawBatch, list[tuple[str, str]]]:
        """The records that a file of this content would have: arrays and lines are taken apart."""
        batch, problems = RawBatch(), []
        for item in read_bytes("record", data, DEFAULT):
            if isinstance(item, Block):
                batch.add(item)
            else:
                problems.append((item.reason, item.detail))
        return batch, problems

    def _decode(
        self, framed: tuple[RawBatch, list[tuple[str, str]]], source: str | None
    ) -> tuple[flow.Decoded, list[tuple[str, str]]]:
        batch, problems = framed
        stamp = Stamp(self._site, "records", 0, source, self._now)
        decoded = flow.decode(to_envelope(batch, stamp), self._normalizer)
        refused = [(row["reason"], row["detail"]) for row in decoded.rejects.to_pylist()]
        return decoded, [*problems, *refused]


def _status(problems: Sequence[tuple[str, str]], data: bytes) -> str:
    """`rejected` for a record that nothing could read, `unknown` where only a source is missing."""
    reasons = {reason for reason, _ in problems}
    broken_json = "not-json" in reasons and data.lstrip().startswith((b"{", b"[{"))
    return "rejected" if broken_json or reasons & BROKEN or not reasons else "unknown"


def _text(problem: tuple[str, str]) -> str:
    return f"{problem[0]}: {problem[1]}"


def read_records(path: Path, reader: Reader) -> Iterator[Reading]:
    """Every line of a file of records (plain or compressed), in order.

    A line that is no such object gives a `rejected` reading with its place as id.
    """
    for item in read_items(path):
        if not isinstance(item, Block):
            yield Reading(None, "rejected", "", f"{item.origin}: {item.reason}: {item.detail}")
            continue
        for position, line in zip(item.positions, item.raws, strict=True):
            try:
                yield reader.read(*_asked(line))
            except InputError as error:
                yield Reading(f"{item.origin}:{position}", "rejected", "", str(error))


def _asked(line: bytes) -> tuple[Any, str, str | None]:
    try:
        asked = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise InputError("not-json", str(error)) from None
    if not isinstance(asked, Mapping) or "id" not in asked or "raw" not in asked:
        raise InputError(
            "not-a-record", "an object with `id` and `raw` is wanted, and may have `source`"
        )
    raw = asked["raw"]
    text = raw if isinstance(raw, str) else orjson.dumps(raw).decode()
    return asked["id"], text, asked.get("source")
