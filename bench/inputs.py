"""The fixed inputs that figures are quoted on; they come from real data and are not committed.

otrf-343k   every Windows record of the OTRF sets, archives in order of name
otrf-100k   the first 100,000 of these
replay-10m  otrf-343k over and over, times and record numbers shifted, 10 million in all
"""

import itertools
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.formats.records import RawBatch

ROOT = Path(__file__).resolve().parent.parent
NAMES = {"otrf-100k": 100_000, "otrf-343k": None, "replay-10m": 10_000_000}


def data_folder() -> Path:
    """Where the real data lies; ends the program with a reason when it is absent."""
    folder = Path(os.environ.get("TOCSIN_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        raise SystemExit(f"no real data at {folder}: set TOCSIN_DATA to its folder")
    return folder


def archives() -> list[Path]:
    """The OTRF archives of Windows records, in order of name."""
    folder = data_folder() / "detection" / "otrf" / "atomic" / "windows"
    return sorted(path for path in folder.rglob("*") if path.suffix in (".zip", ".gz"))


def batches(name: str) -> Iterator[RawBatch]:
    """The batches of a named input, cut to its length."""
    left = NAMES[name]
    for batch in _endless() if name == "replay-10m" else read_batches(archives(), DEFAULT):
        if left is not None and len(batch) > left:
            batch = _cut(batch, left)  # noqa: PLW2901  # the last batch of the input
        if left is not None:
            left -= len(batch)
        if len(batch):
            yield batch
        if left == 0:
            return


def _cut(batch: RawBatch, rows: int) -> RawBatch:
    raws = batch.raws[:rows]
    return RawBatch(batch.origins[:rows], batch.positions[:rows], raws, size=sum(map(len, raws)))


_DATE = re.compile(rb"20[12]\d-[01]\d-[0-3]\d")
_NUMBER = re.compile(rb'"RecordNumber":(\d+)')


def _endless() -> Iterator[RawBatch]:
    for turn in itertools.count():
        for batch in read_batches(archives(), DEFAULT):
            yield _shifted(batch, turn) if turn else batch


def _shifted(batch: RawBatch, turn: int) -> RawBatch:
    """The same records `turn` weeks later, with record numbers of their own."""
    days: dict[bytes, bytes] = {}

    def later(match: re.Match[bytes]) -> bytes:
        day = match.group()
        if day not in days:
            days[day] = _later(day, turn)
        return days[day]

    def renumber(match: re.Match[bytes]) -> bytes:
        return b'"RecordNumber":%d' % (int(match.group(1)) + turn * 1_000_000_000)

    raws = [_NUMBER.sub(renumber, _DATE.sub(later, raw), count=1) for raw in batch.raws]
    origins = [f"{origin}#{turn}" for origin in batch.origins]
    return RawBatch(origins, batch.positions, raws, size=batch.size)


def _later(day: bytes, turn: int) -> bytes:
    try:
        moved = datetime.fromisoformat(day.decode()) + timedelta(days=7 * turn)
    except ValueError:
        return day
    return moved.strftime("%Y-%m-%d").encode()
