"""All Windows records of the real data: no crash, nothing lost, valid OCSF, hosts line up."""

from bisect import bisect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.normalize.placed import RECEIVED

from tocsin.formats.read import read_items
from tocsin.formats.records import Block
from tocsin.model.records import NativeRecord, Position
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer, validate

pytestmark = pytest.mark.data
EVERY = 50
"""One event in so many is validated."""
CHUNK = 8_192
MINUTE = 60_000_000


def chunks(path: Path) -> Iterator[tuple[str, list[bytes]]]:
    """(origin, up to 8,192 records) of everything below `path`."""
    for item in read_items(path):
        if isinstance(item, Block):
            raws = list(item.raws)
            for start in range(0, len(raws), CHUNK):
                yield item.origin, raws[start : start + CHUNK]


def decoded(normalizer: Normalizer, raws: list[bytes]) -> tuple[list[Any], list[bytes], list[str]]:
    """Records, their raw bytes, and the reasons of what could not be read."""
    found = normalizer.decode_all(raws, [None] * len(raws))
    rows = [row for row, record in enumerate(found) if isinstance(record, NativeRecord)]
    reasons = [r.reason for r in found if not isinstance(r, NativeRecord)]
    return [found[row] for row in rows], [raws[row] for row in rows], reasons


def check(normalizer: Normalizer, path: Path) -> tuple[int, list[str]]:
    """Map everything below `path`; returns (records, reasons of what was not recognized)."""
    context = ContextSnapshot()
    total, refused, position = 0, [], 0
    for origin, raws in chunks(path):
        records, kept, reasons = decoded(normalizer, raws)
        refused += reasons
        at = [
            Position("site", "p", position + n, RECEIVED, origin, position + n)
            for n in range(len(records))
        ]
        position += len(records)
        batches, identities = normalizer.batches(records, at, kept, context)
        assert sum(batch.num_rows for batch in batches.values()) == len(records)
        assert identities.num_rows == len(records)
        assert len(set(identities["offset"].to_pylist())) == len(records)
        for row in range(total % EVERY, len(records), EVERY):
            name, event = normalizer.event(records[row], at[row], kept[row], context)
            assert validate(name, event) == [], (origin, records[row].fields)
        total += len(records)
    return total, refused


def test_every_windows_set_becomes_valid_ocsf(normalizer: Normalizer, shared_data: Path) -> None:
    total, refused = check(normalizer, shared_data / "detection" / "otrf" / "atomic" / "windows")
    assert total > 340_000
    assert set(refused) <= {"empty"}


@pytest.mark.parametrize(
    ("archive", "least"), [("sigma_regression_data", 476), ("evtx_attack_samples", 8_255)]
)
def test_event_logs_become_valid_ocsf(
    normalizer: Normalizer, shared_data: Path, archive: str, least: int
) -> None:
    total, refused = check(normalizer, shared_data / "detection" / f"{archive}.tar.xz")
    assert total >= least
    assert set(refused) <= {"not-json"}  # one sample of another product, in plain text


def test_sysmon_and_the_other_logs_of_a_host_line_up(
    normalizer: Normalizer, shared_data: Path
) -> None:
    """In every set whose collector wrote wall clocks: each record of another log of a host that
    runs Sysmon lies within 15 minutes of one of Sysmon, 97 % of them within one minute."""
    sets = shared_data / "detection" / "otrf" / "atomic" / "windows"
    names = ["cmd_stop_event_logging_controlset001_minint_key.zip", "schtask_modification.zip"]
    names += ["psh_cmstp_execution_bypassuac.zip", "cmd_sam_copy_esentutl.zip"]
    near = total = 0
    for path in sorted(p for p in sets.rglob("*.zip") if p.name in names):
        records: list[Any] = []
        for _, raws in chunks(path):
            records += decoded(normalizer, raws)[0]
        assert normalizer.host_clocks(records)
        sysmon, other = by_host(normalizer, records)
        for host in sysmon.keys() & other.keys():
            times = sorted(sysmon[host])
            for time in other[host]:
                place = bisect(times, time)
                gap = min(abs(time - t) for t in times[max(place - 1, 0) : place + 1])
                assert gap < 15 * MINUTE, (path.name, host)
                near += gap < MINUTE
                total += 1
    assert total > 1_000
    assert near > total * 0.97


def by_host(
    normalizer: Normalizer, records: list[NativeRecord]
) -> tuple[dict[str, list[int]], dict[str, list[int]]]:
    """Times of Sysmon and of all other records, by host."""
    clocks = normalizer.host_clocks(records)
    sysmon: dict[str, list[int]] = {}
    other: dict[str, list[int]] = {}
    for record in records:
        times = normalizer.shape(record.source_id, record.shape).times
        (found,) = times.moments([record.fields], [RECEIVED], clocks)
        place = sysmon if "UtcTime" in record.fields else other
        place.setdefault(times.host(record.fields), []).append(found[0])
    return sysmon, other
