"""The Observe contract on the whole of `flow.observe`, and the law of one path."""

from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.laws import check_observe

from tocsin import flow
from tocsin.app import parts
from tocsin.app.hunt import hunt_files
from tocsin.app.replay import replay
from tocsin.app.surroundings import open_index
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.lab import write_history
from tocsin.model.context import Fact
from tocsin.model.findings import Standing, findings_from_arrow
from tocsin.model.stages import ContextSnapshot

ATTACK = 1_767_607_200_000_000  # Monday 2026-01-05 10:00 UTC
HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flow")
    write_history(folder / "logs", folder / "truth.jsonl", 5, ATTACK, 2 * HOUR)
    return folder / "logs"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    content = parts.load_content(None)
    cache = tmp_path_factory.mktemp("plans")
    return parts.build(parts.prepare(content, parts.rule_files(content, None), cache))


@pytest.fixture(scope="module")
def raw(logs) -> pa.RecordBatch:
    """The records that any rule speaks about, some that none does, and some that are none."""
    (batch, *_) = read_batches([logs / "WS-OFF03-sysmon.json"], DEFAULT, max_rows=600)
    whole = to_envelope(batch, Stamp("law", "p0", 0, None, ATTACK))
    broken = ["{", '{"a": 1}', "[]", '{"EventID": "x"}']
    column = whole.column("raw").to_pylist()
    column[10:14] = [text.encode() for text in broken]
    return whole.set_column(7, whole.schema.field("raw"), pa.array(column, pa.binary()))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_observe_keeps_its_contract(raw, compiled, data):
    check_observe(flow.observe, raw, compiled, ContextSnapshot("law"), data)


def test_look_says_what_observe_says(raw, compiled):
    context = ContextSnapshot("law", "content")
    looked, observed = (step(raw, compiled, context) for step in (flow.look, flow.observe))
    assert looked.hits.equals(observed.hits)
    assert looked.rejects.equals(observed.rejects)
    assert looked.counts == observed.counts
    assert looked.rejects.num_rows == 4


def test_the_lake_says_what_the_native_records_said(logs, compiled, tmp_path):
    report = hunt_files([logs], lake=tmp_path / "lake")
    again = replayed(tmp_path / "lake", compiled)
    assert of_one_event(report.findings)
    assert {f.finding_id for f in again} == {f.finding_id for f in of_one_event(report.findings)}


@pytest.mark.data
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "part",
    [
        "otrf/atomic/windows/credential_access",
        "otrf/atomic/linux",
        "otrf/atomic/aws",
        "evtx_attack_samples.tar.xz",
    ],
)
def test_the_lake_says_what_the_native_records_said_on_real_sets(
    part, shared_data, compiled, tmp_path
):
    report = hunt_files([shared_data / "detection" / part], lake=tmp_path / "lake")
    native = Counter((f.rule_id, f.events[0].raw) for f in of_one_event(report.findings))
    for _ in range(2):  # making the columns, and reading them
        found = replayed(tmp_path / "lake", compiled)
        assert Counter((f.rule_id, f.events[0].raw) for f in found) == native


def of_one_event(findings):
    """Those that speak of one event: correlations are folded from them."""
    return [
        finding
        for finding in findings
        if len(finding.event_uids) == 1 and finding.standing is not Standing.BUILDING
    ]


def replayed(lake, compiled):
    batches = replay(lake, compiled, ContextSnapshot("hunt"))
    return of_one_event([f for batch in batches for f in findings_from_arrow(batch.findings)])


TAKEN = (
    b"<5>1 2026-03-02T08:14:10Z vault01 CEF:0|Cyber-Ark|Vault|14.2|295|Retrieve password|5|"
    b"act=Retrieve password suser=mira fname=Root\\\\web01-root shost=198.51.100.24 dhost=web01 "
    b"duser=root app=PVWA reason=ticket 4711"
)


def test_a_check_out_opens_a_window_by_itself(compiled):
    batch = RawBatch(["vault"] * 2, [1, 2], [TAKEN, TAKEN.replace(b"|295|Retrieve", b"|7|Logon")])
    rows = to_envelope(batch, Stamp("law", "p0", 40, None, ATTACK))
    seen = flow.observe(rows, compiled, ContextSnapshot("law"))
    [opened] = seen.windows
    at = 1_772_439_250_000_000
    assert (opened.offset, opened.window.since) == (40, at)
    record = opened.window
    fact = Fact("stream", "stream", record.key, at, record.until, at, record.body)
    index = open_index(None, [fact])
    assert not index.is_empty
    assert index.windows(host="web01", at=at + 1) == (fact,)
    assert index.windows(host="web01", at=record.until) == ()
    past = flow.observe(rows, compiled, ContextSnapshot("law", history=True))
    assert past.windows == ()
