"""Rules and records that are meant to stop the stream do not stop it."""

import time
from collections import Counter

import orjson
import pytest
from tests.integration.conftest import Truth
from tests.integration.service import Service
from tests.integration.test_kill import append
from tests.integration.test_service import tocsin

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

MIB = 1024 * 1024
WITHIN = 90.0
RULES = {
    # RE2 runs this one in linear time.
    "linear": (
        "aaaaaaaa-0000-4000-8000-000000000001",
        "CommandLine|re: '^(([a-z])+.)+[A-Z]([a-z])+$'",
    ),
    # Only a backtracking engine knows the look-ahead: it gets a budget of steps.
    "slow": (
        "aaaaaaaa-0000-4000-8000-000000000003",
        "CommandLine|re: '(?=a)a.*a.*c'",
    ),
}
EXPONENTIAL = ("aaaaaaaa-0000-4000-8000-000000000002", "CommandLine|re: '^(?=x)(a+)+b$'")
"""What could take exponential time is refused before it is put to work."""

RULE = """title: Hostile {name}
id: {id}
status: test
logsource: {{category: process_creation, product: windows}}
detection: {{s: {{{pattern}}}, condition: s}}
level: low
"""


def process(command: str, number: int) -> bytes:
    """A process start with this command line."""
    fields = {
        "EventID": 1,
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "Hostname": "ws-hostile.lumen.example",
        "RecordNumber": number,
        "UtcTime": f"2026-01-05 09:00:{number % 60:02}.000",
        "Image": "C:\\a.exe",
        "CommandLine": command,
    }
    return orjson.dumps(fields) + b"\n"


def hostile_lines() -> tuple[list[bytes], list[bytes]]:
    """Lines that are too large or deep to be records, and records that hurt slow patterns."""
    refused = [
        process("a" * 10 * MIB, 1),
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
        b"[" * 100_000 + b"\n",
    ]
    taken = [
        process("a" * 40 + "!", 10),
        process("x" + "a" * 200_000 + "!", 11),
        process("ab" * 1_000_000, 12),
        process("a" * 7 * MIB, 13),
    ]
    return refused, taken


def test_hostile_rules_and_records_leave_the_stream_flowing(truth: Truth, service: Service) -> None:
    service.prepare()
    rules = service.folder / "rules"
    rules.mkdir()
    for name, (rule_id, pattern) in RULES.items():
        text = RULE.format(name=name, id=rule_id, pattern=pattern)
        (rules / f"{name}.yml").write_text(text)
    never = rules / "never.yml"
    never.write_text(RULE.format(name="never", id=EXPONENTIAL[0], pattern=EXPONENTIAL[1]))
    assert "exponential" in tocsin(service, "check", expect=1)
    never.unlink()
    tocsin(service, "apply", "--yes")
    refused, taken = hostile_lines()
    service.start()
    append(service.logs, truth, (0, 1), of=2)
    with (service.logs / "hostile.json").open("ab") as file:
        for line in (*refused, *taken):
            file.write(line)
    began = time.monotonic()
    append(service.logs, truth, (1, 2), of=2)
    service.wait_stored(truth.total + len(taken), within=WITHIN)
    took = time.monotonic() - began
    found = Counter(
        (f.rule_id, f.events[0].raw)
        for f in service.findings()
        if f.rule_id not in {rule_id for rule_id, _ in RULES.values()}
    )
    assert found == truth.findings
    assert sorted(service.dead_letters()) == ["too-deep", "too-deep", "too-large"]
    assert "restart" not in service.log(), "no process may die of it"
    assert took < WITHIN
    assert service.journal_break() is None
    service.stop()
