"""A correlation rule from files to incidents: what a hunt says, and what a service's core keeps."""

from pathlib import Path
from typing import Any

import msgspec
import orjson
import pytest

from tocsin import flow
from tocsin.app import parts
from tocsin.app.arrow import to_bytes
from tocsin.app.hunt import hunt_files
from tocsin.app.judging import Judge
from tocsin.app.workers import Reply
from tocsin.correlate.grouping import Grouping
from tocsin.formats.records import Block, RawBatch, Stamp, to_envelope
from tocsin.model.content import ContentFile, ContentSet
from tocsin.model.stages import ContextSnapshot
from tocsin.store import State

START = 1_780_000_000_000_000
SECOND = 1_000_000
FAILED = "8b1f4f1e-58a1-4f4c-9a5c-0d2b8f1f9e01"
SPRAY = "8b1f4f1e-58a1-4f4c-9a5c-0d2b8f1f9e02"
RULES = f"""
title: Failed logon
id: {FAILED}
name: failed_logon
status: test
level: low
logsource: {{product: windows, service: security}}
detection:
  selection: {{EventID: 4625}}
  condition: selection
---
title: Many accounts tried from one place
id: {SPRAY}
status: test
level: high
tags: [attack.t1110.003]
correlation:
  type: value_count
  rules: [failed_logon]
  group-by: [IpAddress]
  timespan: 5m
  condition: {{field: TargetUserName, gte: 5}}
"""


def logon(number: int, address: str, at: int) -> bytes:
    """A failed logon of one account, `at` seconds after the start."""
    second = (START + at * SECOND) // SECOND
    hours, rest = divmod(second % 86_400, 3_600)
    time = f"2026-05-28T{hours:02}:{rest // 60:02}:{rest % 60:02}.000000Z"
    system = {
        "Provider": {"#attributes": {"Name": "Microsoft-Windows-Security-Auditing"}},
        "EventID": 4625,
        "EventRecordID": number,
        "Channel": "Security",
        "Computer": "dc01.lumen.example",
        "TimeCreated": {"#attributes": {"SystemTime": time}},
    }
    data = {"TargetUserName": f"user{number}", "IpAddress": address, "LogonType": 3}
    return orjson.dumps({"Event": {"System": system, "EventData": data}})


SPRAYED = [logon(n, "10.9.9.9", 10 * n) for n in range(6)]
OTHERS = [logon(100 + n, f"10.1.1.{n}", 10 * n) for n in range(6)]


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "spray.yml").write_text(RULES)
    return folder


def test_a_hunt_says_what_the_correlation_says_and_not_its_parts(
    rules: Path, tmp_path: Path
) -> None:
    log = tmp_path / "security.json"
    log.write_bytes(b"\n".join(SPRAYED + OTHERS))
    report = hunt_files([log], rules=rules, cores=1)
    [finding] = report.findings
    assert finding.rule_id == SPRAY
    assert dict(finding.values)["IpAddress"] == "10.9.9.9"
    assert len(finding.event_uids) == 6
    [incident] = report.incidents
    assert report.members[incident.incident_id] == [finding.finding_id]


@pytest.fixture
def compiled(rules: Path, tmp_path: Path) -> flow.Compiled:
    shipped = parts.load_content(None)
    files = [file for file in shipped.files if not file.path.startswith("rules/")]
    own = ContentFile("rules/spray.yml", (rules / "spray.yml").read_bytes(), "site")
    content = ContentSet.of([*files, own])
    return parts.build(parts.prepare(content, parts.rule_files(content, None), tmp_path / "plans"))


class Clock:
    """A clock that is moved by hand."""

    def __init__(self, now: int) -> None:
        self.time = now

    def now(self) -> int:
        return self.time

    def monotonic(self) -> float:
        return self.time / SECOND


