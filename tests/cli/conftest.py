"""A log with something to find in it, and folders of the test's own."""

import json

import pytest

WHOAMI = {
    "EventID": 1,
    "Channel": "Microsoft-Windows-Sysmon/Operational",
    "SourceName": "Microsoft-Windows-Sysmon",
    "SourceModuleType": "im_msvistalog",
    "Hostname": "ws01.example.test",
    "EventTime": "2026-01-05 09:00:00",
    "@timestamp": "2026-01-05T09:00:01.000Z",
    "UtcTime": "2026-01-05 09:00:00.123",
    "RecordNumber": 7,
    "ProcessGuid": "{00000000-0000-0000-0000-000000000001}",
    "ProcessId": "4242",
    "Image": "C:\\Windows\\System32\\rundll32.exe",
    "CommandLine": "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 624 \x1b[31mr\u202e",
    "User": "EXAMPLE\\mallory",
    "ParentImage": "C:\\Windows\\System32\\cmd.exe",
    "ParentProcessGuid": "{00000000-0000-0000-0000-000000000002}",
}


@pytest.fixture(autouse=True)
def own_folders(tmp_path, tmp_path_factory, monkeypatch):
    """A folder of the test's own; compiled plans, named by their content, are shared."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "sysmon.json"
    path.write_text(json.dumps(WHOAMI) + "\n")
    return path
