"""`tocsin source test` against a running service: it arrives, or says where it stopped."""

import json
import subprocess
import sys
from typing import Any

import pytest
from tests.integration.service import Service, free_port

from tocsin.app.probing import probe_source
from tocsin.app.site import open_site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

STAGES = ["accepted", "durable", "observed", "judged", "in the lake"]
HTTP = """
[[input]]
kind = "http"
name = "web"
listen = "127.0.0.1:{port}"
[[input.tokens]]
name = "client"
secret = "file:token"
[[input]]
kind = "syslog"
name = "lines"
protocol = "udp"
listen = "127.0.0.1:{port}"
"""


def ask(service: Service, *more: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "tocsin", "source", "test", *more, "--json", "--site",
         str(service.folder)],
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_an_event_of_a_source_is_followed_into_the_lake(service: Service) -> None:
    service.prepare()
    (service.folder / "token").write_text("9f86d081-884c-4d63-a1b1-93e5f1e0c001")
    with (service.folder / "tocsin.toml").open("a") as settings:
        settings.write(HTTP.format(port=free_port()))
    service.start()
    site = open_site(service.folder)
    ways = [("okta_system_log", "logs"), ("linux_sshd", "web/client"), ("linux_sshd", "lines")]
    for source, way in ways:
        found = probe_source(site, source, way, 60)
        assert found.stopped == ""
        assert [step.stage for step in found.steps] == STAGES
        assert [raw for raw in service.stored() if found.marker.encode() in raw]
        assert found.uid
    code, tested = ask(service, "okta_system_log", "--input", "logs")
    assert (code, tested["stopped"]) == (0, "")
    assert service.findings() == []
    assert service.stored().total() == 4
    service.stop()
    code, tested = ask(service, "okta_system_log")
    assert (code, tested["stopped"], tested["steps"]) == (1, "accepted", [])
    assert "does not run" in tested["cause"]
    assert service.stored().total() == 4
