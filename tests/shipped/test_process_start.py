"""One rule about starting processes fires on Sysmon, on event 4688 and on Linux audit alike."""

import orjson
import pytest

from tocsin.detect.sigma import Matcher
from tocsin.model.content import ContentSet
from tocsin.model.records import NativeRecord
from tocsin.normalize import compile_sources

TITLE = "Program that mines coins is started"
COMMAND = "svc -o stratum+tcp://pool.northquay.example:3333"
SYSMON = orjson.dumps(
    {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "SourceName": "Microsoft-Windows-Sysmon",
        "Hostname": "ws07.northquay.example",
        "UtcTime": "2026-11-23 09:00:00.000",
        "Image": "C:\\Users\\Public\\svc.exe",
        "CommandLine": COMMAND,
    }
)
SECURITY = orjson.dumps(
    {
        "Channel": "Security",
        "EventID": 4688,
        "SourceName": "Microsoft-Windows-Security-Auditing",
        "Hostname": "ws07.northquay.example",
        "EventTime": "2026-11-23 09:00:00",
        "NewProcessName": "C:\\Users\\Public\\svc.exe",
        "CommandLine": COMMAND,
    }
)
AUDIT = b"\n".join(
    [
        (
            b"type=SYSCALL msg=audit(1795424400.120:4411): arch=c000003e syscall=59 success=yes"
            b' exit=0 ppid=2290 pid=2312 auid=1004 uid=0 comm="svc" exe="/tmp/svc" key="exec"'
        ),
        (
            b"type=EXECVE msg=audit(1795424400.120:4411): argc=3"
            b' a0="svc" a1="-o" a2="stratum+tcp://pool.northquay.example:3333"'
        ),
    ]
)


@pytest.mark.parametrize(
    ("raw", "source"),
    [(SYSMON, "windows_sysmon"), (SECURITY, "windows_security"), (AUDIT, "linux_auditd")],
    ids=["sysmon", "4688", "auditd"],
)
@pytest.mark.parametrize("harmless", [False, True])
def test_a_process_start_is_found_wherever_it_is_logged(
    raw: bytes, source: str, harmless: bool, content: ContentSet, matcher: Matcher
) -> None:
    normalizer, problems = compile_sources(content)
    assert normalizer is not None, problems
    raw = raw.replace(b"stratum+tcp", b"https") if harmless else raw
    [record] = normalizer.decode_all([raw], [None])
    assert isinstance(record, NativeRecord), record
    assert record.source_id == source
    titles = [matcher.plan.rules[rule].title for _, rule in matcher.match([record], [raw])]
    assert (TITLE in titles) is not harmless
