"""Log files as the sources deliver them, and the ground truth beside them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import orjson

from tocsin.lab.hosts import Host
from tocsin.lab.windows import Kind

_NEWLINE = orjson.OPT_APPEND_NEWLINE
_NUMBERS_FROM = 1_600_000_000
_NUMBERS_PER_SECOND = 100
"""Record numbers begin at a value that grows with the start time: a second run never reuses one."""


_ARRIVES_AFTER = 1
"""Seconds from an event to its arrival at the collector."""

_HELD = 32 << 20
"""Bytes kept in memory at most before they are written."""


def _text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


class Step(NamedTuple):
    """What a labelled record is part of. `quiet` steps look like daily work: no rule need fire.

    `campaign` names the campaign, `benign` tells its twin from it, `user` is whose account acts.
    """

    name: str
    technique: str
    quiet: bool = False
    campaign: str = "ransomware"
    benign: bool = False
    user: str = ""


class Where(NamedTuple):
    """What the truth says about a labelled record's place, besides its file and line."""

    source: str
    host: str
    channel: str
    event_id: int | str
    record_number: int | None = None


class _File:
    """A file that grows. It is open only while something is written: there may be a thousand."""

    __slots__ = ("count", "held", "name", "number", "path")

    def __init__(self, path: Path, number: int) -> None:
        self.path = path
        self.name = path.name
        self.number = number
        self.count = 0
        self.held = bytearray()

    def add(self, line: bytes) -> int:
        self.held += line
        self.count += 1
        return len(line)

    def flush(self) -> None:
        with self.path.open("ab") as out:
            out.write(self.held)
        self.held.clear()


class LogFiles:
    """Files below `folder`, appended to; the truth elsewhere.

    Windows machines have one NDJSON file for each host and channel, the other sources one for each
    of their logs. `start` is the first simulated microsecond, `utc_offset` the enterprise's zone in
    seconds.
    """

    def __init__(self, folder: Path, truth: Path, start: int, utc_offset: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        truth.parent.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._truth = truth.open("ab")
        self._first = (start // 1_000_000 - _NUMBERS_FROM) * _NUMBERS_PER_SECOND
        self._offset = utc_offset
        self._events: dict[tuple[str, str], _File] = {}
        self._texts: dict[str, _File] = {}
        self._held = 0
        self._second = -1
        self._local = self._utc = self._received = self._iso = ""
        self.records = 0
        self.written: dict[str, int] = {}
        """Records by source."""
        self.step: Step | None = None

    def append(self, host: Host, kind: Kind, at: int, data: dict[str, Any]) -> None:
        """Write one event record of `kind` that happened at `at` (us UTC) on `host`."""
        second, micro = divmod(at, 1_000_000)
        if second != self._second:
            self._tick(second)
        file = self._events.get((host.name, kind.channel)) or self._open(host, kind)
        file.number += 1
        millis = f".{micro // 1000:03d}"
        record = {
            "EventTime": self._local,
            "EventReceivedTime": self._received,
            "@timestamp": f"{self._iso}{millis}Z",
            "Hostname": host.full_name,
            "RecordNumber": file.number,
            **kind.header,
            **data,
        }
        if kind.sysmon:
            record["UtcTime"] = self._utc + millis
        where = Where("windows", host.full_name, kind.channel, kind.event_id, file.number)
        self._add(file, orjson.dumps(record, option=_NEWLINE), at, where)

    def line(self, name: str, line: bytes, at: int, where: Where) -> None:
        """Write one line (with its end) that tells of `at` (us UTC) to the file `name`."""
        self._add(self._texts.get(name) or self._open_text(name), line, at, where)

    def head(self, name: str, lines: bytes) -> None:
        """Begin the file `name` with lines that are no records, unless it has begun."""
        if name not in self._texts:
            file = self._open_text(name)
            file.add(lines)
            file.count = lines.count(b"\n")

    def _add(self, file: _File, line: bytes, at: int, where: Where) -> None:
        self._held += file.add(line)
        self.records += 1
        self.written[where.source] = self.written.get(where.source, 0) + 1
        if self.step is not None:
            self._label(self.step, file, at, where)

    def _tick(self, second: int) -> None:
        self._second = second
        self._utc = _text(second)
        self._local = _text(second + self._offset)
        arrival = second + _ARRIVES_AFTER
        self._iso = _text(arrival).replace(" ", "T")
        self._received = _text(arrival + self._offset)

    def utc(self, at: int) -> str:
        """A time (us UTC) as Sysmon writes it."""
        second, micro = divmod(at, 1_000_000)
        if second != self._second:
            self._tick(second)
        return f"{self._utc}.{micro // 1000:03d}"

    def _open(self, host: Host, kind: Kind) -> _File:
        number = self._first + host.random.randrange(_NUMBERS_PER_SECOND)
        file = _File(self.folder / f"{host.name}-{kind.slug}.json", number)
        self._events[host.name, kind.channel] = file
        return file

    def _open_text(self, name: str) -> _File:
        file = self._texts[name] = _File(self.folder / name, 0)
        return file

    def _label(self, step: Step, file: _File, at: int, where: Where) -> None:
        line = {
            "file": file.name,
            "line": file.count,
            "time": at,
            **where._asdict(),
            "campaign": step.campaign,
            "benign": step.benign,
            "step": step.name,
            "technique": step.technique,
            "quiet": step.quiet,
            "user": step.user,
        }
        self._truth.write(orjson.dumps(line, option=_NEWLINE))

    @contextmanager
    def marked(self, step: Step) -> Iterator[None]:
        """Label everything written inside as part of `step`."""
        self.step = step
        try:
            yield
        finally:
            self.step = None

    def relieve(self) -> None:
        """Flush when much is held."""
        if self._held > _HELD:
            self.flush()

    def flush(self) -> None:
        """Hand everything written so far to the operating system, whole lines only."""
        for files in (self._events, self._texts):
            for file in files.values():
                if file.held:
                    file.flush()
        self._held = 0
        self._truth.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.flush()
        self._truth.close()
