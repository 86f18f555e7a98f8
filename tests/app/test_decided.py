"""What a site has decided about findings, through a whole hunt: hidden, lowered, on trial."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from tests.app.stored import PACKING, new_site, packing

from tocsin.app.clock import SystemClock
from tocsin.app.hunt import Report, hunt_files
from tocsin.app.previewing import day_of
from tocsin.model.findings import Finding, Level, Standing

PSEXEC = "Service of PsExec is installed"
SPREAD = "PsExec runs on many hosts in a short time"


def installed(number: int) -> dict[str, Any]:
    return {
        "Channel": "System",
        "EventID": 7045,
        "SourceName": "Service Control Manager",
        "SourceModuleType": "im_msvistalog",
        "EventTime": f"2026-11-18 10:0{number}:00",
        "EventReceivedTime": f"2026-11-18 10:0{number}:01",
        "@timestamp": f"2026-11-18T10:0{number}:01.000Z",
        "RecordNumber": number,
        "Hostname": f"ws{number}.northquay.example",
        "ServiceName": "PSEXESVC",
        "ImagePath": "%SystemRoot%\\PSEXESVC.exe",
    }


RECORDS = [packing("NQ\\partner.sync"), packing("NQ\\eve", 1), *map(installed, range(1, 7))]


def exception(rule: str, **more: object) -> str:
    """An exception that is in force whenever this test runs (its days are checked elsewhere)."""
    tree = {
        "id": "one",
        "title": "One",
        "rules": [rule],
        "effect": "hide",
        "owner": "mira",
        "approved_by": "tobias",
        "reason": "A test.",
        "tests": {"covers": [{"a": 1}], "leaves": [{"a": 2}]},
    }
    return yaml.safe_dump(tree | more)


@pytest.fixture
def hunted(tmp_path: Path):
    """A hunt with files of the site's own."""
    today = SystemClock().now()
    days = {"created": day_of(today - 86_400_000_000), "expires": day_of(today + 86_400_000_000)}

    def hunt(**files: str) -> Report:
        new_site(tmp_path / "soc")
        for name, text in files.items():
            path = tmp_path / "soc" / name.replace("__", "/")
            dates = yaml.safe_dump(days) if "exceptions" in name else ""
            path.with_suffix(".txt" if "staged" in name else ".yaml").write_text(text + dates)
        log = tmp_path / "log.json"
        log.write_bytes(b"".join(orjson.dumps(record) + b"\n" for record in RECORDS))
        return hunt_files([log], site=tmp_path / "soc", cores=1)

    return hunt


def of(report: Report, title: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.title == title]


def members(report: Report) -> set[str]:
    return {finding_id for ids in report.members.values() for finding_id in ids}


def test_what_is_hidden_is_there_but_in_no_incident_and_feeds_correlations(hunted) -> None:
    rule = "lateral_movement/psexec_service_installed.yml"
    file = Path(__file__).parents[2] / "src/tocsin/shipped/rules" / rule
    report = hunted(exceptions__a=exception(yaml.safe_load(file.read_text())["id"]))
    hidden = of(report, PSEXEC)
    assert len(hidden) == 6
    assert {(one.standing, one.exception) for one in hidden} == {(Standing.HIDDEN, "one")}
    assert not members(report) & {one.finding_id for one in hidden}
    spread = of(report, SPREAD)
    assert {one.standing for one in spread} == {Standing.OPEN}
    assert members(report) >= {one.finding_id for one in spread}


def test_a_correlation_has_an_exception_of_its_own_by_what_it_groups_by(hunted) -> None:
    rule = "lateral_movement/psexec_on_many_hosts.yml"
    file = Path(__file__).parents[2] / "src/tocsin/shipped/rules" / rule
    report = hunted(exceptions__a=exception(yaml.safe_load(file.read_text())["id"]))
    assert {one.standing for one in of(report, SPREAD)} == {Standing.HIDDEN}
    assert {one.standing for one in of(report, PSEXEC)} == {Standing.OPEN}


def test_conditions_and_lowering_reach_the_findings(hunted) -> None:
    where = [{"field": "User", "endswith": "\\partner.sync"}]
    text = exception(PACKING, where=where, effect="lower", level="informational")
    packed = [one for one in hunted(exceptions__a=text).findings if one.rule_id == PACKING]
    levels = sorted((one.level, one.rule_level) for one in packed if one.rule_level)
    assert levels == [(Level.INFORMATIONAL, Level.MEDIUM)]
    assert len(packed) == 2


def test_a_rule_on_trial_opens_no_incident(hunted) -> None:
    report = hunted(rules__staged=f"{PACKING}  # on trial\n")
    packed = [one for one in report.findings if one.rule_id == PACKING]
    assert [one.standing for one in packed] == [Standing.STAGED] * 2
    assert not members(report) & {one.finding_id for one in packed}
