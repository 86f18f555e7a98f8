"""What the simulated enterprise writes is what the shipped sources read."""

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

from tocsin.model.content import ContentSet
from tocsin.model.records import NativeRecord, Position
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import compile_sources

SOURCES = {"windows_security", "windows_system", "windows_powershell", "windows_sysmon"}


def test_every_record_is_recognized_and_keeps_its_time(content: ContentSet, attacked: Path) -> None:
    normalizer, problems = compile_sources(content)
    assert normalizer is not None, problems
    seen: Counter[str] = Counter()
    kinds: set[tuple[str, int]] = set()
    for path in sorted((attacked / "logs").iterdir()):
        for number, raw in enumerate(path.read_bytes().splitlines()):
            record = normalizer.decode(raw, None)
            assert isinstance(record, NativeRecord), record
            seen[record.source_id] += 1
            kind = (record.source_id, record.fields["EventID"])
            if kind in kinds:
                continue
            kinds.add(kind)
            position = Position("site", "p", number, 0, path.name, number)
            _, event = normalizer.event(record, position, raw, ContextSnapshot())
            written = record.fields["@timestamp"].replace("T", " ").rstrip("Z")
            arrival = _millis(written)
            assert 0 <= arrival - event["time"] <= 2_000, kind
    assert set(seen) == SOURCES
    assert len(kinds) > 30


def _millis(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
