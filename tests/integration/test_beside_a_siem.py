"""Only one day's alerts of three tools: a ranked list that is shorter, and closing reaches back."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.connectors.siems import TOKEN, SimulatedElastic, SimulatedSplunk
from tests.integration.service import Service

from tocsin.correlate.incidents import rank
from tocsin.lab import CAMPAIGNS, Enterprise, write_alerts, write_history
from tocsin.model.incidents import Incident
from tocsin.store import State

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

DAY = 86_400_000_000
MONDAY = 1_772_406_000_000_000  # 2026-03-02 00:00 at the enterprise
SOURCES = {"defender_xdr", "splunk_notable", "elastic_security"}


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The alerts of a day with every campaign in it."""
    folder = tmp_path_factory.mktemp("day")
    whole = msgspec.structs.replace(Enterprise.of(20, 1), campaigns=CAMPAIGNS, attack=True)
    truth = folder / "truth.jsonl"
    write_history(folder / "logs", truth, 1, MONDAY, DAY, enterprise=whole)
    hosts = [person.workstation for person in whole.people]
    write_alerts(folder / "alerts", truth, 1, MONDAY, DAY, hosts)
    return folder / "alerts"


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def waited(seen: Any, within: float = 60.0) -> Any:
    """What `seen` gives once it gives something."""
    deadline = time.monotonic() + within
    while not (found := seen()):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    return found


def test_alerts_alone_make_a_ranked_list_and_closing_reaches_back(
    day: Path, tmp_path: Path
) -> None:
    service = Service(tmp_path / "site")
    with SimulatedSplunk() as splunk, SimulatedElastic() as elastic:
        notables = {one["event_id"] for one in read(day / "splunk.ndjson")}
        signals = {one["kibana.alert.uuid"] for one in read(day / "elastic.ndjson")}
        defender = {one["id"] for one in read(day / "defender.ndjson")}
        for name in notables:
            splunk.add(name)
        for name in signals:
            elastic.add(name)
        service.prepare()
        (service.folder / "token").write_text(TOKEN)
        with (service.folder / "tocsin.toml").open("a") as settings:
            for kind, source, url in (
                ("splunk", "splunk_notable", splunk.url),
                ("elastic", "elastic_security", elastic.url),
            ):
                settings.write(
                    f'[[siem]]\nkind = "{kind}"\nsource = "{source}"\nurl = "{url}"\n'
                    'secret = "file:token"\nprivate = true\npoll_seconds = 5\n'
                )
        try:
            service.start()
            for name in ("defender", "splunk", "elastic"):
                (service.logs / f"{name}.ndjson").write_bytes((day / f"{name}.ndjson").read_bytes())
            alerts = len(notables) + len(signals) + len(defender)
            state = waited(lambda: opened(service, alerts))
            found = state.casebook.incidents(10_000, status="open")
            findings = list(state.casebook.all_findings())
            assert len(findings) == alerts
            assert {one.source_id for one in findings} == SOURCES
            assert 0 < len(found) < alerts
            assert sum(one.level.rank >= 2 for one in found) < alerts / 3
            worst = waited(lambda: of_several_tools(state), within=120.0)
            assert worst.level.rank == max(one.level.rank for one in found)
            held = list(state.casebook.findings(worst.incident_id))
            listed = tocsin(service, "incidents")
            assert worst.incident_id[:8] in listed
            tocsin(
                service, "verdict", worst.incident_id, "true-positive", "--reason", "an intrusion"
            )
            mine = [one.vendor for one in held if one.vendor]
            closed = waited(lambda: all_closed(mine, splunk, elastic))
            assert closed
            journal = waited(lambda: told(state, "siem-sent", len(writable(mine))))
            assert journal
            assert state.journal.verify() is None
            assert "sent" in tocsin(service, "siem")
        finally:
            service.end()


def opened(service: Service, alerts: int) -> State | None:
    """The state once it holds so many findings and its incidents are settled."""
    path = service.folder / "data" / "state.db"
    if not path.exists():
        return None
    state = State(path, read_only=True)
    return state if len(list(state.casebook.all_findings())) >= alerts else None


def of_several_tools(state: State) -> Incident | None:
    """The first incident of the list that several tools tell of, once links have settled."""
    ranked = sorted(state.casebook.incidents(10_000, status="open"), key=rank, reverse=True)
    for one in ranked[:3]:
        named = {finding.source_id for finding in state.casebook.findings(one.incident_id)}
        if len(named) > 1:
            return one
    return None


def writable(alerts: list[Any]) -> list[Any]:
    return [one for one in alerts if one.product in ("splunk_notable", "elastic_security")]


def all_closed(alerts: list[Any], splunk: SimulatedSplunk, elastic: SimulatedElastic) -> bool:
    states = [
        splunk.notables[one.uid]["status"] == "5"
        if one.product == "splunk_notable"
        else elastic.alerts[one.uid]["status"] == "closed"
        for one in writable(alerts)
    ]
    return bool(states) and all(states)


def told(state: State, kind: str, count: int) -> bool:
    return sum(one.kind == kind for one in state.journal.tail(1_000)) >= count


def tocsin(service: Service, *arguments: str) -> str:
    """Run one command on the service's site."""
    command = [sys.executable, "-m", "tocsin", *arguments, "--site", str(service.folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
