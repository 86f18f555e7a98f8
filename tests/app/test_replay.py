"""Replaying the lake: the findings that came in, found again."""

import pytest

from tocsin.app import parts
from tocsin.app.hunt import hunt_files
from tocsin.app.replay import replay
from tocsin.lab import write_history
from tocsin.model.findings import Standing, findings_from_arrow
from tocsin.model.stages import ContextSnapshot

ATTACK = 1_767_607_200_000_000  # Monday 2026-01-05 10:00 UTC
HOUR = 3_600_000_000


@pytest.fixture(scope="module")
def hunted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("replay")
    write_history(folder / "logs", folder / "truth.jsonl", 5, ATTACK, 2 * HOUR)
    return hunt_files([folder / "logs"], lake=folder / "lake"), folder / "lake"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    content = parts.load_content(None)
    cache = tmp_path_factory.mktemp("plans")
    return parts.build(parts.prepare(content, parts.rule_files(content, None), cache))


def again(lake, compiled, **bounds):
    batches = list(replay(lake, compiled, ContextSnapshot("hunt"), **bounds))
    found = [finding for batch in batches for finding in findings_from_arrow(batch.findings)]
    return sum(batch.events for batch in batches), found


def told(findings):
    """What can be said of one event: neither parts of correlations nor these themselves."""
    return {
        (f.finding_id, f.time, f.matched, f.entities, f.source_id)
        for f in findings
        if f.standing is not Standing.BUILDING and len(f.event_uids) == 1
    }


def test_a_replay_finds_what_was_found(hunted, compiled):
    report, lake = hunted
    events, found = again(lake, compiled)
    assert events == sum(n for classes in report.events.values() for n in classes.values())
    assert told(found) == told(report.findings)


def test_a_replay_keeps_to_its_time_and_sources(hunted, compiled):
    report, lake = hunted
    middle = sorted(f.time for f in report.findings)[len(report.findings) // 2]
    _, late = again(lake, compiled, since=middle)
    _, early = again(lake, compiled, until=middle)
    assert told(late) == told(f for f in report.findings if f.time >= middle)
    assert told(early) == told(f for f in report.findings if f.time < middle)
    _, sysmon = again(lake, compiled, sources=["windows_sysmon"])
    assert told(sysmon) == told(f for f in report.findings if f.source_id == "windows_sysmon")
    assert sysmon
