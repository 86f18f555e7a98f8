"""Log files as the sources deliver them, and the ground truth beside them."""

from datetime import UTC, datetime
from io import BufferedWriter
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


def _text(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%d %H:%M:%S")


class Step(NamedTuple):
    """What a labelled record is part of. `quiet` steps look like daily work: no rule need fire."""

    name: str
    technique: str
    quiet: bool = False


class _File:
    __slots__ = ("lines", "name", "number", "out")

    def __init__(self, name: str, number: int, out: BufferedWriter) -> None:
        self.name = name
        self.number = number
        self.out = out
        self.lines: list[bytes] = []


class LogFiles:
    """One NDJSON file per host and channel below `folder`, appended to; the truth elsewhere.

    `start` is the first simulated microsecond, `utc_offset` the enterprise's zone in seconds.
    """

    def __init__(self, folder: Path, truth: Path, start: int, utc_offset: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        truth.parent.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._truth = truth.open("ab")
        self._first = (start // 1_000_000 - _NUMBERS_FROM) * _NUMBERS_PER_SECOND
        self._offset = utc_offset
        self._files: dict[tuple[str, str], _File] = {}
        self._second = -1
        self._local = self._utc = self._received = self._iso = ""
        self.records = 0
        self.step: Step | None = None

    def append(self, host: Host, kind: Kind, at: int, data: dict[str, Any]) -> None:
        """Write one record of `kind` that happened at `at` (us UTC) on `host`."""
        second, micro = divmod(at, 1_000_000)
        if second != self._second:
            self._tick(second)
        file = self._files.get((host.name, kind.channel)) or self._open(host, kind)
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
        file.lines.append(orjson.dumps(record, option=_NEWLINE))
        self.records += 1
        if self.step is not None:
            self._label(self.step, file, host, kind, at)

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
        name = f"{host.name}-{kind.slug}.json"
        number = self._first + host.random.randrange(_NUMBERS_PER_SECOND)
        file = _File(name, number, (self.folder / name).open("ab"))
        self._files[host.name, kind.channel] = file
        return file

    def _label(self, step: Step, file: _File, host: Host, kind: Kind, at: int) -> None:
        line = {
            "file": file.name,
            "record_number": file.number,
            "host": host.full_name,
            "channel": kind.channel,
            "event_id": kind.event_id,
            "time": at,
            "step": step.name,
            "technique": step.technique,
            "quiet": step.quiet,
        }
        self._truth.write(orjson.dumps(line, option=_NEWLINE))

    def flush(self) -> None:
        """Hand everything written so far to the operating system, whole lines only."""
        for file in self._files.values():
            if file.lines:
                file.out.write(b"".join(file.lines))
                file.out.flush()
                file.lines.clear()
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
        for file in self._files.values():
            file.out.close()
        self._truth.close()
