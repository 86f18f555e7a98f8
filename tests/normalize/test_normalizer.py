"""Laws of the normalizer: always valid OCSF, nothing lost, one program for events and batches."""

import random
from collections.abc import Sequence
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.normalize.placed import RECEIVED, places

from tocsin.model.records import NativeRecord, Position
from tocsin.model.stages import IDENTITIES, ContextSnapshot, HostClock
from tocsin.normalize import Normalizer, class_schema, validate
from tocsin.normalize.assemble import row_to_event

CONTEXT = ContextSnapshot(
    site="site", host_clocks={"ws-014.lumen.example": HostClock(3_600_000_000, 9)}
)

HOSTILE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "-",
            "0",
            "0x",
            "%%1842",
            "\\",
            "a\\",
            "::",
            "S-1-5-18",
            "99",
            "{}",
            "\x00\x1b[2J",
            "'\"<",
        ]
    ),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(-9, 9), max_size=2),
)


@st.composite
def mutated(draw: st.DrawFn, samples: Sequence[bytes]) -> bytes:
    """A sample with some of its values, anywhere in it, made hostile or taken away."""
    document = orjson.loads(draw(st.sampled_from(samples)))
    for _ in range(draw(st.integers(0, 6))):
        place = document
        while True:
            key = draw(st.sampled_from(sorted(place)))
            if isinstance(place[key], dict) and place[key] and draw(st.booleans()):
                place = place[key]
                continue
            break
        if draw(st.booleans()):
            place[key] = draw(HOSTILE)
        elif len(place) > 1:
            del place[key]
    return orjson.dumps(document)


def normalized(
    normalizer: Normalizer, raws: Sequence[bytes], positions: Sequence[Position]
) -> tuple[
    list[tuple[str, dict[str, Any]]], dict[str, pa.RecordBatch], pa.RecordBatch, list[NativeRecord]
]:
    decoded = [normalizer.decode(raw, None) for raw in raws]
    rows = [row for row, found in enumerate(decoded) if isinstance(found, NativeRecord)]
    records: list[Any] = [decoded[row] for row in rows]
    kept, at = [raws[row] for row in rows], [positions[row] for row in rows]
    events = [
        normalizer.event(record, position, raw, CONTEXT)
        for record, position, raw in zip(records, at, kept, strict=True)
    ]
    batches, identities = normalizer.batches(records, at, kept, CONTEXT)
    return events, batches, identities, records


def plain(event: dict[str, Any]) -> dict[str, Any]:
    """An event as JSON says it, in the words of the lake."""
    shaped: dict[str, Any] = orjson.loads(orjson.dumps(event))
    if "unmapped" in shaped:
        shaped["unmapped"] = orjson.loads(orjson.dumps(shaped["unmapped"]))
    return shaped


def rows_of(batches: dict[str, pa.RecordBatch]) -> dict[int, tuple[str, dict[str, Any]]]:
    found = {}
    for name, batch in batches.items():
        assert batch.schema == class_schema(name)
        batch.validate(full=True)
        for row in batch.to_pylist():
            event = row_to_event(row)
            if "unmapped" in event:
                event["unmapped"] = orjson.loads(event["unmapped"])
            if event["tocsin_also"]:
                assert validate(name, event | {"unmapped": {}}) == []
            else:
                found[event["tocsin_offset"]] = (name, event)
    return found


@settings(max_examples=150)
@given(data=st.data())
def test_hostile_records_become_valid_events_and_the_same_rows(
    normalizer: Normalizer, samples: Sequence[bytes], data: st.DataObject
) -> None:
    raws = data.draw(st.lists(mutated(samples), min_size=1, max_size=8))
    events, batches, identities, records = normalized(normalizer, raws, places(len(raws)))
    rows = rows_of(batches)
    assert len(rows) == len(events) == identities.num_rows
    uids = dict(
        zip(identities["offset"].to_pylist(), identities["event_uid"].to_pylist(), strict=True)
    )
    for (name, event), record in zip(events, records, strict=True):
        assert validate(name, event) == []
        assert rows[event["tocsin_offset"]] == (name, plain(event))
        assert uids[event["tocsin_offset"]] == event["metadata"]["uid"]
        assert event["raw_data"]
        assert event["time"] == event["tocsin_time"] // 1000
        assert event.get("unmapped", {}).keys() <= record.fields.keys()