def reply(compiled: flow.Compiled, raws: list[bytes], first: int, received: int) -> Reply:
    """What an observer answers for these records."""
    batch = RawBatch()
    batch.add(Block("security.json", list(range(first, first + len(raws))), raws))
    raw = to_envelope(batch, Stamp("site", "p0", first, None, received))
    observed = flow.observe(raw, compiled, ContextSnapshot("site", "c1"))
    args: dict[str, Any] = {
        "rows": len(raws),
        "first": first,
        "last": first + len(raws) - 1,
        "received_at": received,
        "counts": dict(observed.counts),
        "clocks": msgspec.to_builtins(observed.clocks),
    }
    bulk = {
        "findings": to_bytes(observed.hits),
        "identities": to_bytes(observed.identities),
        "rejects": to_bytes(observed.rejects),
        "quality": to_bytes(observed.quality),
    }
    return Reply(first, args, bulk)


def judge_of(state: State, clock: Clock, compiled: flow.Compiled) -> Judge:
    judge = Judge(state, "site", clock)
    sources = compiled.normalizer.sources
    content = ContentSet((), "c1")
    judge.work_with(content, compiled.plan, compiled.standings, Grouping(), sources)
    return judge


@pytest.mark.parametrize("cuts", [[12], [3, 7, 12], list(range(1, 13))])
def test_core_keeps_it_whole_however_it_came_in(
    compiled: flow.Compiled, tmp_path: Path, cuts: list[int]
) -> None:
    state = State(tmp_path / "state.db")
    clock = Clock(START + 600 * SECOND)
    judge = Judge(state, "site", clock)
    judge.work_with(
        ContentSet((), "c1"),
        compiled.plan,
        compiled.standings,
        Grouping(),
        compiled.normalizer.sources,
    )
    records = [one for pair in zip(SPRAYED, OTHERS, strict=True) for one in pair]
    start = 0
    for end in cuts:
        judge.judge("p0", reply(compiled, records[start:end], start, clock.now()))
        start = end
    clock.time += 30 * 60 * SECOND
    judge.let_time_pass()
    found = list(state.casebook.all_findings())
    [said] = [finding for finding in found if finding.rule_id == SPRAY]
    assert len(said.event_uids) == 6
    assert found == [said], "what only feeds a correlation is not kept"
    [incident] = state.casebook.incidents(10)
    assert (incident.finding_count, incident.title != "") == (1, True)
    state.journal.verify()
    state.close()


def test_time_passes_for_windows_while_other_records_come_in(
    compiled: flow.Compiled, tmp_path: Path
) -> None:
    """A site is never silent: what waits for the end of its window is decided all the same."""
    state = State(tmp_path / "state.db")
    clock = Clock(START)
    judge = Judge(state, "site", clock)
    judge.work_with(
        ContentSet((), "c1"),
        compiled.plan,
        compiled.standings,
        Grouping(),
        compiled.normalizer.sources,
    )
    judge.judge("p0", reply(compiled, SPRAYED[:5], 0, clock.now() + 60 * SECOND))
    judge.judge("p0", reply(compiled, SPRAYED[5:], 5, clock.now() + 60 * SECOND))
    [before] = state.casebook.all_findings()
    for minute in range(1, 40):
        clock.time = START + minute * 60 * SECOND
        other = [logon(500 + minute, f"10.2.2.{minute}", minute * 60)]
        judge.judge("p0", reply(compiled, other, 10 + minute, clock.now()))
        judge.let_time_pass()
    [said] = [one for one in state.casebook.all_findings() if one.rule_id == SPRAY]
    assert len(before.event_uids) == 5, "told at once, and once more when the slot is over"
    assert len(said.event_uids) == 6
    state.close()


def test_what_comes_minutes_late_still_counts(compiled: flow.Compiled, tmp_path: Path) -> None:
    """Ten minutes after their time, on a site where nothing else came in meanwhile."""
    state = State(tmp_path / "state.db")
    clock = Clock(START)
    judge = Judge(state, "site", clock)
    judge.work_with(
        ContentSet((), "c1"),
        compiled.plan,
        compiled.standings,
        Grouping(),
        compiled.normalizer.sources,
    )
    judge.judge("p0", reply(compiled, OTHERS[:1], 0, clock.now()))
    clock.time = START + 10 * 60 * SECOND
    judge.let_time_pass()
    judge.judge("p0", reply(compiled, SPRAYED, 10, clock.now()))
    assert [one.rule_id for one in state.casebook.all_findings()] == [SPRAY]
    state.close()
