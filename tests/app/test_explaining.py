"""An event is found wherever it is kept: in a file, as a finding, in the lake."""

from pathlib import Path

import orjson
import pytest
from tests.app.stored import PACKING, fill, new_site, packing

from tocsin.app.explaining import explain_rule, rule_number
from tocsin.app.hunt import hunt_files
from tocsin.app.site import Site
from tocsin.detect.sigma import compile_plan, parse_rules
from tocsin.errors import InputError, UsageError

COUNT = {
    "id": "c",
    "title": "Counting",
    "correlation": {
        "type": "event_count",
        "rules": [PACKING],
        "timespan": "1m",
        "condition": {"gte": 2},
    },
}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return new_site(tmp_path / "soc")


def test_the_event_of_a_finding(site: Site) -> None:
    finding = next(found for found in fill(site, [packing("ann")]) if found.rule_id == PACKING)
    found = explain_rule(site, PACKING, finding.finding_id[:8])
    assert found.why.held
    assert found.event == finding.event_uids[0]
    assert found.source_id == "windows_sysmon"


def test_an_event_of_the_lake(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "log.json"
    path.write_bytes(orjson.dumps(packing("ann")))
    report = hunt_files([path], lake=site.lake)
    finding = next(found for found in report.findings if found.rule_id == PACKING)
    found = explain_rule(site, PACKING, finding.event_uids[0])
    assert (found.why.held, found.event) == (True, finding.event_uids[0])


def test_an_event_that_is_nowhere(site: Site) -> None:
    with pytest.raises(UsageError, match="abcdef"):
        explain_rule(site, PACKING, "abcdef")


def test_a_record_that_no_source_reads(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(orjson.dumps({"odd": 1}))
    with pytest.raises(InputError, match=r"odd\.json"):
        explain_rule(site, PACKING, str(path))


def test_a_rule_that_is_not_active_says_why() -> None:
    texts = [orjson.dumps(COUNT), b"{title: Odd, id: o, logsource: {product: x}}"]
    plan = compile_plan(parse_rules([(f"{n}", text) for n, text in enumerate(texts)]), [])
    with pytest.raises(UsageError, match="the rule Counting is inactive: rule"):
        rule_number(plan, "Counting")
    with pytest.raises(UsageError, match="the rule odd is unsupported: invalid rule"):
        rule_number(plan, "odd")
