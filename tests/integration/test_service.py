"""A running service as its people use it: content swapped, verdicts given, damage reported."""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from tests.integration.conftest import Truth
from tests.integration.service import Service
from tests.integration.test_kill import append, check, feed

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

RULE = """title: Every logon
id: 3d1f0c9a-2a51-4a5e-9a53-50a3f3f0b6c1
status: test
logsource: {product: windows, service: security}
detection: {s: {EventID: 4624}, condition: s}
level: low
"""
TESTS = """match:
  - {Channel: Security, EventID: 4624}
no_match:
  - {Channel: Security, EventID: 4625}
"""


def tocsin(service: Service, *arguments: str, expect: int = 0) -> str:
    """Run one command on the service's site."""
    command = [sys.executable, "-m", "tocsin", *arguments, "--site", str(service.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def test_content_is_swapped_between_batches_and_nothing_is_lost(
    truth: Truth, service: Service
) -> None:
    service.prepare()
    rules = service.folder / "rules"
    rules.mkdir()
    service.start()
    append(service.logs, truth, (0, 1), of=2)
    (rules / "logon.yml").write_text("title: [")
    assert "rules/logon.yml" in tocsin(service, "check", expect=1)
    tocsin(service, "apply", "--yes", expect=2)
    (rules / "logon.yml").write_text(RULE)
    (rules / "logon.tests.yaml").write_text(TESTS)
    assert "added    rules/logon.yml" in tocsin(service, "apply", "--yes")
    deadline = time.monotonic() + 20
    while service.log().count("observer") < 2:
        assert time.monotonic() < deadline, service.log()
        time.sleep(0.1)
    append(service.logs, truth, (1, 2), of=2)
    service.wait_stored(truth.total)
    assert service.stored().total() == truth.total
    service.stop()
    found = [f.events[0].raw.encode() for f in service.findings() if f.title == "Every logon"]
    later = [line for lines in truth.lines.values() for line in lines[len(lines) // 2 :]]
    assert sorted(found) == sorted(line.rstrip() for line in later if b'"EventID":4624' in line)
    assert found
    assert len({f.content_id for f in service.findings()}) == 2
    pairs = [(f.rule_id, f.events[0].raw) for f in service.findings() if f.title != "Every logon"]
    assert sorted(pairs) == sorted(truth.findings.elements())


def test_an_incident_is_listed_told_and_graded(truth: Truth, service: Service) -> None:
    service.prepare()
    service.start()
    feed(service.logs, truth, seconds=1.0).join()
    check(service, truth)
    listed = json.loads(tocsin(service, "incidents", "--json"))
    worst = listed[0]
    assert worst["level"] == "critical"
    beginning = worst["id"][:10]
    assert worst["title"] in tocsin(service, "incidents", beginning)
    tocsin(service, "verdict", beginning, "true-positive", "--reason", "we saw the dump file")
    assert "true-positive" in tocsin(service, "incidents", "--all")
    assert "we saw the dump file" in tocsin(service, "incidents", beginning)
    assert "every one follows from the one before it" in tocsin(service, "journal")
    total = tocsin(service, "query", "select count(*) n from incidents where level = 'critical'")
    assert total.splitlines()[0].strip() == "n"
    tocsin(service, "query", "copy incidents to '/tmp/x'", expect=2)
    service.stop()


def test_what_cannot_be_read_is_kept_and_counted(truth: Truth, service: Service) -> None:
    service.prepare()
    settings = service.folder / "tocsin.toml"
    settings.write_text(settings.read_text() + '[[input]]\npath = "nothing-here"\n')
    (service.logs / "broken.json").write_bytes(
        b'{"colour": "green"}\n{"a":\n' + b"[" * 5000 + b"\n"
    )
    service.start()
    feed(service.logs, truth, seconds=1.0).join()
    check(service, truth)
    deadline = time.monotonic() + 20
    while len(reasons := service.dead_letters()) < 4 and time.monotonic() < deadline:
        time.sleep(0.2)
    assert set(reasons) == {"unrecognized", "not-json", "too-deep", "io-error"}
    assert "not-json" in tocsin(service, "dead-letters")
    assert "nothing-here" in service.log()
    url = f"http://127.0.0.1:{service.port}/metrics"
    metrics = urllib.request.urlopen(url, timeout=5).read().decode()
    assert f'tocsin_received_records_total{{partition="p0"}} {float(truth.total + 2)}' in metrics
    service.stop()


def test_a_second_service_on_the_same_site_is_refused(service: Service) -> None:
    service.prepare()
    service.start()
    command = [sys.executable, "-m", "tocsin", "up", "--site", str(service.folder)]
    second = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert second.returncode == 2
    assert "is in use by another `tocsin up`" in second.stderr
    service.stop()


def test_a_lake_that_refuses_stops_neither_detection_nor_the_way_back(
    truth: Truth, service: Service
) -> None:
    service.prepare()
    lake = service.folder / "data" / "lake"
    lake.mkdir(parents=True)
    (lake / "process_activity").write_text("not a table")
    service.start()
    append(service.logs, truth, (0, 1), of=1)
    deadline = time.monotonic() + 40
    while len(service.findings()) < truth.findings.total():
        assert time.monotonic() < deadline, service.log()[-2000:]
        time.sleep(0.3)
    assert service.logged("the lake refused; findings go on", within=15.0)
    began = time.monotonic()
    service.stop()
    assert time.monotonic() - began < 8, "stopping waited for a lake that refuses"
    (lake / "process_activity").unlink()
    service.start()
    check(service, truth)
    service.stop()


@pytest.mark.parametrize("words", ["cannot be used", "only understood in the last part"])
def test_settings_that_cannot_work_end_at_once_with_one_line(service: Service, words: str) -> None:
    service.prepare()
    settings = service.folder / "tocsin.toml"
    if "part" in words:
        settings.write_text(settings.read_text().replace('"logs"', '"*/logs/x.json"'))
    with socket.create_server(("127.0.0.1", service.port)):
        command = [sys.executable, "-m", "tocsin", "up", "--site", str(service.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_nobody_else_on_the_machine_can_read_what_is_kept(truth: Truth, service: Service) -> None:
    service.prepare()
    service.start()
    feed(service.logs, truth, seconds=0.5).join()
    service.wait_stored(truth.total)
    service.stop()
    open_to_others = [
        path for path in (service.folder / "data").rglob("*") if path.stat().st_mode & 0o077
    ]
    assert open_to_others == []
