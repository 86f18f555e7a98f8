"""Time: the best by declared order, wall clocks corrected and the correction said."""

import random
from typing import Any

import orjson
import pytest
from tests.normalize.placed import RECEIVED, places

from tocsin.model.records import NativeRecord
from tocsin.model.stages import ContextSnapshot, HostClock
from tocsin.normalize import Normalizer
from tocsin.normalize.moments import zone_offset

HOUR = 3_600_000_000
T_09_14_10 = 1_772_442_850_000_000
SECURITY = {"EventID": 4688, "Channel": "Security", "Hostname": "WS-1"}
SYSMON = {"EventID": 5, "Channel": "Microsoft-Windows-Sysmon/Operational", "Hostname": "ws-1"}


def record(normalizer: Normalizer, document: dict[str, Any]) -> NativeRecord:
    found = normalizer.decode(orjson.dumps(document), None)
    assert isinstance(found, NativeRecord)
    return found


def timed(
    normalizer: Normalizer, document: dict[str, Any], clocks: dict[str, HostClock] | None = None
) -> tuple[int, str | None, list[str] | None]:
    (position,) = places(1)
    context = ContextSnapshot(host_clocks=clocks or {})
    _, event = normalizer.event(record(normalizer, document), position, b"{}", context)
    labels = event["metadata"].get("labels")
    time: int = event["tocsin_time"]
    return time, event["metadata"].get("original_time"), list(labels) if labels else None


def test_the_utc_time_of_the_source_comes_first(normalizer: Normalizer) -> None:
    document = SYSMON | {"UtcTime": "2026-03-02 09:14:10.250", "EventTime": "2026-03-02 10:14:10"}
    assert timed(normalizer, document) == (T_09_14_10 + 250_000, "2026-03-02 09:14:10.250", None)


def test_a_collector_gives_the_zone_of_a_wall_clock_away(normalizer: Normalizer) -> None:
    document = SECURITY | {
        "EventTime": "2026-03-02 05:14:10",
        "EventReceivedTime": "2026-03-02 05:14:13",
        "@timestamp": "2026-03-02T09:14:58.480Z",
    }
    labels = ["time:zone-from-record"]
    assert timed(normalizer, document) == (T_09_14_10, "2026-03-02 05:14:10", labels)


def test_a_wrong_z_is_corrected_by_the_clock_of_the_host(normalizer: Normalizer) -> None:
    document = SECURITY | {"TimeCreated": "2026-03-02T02:14:10.000Z"}
    clocks = {"ws-1": HostClock(7 * HOUR, 40)}
    assert timed(normalizer, document, clocks) == (
        T_09_14_10,
        "2026-03-02T02:14:10.000Z",
        ["time:zone-from-host-clock"],
    )
    assert timed(normalizer, document) == (
        T_09_14_10 - 7 * HOUR,
        "2026-03-02T02:14:10.000Z",
        ["time:zone-assumed"],
    )


def test_one_written_hour_can_have_a_clock_of_its_own(normalizer: Normalizer) -> None:
    clocks = {"ws-1": HostClock(7 * HOUR, 40), "ws-1@2026-03-02T02": HostClock(19 * HOUR, 5)}
    document = SECURITY | {"TimeCreated": "2026-03-02 02:14:10"}
    assert timed(normalizer, document, clocks)[0] == T_09_14_10 + 12 * HOUR
    document = SECURITY | {"TimeCreated": "2026-03-02 03:14:10"}
    assert timed(normalizer, document, clocks)[0] == T_09_14_10 + HOUR


def test_the_time_in_evtx_is_utc(normalizer: Normalizer) -> None:
    system = {
        "Channel": "Security",
        "EventID": 1,
        "TimeCreated": {"#attributes": {"SystemTime": "2026-03-02T09:14:10.0000009Z"}},
    }
    document = {"Event": {"System": system}}
    assert timed(normalizer, document)[::2] == (T_09_14_10, None)


@pytest.mark.parametrize("written", ["soon", "", "1601-01-01 00:00:00", 5, None, ["x"]])
def test_without_a_readable_time_it_is_that_of_reception(
    normalizer: Normalizer, written: Any
) -> None:
    assert timed(normalizer, SECURITY | {"EventTime": written}) == (
        RECEIVED,
        None,
        ["time:received"],
    )


def both(second: int, utc_hour: int, local_hour: int, host: str = "ws-1") -> dict[str, Any]:
    return SYSMON | {
        "Hostname": host,
        "UtcTime": f"2026-03-02 {utc_hour:02}:14:{second:02}.120",
        "TimeCreated": f"2026-03-02T{local_hour:02}:14:{second:02}.310Z",
    }


def test_clocks_come_from_records_that_say_both_times(normalizer: Normalizer) -> None:
    documents = [both(n, 9, 2) for n in range(20)]
    documents += [both(n, 21, 2, "ws-2") for n in range(5)]
    documents += [both(n, 22, 3, "ws-2") for n in range(4)]
    documents += [both(n, 20, 13, "ws-2") for n in range(3)]
    documents += [SECURITY | {"TimeCreated": "2026-03-02T02:14:10Z"} for _ in range(99)]
    records = [record(normalizer, document) for document in documents]
    random.Random(5).shuffle(records)  # noqa: S311 (data of a test)
    clocks = normalizer.host_clocks(records)
    assert clocks == {
        "ws-1": HostClock(7 * HOUR, 20),
        "ws-2": HostClock(19 * HOUR, 9),
        "ws-2@2026-03-02T13": HostClock(7 * HOUR, 3),
    }


def test_a_collectors_copy_of_the_wall_clock_is_no_witness(normalizer: Normalizer) -> None:
    copy = SECURITY | {
        "TimeCreated": "2026-03-02T02:14:10Z",
        "@timestamp": "2026-03-02T02:14:10Z",
    }
    assert normalizer.host_clocks([record(normalizer, copy)] * 50) == {}


def test_after_correction_two_sources_of_a_host_stand_side_by_side(normalizer: Normalizer) -> None:
    sysmon = [record(normalizer, both(n, 9, 2)) for n in range(5)]
    clocks = normalizer.host_clocks(sysmon)
    security = SECURITY | {"TimeCreated": "2026-03-02T02:14:03.310Z"}
    written = timed(normalizer, security, clocks)[0]
    measured = timed(normalizer, both(3, 9, 2), clocks)[0]
    assert abs(written - measured) < 1_000_000


def test_an_offset_no_zone_can_have_is_not_believed(normalizer: Normalizer) -> None:
    document = both(1, 9, 2) | {"UtcTime": "2026-03-09 09:14:10"}
    assert normalizer.host_clocks([record(normalizer, document)]) == {}


@pytest.mark.parametrize(("zone", "hours"), [("UTC", 0), ("+02:00", -2), ("-07:00", 7)])
def test_a_declared_zone_is_subtracted(zone: str, hours: int) -> None:
    assert zone_offset(zone) == hours * HOUR


@pytest.mark.parametrize("zone", ["", "utc", "+2", "02:00", "+02:0x", "Europe/Berlin"])
def test_a_zone_is_utc_or_an_offset(zone: str) -> None:
    with pytest.raises(ValueError, match=r"time_zone|invalid literal"):
        zone_offset(zone)
