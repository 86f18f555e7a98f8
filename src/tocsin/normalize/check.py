"""Sources check themselves: their samples must become exactly the events that stand beside them.

`samples/NAME.ndjson` holds raw records, one a line, and `samples/NAME.log` what a program wrote,
cut into records as a file of logs is; `expected/NAME.ndjson` has the event of each:
`{"class": ..., "event": {...}}`, without `raw_data` and Tocsin's own columns; of a record that
states a second one `"also": {"class": ..., "event": {...}}` beside it. `accept` writes what the
mapping makes now, for a person to read before it is committed.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from tocsin.formats.read import read_bytes
from tocsin.formats.records import Block
from tocsin.model.content import ContentFile, ContentSet, Problem
from tocsin.model.records import Position, Undecodable
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize.folders import source_files
from tocsin.normalize.normalizer import Normalizer
from tocsin.normalize.ocsf.validate import validate
from tocsin.normalize.sources import compile_sources

RECEIVED = 1_767_225_600_000_000
"""When samples are received (2026-01-01 00:00 UTC, in us), so that events can be repeated."""

_CONTEXT = ContextSnapshot(site="check")
_MAX_SHOWN = 160


def check_sources(content: ContentSet) -> list[Problem]:
    """What is wrong with the sources of `content`: language, types, samples, validity."""
    normalizer, problems = compile_sources(content)
    if normalizer is None:
        return problems
    for source_id, files in sorted(source_files(content).items()):
        problems.extend(_check_samples(normalizer, source_id, files))
    return problems


def accept_sources(content: ContentSet) -> dict[str, bytes]:
    """Content path -> bytes of every `expected/` file that should change; the caller writes them.

    Sources that do not compile, and records that no source recognizes, are left to `check_sources`.
    """
    normalizer, _ = compile_sources(content)
    if normalizer is None:
        return {}
    made: dict[str, bytes] = {}
    for source_id, files in sorted(source_files(content).items()):
        for file in _samples(files):
            outcomes = [found for _, found, _ in _events(normalizer, source_id, file)]
            lines = [orjson.dumps(o, option=orjson.OPT_SORT_KEYS) for o in outcomes if o]
            data = b"".join(line + b"\n" for line in lines)
            name = _expected_name(file)
            if name not in files or files[name].data != data:
                made[f"sources/{source_id}/{name}"] = data
    return made


def _samples(files: dict[str, ContentFile]) -> list[ContentFile]:
    return [
        file
        for name, file in sorted(files.items())
        if name.startswith("samples/") and name.endswith((".ndjson", ".log"))
    ]


def _expected_name(sample: ContentFile) -> str:
    stem = sample.path.rpartition("/")[2].rpartition(".")[0]
    return f"expected/{stem}.ndjson"


def _check_samples(
    normalizer: Normalizer, source_id: str, files: dict[str, ContentFile]
) -> Iterator[Problem]:
    samples = _samples(files)
    if not samples:
        yield Problem(files["mapping.yaml"].where, "no samples: add samples/NAME.ndjson")
    for file in samples:
        expected = files.get(_expected_name(file))
        if expected is None:
            yield Problem(
                file.where,
                f"{_expected_name(file)} is missing: write the event of each sample there",
            )
            continue
        wanted = expected.data.splitlines()
        found = list(_events(normalizer, source_id, file))
        if len(wanted) != len(found):
            yield Problem(expected.where, f"{len(wanted)} events for {len(found)} samples")
        for number, ((line, outcome, faults), want) in enumerate(
            zip(found, wanted, strict=False), 1
        ):
            yield from (Problem(f"{file.where}:{line}", fault) for fault in faults)
            if outcome is not None:
                yield from _compare(f"{expected.where}:{number}", outcome, want)


def _compare(where: str, outcome: dict[str, Any], want: bytes) -> Iterator[Problem]:
    try:
        wanted = orjson.loads(want)
    except orjson.JSONDecodeError as error:
        yield Problem(where, f"not JSON: {error}")
        return
    for path, left, right in differences(wanted, outcome):
        yield Problem(where, f"{path}: expected {_short(left)}, the mapping makes {_short(right)}")


def differences(left: Any, right: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Where two JSON values differ: (path, left, right); None stands for nothing there."""
    if isinstance(left, dict) and isinstance(right, dict):
        for name in sorted(left.keys() | right.keys()):
            inner = f"{path}.{name}" if path else name
            yield from differences(left.get(name), right.get(name), inner)
    elif left != right:
        yield path, left, right


def _short(value: Any) -> str:
    text = "nothing" if value is None else orjson.dumps(value).decode()
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."


def _events(
    normalizer: Normalizer, source_id: str, file: ContentFile
) -> Iterator[tuple[int, dict[str, Any] | None, list[str]]]:
    """(line, outcome, what is wrong) of every record of a sample file."""
    for number, raw in _records(file):
        record = normalizer.decode(raw, None)
        if isinstance(record, Undecodable):
            yield number, None, [f"{record.reason}: {record.detail}"]
            continue
        if record.source_id != source_id:
            yield number, None, [f"this is a record of {record.source_id}"]
            continue
        position = Position("check", "check", number, RECEIVED, file.path, number)
        [stated] = normalizer.all_events([record], [position], [raw], _CONTEXT)
        faults = [f"not valid OCSF: {fault}" for one in stated for fault in validate(*one)]
        outcomes = [{"class": name, "event": _comparable(event)} for name, event in stated]
        outcome: dict[str, Any] = outcomes[0]
        also = outcomes[1:]
        if also:
            outcome["also"] = also[0]
        yield number, outcome, faults


def _records(file: ContentFile) -> Iterator[tuple[int, bytes]]:
    """(position, raw record) of a sample file."""
    if file.path.endswith(".ndjson"):
        yield from enumerate(file.data.splitlines(), 1)
        return
    for item in read_bytes(file.path, file.data):
        if isinstance(item, Block):
            yield from zip(item.positions, item.raws, strict=True)


def _comparable(event: dict[str, Any]) -> dict[str, Any]:
    """What of an event is compared: a JSON round trip makes tuples lists."""
    kept = {
        name: value
        for name, value in event.items()
        if not name.startswith("tocsin_") and name not in ("raw_data", "ingest_day")
    }
    plain: dict[str, Any] = orjson.loads(orjson.dumps(kept))
    return plain
