"""What is counted of real mappings: presence, forms of names, places, clocks, rejects, numbers."""

from collections.abc import Sequence
from datetime import UTC, datetime

import orjson
import pyarrow as pa
from msgspec.structs import replace

from tocsin import flow
from tocsin.model.context import Place
from tocsin.model.envelope import RAW
from tocsin.model.quality import QUALITY, SLICE, WHOLE, add_cells, measured_from_bytes
from tocsin.model.records import NativeRecord
from tocsin.model.sources import SequenceSpec
from tocsin.model.stages import ContextSnapshot
from tocsin.normalize import Normalizer
from tocsin.normalize.quality.measure import KEYS_EVERY, Batch, Meter
from tocsin.normalize.quality.senders import Senders, runs_of

NOW = 1_772_406_000_000_000
SECOND = 1_000_000


def logon(
    user: str = "mira", host: str = "ws1.x.example", *, number: int = 1, at: int = NOW
) -> bytes:
    written = datetime.fromtimestamp(at / SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    record = {
        "EventID": 4624, "Channel": "Security", "Hostname": host, "RecordNumber": number,
        "@timestamp": written, "LogonType": 3, "TargetUserName": user, "TargetDomainName": "X",
        "TargetUserSid": "S-1-5-21-1-2-3-1104", "IpAddress": "10.0.0.5", "SubjectUserName": "-",
        "SourceName": "Microsoft-Windows-Security-Auditing", "Level": 0,
    }  # fmt: skip
    return orjson.dumps({k: v for k, v in record.items() if v != ""})


def envelope(raws: Sequence[bytes], received: int = NOW + SECOND, source: str | None = None):
    return pa.RecordBatch.from_pylist(
        [
            {"site": "s", "partition": "p", "offset": n, "source_id": source, "origin": "o",
             "received_at": received, "position": n, "raw": raw}
            for n, raw in enumerate(raws)
        ],
        schema=RAW,
    )  # fmt: skip


def measured(normalizer: Normalizer, raw: pa.RecordBatch, placing=None, *, history=False):
    decoded = flow.decode(raw, normalizer)
    places = decoded.positions
    mapped = normalizer.mapped(decoded.records, places, decoded.raws, ContextSnapshot("s"))
    batch = Batch(raw, decoded.records, places, mapped, decoded.rejects)
    rows = Meter(normalizer.sources).measure(batch, placing, history=history)
    assert rows.schema == QUALITY
    return rows.to_pylist()


def cells(rows) -> dict[str, dict[str, int]]:
    total: dict[str, dict[str, int]] = {}
    for row in rows:
        add_cells(total, measured_from_bytes(row["body"]).cells)
    return total


def test_presence_and_form_of_a_user_name(normalizer):
    raws = [logon(user) for user in ("mira", "mira", "X\\mira", "mira@x.example", "-")]
    found = cells(measured(normalizer, envelope(raws)))["authentication||"]
    assert found["n"] == found["user.name#"] == 5
    assert found["user.name"] == 4
    forms = {name[10:]: n for name, n in found.items() if name.startswith("user.name~")}
    assert forms == {"bare": 2, "down-level": 1, "mail": 1}
    assert found["device.hostname~full"] == 5


def test_an_attribute_counts_as_missing_when_no_record_of_the_batch_has_it(normalizer):
    gone = [orjson.dumps({k: v for k, v in orjson.loads(logon()).items() if k != "IpAddress"})]
    found = cells(measured(normalizer, envelope(gone)))["authentication||"]
    assert (found["src_endpoint.ip#"], found["src_endpoint.ip"]) == (1, 0)


def test_slices_split_a_batch_and_their_sum_is_the_batch(normalizer):
    raws = [logon(number=n) for n in range(2 * SLICE + 10)]
    rows = measured(normalizer, envelope(raws))
    assert [row["events"] for row in rows] == [SLICE, SLICE, 10]
    assert [(row["first"], row["last"]) for row in rows][1] == (SLICE, 2 * SLICE - 1)
    whole = cells(rows)[WHOLE]
    assert whole["n"] == 2 * SLICE + 10
    assert whole["sampled"] == len(range(0, 2 * SLICE + 10, KEYS_EVERY))


def test_delays_are_told_by_host_and_a_clock_ahead_is_below_zero(normalizer):
    raws = [logon() for _ in range(30)]
    raws += [logon(host="ws2.x.example", at=NOW + 3_600 * SECOND) for _ in range(30)]
    [row] = measured(normalizer, envelope(raws))
    hosts = measured_from_bytes(row["body"]).hosts
    assert hosts["ws1.x.example"].median == 1.0
    assert hosts["ws2.x.example"].median == -3_599.0
    assert hosts[""].n == 60


def test_backfilled_records_have_no_delays_and_their_own_minutes(normalizer):
    [row] = measured(normalizer, envelope([logon()], NOW + 10**12), history=True)
    body = measured_from_bytes(row["body"])
    assert body.hosts == {}
    assert body.minutes == {NOW // 60_000_000: 1}
    assert row["history"]
    assert row["at"] == NOW


class TwoUnits:
    """Hosts are of the plant, users of the office, but for one who is unknown."""

    def place(self, host: str, user: str, address: str, at: int) -> Place:
        if host:
            return Place("plant", "dmz")
        return Place("office") if user == "mira" else Place()


def test_strangers_are_told_by_unit_and_machines_are_none(normalizer):
    raws = [logon(user) for user in ("mira", "nobody-knows", "WS1$", "SYSTEM")]
    found = cells(measured(normalizer, envelope(raws), TwoUnits()))["authentication|plant|dmz"]
    assert found["n"] == 4
    strange = {name: n for name, n in found.items() if name.startswith("@")}
    assert strange == {"@user#": 2, "@user-elsewhere": 1, "@user-nowhere": 1, "@host#": 1}


def test_rejects_count_for_the_source_they_were_declared_as(normalizer):
    rows = measured(normalizer, envelope([logon(), b"{}", b"no"], source="windows_security"))
    assert [row["source_id"] for row in rows] == ["windows_security"]
    assert cells(rows)[WHOLE]["rejected"] == 2
    rows = measured(normalizer, envelope([b"no"]))
    assert [(row["source_id"], row["events"]) for row in rows] == [("", 0)]


def test_numbers_become_runs_by_sender(normalizer):
    [source] = [one for one in normalizer.sources if one.id == "windows_security"]
    per = SequenceSpec("EventRecordID", ("Computer", "Channel"))
    numbers = (1, 2, "3", 7, None, "x", True)
    records = [
        NativeRecord(source.id, "flat", {"RecordNumber": n, "Hostname": "A", "Channel": "Security"})
        for n in numbers
    ]
    numbered = replace(source, sequence=per)
    runs = Senders([numbered]).runs(records)
    assert runs == {"windows_security": {"a/security": [(1, 3), (7, 7)]}}
    assert len(runs_of(range(0, 1_000, 2))) == 32


def test_nothing_comes_of_nothing(normalizer):
    assert measured(normalizer, envelope([])) == []