@settings(max_examples=60)
@given(data=st.data())
def test_neither_split_nor_order_nor_warm_caches_change_a_row(
    normalizer: Normalizer, samples: Sequence[bytes], data: st.DataObject
) -> None:
    raws = data.draw(st.lists(mutated(samples), min_size=2, max_size=10))
    at = places(len(raws))
    _, together, _, _ = normalized(normalizer, raws, at)
    order = data.draw(st.permutations(range(len(raws))))
    cut = data.draw(st.integers(0, len(raws)))
    apart: dict[int, Any] = {}
    for part in (order[:cut], order[cut:]):
        _, batches, _, _ = normalized(normalizer, [raws[n] for n in part], [at[n] for n in part])
        apart |= rows_of(batches)
    assert apart == rows_of(together)


def one(
    normalizer: Normalizer, document: dict[str, Any], **more: Any
) -> tuple[str, dict[str, Any]]:
    raw = orjson.dumps(document)
    record = normalizer.decode(raw, None)
    assert isinstance(record, NativeRecord)
    (position,) = places(1)
    return normalizer.event(record, position._replace(**more), raw, CONTEXT)


LAUNCH = {
    "EventID": 1,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "Hostname": "ws-1",
    "RecordNumber": 5,
    "EventTime": "2026-03-02 10:14:10",
    "UtcTime": "2026-03-02 09:14:10.250",
    "ProcessId": "12",
    "Image": "C:\\a\\b.exe",
    "ParentProcessId": "7",
    "Odd": {"deep": [1]},
}


def test_a_value_that_does_not_convert_stays_in_unmapped(normalizer: Normalizer) -> None:
    name, event = one(normalizer, LAUNCH | {"ParentImage": ["not", "a", "path"], "Hashes": "??"})
    assert name == "process_activity"
    assert event["actor"]["process"] == {"pid": 7}
    assert event["unmapped"]["ParentImage"] == ["not", "a", "path"]
    assert event["unmapped"]["Hashes"] == "??"
    assert event["unmapped"]["Odd"] == {"deep": [1]}
    assert validate(name, event) == []


def test_an_object_that_is_incomplete_goes_whole_and_its_fields_stay(
    normalizer: Normalizer,
) -> None:
    parent = {"ParentProcessId": "many", "ParentImage": "C:\\c.exe", "User": "LUMEN\\m"}
    _, event = one(normalizer, LAUNCH | parent)
    assert "process" not in event["actor"]
    assert event["unmapped"]["ParentImage"] == "C:\\c.exe"
    assert event["unmapped"]["ParentProcessId"] == "many"


def test_a_record_without_what_its_class_requires_becomes_the_default(
    normalizer: Normalizer,
) -> None:
    name, event = one(normalizer, LAUNCH | {"ProcessId": "many"})
    assert name == "base_event"
    assert event["unmapped"]["ProcessId"] == "many"
    assert validate(name, event) == []


def test_the_raw_record_is_kept_to_the_byte(normalizer: Normalizer) -> None:
    raw = b' {"EventID": 1,  "Channel":"System","Hostname":"h"} '
    record = normalizer.decode(raw, None)
    assert isinstance(record, NativeRecord)
    batches, _ = normalizer.batches([record], places(1), [raw], CONTEXT)
    assert batches["base_event"]["raw_data"].to_pylist() == [raw.decode()]


