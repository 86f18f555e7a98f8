"""Alerts on their way through `flow.observe`: every source that declares them, under its laws."""

from dataclasses import replace
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.enrich.contexts import DAY, fact, ids, machine
from tests.laws import check_observe

from tocsin import flow
from tocsin.app import parts
from tocsin.enrich.context import ContextIndex, compile_index
from tocsin.formats.limits import DEFAULT
from tocsin.formats.read import read_batches
from tocsin.formats.records import RawBatch, Stamp, to_envelope
from tocsin.model.context import Rating, Ratings, Vulnerability
from tocsin.model.findings import Standing, findings_from_arrow
from tocsin.model.stages import ContextSnapshot

OWN = (
    "microsoft_sentinel", "defender_xdr", "splunk_notable", "elastic_security", "wazuh_alerts",
    "aws_guardduty", "suricata_alert",
)  # fmt: skip
AT = 1_772_000_000_000_000


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return parts.build(parts.prepare(parts.load_content(None), [], tmp_path_factory.mktemp("p")))


@pytest.fixture(scope="module")
def raw(repo: Path) -> pa.RecordBatch:
    """Every sample of these sources, and some records that are no alerts."""
    sources = repo / "src/tocsin/shipped/sources"
    files = [path for name in OWN for path in sorted((sources / name / "samples").iterdir())]
    files.append(sources / "suricata_eve/samples/event.ndjson")
    batches, first = [], 0
    for batch in read_batches(files, DEFAULT, max_rows=10_000):
        batches.append(to_envelope(batch, Stamp("law", "p0", first, None, AT)))
        first += batches[-1].num_rows
    return pa.concat_batches(batches)


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_alerts_keep_the_contract_of_observe(raw, compiled, data):
    check_observe(flow.observe, raw, compiled, ContextSnapshot("law"), data)


def test_every_alert_is_a_finding_with_its_own_id_and_nothing_else_is(raw, compiled):
    assert set(OWN) <= compiled.alerts
    observed = flow.observe(raw, compiled, ContextSnapshot("law", "content"))
    found = findings_from_arrow(observed.hits)
    assert {one.source_id for one in found} == set(OWN)
    counted = [key for key in observed.counts if key.startswith("classified|suricata_eve")]
    assert counted
    assert observed.rejects.num_rows == 0
    for one in found:
        assert one.vendor.uid
        assert one.rule_id.startswith(f"vendor/{one.source_id}/")
        assert one.standing is (Standing.HISTORY if one.vendor.over else Standing.OPEN)
        assert one.events[0].raw


def test_a_hunt_and_the_service_see_the_same_alerts(raw, compiled):
    context = ContextSnapshot("law", "content")
    looked, observed = (step(raw, compiled, context) for step in (flow.look, flow.observe))
    assert looked.hits.equals(observed.hits)


def test_an_alert_in_the_lake_is_not_found_again_by_a_rule(raw, compiled):
    stored = raw.append_column("uid", pa.array([f"u{n}" for n in range(raw.num_rows)]))
    stored = stored.append_column("time", pa.array([AT] * raw.num_rows, pa.int64()))
    assert flow.look_again(stored, compiled, ContextSnapshot("law")).num_rows == 0


def test_an_alert_that_names_a_cve_finds_it_on_a_host_whose_scan_shows_it(repo, compiled):
    sample = repo / "src/tocsin/shipped/sources/splunk_notable/samples/notable.ndjson"
    record = orjson.loads(sample.read_bytes().splitlines()[0])
    record |= {"rule_title": "Exploit of CVE-2021-44228 on web1", "dest": "web1"}
    scanned = (
        machine("fqdn:web1.corp.example", name="web1"),
        fact(Vulnerability(ids("host:web1"), "CVE-2021-44228", "Log4Shell"), key="v"),
        fact(Vulnerability(ids("host:dc01"), "CVE-2021-44228", "Log4Shell"), key="w"),
        fact(Ratings("kev", (Rating("CVE-2021-44228", exploited=DAY),)), feed="kev", key="kev"),
    )
    known = replace(compiled, surroundings=ContextIndex(compile_index(scanned)))
    raws = [orjson.dumps({**record, "event_id": h, "dest": h}) for h in ("web1", "web2")]
    rows = to_envelope(
        RawBatch(["f", "f"], [0, 1], raws, size=0), Stamp("law", "p0", 0, "splunk_notable", AT)
    )
    on, off = findings_from_arrow(flow.observe(rows, known, ContextSnapshot("law")).hits)
    assert on.cves == off.cves == ("CVE-2021-44228",)
    note = on.context[0]
    assert (note.kind, note.value, note.matched) == ("vulnerability", "CVE-2021-44228", "cve")
    assert note.exploited
    assert off.context == ()