def test_a_record_number_is_the_identity_wherever_the_record_is_read(
    normalizer: Normalizer,
) -> None:
    uid = one(normalizer, LAUNCH)[1]["metadata"]["uid"]
    assert len(uid) == 32
    assert one(normalizer, LAUNCH, origin="other", position=9)[1]["metadata"]["uid"] == uid
    for change in (
        {"RecordNumber": 6},
        {"Hostname": "ws-2"},
        {"EventTime": "2026-03-02 10:14:11"},
    ):
        assert one(normalizer, LAUNCH | change)[1]["metadata"]["uid"] != uid
    assert one(normalizer, LAUNCH, site="elsewhere")[1]["metadata"]["uid"] != uid


def test_letter_case_of_host_and_channel_does_not_double_a_record(normalizer: Normalizer) -> None:
    folded = LAUNCH | {"Hostname": "WS-1", "Channel": LAUNCH["Channel"].upper()}  # type: ignore[attr-defined]  # a str
    assert (
        one(normalizer, folded)[1]["metadata"]["uid"]
        == one(normalizer, LAUNCH)[1]["metadata"]["uid"]
    )


def test_without_a_record_number_the_place_is_the_identity(normalizer: Normalizer) -> None:
    bare = {k: v for k, v in LAUNCH.items() if k != "RecordNumber"}
    uid = one(normalizer, bare)[1]["metadata"]["uid"]
    assert one(normalizer, bare)[1]["metadata"]["uid"] == uid
    assert one(normalizer, bare, position=1)[1]["metadata"]["uid"] != uid
    assert one(normalizer, bare, origin="b")[1]["metadata"]["uid"] != uid
    assert one(normalizer, bare, partition="p9", offset=77)[1]["metadata"]["uid"] == uid


def test_no_part_of_an_identity_can_take_over_another(normalizer: Normalizer) -> None:
    left = one(normalizer, LAUNCH | {"Hostname": 'a","b', "RecordNumber": "c"})[1]
    right = one(normalizer, LAUNCH | {"Hostname": "a", "RecordNumber": 'b","c'})[1]
    assert left["metadata"]["uid"] != right["metadata"]["uid"]


def test_an_empty_batch_is_fine(normalizer: Normalizer) -> None:
    batches, identities = normalizer.batches([], [], [], CONTEXT)
    assert batches == {}
    assert identities.num_rows == 0
    assert identities.schema == IDENTITIES


def test_large_batches_need_no_cached_columns(normalizer: Normalizer) -> None:
    raw = orjson.dumps(LAUNCH)
    record = normalizer.decode(raw, None)
    assert isinstance(record, NativeRecord)
    count = 9_000
    batches, _ = normalizer.batches([record] * count, places(count), [raw] * count, CONTEXT)
    assert batches["process_activity"].num_rows == count
    assert batches["process_activity"]["ingest_day"][0].as_py() == "2026-02-02"
    assert RECEIVED // 1_000_000 == 1_770_000_000


@pytest.mark.parametrize("event_id", [True, 1.0, "1", [1], None, {"a": 1}, 10**18])
def test_an_odd_event_id_is_no_crash(normalizer: Normalizer, event_id: object) -> None:
    name, event = one(normalizer, LAUNCH | {"EventID": event_id})
    assert name == ("process_activity" if event_id == "1" else "base_event")
    assert validate(name, event) == []


def test_memory_of_values_is_bounded(normalizer: Normalizer) -> None:
    rng = random.Random(7)  # noqa: S311 (data of a test)
    raws = [
        orjson.dumps(
            LAUNCH | {"Image": f"C:\\{rng.getrandbits(64):x}\\" + "x" * rng.choice([1, 9000])}
        )
        for _ in range(50)
    ]
    records: Any = [normalizer.decode(raw, None) for raw in raws]
    normalizer.batches(records, places(50), raws, CONTEXT)
    program = normalizer.shape("windows_sysmon", "flat").router.choose(dict(LAUNCH))
    for step in program.steps:
        assert all(len(value) <= 8_192 for value in step.memo if value)
